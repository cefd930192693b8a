/** The model image, its residual and χ². */

import type { Image, Pixels } from "./image";
import { sortedSample } from "./limits";
import { memo } from "./memo";

export interface Maps {
  model: Pixels;
  /** (data - model) / sigma. */
  significance: Pixels;
  chi2: number;
  /** data - model, in image units, computed on first use. */
  residual(): Pixels;
}

/** Convolution is linear, so the sum of the convolved components is the convolved sum. */
export function sumOf(size: number, parts: readonly Pixels[]): Pixels {
  const [first, ...rest] = parts;
  if (first && rest.length === 0) return first;
  const sum = first ? first.slice() : new Float32Array(size);
  for (const part of rest) for (let i = 0; i < size; i++) sum[i] = (sum[i] as number) + (part[i] as number);
  return sum;
}

export function compare(image: Image, parts: readonly Pixels[]): Maps {
  const size = image.data.length;
  const model = sumOf(size, parts);
  const { data, sigma, mask } = image;
  const significance = new Float32Array(size);
  let chi2 = 0;
  for (let i = 0; i < size; i++) {
    const deviation = ((data[i] as number) - (model[i] as number)) / (sigma[i] as number);
    significance[i] = deviation;
    const square = deviation * deviation;
    if (!mask[i] && square < Number.POSITIVE_INFINITY) chi2 += square;
  }
  const difference = memo(() => model.map((light, i) => (data[i] as number) - light));
  return { model, significance, chi2, residual: difference };
}

const CHUNK = 4096;

/** χ² alone, without the maps, for a large image. */
export function chi2Of({ data, sigma, mask }: Image, parts: readonly Pixels[]): number {
  const model = new Float32Array(CHUNK);
  let chi2 = 0;
  for (let from = 0; from < data.length; from += CHUNK) {
    const length = Math.min(CHUNK, data.length - from);
    model.fill(0);
    for (const part of parts)
      for (let k = 0; k < length; k++) model[k] = (model[k] as number) + (part[from + k] as number);
    for (let k = 0, i = from; k < length; k++, i++) {
      const deviation = ((data[i] as number) - (model[k] as number)) / (sigma[i] as number);
      const square = deviation * deviation;
      if (!mask[i] && square < Number.POSITIVE_INFINITY) chi2 += square;
    }
  }
  return chi2;
}

/** The residual in per cent of the model; NaN where the model is zero. */
export function percentOf(maps: Maps): Pixels {
  const { model } = maps;
  const residual = maps.residual();
  const percent = new Float32Array(model.length);
  for (let i = 0; i < percent.length; i++) {
    const light = model[i] as number;
    percent[i] = light > 0 ? (100 * (residual[i] as number)) / light : Number.NaN;
  }
  return percent;
}

/** The typical noise of a pixel, for the colour range of a residual in image units. */
export function medianSigma(image: Image): number {
  const good = sortedSample(image.sigma, image.raster ? null : image.mask);
  return good[good.length >> 1] ?? 1;
}
