/** The profile of the selected component for its chart, computed from the state and the pictures. */

import { isCells, shapeInCells } from "./cells";
import { ellipticalRadius, type Point, type Shape } from "./geometry";
import type { Image, Pixels, Raster } from "./image";
import { memo } from "./memo";
import { at } from "./names";
import type { Level, Pictures } from "./pictures";
import { carriedAt, type Light } from "./preview";
import { errorIn, meanIn, meanOf, type Rings, ringsOf } from "./profile";

import { shapeOf } from "./shapes";
import { type State, selectedOf, shown } from "./state";
import { seenNames } from "./visibility";

export interface Brightness {
  /** The component whose ellipses the rings follow. */
  along: string;
  shape: Shape;
  radius: Float64Array;
  data: Float64Array;
  error: Float64Array;
  model: Float64Array;
  sources: { name: string; index: number; mean: Float64Array }[];
}

/** Means in rings of data and model without the sky, and of each source that is in the model. */
export function brightnessMaker(): (state: State, pictures: Pictures) => Brightness | null {
  const [profile, inCells, inWide] = [profileMaker(), profileMaker(), profileMaker()];
  return (state, pictures) => {
    const { image, schema } = state;
    const session = shown(state);
    const names = Object.keys(session.model.components);
    const shapes = new Map(names.map((name) => [name, shapeOf(schema, session, name)]));
    const along = shapes.get(selectedOf(state)) ? selectedOf(state) : names.find((name) => shapes.get(name));
    const shape = along === undefined ? null : (shapes.get(along) ?? null);
    if (!image || !pictures.maps || along === undefined || !shape) return null;
    const seen = seenNames(state).filter((name) => at(pictures.parts, name));
    const skies = new Set(names.filter((name) => !shapes.get(name)));
    if (!isCells(image)) {
      const light = (name: string) => at(pictures.parts, name) as Light;
      return { along, shape, ...profile(image, shape, seen, names, skies, light) };
    }
    const on = (make: ReturnType<typeof profileMaker>, { image, partOn, raster }: Level): Means => {
      const light = (name: string) => ({ pixels: partOn(name) as Pixels, nx: raster.nx, carry: null });
      const means = make(image as Image, shapeInCells(shape, raster), seen, names, skies, light);
      return { ...means, radius: means.radius.map((radius) => raster.step * radius) };
    };
    const { wide } = pictures;
    const near = on(inCells, pictures);
    return {
      along,
      shape,
      ...(wide ? joined(near, reachOf(shape, pictures.raster), on(inWide, wide)) : near),
    };
  };
}

type Means = Omit<Brightness, "along" | "shape">;

/** The radius about a centre up to which a raster holds all light; not positive if the centre lies off it. */
function reachOf({ xc, yc }: Shape, { nx, ny, step, x, y }: Raster): number {
  return Math.min(xc - x, x + nx * step - 1 - xc, yc - y, y + ny * step - 1 - yc);
}

/** The finer profile up to its outer radius, and the coarser one beyond. */
function joined(near: Means, reach: number, wide: Means): Means {
  const inner = near.radius.filter((radius) => radius < reach).length;
  const last = near.radius[inner - 1] ?? Number.NEGATIVE_INFINITY;
  const from = wide.radius.findIndex((radius) => radius > last);
  const both = (a: Float64Array, b: Float64Array) =>
    Float64Array.of(...a.subarray(0, inner), ...(from < 0 ? [] : b.subarray(from)));
  return {
    radius: both(near.radius, wide.radius),
    data: both(near.data, wide.data),
    error: both(near.error, wide.error),
    model: both(near.model, wide.model),
    sources: near.sources.map((source, i) => ({
      ...source,
      mean: both(source.mean, wide.sources[i]?.mean ?? source.mean),
    })),
  };
}

/** The profiles on one grid of pixels or cells. */
function profileMaker() {
  const rings = memo((image: Image, xc: number, yc: number, ellip: number, theta: number) =>
    ringsOf(image, { xc, yc, ellip, theta, size: null }),
  );
  const dataOf = memo((of: Rings, image: Image) => ({
    data: meanIn(of, image.data),
    error: errorIn(of, image.sigma),
  }));
  const lightIn = new Map<string, typeof meanOfLight>();
  return (
    image: Image,
    { ellip, theta, xc, yc }: Shape,
    seen: string[],
    names: string[],
    skies: Set<string>,
    light: (name: string) => Light,
  ): Means => {
    const of = rings(image, xc, yc, ellip, theta);
    const means = seen.map((name) => {
      const mean = lightIn.get(name) ?? memo(meanOfLight);
      lightIn.set(name, mean);
      const { pixels, nx, carry } = light(name);
      return { name, index: names.indexOf(name), mean: mean(of, pixels, nx, carry) };
    });
    const { data, error } = dataOf(of, image);
    const number = of.radius.length;
    const sky = total(
      means.filter(({ name }) => skies.has(name)),
      number,
    );
    const sources = means.filter(({ name }) => !skies.has(name));
    return {
      radius: of.radius,
      data: data.map((value, bin) => value - (sky[bin] as number)),
      error,
      model: total(sources, number),
      sources,
    };
  };
}

const meanOfLight = (of: Rings, pixels: Pixels, nx: number, carry: Light["carry"]): Float64Array =>
  carry ? meanOf(of, carriedAt(pixels, nx, carry)) : meanIn(of, pixels);

function total(parts: { mean: Float64Array }[], length: number): Float64Array {
  const sum = new Float64Array(length);
  for (const { mean } of parts)
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (mean[i] as number);
  return sum;
}

/** In mag/arcsec² if the image has a zero-point and a pixel scale, else in flux per pixel. */
export function brightnessUnit({ zeropoint, pixelScale }: Image): {
  magnitudes: boolean;
  label: string;
  of: (flux: number) => number;
} {
  if (zeropoint === null || pixelScale === null)
    return { magnitudes: false, label: "flux / pixel", of: (flux) => (flux > 0 ? flux : Number.NaN) };
  const shift = zeropoint + 5 * Math.log10(pixelScale);
  const of = (flux: number) => (flux > 0 ? shift - 2.5 * Math.log10(flux) : Number.NaN);
  return { magnitudes: true, label: "mag / arcsec²", of };
}

/** The radius of a pixel in the profile. */
export const radiusOf = ({ shape }: Brightness, pixel: Point): number => ellipticalRadius(shape, pixel);
