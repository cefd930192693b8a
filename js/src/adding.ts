/** A new component at a position: its values are measured from the pixels, its priors lie around them. */

import type { Point } from "./geometry";
import type { Image, Pixels } from "./image";
import { regionAt, sourceAt } from "./masking";
import { at } from "./names";
import { medianSigma } from "./pixels";
import { newPrior, rounded } from "./priors";
import { shapeOf } from "./shapes";
import {
  type Component,
  isTaken,
  type Parameter,
  type Prior,
  parametersOf,
  type Schema,
  type Session,
} from "./spec";
import { type State, selectedOf, shown } from "./state";

/** A source as measured from the pixels. */
export interface Source extends Point {
  flux: number;
  size: number;
}

/** In units of the smoothed noise: fainter sources are not measured. */
const THRESHOLD = 3;
const NEAR = 4;
const ASSUMED_SIZE = 3;
/** The factors by which a positive parameter may be smaller or larger than its start, as in Python's default priors. */
interface Factors {
  below: number;
  above: number;
}
const FLUX: Factors = { below: 100, above: 10 };
const BRIGHTNESS: Factors = { below: 1000, above: 1000 };
const LENGTH: Factors = { below: 10, above: 10 };
/** The ratio of a prior's ends if the declared range lies to one side of the value. */
const NARROWEST = 10;
/** Starting values of parameters that are not measured here. */
const USUAL: Record<string, number> = { ellip: 0.2, theta: 0, n: 2 };

/**
 * Measure flux, centre and half-light radius of the source at a position. `light` is data - model, `map` its smoothed
 * significance. If there is no source, a small one of a few times the noise is assumed.
 */
export function measure(image: Image, light: Pixels, map: Float32Array, at: Point): Source {
  const found = sourceAt(map, image, at, THRESHOLD);
  const region = found && regionAt(found, image, at);
  const members: { x: number; y: number; flux: number }[] = [];
  for (let i = 0; region && i < region.length; i++)
    if (region[i] && !image.mask[i])
      members.push({ x: i % image.nx, y: Math.floor(i / image.nx), flux: Math.max(light[i] as number, 0) });
  const flux = members.reduce((sum, member) => sum + member.flux, 0);
  if (!(flux > 0)) return assumed(image, at);
  const x = members.reduce((sum, member) => sum + member.flux * member.x, 0) / flux;
  const y = members.reduce((sum, member) => sum + member.flux * member.y, 0) / flux;
  // If the centre is far from the position, the source is a blend, and the position is used.
  const centre = Math.hypot(x - at.x, y - at.y) < NEAR ? { x, y } : at;
  const rings = members.map((member) => ({
    flux: member.flux,
    radius: Math.hypot(member.x - centre.x, member.y - centre.y),
  }));
  rings.sort((a, b) => a.radius - b.radius);
  let inside = 0;
  const half = rings.find((ring) => {
    inside += ring.flux;
    return inside >= flux / 2;
  });
  return { ...centre, flux, size: Math.max(half?.radius ?? ASSUMED_SIZE, 1) };
}

/** The centre of the selected source, if it lies on the image. */
export function selectedCentre(state: State, image: Image): Point | null {
  const shape = shapeOf(state.schema, shown(state), selectedOf(state));
  const centre = shape && { x: shape.xc, y: shape.yc };
  return centre && isOn(image, centre) ? centre : null;
}

export const isOn = ({ nx, ny }: Image, { x, y }: Point): boolean =>
  x > -0.5 && y > -0.5 && x < nx - 0.5 && y < ny - 0.5;

function assumed(image: Image, at: Point): Source {
  const sigma = image.sigma[Math.round(at.y) * image.nx + Math.round(at.x)] as number;
  const noise = Number.isFinite(sigma) && sigma > 0 ? sigma : 1;
  return { ...at, flux: 10 * noise * ASSUMED_SIZE * Math.sqrt(Math.PI), size: ASSUMED_SIZE };
}

/** The types of source that can be added. */
export const sourceKinds = (schema: Schema): [type: string, title: string][] =>
  Object.entries(schema.profiles)
    .filter(([, { kind }]) => kind === "source")
    .map(([type, { title }]) => [type, title]);

/** Add a component of this type; returns the session and the component's name. */
export function withSource(
  schema: Schema,
  session: Session,
  type: string,
  source: Source,
): { session: Session; name: string } {
  const priors = parametersOf(schema, { type }).map((parameter) => [
    parameter.name,
    priorFor(schema, parameter, source),
  ]);
  const component: Component = { type, ...Object.fromEntries(priors) };
  const name = freeName(session, type);
  const components = { ...session.model.components, [name]: component };
  return { session: { ...session, model: { ...session.model, components } }, name };
}

/** The change of a sky from one side of the image to the other, in units of its level's prior, as in Python. */
const SLOPE = 2;

/** Add a sky with priors about zero: the level as uncertain as a pixel, the slopes in proportion. */
export function withSky(
  schema: Schema,
  session: Session,
  type: string,
  image: Image,
): { session: Session; name: string } {
  const noise = medianSigma(image) || 1;
  const priors = parametersOf(schema, { type }).map((parameter) => {
    const side = parameter.name.endsWith("_x") ? image.nx : image.ny;
    const scale = rounded(parameter.unit === "image/pixel" ? noise : (SLOPE * noise) / side);
    const isNormal = "Normal" in schema.priors;
    const normal: Prior = { type: "Normal", loc: 0, scale, init: 0 };
    return [parameter.name, isNormal ? normal : newPrior(schema, parameter, 0)];
  });
  const component: Component = { type, ...Object.fromEntries(priors) };
  const name = freeName(session, "sky");
  const components = { ...session.model.components, [name]: component };
  return { session: { ...session, model: { ...session.model, components } }, name };
}

/**
 * The prior of a parameter of a source that was measured here. The rule is Python's, in profiles/default_priors.py: fluxes
 * and lengths are uniform in the logarithm, centres normal, others uniform in their range.
 */
export function priorFor(schema: Schema, parameter: Parameter, source: Source): Prior {
  const { name, unit, start } = parameter;
  if (name === "xc") return newPrior(schema, parameter, rounded(source.x));
  if (name === "yc") return newPrior(schema, parameter, rounded(source.y));
  if (name === "flux") return around(schema, parameter, source.flux, FLUX);
  // The average brightness of a source within its size.
  if (unit === "image/pixel")
    return around(schema, parameter, source.flux / (2 * Math.PI * source.size ** 2), BRIGHTNESS);
  if (unit === "pixel") return around(schema, parameter, (start ?? 1) * source.size, LENGTH);
  if (unit === "1/pixel") return around(schema, parameter, (start ?? 1) / source.size, LENGTH);
  return newPrior(schema, parameter, startOf(parameter));
}

/** A prior that is uniform in the logarithm about a value, within the declared range. */
function around(schema: Schema, parameter: Parameter, value: number, { below, above }: Factors): Prior {
  if (!("LogUniform" in schema.priors)) return newPrior(schema, parameter, rounded(value));
  const [least, most] = [parameter.low ?? -Infinity, parameter.high ?? Infinity];
  let [low, high] = [Math.max(value / below, least), Math.min(value * above, most)];
  // The declared range may lie to one side of the value.
  if (low >= high && low === least) high = Math.min(NARROWEST * low, most);
  else if (low >= high) low = Math.max(high / NARROWEST, least);
  const init = Math.min(Math.max(value, low), high);
  return { type: "LogUniform", low: rounded(low), high: rounded(high), init: rounded(init) };
}

/** The starting value of a parameter that is not measured: declared, usual, or the middle of its range. */
function startOf({ name, usual, start, logarithmic, ...declared }: Parameter): number {
  const [low, high] = usual ?? [declared.low, declared.high];
  const found = start ?? at(USUAL, name);
  if (low === null || high === null) return found ?? (low !== null && low >= 0 ? Math.max(2 * low, 1) : 0);
  const middle = logarithmic ? Math.sqrt(low * high) : (low + high) / 2;
  return Math.min(Math.max(found ?? middle, low), high);
}

/** "sersic", or "sersic2" if that is taken. */
function freeName(session: Session, type: string): string {
  const base = type.replace(/[^A-Za-z0-9]/g, "").toLowerCase() || "source";
  let name = base;
  for (let k = 2; isTaken(session, name); k++) name = `${base}${k}`;
  return name;
}
