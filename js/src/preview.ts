/**
 * Pictures during a gesture while Python draws: the last picture of a component, moved to its present position.
 *
 * A galaxy that is shifted, rotated, stretched or brightened keeps its profile, so its last picture is resampled by the
 * map from the new ellipse to the old one. This stretches the PSF too and does not integrate over pixels, so the result
 * is a preview, unless only the flux or the level of a sky has changed.
 */

import { majorAxis, minorAxis, type Shape } from "./geometry";
import type { Pixels, Raster } from "./image";
import { memo } from "./memo";
import { at } from "./names";
import { isSame, MOST_PIXELS, middleOf, sampled, whole } from "./raster";
import { shapeOf } from "./shapes";
import { hasParameter, parametersOf, type Schema, type Session, sameDocument, typeOf, valueAt } from "./spec";
import { type Drawing, type State, shown } from "./state";

/** The values of a component that a picture can follow; flux and level are NaN if there are none. */
export interface Pose {
  shape: Shape | null;
  flux: number;
  level: number;
}

/**
 * The old position of the light at (x, y), (u, v) + (xx, xy; yx, yy) (x - x0, y - y0) about the new centre, and its
 * change: the new light is gain times the old, plus shift.
 */
export type Carry = readonly [
  ...matrix: [xx: number, xy: number, yx: number, yy: number],
  ...centres: [u: number, v: number, x0: number, y0: number],
  ...light: [gain: number, shift: number],
];

/** Within this many pixels of the centre, light is too steep for linear interpolation. */
const CORE = 12;

/** A component's picture and, if it is too large to be moved as a whole, how to move it. */
export interface Light {
  pixels: Pixels;
  nx: number;
  /** Its cells, for a large image. */
  raster?: Raster | undefined;
  carry: Carry | null;
}
/** The light of all components at their present positions, and whether any of them is a preview. */
export interface Carried {
  parts: Record<string, Light>;
  preview: boolean;
}

export function carrier(): (state: State, drawings: State["frames"]) => Carried {
  const carriers = new Map<string, typeof lightOf>();
  return (state, drawings) => {
    const parts: [string, Light][] = [];
    let preview = false;
    for (const [name, drawing] of Object.entries(drawings)) {
      const carry = carryOf(state, name, drawing);
      const light = carriers.get(name) ?? memo(lightOf);
      carriers.set(name, light);
      const nx = drawing.raster?.nx ?? state.image?.nx ?? 1;
      parts.push([name, light(drawing.pixels, nx, drawing.raster, ...(carry ?? []))]);
      preview ||= !isAsDrawn(state, name, drawing);
    }
    return { parts: Object.fromEntries(parts), preview };
  };
}

function lightOf(pixels: Pixels, nx: number, raster: Raster | undefined, ...carry: Carry | []): Light {
  if (carry.length === 0) return { pixels, nx, raster, carry: null };
  if (raster) return { pixels, nx, raster, carry };
  if (pixels.length > MOST_PIXELS) return { pixels, nx, carry };
  const everywhere = whole({ nx, ny: pixels.length / nx });
  return { pixels: carriedOn(pixels, nx, everywhere, carry), nx, carry: null };
}

/** The light on some pixels of the image: the same array if these are all pixels and nothing has moved. */
export function lightOn({ pixels, nx, raster: own, carry }: Light, raster: Raster): Pixels {
  if (own && (carry || !isSame(own, raster)))
    return carriedOn(pixels, nx, raster, fromCells(carry ?? STAY, own), middleOf(raster));
  if (own) return pixels;
  if (!carry) return sampled(pixels, nx, raster);
  return carriedOn(pixels, nx, raster, carry);
}

const STAY: Carry = [1, 0, 0, 1, 0, 0, 0, 0, 1, 0];

/** The same motion for a picture made of cells, with the old position in cells. */
function fromCells(carry: Carry, own: Raster): Carry {
  const [xx, xy, yx, yy, u, v, x0, y0, gain, shift] = carry;
  const { step, x, y } = own;
  const middle = middleOf(own);
  const matrix: Matrix = [xx / step, xy / step, yx / step, yy / step];
  return [...matrix, (u - x - middle) / step, (v - y - middle) / step, x0, y0, gain, shift];
}

/** Whether the last pictures can follow the present values until Python draws them. */
export const canFollow = (state: State): boolean =>
  Object.entries(state.frames).some(([name, drawing]) => carryOf(state, name, drawing) !== null);

/** The motion from the values of a picture to the present ones; null if they are the same or can't be followed. */
function carryOf(state: State, name: string, drawing: Drawing): Carry | null {
  const { session } = drawing;
  if (!session || isAsDrawn(state, name, drawing) || kindOf(session, name) !== kindOf(shown(state), name))
    return null;
  const from = poseOf(state.schema, session, name);
  const to = poseOf(state.schema, shown(state), name);
  return from && to && carryBetween(from, to);
}

/** Another type of galaxy has another profile, and its size may be defined differently. */
function kindOf(session: Session, name: string): string {
  const component = at(session.model.components, name);
  return component ? typeOf(component) : "";
}

/** Whether the picture is known to show the present values. */
function isAsDrawn(state: State, name: string, { session }: Drawing): boolean {
  const now = shown(state);
  const component = at(now.model.components, name);
  if (!session || session === now || !component) return true;
  if (typeOf(component) !== kindOf(session, name)) return false;
  return parametersOf(state.schema, component).every(({ name: parameter }) => {
    const path = `${name}.${parameter}`;
    return Object.is(valueAt(now, path), valueAt(session, path));
  });
}

function poseOf(schema: Schema, session: Session, name: string): Pose | null {
  const component = at(session.model.components, name);
  if (!component) return null;
  const read = (parameter: string) =>
    hasParameter(component, parameter) ? valueAt(session, `${name}.${parameter}`) : Number.NaN;
  return { shape: shapeOf(schema, session, name), flux: read("flux"), level: read("level") };
}

/** Null if nothing has moved, or the old position can't be determined. */
export function carryBetween(from: Pose, to: Pose): Carry | null {
  if (sameDocument(from, to)) return null;
  const [matrix, centres] = mapBetween(from.shape, to.shape);
  const [xx, xy, yx, yy] = matrix;
  // A stretched ellipse spreads the same flux over more pixels.
  const gain = Number.isNaN(to.flux) ? 1 : (to.flux / from.flux) * Math.abs(xx * yy - xy * yx);
  const shift = Number.isNaN(to.level) ? 0 : to.level - from.level;
  const carry: Carry = [...matrix, ...centres, gain, shift];
  return carry.every(Number.isFinite) ? carry : null;
}

type Matrix = [xx: number, xy: number, yx: number, yy: number];
type Centres = [u: number, v: number, x0: number, y0: number];

function mapBetween(from: Shape | null, to: Shape | null): [Matrix, Centres] {
  if (!from || !to)
    return [
      [1, 0, 0, 1],
      [0, 0, 0, 0],
    ];
  const [along, across] = stretch(from, to);
  const [a, b, c, d] = [
    majorAxis(from.theta),
    majorAxis(to.theta),
    minorAxis(from.theta),
    minorAxis(to.theta),
  ];
  const element = (i: "x" | "y", j: "x" | "y") => along * a[i] * b[j] + across * c[i] * d[j];
  return [
    [element("x", "x"), element("x", "y"), element("y", "x"), element("y", "y")],
    [from.xc, from.yc, to.xc, to.yc],
  ];
}

/** Ratios of old to new lengths, along the major axis and across it. */
function stretch(from: Shape, to: Shape): [number, number] {
  const along = from.size === null || to.size === null ? 1 : from.size / to.size;
  return [along, (along * (1 - from.ellip)) / (1 - to.ellip)];
}

/** Sample the old picture at the old position of each pixel's light; beyond its edge, the edge value is used. */
export function carriedOn(
  pixels: Pixels,
  nx: number,
  raster: Raster,
  carry: Carry,
  middle = raster.step >> 1,
): Pixels {
  const out = linear(pixels, nx, raster, carry, middle);
  refine(out, pixels, nx, raster, carry, middle);
  return out;
}

/** Interpolate between the four nearest pixels. Previews spend most of their time in this loop, so it computes nothing twice. */
function linear(pixels: Pixels, nx: number, raster: Raster, carry: Carry, middle: number): Pixels {
  const [xx, xy, yx, yy, u0, v0, x0, y0, gain, shift] = carry;
  const { step } = raster;
  const out = new Float32Array(raster.nx * raster.ny);
  const [lastX, lastY] = [nx - 1, pixels.length / nx - 1];
  const left = raster.x + middle - x0;
  const bottom = raster.y + middle - y0;
  const [du, dv] = [step * xx, step * yx];
  for (let j = 0, at = 0; j < raster.ny; j++) {
    let u = u0 + xx * left + xy * (bottom + j * step);
    let v = v0 + yx * left + yy * (bottom + j * step);
    for (let end = at + raster.nx; at < end; at++, u += du, v += dv) {
      const s = u < 0 ? 0 : u > lastX ? lastX : u;
      const t = v < 0 ? 0 : v > lastY ? lastY : v;
      const [i, k] = [s | 0, t | 0];
      const right = i < lastX ? 1 : 0;
      const from = k * nx + i;
      const up = k < lastY ? from + nx : from;
      const below = pixels[from] as number;
      const above = pixels[up] as number;
      const low = below + (s - i) * ((pixels[from + right] as number) - below);
      const high = above + (s - i) * ((pixels[up + right] as number) - above);
      out[at] = gain * (low + (t - k) * (high - low)) + shift;
    }
  }
  return out;
}

/** Interpolate about the centre by a cubic. */
function refine(
  out: Pixels,
  pixels: Pixels,
  nx: number,
  raster: Raster,
  carry: Carry,
  toMiddle: number,
): void {
  const at = carriedAt(pixels, nx, carry);
  const { step } = raster;
  const near = (centre: number, from: number, number: number): [number, number] => {
    const middle = centre - from - toMiddle;
    return [
      Math.max(Math.ceil((middle - CORE) / step), 0),
      Math.min(Math.floor((middle + CORE) / step), number - 1),
    ];
  };
  const [left, right] = near(carry[6], raster.x, raster.nx);
  const [bottom, top] = near(carry[7], raster.y, raster.ny);
  for (let j = bottom; j <= top; j++)
    for (let i = left; i <= right; i++)
      out[j * raster.nx + i] = at(raster.x + i * step + toMiddle, raster.y + j * step + toMiddle);
}

/** The same at one point. */
export function carriedAt(pixels: Pixels, nx: number, carry: Carry): (x: number, y: number) => number {
  const [xx, xy, yx, yy, u0, v0, x0, y0, gain, shift] = carry;
  const [lastX, lastY] = [nx - 1, pixels.length / nx - 1];
  return (x, y) => {
    const [dx, dy] = [x - x0, y - y0];
    const u = u0 + xx * dx + xy * dy;
    const v = v0 + yx * dx + yy * dy;
    const s = u < 0 ? 0 : u > lastX ? lastX : u;
    const t = v < 0 ? 0 : v > lastY ? lastY : v;
    const [i, j] = [Math.floor(s), Math.floor(t)];
    const isInside = i > 0 && j > 0 && i < lastX - 1 && j < lastY - 1;
    if (isInside && Math.abs(dx) <= CORE && Math.abs(dy) <= CORE)
      return gain * cubic(pixels, nx, i, j, s - i, t - j) + shift;
    const right = i < lastX ? 1 : 0;
    const from = j * nx + i;
    const up = j < lastY ? from + nx : from;
    const low = mix(pixels[from] as number, pixels[from + right] as number, s - i);
    return gain * mix(low, mix(pixels[up] as number, pixels[up + right] as number, s - i), t - j) + shift;
  };
}

const mix = (a: number, b: number, part: number): number => a + part * (b - a);

/** Cubic interpolation between the sixteen nearest pixels (Keys 1981, a = -1/2). */
function cubic(pixels: Pixels, nx: number, i: number, j: number, s: number, t: number): number {
  let sum = 0;
  for (let m = -1; m <= 2; m++) {
    const weight = keys(t - m);
    for (let k = -1; k <= 2; k++) sum += weight * keys(s - k) * (pixels[(j + m) * nx + i + k] as number);
  }
  return sum;
}

function keys(distance: number): number {
  const d = Math.abs(distance);
  return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
}
