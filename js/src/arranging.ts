/** Edits of the list of components: rename, duplicate, move, remove, change type. Ties are updated. */

import { priorFor, type Source } from "./adding";
import { at } from "./names";
import { newPrior, rounded } from "./priors";
import { shapeOf, sizeName } from "./shapes";
import { withoutLoners } from "./sharing";
import {
  baseName,
  type Component,
  hasParameter,
  isComponent,
  isFree,
  isTaken,
  isTied,
  nodesOf,
  parameterAt,
  parametersOf,
  paths,
  type Schema,
  type Session,
  type Setting,
  settingAt,
  splitPath,
  type Tied,
  valueAt,
  withSetting,
} from "./spec";

const RESERVED = ["noise", "renderer"];

/** Python's identifiers. Newer versions of Unicode permit joiners too, which can't be seen. */
const IDENTIFIER = /^(?!.*[\u200c\u200d])[\p{XID_Start}_]\p{XID_Continue}*$/u;

/** Why a component can't have this name; null if it can. */
export function nameProblem(session: Session, old: string, name: string): string | null {
  if (!IDENTIFIER.test(name))
    return `a name consists of letters, digits and underscores, and does not begin with a digit; got "${name}"`;
  if (RESERVED.includes(name)) return `"${name}" is taken by the model itself`;
  return isTaken(session, name) && name !== old ? `there is a "${name}" already` : null;
}

/** Replace the components. Their order is stored too, because hosts that compare documents by keys ignore a new order. */
const withComponents = (session: Session, components: Record<string, Component>): Session => ({
  ...session,
  model: { ...session.model, components },
  order: Object.keys(components),
});

/** A component whose ties have renamed targets. */
function retied(component: Component, target: (to: string) => string): Component {
  return Object.fromEntries(
    Object.entries(component).map(([key, value]) => {
      if (isComponent(value)) return [key, retied(value, target)];
      const setting = value as Setting | string;
      return [
        key,
        typeof setting === "object" && isTied(setting) ? { ...setting, to: target(setting.to) } : value,
      ];
    }),
  ) as Component;
}

const renamed =
  (old: string, name: string) =>
  (to: string): string => {
    const [owner, parameter] = splitPath(to);
    return owner === old ? `${name}.${parameter}` : to;
  };

export function rename(session: Session, old: string, name: string): Session {
  if (nameProblem(session, old, name) !== null || old === name) return session;
  const components = Object.fromEntries(
    Object.entries(session.model.components).map(([key, component]) => [
      key === old ? name : key,
      retied(component, renamed(old, name)),
    ]),
  );
  const off = session.off.map((each) => (each === old ? name : each));
  const target = renamed(old, name);
  const varying = Object.entries(session.varying ?? {}).map(([path, value]) => [target(path), value]);
  const functions = session.varying && { varying: Object.fromEntries(varying) };
  return withComponents({ ...session, off, ...functions }, components);
}

/** A similar name that is not taken: "disk2" after "disk". */
export function freshName(session: Session, name: string): string {
  const base = name.replace(/\d+$/, "") || name;
  let fresh = base;
  for (let k = 2; isTaken(session, fresh); k++) fresh = `${base}${k}`;
  return fresh;
}

/** A component whose smooth functions of wavelength are values for all images. */
const withoutNodes = (component: Component): Component =>
  Object.fromEntries(
    Object.entries(component)
      .filter(([key]) => baseName(key) === key)
      .map(([key, value]) => [key, isComponent(value) ? withoutNodes(value) : value]),
  ) as Component;

/** Insert a copy after the component; ties within the component become ties within the copy. */
export function duplicate(session: Session, name: string): { session: Session; name: string } {
  const component = at(session.model.components, name);
  if (!component) return { session, name };
  const fresh = freshName(session, name);
  const copy = retied(withoutNodes(component), renamed(name, fresh));
  const components = Object.entries(session.model.components).flatMap((entry) =>
    entry[0] === name ? [entry, [fresh, copy] as const] : [entry],
  );
  return { session: withComponents(session, Object.fromEntries(components)), name: fresh };
}

/** Move a component one position up (-1) or down (1) the list. */
export function move(session: Session, name: string, step: -1 | 1): Session {
  const entries = Object.entries(session.model.components);
  const at = entries.findIndex(([key]) => key === name);
  const to = at + step;
  if (at < 0 || to < 0 || to >= entries.length) return session;
  const [entry] = entries.splice(at, 1);
  entries.splice(to, 0, entry as [string, Component]);
  return withComponents(session, Object.fromEntries(entries));
}

/** Remove a component. Of the parameters that followed it, the first inherits and the others follow the first. */
export function remove(schema: Schema, session: Session, name: string): Session {
  const component = at(session.model.components, name);
  if (!component || Object.keys(session.model.components).length === 1) return session;
  const gone = parametersOf(schema, component).map((parameter) => `${name}.${parameter.name}`);
  const next = detached(schema, session, gone, name);
  const { [name]: _, ...components } = next.model.components;
  const left = withComponents({ ...next, off: next.off.filter((each) => each !== name) }, components);
  return withoutLoners(schema, left);
}

/**
 * The session in which nothing outside of `owner` follows the parameters that will be gone; the rules are those of
 * Python's `ties.detach`. Where Python asks for a prior, a follower gets one about its present value.
 */
function detached(schema: Schema, session: Session, gone: string[], owner: string): Session {
  let next = session;
  for (const path of gone) {
    const followers = paths(schema, next).filter((each) => {
      const setting = settingAt(next, each);
      const follows = isTied(setting) && (setting.to === path || setting.by?.to === path);
      return follows && (splitPath(each)[0] !== owner || !gone.includes(each));
    });
    const isProduct = (each: string) => (settingAt(next, each) as Tied).by !== undefined;
    for (const each of followers.filter(isProduct)) next = withSetting(next, each, own(schema, next, each));
    const [heir, ...others] = followers.filter((each) => isTied(settingAt(next, each)));
    if (heir === undefined) continue;
    const first = settingAt(next, heir) as Tied;
    const before = next;
    next = withSetting(next, heir, inherited(schema, next, heir, first, settingAt(next, path)));
    for (const other of others) {
      const tie = settingAt(before, other) as Tied;
      const scale = (tie.scale ?? 1) / (first.scale ?? 1);
      const offset = (tie.offset ?? 0) - scale * (first.offset ?? 0);
      next = withSetting(next, other, { type: "Tied", to: heir, scale, offset });
    }
  }
  return next;
}

/** A prior for a parameter about its present value. */
function own(schema: Schema, session: Session, path: string): Setting {
  const parameter = parameterAt(schema, session, path);
  const value = valueAt(session, path);
  return parameter ? newPrior(schema, parameter, rounded(value)) : value;
}

/** The setting that replaces the tie of a follower of a single parameter. */
function inherited(
  schema: Schema,
  session: Session,
  heir: string,
  { scale = 1, offset = 0 }: Tied,
  followed: Setting | undefined,
): Setting {
  if (isTied(followed) && followed.by) {
    if (offset !== 0) return own(schema, session, heir);
    const further = { scale: scale * (followed.scale ?? 1), offset: scale * (followed.offset ?? 0) };
    return { type: "Tied", to: followed.to, ...further, by: followed.by };
  }
  if (isTied(followed)) {
    const further = { scale: scale * (followed.scale ?? 1), offset: scale * (followed.offset ?? 0) + offset };
    return { type: "Tied", to: followed.to, ...further };
  }
  if (!isFree(followed)) return valueAt(session, heir);
  return scale === 1 && offset === 0 ? followed : own(schema, session, heir);
}

/** The innermost type of a component, without modifiers. */
export function kindOf(component: Component): string {
  const inner = Object.values(component).find(isComponent) as Component | undefined;
  return inner ? kindOf(inner) : component.type;
}

/** The types that a component can be changed to: sources for a source, skies for a sky. */
export function kindsFor(schema: Schema, component: Component): [type: string, title: string][] {
  const kind = at(schema.profiles, kindOf(component))?.kind;
  return Object.entries(schema.profiles)
    .filter(([, profile]) => profile.kind === kind)
    .map(([type, { title }]) => [type, title]);
}

/** Change the type of a component: shared parameters are kept, others start from the old component. */
export function changeKind(schema: Schema, session: Session, name: string, type: string): Session {
  const component = at(session.model.components, name);
  if (!component || kindOf(component) === type) return session;
  const source = sourceOf(schema, session, name, component);
  const wanted = parametersOf(schema, { type });
  const gone = parametersOf(schema, innermost(component))
    .filter(({ name: old }) => !wanted.some((parameter) => parameter.name === old))
    .map((parameter) => `${name}.${parameter.name}`);
  const next = detached(schema, session, gone, name);
  const old = innermost(at(next.model.components, name) as Component);
  const settings = wanted.map((parameter) => [
    parameter.name,
    at(old, parameter.name) ?? priorFor(schema, parameter, source),
  ]);
  const nodes = wanted.flatMap(({ name: key }) => nodesOf(old, key)).map((key) => [key, old[key]]);
  const made: Component = { type, ...Object.fromEntries([...settings, ...nodes]) };
  const changed = withInnermost(at(next.model.components, name) as Component, made);
  return withComponents(next, { ...next.model.components, [name]: changed });
}

function innermost(component: Component): Component {
  const inner = Object.values(component).find(isComponent) as Component | undefined;
  return inner ? innermost(inner) : component;
}

function withInnermost(component: Component, made: Component): Component {
  const entry = Object.entries(component).find(([, value]) => isComponent(value));
  return entry ? { ...component, [entry[0]]: withInnermost(entry[1] as Component, made) } : made;
}

/** The source from which the new type starts: its half-light radius follows from the old component's length. */
function sourceOf(schema: Schema, session: Session, name: string, component: Component): Source {
  const shape = shapeOf(schema, session, name);
  const size = sizeName(schema, component);
  const declared = parametersOf(schema, component).find((parameter) => parameter.name === size);
  const flux = hasParameter(component, "flux") ? valueAt(session, `${name}.flux`) : 1;
  const start = declared?.start ?? 1;
  return { x: shape?.xc ?? 0, y: shape?.yc ?? 0, flux: flux || 1, size: (shape?.size ?? 3) / (start || 1) };
}
