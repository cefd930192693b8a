/** The central interval of a prior. */

import { distributionOf } from "./distributions";
import { isAngle } from "./priors";
import { isFree, parameterAt, rootOf, type Schema, type Session, settingAt } from "./spec";

export interface Interval {
  low: number;
  middle: number;
  high: number;
}

/** 16, 50 and 84 per cent: a standard deviation to each side of a normal distribution. */
const PARTS = [0.15865525393145707, 0.5, 0.8413447460685429] as const;

/** The interval of the prior at the end of a parameter's ties, in the parameter's own units; null if there is none. */
export function priorInterval(schema: Schema, session: Session, path: string): Interval | null {
  const root = rootOf(session, path);
  const setting = root ? settingAt(session, root.path) : undefined;
  const parameter = root ? parameterAt(schema, session, root.path) : undefined;
  if (!root || !parameter || !isFree(setting)) return null;
  const law = isAngle(parameter) ? null : distributionOf(setting);
  const own = law ? PARTS.map((part) => law.ppf(part)) : [];
  if (own.length === 0 || !own.every(Number.isFinite)) return null;
  const [a, middle, b] = own.map((value) => root.scale * value + root.offset) as [number, number, number];
  return { low: Math.min(a, b), middle, high: Math.max(a, b) };
}

/** The prior intervals of the selected ellipse's centre and size. */
export interface PriorMarks {
  centre: { x: Interval; y: Interval } | null;
  size: Interval | null;
}

export function priorMarks(
  schema: Schema,
  session: Session,
  component: string,
  size: string | null,
): PriorMarks {
  const of = (name: string) => priorInterval(schema, session, `${component}.${name}`);
  const [x, y] = [of("xc"), of("yc")];
  return { centre: x && y ? { x, y } : null, size: size === null ? null : of(size) };
}
