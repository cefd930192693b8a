/** Links between components: a total flux and its fractions, or a ratio that keeps two sizes in order. */

import { at } from "./names";
import { newPrior, rounded } from "./priors";
import {
  type Component,
  hasParameter,
  isTaken,
  isTied,
  type Parameter,
  parameterAt,
  paths,
  type Schema,
  type Session,
  settingAt,
  splitPath,
  type Tied,
  valueAt,
  withSetting,
} from "./spec";

/** The prior of a total spans this factor on both sides, as in Python's `with_total_flux`. */
const FACTOR = 10;

/** A fraction or ratio from which a search can start. */
const inside = (share: number): number => rounded(Math.min(Math.max(share, 0.05), 0.95));

const tied = (to: string, scale: number, offset: number, by?: Tied): Tied => ({
  type: "Tied",
  ...{ to, scale, offset },
  ...(by && { by }),
});

const declared = (schema: Schema, type: string, name: string): Parameter | undefined =>
  schema.links?.[type]?.parameters.find((parameter) => parameter.name === name);

/** Express the fluxes of two components as a total and the fraction of the first; the session is unchanged if that is impossible. */
export function withTotalFlux(schema: Schema, session: Session, first: string, second: string): Session {
  const [one, other] = [first, second].map((name) => valueAt(session, `${name}.flux`)) as [number, number];
  const total = one + other;
  const [flux, fraction] = ["flux", "fraction"].map((name) => declared(schema, "TotalFlux", name));
  if (!flux || !fraction || !(total > 0)) return session;
  const name = freeName(session, "total");
  const around = { low: rounded(total / FACTOR), high: rounded(total * FACTOR), init: rounded(total) };
  const link: Component = {
    type: "TotalFlux",
    flux: { type: "LogUniform", ...around },
    fraction: newPrior(schema, fraction, inside(one / total)),
  };
  const follow = (scale: number, offset: number) =>
    tied(`${name}.flux`, 1, 0, tied(`${name}.fraction`, scale, offset));
  const shared = withLink(session, name, link);
  return withSetting(withSetting(shared, `${first}.flux`, follow(1, 0)), `${second}.flux`, follow(-1, 1));
}

/**
 * Keep one parameter no larger than another: it becomes the other times a ratio. The session is unchanged if that is
 * impossible, or if the parameter can't be zero: Python then uses another link (`RatioAbove`).
 */
export function withOrder(schema: Schema, session: Session, smaller: string, larger: string): Session {
  const parameter = declared(schema, "Ratio", "ratio");
  const ratio = valueAt(session, smaller) / valueAt(session, larger);
  const reachesZero = parameterAt(schema, session, smaller)?.low === 0;
  if (!parameter || !reachesZero || !Number.isFinite(ratio)) return session;
  const name = freeName(session, "order");
  const link: Component = { type: "Ratio", ratio: newPrior(schema, parameter, inside(ratio)) };
  return withSetting(withLink(session, name, link), smaller, tied(larger, 1, 0, tied(`${name}.ratio`, 1, 0)));
}

/** The links that can be made between components, each as a label and a function that returns the new session. */
export function sharings(schema: Schema, session: Session): { label: string; make: () => Session }[] {
  if (!schema.links) return [];
  const names = Object.keys(session.model.components);
  const free = (path: string) => {
    const [name, key] = splitPath(path);
    const component = at(session.model.components, name) as Component;
    return hasParameter(component, key) && !isTied(settingAt(session, path));
  };
  const pairs = names.flatMap((first) => names.map((second) => [first, second] as const));
  const totals = pairs
    .filter(([first, second]) => names.indexOf(first) < names.indexOf(second))
    .filter((pair) => pair.every((name) => free(`${name}.flux`)))
    .map(([first, second]) => ({
      label: `total flux of ${first} and ${second}`,
      make: () => withTotalFlux(schema, session, first, second),
    }));
  const orders = pairs
    .filter((pair) => pair[0] !== pair[1] && pair.every((name) => free(`${name}.r_eff`)))
    .map(([smaller, larger]) => ({
      label: `${smaller} no larger than ${larger}`,
      make: () => withOrder(schema, session, `${smaller}.r_eff`, `${larger}.r_eff`),
    }));
  return [...totals, ...orders];
}

/** Remove links that no parameter, or only one, follows. */
export function withoutLoners(schema: Schema, session: Session): Session {
  let next = session;
  for (const name of Object.keys(session.model.links ?? {})) {
    const ties = paths(schema, next).flatMap((path) => {
      const setting = settingAt(next, path);
      return isTied(setting) ? [{ path, targets: [setting.to, setting.by?.to ?? ""] }] : [];
    });
    const followers = ties.filter(({ targets }) => targets.some((to) => splitPath(to)[0] === name));
    const [only] = followers;
    const alone = followers.length === 1 && only?.targets.every((to) => splitPath(to)[0] === name);
    if (alone && only) next = freed(schema, next, only.path);
    if (alone || followers.length === 0) {
      const { [name]: _, ...links } = next.model.links ?? {};
      next = { ...next, model: { ...next.model, links } };
    }
  }
  return next;
}

function freed(schema: Schema, session: Session, path: string): Session {
  const parameter = parameterAt(schema, session, path);
  const value = rounded(valueAt(session, path));
  return withSetting(session, path, parameter ? newPrior(schema, parameter, value) : value);
}

function withLink(session: Session, name: string, link: Component): Session {
  const { model } = session;
  return { ...session, model: { ...model, links: { ...model.links, [name]: link } } };
}

/** "total", or "total2" if that is taken. */
function freeName(session: Session, base: string): string {
  let name = base;
  for (let k = 2; isTaken(session, name); k++) name = `${base}${k}`;
  return name;
}
