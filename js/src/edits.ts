/** Edits of a session: each function takes a session and returns a new one. */

import { clampFree, isAngle, newPrior, rounded, wrapAngle } from "./priors";
import {
  isFree,
  isTied,
  type Prior,
  parameterAt,
  rootOf,
  type Schema,
  type Session,
  settingAt,
  valueAt,
  withSetting,
} from "./spec";

/** Set a value; for a tied parameter, set its target. Free values stay within their hard bounds. */
export function setValue(schema: Schema, session: Session, path: string, value: number): Session {
  const root = rootOf(session, path);
  if (!root || root.scale === 0 || !Number.isFinite(value)) return session;
  const own = (value - root.offset) / root.scale;
  const setting = settingAt(session, root.path);
  const parameter = parameterAt(schema, session, root.path);
  if (!isFree(setting) || !parameter) return withSetting(session, root.path, own);
  return withSetting(session, root.path, { ...setting, init: clampFree(setting, parameter, own) });
}

/** Set several values, as a gesture does; fixed values stay within the schema's bounds too. */
export function setByGesture(schema: Schema, session: Session, values: Record<string, number>): Session {
  let next = session;
  for (const [path, value] of Object.entries(values)) {
    const parameter = parameterAt(schema, next, path);
    if (!parameter) continue;
    const bounded = Math.min(Math.max(value, parameter.low ?? -Infinity), parameter.high ?? Infinity);
    next = setValue(schema, next, path, rounded(isAngle(parameter) ? wrapAngle(value) : bounded));
  }
  return next;
}

/** Move the `loc` of position priors with the centre. */
export function carryCentre(before: Session, after: Session, component: string): Session {
  let next = after;
  for (const name of ["xc", "yc"]) {
    const path = rootOf(after, `${component}.${name}`)?.path;
    const setting = path === undefined ? undefined : settingAt(after, path);
    if (path === undefined || !isFree(setting) || !/^(Truncated)?Normal$/.test(setting.type)) continue;
    const old = settingAt(before, path);
    const moved = setting.init - valueAt(before, path);
    const loc = isFree(old) ? Number(old.loc) : Number(setting.loc);
    if (moved !== 0 && Number.isFinite(loc))
      next = withSetting(next, path, { ...setting, loc: rounded(loc + moved) });
  }
  return next;
}

export function setPriorField(session: Session, path: string, field: string, value: number | null): Session {
  const setting = settingAt(session, path);
  return isFree(setting) ? withSetting(session, path, { ...setting, [field]: value }) : session;
}

export function setFamily(schema: Schema, session: Session, path: string, family: string): Session {
  const setting = settingAt(session, path);
  const parameter = parameterAt(schema, session, path);
  if (!isFree(setting) || !parameter) return session;
  return withSetting(session, path, newPrior(schema, parameter, setting.init, family, setting));
}

/** Free a fixed parameter, with its previous prior if it had one, or fix a free one. */
export function setFree(
  schema: Schema,
  session: Session,
  path: string,
  free: boolean,
  retired?: Prior,
): Session {
  const setting = settingAt(session, path);
  const parameter = parameterAt(schema, session, path);
  if (!parameter || setting === undefined || isTied(setting) || isFree(setting) === free) return session;
  const value = valueAt(session, path);
  if (!free) return withSetting(session, path, value);
  const prior = retired
    ? { ...retired, init: clampFree(retired, parameter, value) }
    : newPrior(schema, parameter, value);
  return withSetting(session, path, prior);
}

export function setIncluded(session: Session, component: string, included: boolean): Session {
  const off = session.off.filter((name) => name !== component);
  return { ...session, off: included ? off : [...off, component] };
}
