/**
 * Parameters that are functions of the image. A value for a band or an image is an ordinary setting. A smooth function
 * has nodes beside it, `r_eff.at_0.47` beside `r_eff`: its value follows from them, and they move with it.
 */

import { clampFree, rounded } from "./priors";
import {
  type Curve,
  isFree,
  parameterAt,
  type Schema,
  type Session,
  settingAt,
  type Varying,
  valueAt,
  withSetting,
} from "./spec";

/** Below this total weight of the free nodes, no shift of theirs moves the function. */
const LEAST_WEIGHT = 1e-3;

export const isCurve = (varying: Varying): varying is Curve => "weights" in varying;

/** The function that is interpolated: a logit, the logarithm of the distance from an end, or the value itself. */
export function scaleOf({ low, high }: Pick<Curve, "low" | "high">) {
  const above = (x: number) => (low === null ? 0 : Math.log(Math.max(x - low, Number.MIN_VALUE)));
  const below = (x: number) => (high === null ? 0 : Math.log(Math.max(high - x, Number.MIN_VALUE)));
  return {
    of: (x: number): number => (low === null && high === null ? x : above(x) - below(x)),
    inverse(y: number): number {
      if (low !== null && high !== null) return low + (high - low) / (1 + Math.exp(-y));
      if (low !== null) return low + Math.exp(y);
      return high === null ? y : high - Math.exp(-y);
    },
  };
}

/** The value of a smooth function in the image on the screen. */
function curveAt(session: Session, path: string, curve: Curve): number {
  const scale = scaleOf(curve);
  const sum = Object.entries(curve.weights).reduce(
    (total, [node, weight]) => total + weight * scale.of(nodeAt(session, path, curve, node)),
    0,
  );
  return scale.inverse(sum);
}

const nodeAt = (session: Session, path: string, { tied }: Curve, node: string): number =>
  tied[node] ?? valueAt(session, `${path}.${node}`);

/** After an edit: give each smooth function the value that follows from its nodes, or shift its nodes along with it. */
export function alongCurves(schema: Schema, before: Session, after: Session): Session {
  let next = after;
  for (const [path, varying] of Object.entries(after.varying ?? {})) {
    if (!isCurve(varying) || settingAt(next, path) === undefined) continue;
    const differs = (each: string) => valueAt(before, each) !== valueAt(after, each);
    const moved = Object.keys(varying.weights).some((node) => differs(`${path}.${node}`));
    if (!moved && !differs(path)) continue;
    if (!moved) next = shifted(schema, before, next, path, varying);
    const value = curveAt(next, path, varying);
    if (Number.isFinite(value)) next = withValue(schema, next, path, value);
  }
  return next;
}

/** Shift the free nodes, on the scale of the interpolation, so that the function has its new value. */
function shifted(schema: Schema, before: Session, after: Session, path: string, curve: Curve): Session {
  const scale = scaleOf(curve);
  const free = Object.entries(curve.weights).filter(([node]) => isFree(settingAt(after, `${path}.${node}`)));
  const total = free.reduce((sum, [, weight]) => sum + weight, 0);
  if (Math.abs(total) < LEAST_WEIGHT) return after;
  const by = (scale.of(valueAt(after, path)) - scale.of(curveAt(before, path, curve))) / total;
  return free.reduce((session, [node]) => {
    const key = `${path}.${node}`;
    return withValue(schema, session, key, rounded(scale.inverse(scale.of(valueAt(before, key)) + by)));
  }, after);
}

function withValue(schema: Schema, session: Session, path: string, value: number): Session {
  const setting = settingAt(session, path);
  const parameter = parameterAt(schema, session, path);
  if (!parameter || !Number.isFinite(value)) return session;
  if (typeof setting === "number") return withSetting(session, path, value);
  return isFree(setting)
    ? withSetting(session, path, { ...setting, init: clampFree(setting, parameter, value) })
    : session;
}

/** The path in the joint model: with the band or the image whose value is shown. */
export function jointPath({ varying = {} }: Session, path: string): string {
  const found = varying[path];
  return found && !isCurve(found) ? `${path}.${found.node}` : path;
}
