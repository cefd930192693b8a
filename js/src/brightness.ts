/** The profile of the selected component: what its chart shows, from the state and the pictures alone. */

import { ellipticalRadius, type Point, type Shape } from "./geometry";
import { memo } from "./memo";
import { at } from "./names";
import type { Pictures } from "./pictures";
import { carriedAt, type Light } from "./preview";
import { errorIn, meanIn, meanOf, type Rings, ringsOf } from "./profile";
import { shapeOf } from "./shapes";
import { type Image, type State, selectedOf, shown } from "./state";
import { seenNames } from "./visibility";

export interface Brightness {
  /** The component along whose ellipses the rings lie. */
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
  const rings = memo((image: Image, xc: number, yc: number, ellip: number, theta: number) =>
    ringsOf(image, { xc, yc, ellip, theta, size: null }),
  );
  const dataOf = memo((of: Rings, image: Image) => ({
    data: meanIn(of, image.data),
    error: errorIn(of, image.sigma),
  }));
  const lightIn = new Map<string, typeof meanOfLight>();

  return (state, { maps, parts }) => {
    const { image, schema } = state;
    const session = shown(state);
    const names = Object.keys(session.model.components);
    const shapes = new Map(names.map((name) => [name, shapeOf(schema, session, name)]));
    const along = shapes.get(selectedOf(state)) ? selectedOf(state) : names.find((name) => shapes.get(name));
    const shape = along === undefined ? null : (shapes.get(along) ?? null);
    if (!image || !maps || along === undefined || !shape) return null;
    const of = rings(image, shape.xc, shape.yc, shape.ellip, shape.theta);
    const means = seenNames(state)
      .filter((name) => at(parts, name))
      .map((name) => {
        const mean = lightIn.get(name) ?? memo(meanOfLight);
        lightIn.set(name, mean);
        return { name, index: names.indexOf(name), mean: mean(of, at(parts, name) as Light) };
      });
    const { data, error } = dataOf(of, image);
    const sky = total(
      means.filter(({ name }) => !shapes.get(name)),
      of.radius.length,
    );
    const sources = means.filter(({ name }) => shapes.get(name));
    return {
      along,
      shape,
      radius: of.radius,
      data: data.map((value, bin) => value - (sky[bin] as number)),
      error,
      model: total(sources, of.radius.length),
      sources,
    };
  };
}

const meanOfLight = (of: Rings, { pixels, nx, carry }: Light): Float64Array =>
  carry ? meanOf(of, carriedAt(pixels, nx, carry)) : meanIn(of, pixels);

function total(parts: { mean: Float64Array }[], length: number): Float64Array {
  const sum = new Float64Array(length);
  for (const { mean } of parts)
    for (let i = 0; i < length; i++) sum[i] = (sum[i] as number) + (mean[i] as number);
  return sum;
}

/** In mag/arcsec² where the image has the numbers for it, else in flux per pixel. */
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

/** Where a pixel lies along the profile. */
export const radiusOf = ({ shape }: Brightness, pixel: Point): number => ellipticalRadius(shape, pixel);
