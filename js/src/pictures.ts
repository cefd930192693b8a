/** What each picture shows, and in which colours: from the state alone. */

import { colormap, DIVERGING } from "./colormaps";
import { DEFAULT_PERCENT, limitsBy, type Rule, sortedSample } from "./limits";
import { memo } from "./memo";
import { compare, type Maps, medianSigma, percentOf } from "./pixels";
import { carrier } from "./preview";
import { type Image, type Pixels, type State, selectedOf, type Unit } from "./state";
import { type Curve, colourTable, curveOf, type Limits } from "./stretch";
import { seenNames } from "./visibility";

/** The colours of a picture: which, and what their ends mean. */
export interface Scale {
  lut: Uint8Array;
  curve: Curve;
  /** Curve and colours in one, for painting. */
  table: Uint32Array;
  limits: Limits;
  /** Both ends move together, about the middle. */
  symmetric: boolean;
}

const ruleOf = (state: State, name: string): Rule => ({
  name,
  percent: state.display.percent,
  sigmas: state.display.sigmas,
});

/** The limits of the data: given by hand, by Python's rules, or by one that is computed here. */
export function dataLimits(state: State): Limits {
  const { limits, percent } = state.display;
  const { image } = state;
  if (typeof limits !== "string") return limits;
  if (!image) return [0, 1];
  const known = image.limits[limits];
  if (known && (limits !== "percentile" || percent === DEFAULT_PERCENT)) return known;
  return limitsBy(ruleOf(state, limits), sortedSample(image.data, image.mask));
}

/** Those of the model: the data's, or by the same rule its own. */
export function modelLimits(state: State, model: Pixels | null): Limits {
  const { limits, match } = state.display;
  if (match || typeof limits !== "string" || !model) return dataLimits(state);
  return limitsBy(ruleOf(state, limits), sortedSample(model, null));
}

/** Half the width of the residual's colours, in its unit. */
export function residualHalf(state: State, noise: number): number {
  const { percentRange, residual, residualRange } = state.display;
  if (residual === "percent") return percentRange;
  return residualRange * (residual === "sigma" ? 1 : noise);
}

const scale = (lut: Uint8Array, curve: Curve, limits: Limits, symmetric = false): Scale => ({
  lut,
  curve,
  table: colourTable(lut, curve),
  limits,
  symmetric,
});

/** Values and colours of every picture; what did not change stays the same object. */
export interface Pictures {
  /** Each component where it is now; some are a preview until Python has drawn them. */
  parts: Record<string, Pixels>;
  preview: boolean;
  /** Of those that are in the model and seen. */
  maps: Maps | null;
  /** The typical noise of a pixel. */
  noise: number;
  data: Picture;
  model: Picture;
  residual: Picture;
  fourth: Picture;
}
export interface Picture {
  values: Pixels | null;
  nx: number;
  scale: Scale;
}

export const FOURTH = ["component", "sigma", "mask", "psf"] as const;

export function pictureMaker(): (state: State) => Pictures {
  const carry = carrier();
  const combine = memo((image: Image | null, ...parts: Pixels[]) => image && compare(image, parts));
  const noiseOf = memo((image: Image | null) => (image ? medianSigma(image) : 1));
  const percent = memo((maps: Maps | null) => maps && percentOf(maps));
  const maskValues = memo((mask: Uint8Array | undefined) => mask && Float32Array.from(mask));
  const sequential = [0, 1].map(() =>
    memo((stretch: string, name: string, low: number, high: number, sorted: Float32Array) =>
      scale(colormap(name), curveOf(stretch, sorted, [low, high]), [low, high]),
    ),
  );
  const diverging = memo((half: number) => scale(colormap(DIVERGING), (t) => t, [-half, half], true));
  const plain = memo((stretch: string, name: string, values: Pixels | null, rule: string) => {
    const sorted = sortedSample(values ?? EMPTY, null);
    const limits = limitsBy({ name: rule, percent: DEFAULT_PERCENT, sigmas: 5 }, sorted);
    return scale(colormap(name), curveOf(stretch, sorted, limits), limits);
  });
  const maskScale = scale(colormap("gray"), (t) => t, [0, 1]);

  function residualOf(maps: Maps | null, unit: Unit): Pixels | null {
    if (unit === "percent") return percent(maps);
    return (unit === "sigma" ? maps?.significance : maps?.residual()) ?? null;
  }

  function fourth(state: State, parts: Record<string, Pixels>, likeModel: Scale): Picture {
    const { image, display } = state;
    const nx = image?.nx ?? 1;
    switch (display.fourth) {
      case "sigma": {
        const values = image?.sigma ?? null;
        return { values, nx, scale: plain("linear", display.colormap, values, "percentile") };
      }
      case "mask":
        return { values: maskValues(image?.mask) ?? null, nx, scale: maskScale };
      case "psf": {
        const psf = image?.psf ?? null;
        const values = psf?.pixels ?? null;
        return { values, nx: psf?.nx ?? 1, scale: plain("log", display.colormap, values, "minmax") };
      }
      default:
        return { values: (image && parts[selectedOf(state)]) ?? null, nx, scale: likeModel };
    }
  }

  return (state) => {
    const { image, display } = state;
    const nx = image?.nx ?? 1;
    const { parts, preview } = carry(state);
    const seen = seenNames(state).flatMap((name) => parts[name] ?? []);
    const maps = combine(Object.keys(parts).length > 0 ? image : null, ...seen);
    const sorted = sortedSample(image?.data ?? EMPTY, image?.mask ?? null);
    const colours = (which: number, [low, high]: Limits) =>
      (sequential[which] as (typeof sequential)[0])(display.stretch, display.colormap, low, high, sorted);
    const data = colours(0, dataLimits(state));
    const model = display.match ? data : colours(1, modelLimits(state, maps?.model ?? null));
    const noise = noiseOf(image);
    return {
      parts,
      preview,
      maps,
      noise,
      data: { values: image?.data ?? null, nx, scale: data },
      model: { values: maps?.model ?? null, nx, scale: model },
      residual: {
        values: residualOf(maps, display.residual),
        nx,
        scale: diverging(residualHalf(state, noise)),
      },
      fourth: fourth(state, parts, model),
    };
  };
}

const EMPTY = new Float32Array(0);
