/** Ties between parameters: the possible targets, and why others are refused. */

import { newPrior } from "./priors";
import { withoutLoners } from "./sharing";
import {
  isTied,
  NOISE,
  type Parameter,
  type Prior,
  parameterAt,
  paths,
  rootOf,
  type Schema,
  type Session,
  settingAt,
  splitPath,
  valueAt,
  withSetting,
} from "./spec";

/** Other parameters with the same unit, those of the same name first. */
export function targetsFor(schema: Schema, session: Session, path: string): string[] {
  const own = parameterAt(schema, session, path);
  const [, name] = splitPath(path);
  const alike = paths(schema, session).filter(
    (other) =>
      other !== path &&
      splitPath(other)[0] !== NOISE &&
      parameterAt(schema, session, other)?.unit === own?.unit,
  );
  const same = (other: string) => splitPath(other)[1] === name;
  return [...alike.filter(same), ...alike.filter((other) => !same(other))];
}

/** Why a parameter can't follow another; null if it can. */
export function refusal(session: Session, path: string, to: string): string | null {
  const chain = [to];
  for (let setting = settingAt(session, to); isTied(setting); setting = settingAt(session, setting.to)) {
    if (chain.includes(setting.to)) break;
    chain.push(setting.to);
  }
  if (path === to) return `${path} can't follow itself`;
  if (!chain.includes(path)) return null;
  const way = chain.slice(0, chain.indexOf(path) + 1).join(" follows ");
  return `${path} can't follow ${to}: ${way}, which would make a circle`;
}

/** The session with a parameter tied to another, by a factor and an offset. A tie that would make a circle is ignored. */
export function withTie(session: Session, path: string, to: string, scale = 1, offset = 0): Session {
  if (refusal(session, path, to) !== null || scale === 0) return session;
  return withSetting(session, path, { type: "Tied", to, scale, offset });
}

/** Free a tied parameter at its present value, with its previous prior or a new one. */
export function withoutTie(schema: Schema, session: Session, path: string, retired?: Prior): Session {
  const parameter: Parameter | undefined = parameterAt(schema, session, path);
  const value = valueAt(session, path);
  if (!isTied(settingAt(session, path)) || !parameter) return session;
  const own = Number.isFinite(value) ? value : 1;
  const root = rootOf(session, path);
  const followed = root ? settingAt(session, root.path) : undefined;
  if (typeof followed === "number") return withSetting(session, path, own);
  const prior = retired ? { ...retired, init: own } : newPrior(schema, parameter, own);
  return withoutLoners(schema, withSetting(session, path, prior));
}
