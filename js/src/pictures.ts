/** The values and colours of each picture, computed from the state. */

import { cellImage, isCells, shownOf } from "./cells";
import { colormap, DIVERGING } from "./colormaps";
import type { Image, Limits, Pixels, Raster } from "./image";
import { DEFAULT_PERCENT, limitsBy, type Rule, sortedSample } from "./limits";
import { memo } from "./memo";
import { at } from "./names";
import { chi2Of, compare, type Maps, medianSigma, percentOf, sumOf } from "./pixels";
import { carrier, type Light, lightOn } from "./preview";
import { overall, sampledImage, whole } from "./raster";
import { type State, selectedOf, type Unit } from "./state";
import { type Curve, colourTable, curveOf } from "./stretch";
import { seenNames } from "./visibility";

/** The colours of a picture and their limits. */
export interface Scale {
  lut: Uint8Array;
  curve: Curve;
  /** Curve and colours combined, for painting. */
  table: Uint32Array;
  limits: Limits;
  /** Both limits move together, symmetrically about the middle. */
  symmetric: boolean;
}

const ruleOf = (state: State, name: string): Rule => ({
  name,
  percent: state.display.percent,
  sigmas: state.display.sigmas,
});

/** The limits of the data: set by hand, sent by Python, or computed here by a rule. */
export function dataLimits(state: State): Limits {
  const { limits, percent } = state.display;
  const { image } = state;
  if (typeof limits !== "string") return limits;
  if (!image) return [0, 1];
  const known = image.limits[limits];
  if (known && (limits !== "percentile" || percent === DEFAULT_PERCENT)) return known;
  return limitsBy(ruleOf(state, limits), sampleOf(image));
}

/** Sorted values of pixels spread over the image, also if the page has only its cells. */
function sampleOf({ data, mask, raster, sample }: Image): Float32Array {
  if (sample) return sortedSample(sample, null);
  return sortedSample(data, raster ? null : mask);
}

/** The limits of the model: those of the data, or its own by the same rule. */
export function modelLimits(state: State, model: Pixels | null): Limits {
  const { limits, match } = state.display;
  if (match || typeof limits !== "string" || !model) return dataLimits(state);
  return limitsBy(ruleOf(state, limits), sortedSample(model, null));
}

/** Half the range of the residual's colours, in its unit. */
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

/** An image in cells of some size, and its components in them. */
export interface Level {
  raster: Raster;
  image: Image | null;
  partOn(name: string): Pixels | null;
}

/** Values and colours of every picture; unchanged parts stay the same object. */
export interface Pictures {
  /** The pixels that the pictures show. */
  raster: Raster;
  /** The image restricted to these pixels. */
  image: Image | null;
  /** Each component at its present position; some are previews until Python has drawn them. */
  parts: Record<string, Light>;
  preview: boolean;
  /** The model's visible components, on the raster. */
  maps: Maps | null;
  /** A component at its present position, on the raster. */
  partOn(name: string): Pixels | null;
  /** The whole of a large image, if the pictures show a part of it. */
  wide: Level | null;
  /** The same for all pixels, which is slow for a large image. */
  allMaps(): Maps | null;
  /** The model on other pixels. */
  modelOn(raster: Raster): Pixels | null;
  /** χ² over all pixels; null while a large picture is a preview. */
  chi2(): number | null;
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

/** The pictures of a state, on these pixels or on all. */
export function pictureMaker(): (state: State, raster?: Raster) => Pictures {
  const carry = carrier();
  const combine = memo((image: Image, ...parts: Pixels[]) => compare(image, parts));
  const same = memo((x: number, y: number, step: number, nx: number, ny: number) => ({ x, y, step, nx, ny }));
  const sampleImage = memo(sampledImage);
  const samplers = new Map<string, typeof lightOn>();
  const everywhere = memo((image: Image, ...lights: Light[]) => compareAll(image, lights));
  const spread = memo((image: Image, ...lights: Light[]) => sumOn(lights, overall(image)));
  const inCells = memo(cellImage);
  const wideOf = wideMaker();
  const cellsOf = memo((image: Image & { raster: Raster }, key: string) =>
    shownOf(image, JSON.parse(key) as Raster),
  );
  const drawingsOn = memo((frames: State["frames"], near: State["near"]) => ({ ...frames, ...near }));
  const wholeChi2 = memo((image: Image, ...lights: Light[]) =>
    chi2Of(
      image,
      lights.map(({ pixels }) => pixels),
    ),
  );
  const noiseOf = memo((image: Image | null) => (image ? medianSigma(image) : 1));
  const percent = memo((maps: Maps | null) => maps && percentOf(maps));
  const maskValues = memo((mask: Uint8Array) => Float32Array.from(mask));
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

  function fourth(state: State, image: Image, part: Pixels | null, likeModel: Scale): Picture {
    const { colormap, fourth } = state.display;
    const { nx } = image;
    switch (fourth) {
      case "sigma": {
        const scale = plain("linear", colormap, state.image?.sigma ?? null, "percentile");
        return { values: image.sigma, nx, scale };
      }
      case "mask":
        return { values: maskValues(image.mask), nx, scale: maskScale };
      case "psf": {
        const values = image.psf?.pixels ?? null;
        return { values, nx: image.psf?.nx ?? 1, scale: plain("log", colormap, values, "minmax") };
      }
      default:
        return { values: part, nx, scale: likeModel };
    }
  }

  /** Readers of the model, at all pixels or at some. */
  function readers(
    image: Image | null,
    lights: Light[],
    maps: Maps | null,
    raster: Raster,
    chi2: number | null,
  ) {
    if (isCells(image)) {
      const { raster: all } = image;
      return {
        allMaps: () => maps,
        modelOn: (on: Raster) => (maps ? sumOn(lights, on) : null),
        chi2: () => chi2,
        sample: () => (maps ? sumOn(lights, all) : null),
      };
    }
    const isAll = raster.nx === image?.nx && raster.ny === image.ny;
    const isCarried = lights.some((light) => light.carry !== null);
    return {
      allMaps: () => (isAll || !image || !maps ? maps : everywhere(image, ...lights)),
      modelOn: (on: Raster) => (maps ? sumOn(lights, on) : null),
      chi2: () => {
        if (isAll || !image || !maps) return maps?.chi2 ?? null;
        return isCarried ? null : wholeChi2(image, ...lights);
      },
      sample: () => (isAll || !image || !maps ? (maps?.model ?? null) : spread(image, ...lights)),
    };
  }

  return (state, asked) => {
    const { display } = state;
    const sight = asked ?? whole(state.image ?? NO_IMAGE);
    const cells = isCells(state.image) ? cellsOf(state.image, JSON.stringify(sight)) : null;
    const { x, y, step, nx, ny } = cells?.raster ?? sight;
    const raster = same(x, y, step, nx, ny);
    const image = state.image && (cells ? inCells(state.image, cells) : sampleImage(state.image, raster));
    const isNear = cells !== null && cells === state.image?.patch;
    const { parts, preview } = carry(state, isNear ? drawingsOn(state.frames, state.near) : state.frames);
    const on = (name: string): Pixels | null => {
      const sampler = samplers.get(name) ?? memo(lightOn);
      samplers.set(name, sampler);
      const part = at(parts, name);
      return part && image ? sampler(part, raster) : null;
    };
    const seen = seenNames(state).filter((name) => at(parts, name));
    const maps =
      image && Object.keys(parts).length > 0
        ? combine(image, ...seen.map((name) => on(name) as Pixels))
        : null;
    const { sample, ...model } = readers(
      state.image,
      seen.map((name) => at(parts, name) as Light),
      maps,
      raster,
      preview ? null : state.chi2,
    );
    const sorted = state.image ? sampleOf(state.image) : EMPTY;
    const colours = (which: number, [low, high]: Limits) =>
      (sequential[which] as (typeof sequential)[0])(display.stretch, display.colormap, low, high, sorted);
    const own = !display.match && typeof display.limits === "string";
    const likeData = colours(0, dataLimits(state));
    const likeModel = own ? colours(1, modelLimits(state, sample())) : likeData;
    const noise = noiseOf(state.image);
    return {
      raster,
      image,
      partOn: on,
      wide: isNear ? wideOf(state) : null,
      parts,
      preview,
      maps,
      ...model,
      noise,
      data: { values: image?.data ?? null, nx, scale: likeData },
      model: { values: maps?.model ?? null, nx, scale: likeModel },
      residual: {
        values: residualOf(maps, display.residual),
        nx,
        scale: diverging(residualHalf(state, noise)),
      },
      fourth: image
        ? fourth(
            state,
            cells ? { ...image, sigma: cells.sigma } : image,
            display.fourth === "component" ? on(selectedOf(state)) : null,
            likeModel,
          )
        : { values: null, nx, scale: likeModel },
    };
  };
}

/** The whole of a large image. */
function wideMaker(): (state: State) => Level | null {
  const carry = carrier();
  const inCells = memo((image: Image, raster: Raster) =>
    cellImage(image, { raster, data: image.data, sigma: image.sigma }),
  );
  return (state) => {
    if (!isCells(state.image)) return null;
    const { raster } = state.image;
    const { parts } = carry(state, state.frames);
    const partOn = (name: string) => {
      const part = at(parts, name);
      return part ? lightOn(part, raster) : null;
    };
    return { raster, image: inCells(state.image, raster), partOn };
  };
}

const sumOn = (lights: Light[], raster: Raster): Pixels =>
  sumOf(
    raster.nx * raster.ny,
    lights.map((light) => lightOn(light, raster)),
  );

const compareAll = (image: Image, lights: Light[]): Maps =>
  compare(
    image,
    lights.map((light) => lightOn(light, whole(image))),
  );

const NO_IMAGE = { nx: 1, ny: 1 };
const EMPTY = new Float32Array(0);
