/** The central interval of a prior: between which values it expects a parameter. */

import { hardBounds, numberField } from "./priors";
import { isFree, parameterAt, rootOf, type Schema, type Session, settingAt } from "./spec";

export interface Interval {
  low: number;
  middle: number;
  high: number;
}

/** 16, 50 and 84 per cent: a standard deviation to each side of a normal distribution. */
const PARTS = [0.15865525393145707, 0.5, 0.8413447460685429] as const;
const REACH = 8;
const POINTS = 4000;

/** Of the prior at the end of a parameter's ties, in the parameter's own units; null where it has none. */
export function priorInterval(schema: Schema, session: Session, path: string): Interval | null {
  const root = rootOf(session, path);
  const setting = root ? settingAt(session, root.path) : undefined;
  const parameter = root ? parameterAt(schema, session, root.path) : undefined;
  if (!root || !parameter || !isFree(setting)) return null;
  const own = quantiles(setting.type, (name) => numberField(setting, name), hardBounds(setting, parameter));
  if (!own?.every(Number.isFinite)) return null;
  const [a, middle, b] = own.map((value) => root.scale * value + root.offset) as [number, number, number];
  return { low: Math.min(a, b), middle, high: Math.max(a, b) };
}

type Triple = [number, number, number];
const triple = (of: (part: number, sigmas: number) => number): Triple =>
  PARTS.map((part, i) => of(part, i - 1)) as Triple;

function quantiles(
  family: string,
  field: (name: string) => number | null,
  bounds: [number, number],
): Triple | null {
  const [loc, scale, low, high] = ["loc", "scale", "low", "high"].map(
    (name) => field(name) ?? Number.NaN,
  ) as [number, number, number, number];
  switch (family) {
    case "Normal":
      return triple((_, sigmas) => loc + sigmas * scale);
    case "LogNormal":
      return triple((_, sigmas) => Math.exp(loc + sigmas * scale));
    case "Uniform":
      return triple((part) => low + part * (high - low));
    case "LogUniform":
      return triple((part) => low * (high / low) ** part);
    case "TruncatedNormal":
      return truncated(loc, scale, bounds);
    default:
      return null;
  }
}

/** By summing the density between the bounds. */
function truncated(loc: number, scale: number, [low, high]: [number, number]): Triple | null {
  const [from, to] = [Math.max(low, loc - REACH * scale), Math.min(high, loc + REACH * scale)];
  if (!(to > from)) return null;
  const step = (to - from) / POINTS;
  const cumulative = new Float64Array(POINTS + 1);
  for (let i = 0; i < POINTS; i++) {
    const x = from + (i + 0.5) * step;
    cumulative[i + 1] = (cumulative[i] as number) + Math.exp(-0.5 * ((x - loc) / scale) ** 2);
  }
  const total = cumulative[POINTS] as number;
  return triple((part) => {
    const i = cumulative.findIndex((sum) => sum >= part * total);
    const [below, above] = [cumulative[i - 1] ?? 0, cumulative[i] as number];
    return from + step * (i - 1 + (part * total - below) / (above - below || 1));
  });
}

/** What the prior says of the selected ellipse: of its centre, and of its size. */
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
