import { describe, expect, it } from "vitest";
import { brightnessMaker } from "../src/brightness";
import { cellImage, inCells, inPixels, maskOn, pixelsOf, shownOf, wantedSight } from "../src/cells";
import { createMaskEditor } from "../src/gestures/mask_drawing";
import type { Image, Patch, Raster } from "../src/image";
import { readFrame, readImage } from "../src/messages";
import { pictureMaker } from "../src/pictures";
import { lightOn } from "../src/preview";
import { overall, pixel } from "../src/raster";
import { INITIAL, type State } from "../src/state";
import { createStore } from "../src/store";
import { exactAt } from "../src/views/readout";
import { SCHEMA, SESSION, view } from "./fixtures";

// No side is a multiple of the cells', and the image is larger than one that is used as a whole.
const [NX, NY] = [1203, 901];
const SIZE = { nx: NX, ny: NY };
const WHOLE: Raster = { x: 0, y: 0, step: 7, nx: 172, ny: 129 };
const PART: Raster = { x: 300, y: 200, step: 2, nx: 120, ny: 100 };

/** Smooth light, and light that is linear in x and y, whose means in cells are known. */
const galaxy = (x: number, y: number) => 90 * Math.exp(-((x - 420) ** 2 + (y - 301) ** 2) / (2 * 60 ** 2));
const ramp = (x: number, y: number) => 3 + 0.5 * x - 0.25 * y;

/** The means of cells, computed pixel by pixel. */
function means(of: (x: number, y: number) => number, { x, y, step, nx, ny }: Raster) {
  return Float32Array.from({ length: nx * ny }, (_, cell) => {
    let [sum, count] = [0, 0];
    for (let v = y + Math.floor(cell / nx) * step, j = 0; j < step && v < NY; j++, v++)
      for (let u = x + (cell % nx) * step, i = 0; i < step && u < NX; i++, u++) {
        sum += of(u, v);
        count += 1;
      }
    return sum / count;
  });
}

const blank = () => new Uint8Array(NX * NY);
const patchOf = (of: (x: number, y: number) => number, raster: Raster): Patch => ({
  raster,
  data: means(of, raster),
  sigma: new Float32Array(raster.nx * raster.ny).fill(2),
});
const imageOf = (of: (x: number, y: number) => number, patch: Patch | null = null): Image => ({
  ...SIZE,
  ...patchOf(of, WHOLE),
  patch,
  mask: blank(),
  sample: Float32Array.from([1, 2, 3, 4, 5]),
  limits: { percentile: [0, 90] },
  psf: null,
  zeropoint: null,
  unit: null,
  pixelScale: null,
  plane: null,
});
const { galaxy: source, ...others } = SESSION.model.components;
const session = {
  ...SESSION,
  model: {
    ...SESSION.model,
    components: { galaxy: { ...source, type: "Sersic", xc: 420, yc: 301, ellip: 0, theta: 0 }, ...others },
  },
};
const stateOf = (image: Image, more: Partial<State> = {}): State => ({
  ...INITIAL,
  schema: SCHEMA,
  session,
  image,
  frames: { galaxy: { pixels: means(galaxy, WHOLE), session, raster: WHOLE } },
  display: { ...INITIAL.display, selected: "galaxy" },
  ...more,
});

describe("a large image", () => {
  it("is read in cells, and its mask in pixels", () => {
    const bits = new Uint8Array(Math.ceil((NX * NY) / 8));
    bits[1] = 0b100;
    const cells = view(new Float32Array(WHOLE.nx * WHOLE.ny).fill(4));
    const image = readImage(
      {
        t: "image",
        shape: [NY, NX],
        raster: [0, 0, 7, 172, 129],
        layers: ["data", "sigma", "sample", "bits"],
        limits: { data: {} },
      },
      [cells, cells, view([7, 8]), new DataView(bits.buffer)],
    );
    expect([image.nx, image.ny, image.raster]).toEqual([NX, NY, WHOLE]);
    expect(image.mask.indexOf(1)).toBe(10);
    expect(image.mask.lastIndexOf(1)).toBe(10);
    expect(Array.from(image.sample ?? [])).toEqual([7, 8]);
    const frame = {
      t: "frame" as const,
      seq: 1,
      components: ["a"],
      dof: 1,
      raster: [0, 0, 1, 2, 1] as never,
    };
    expect(readFrame(frame, [view([1, 2])], image, null).a?.raster).toEqual({
      x: 0,
      y: 0,
      step: 1,
      nx: 2,
      ny: 1,
    });
    expect(() => readFrame(frame, [view([1, 2, 3])], image, null)).toThrow("expected 8 bytes, got 12");
  });

  it("is requested in finer cells if the screen can show more than it has", () => {
    const image = imageOf(galaxy);
    expect(wantedSight(image, WHOLE)).toBeNull();
    expect(wantedSight(image, { ...WHOLE, step: 8 })).toBeNull();
    const near = { x: 301, y: 200, step: 1, nx: 100, ny: 120 };
    expect(wantedSight(image, near)).toEqual(near);
    const much = wantedSight(image, { x: 100, y: 50, step: 1, nx: 1103, ny: 851 });
    expect(much?.step).toBe(2);
    expect((much?.nx ?? 0) * (much?.ny ?? 0)).toBeLessThanOrEqual(2 ** 18);
    expect(much).toMatchObject({ x: 100, y: 50, nx: 552, ny: 426 });
  });

  it("shows its patch if that holds most of the visible part", () => {
    const image = imageOf(galaxy, patchOf(galaxy, PART)) as Image & { raster: Raster };
    expect(shownOf(image, { x: 310, y: 210, step: 1, nx: 200, ny: 150 })).toBe(image.patch);
    expect(shownOf(image, { x: 480, y: 210, step: 1, nx: 200, ny: 150 }).raster).toBe(WHOLE);
    expect(shownOf(image, WHOLE).raster).toBe(WHOLE);
  });
});

describe("masks in cells", () => {
  const mask = blank();
  for (let y = 40; y < 52; y++) mask.fill(1, y * NX + 1190, y * NX + NX);
  mask[0] = 1;

  it("can be converted back to pixels", () => {
    const cells = maskOn(mask, SIZE, WHOLE);
    // The cells in the last column have six pixels per row.
    const shown = [...cells].flatMap((flag, cell) =>
      flag ? [[cell % WHOLE.nx, Math.floor(cell / WHOLE.nx)]] : [],
    );
    expect(shown).toEqual([5, 6, 7].flatMap((j) => [170, 171].map((i) => [i, j])));
    const back = pixelsOf(cells, SIZE, WHOLE);
    expect(back[42 * NX + NX - 1]).toBe(1);
    expect(back.reduce((sum, flag) => sum + flag, 0)).toBe(3 * 7 * 13);
  });

  it("leave the error of the unmasked part of a cell", () => {
    const image = { ...imageOf(ramp), mask };
    const { mask: gone, sigma } = cellImage(image, image as never);
    expect(sigma[0]).toBeCloseTo(2 / Math.sqrt(48), 6);
    expect(sigma[1]).toBeCloseTo(2 / 7, 6);
    expect(gone[6 * WHOLE.nx + 171]).toBe(1);
    expect(gone[0]).toBe(0);
  });
});

describe("positions in cells", () => {
  it("survive conversion to cells and back", () => {
    for (const raster of [WHOLE, PART, { ...PART, step: 1 }]) {
      const at = { x: 401.3, y: 250.8 };
      const back = inPixels(inCells(at, raster), raster);
      expect(back.x).toBeCloseTo(at.x, 9);
      expect(back.y).toBeCloseTo(at.y, 9);
    }
    expect(inCells({ x: 3, y: 10 }, WHOLE)).toEqual({ x: 0, y: 1 });
    expect(inCells({ x: 300.5, y: 202.5 }, PART)).toEqual({ x: 0, y: 1 });
  });

  it("have the value of linear light, for cells of any size", () => {
    const inner = (raster: Raster) => ({ ...raster, nx: raster.nx - 2, ny: raster.ny - 2 });
    for (const own of [WHOLE, PART, { ...PART, step: 1, nx: 240, ny: 200 }])
      for (const on of [inner(PART), { ...PART, step: 5, nx: 40, ny: 30 }, pixel(333, 222)]) {
        const light = { pixels: means(ramp, own), nx: own.nx, raster: own, carry: null };
        const middle = (on.step - 1) / 2;
        const found = lightOn(light, on);
        for (const cell of [0, found.length >> 1, found.length - 1])
          expect(found[cell]).toBeCloseTo(
            ramp(
              on.x + (cell % on.nx) * on.step + middle,
              on.y + Math.floor(cell / on.nx) * on.step + middle,
            ),
            3,
          );
      }
  });

  it("move with a component by the same distance", () => {
    const light = {
      pixels: means(ramp, WHOLE),
      nx: WHOLE.nx,
      raster: WHOLE,
      carry: [1, 0, 0, 1, 420, 301, 432, 290, 1, 0] as never,
    };
    expect(lightOn(light, pixel(450, 310))[0]).toBeCloseTo(ramp(450 - 12, 310 + 11), 3);
  });
});

describe("pictures in cells", () => {
  const zoomed = { x: 310, y: 210, step: 2, nx: 100, ny: 80 };

  it("have data, model and the significance of a cell's mean; Python sends the χ²", () => {
    const data = (x: number, y: number) => galaxy(x, y) + 4;
    const state = stateOf(imageOf(data), { chi2: 123 });
    const made = pictureMaker()(state, overall(SIZE));
    expect(made.raster).toEqual(WHOLE);
    expect(made.data.values).toBe(state.image?.data);
    expect(made.residual.values?.[60 * WHOLE.nx + 80]).toBeCloseTo(4 / (2 / 7), 3);
    expect(made.chi2()).toBe(123);
    expect(made.noise).toBe(2);
    expect(made.data.scale.limits).toEqual([0, 90]);
    const minmax = { ...state, display: { ...state.display, limits: "minmax" } };
    expect(pictureMaker()(minmax, overall(SIZE)).data.scale.limits).toEqual([1, 5]); // of the sample
  });

  it("show a patch when it arrives, with the model of the whole image until its own arrives", () => {
    const patch = patchOf(galaxy, PART);
    const before = stateOf(imageOf(galaxy, patch));
    const make = pictureMaker();
    const early = make(before, zoomed);
    expect(early.raster).toEqual(PART);
    expect(early.data.values).toBe(patch.data);
    const model = means(galaxy, PART);
    const worst = (found: Float32Array | null | undefined) =>
      Math.max(...[...(found ?? [])].map((value, i) => Math.abs(value - (model[i] as number))));
    expect(worst(early.model.values)).toBeLessThan(0.9);
    const near = { galaxy: { pixels: model, session, raster: PART } };
    expect(worst(make({ ...before, near }, zoomed).model.values)).toBe(0);
    expect(make({ ...before, near }, overall(SIZE)).raster).toEqual(WHOLE);
  });

  it("have no χ² while they are previews", () => {
    const moved = { ...session.model.components.galaxy, xc: 440 };
    const draft = {
      ...session,
      model: { ...session.model, components: { ...session.model.components, galaxy: moved } },
    };
    const made = pictureMaker()(
      stateOf(imageOf(galaxy), { chi2: 123, draft: draft as never }),
      overall(SIZE),
    );
    expect(made.chi2()).toBeNull();
    expect(made.preview).toBe(true);
  });

  it("give the galaxy's profile, fine inside the patch and coarse outside", () => {
    const state = stateOf(imageOf(galaxy, patchOf(galaxy, PART)), {
      near: { galaxy: { pixels: means(galaxy, PART), session, raster: PART } },
    });
    const found = brightnessMaker()(state, pictureMaker()(state, zoomed));
    const { data, model, radius } = found ?? { data: [], model: [], radius: [] as unknown as Float64Array };
    expect(radius[0]).toBeLessThan(2);
    expect(radius.at(-1)).toBeGreaterThan(500);
    for (let i = 1; i < radius.length; i++) expect(radius[i]).toBeGreaterThan(radius[i - 1] as number);
    for (let i = 0; i < radius.length; i++) {
      if ((radius[i] as number) > 150) break;
      const expected = 90 * Math.exp(-((radius[i] as number) ** 2) / (2 * 60 ** 2));
      expect(Math.abs((data[i] as number) - expected)).toBeLessThan(0.02 * expected + 0.01);
      expect(Math.abs((model[i] as number) - expected)).toBeLessThan(0.02 * expected + 0.01);
    }
  });

  it("have the values of pixels if the page knows them", () => {
    const single = { x: 400, y: 300, step: 1, nx: 30, ny: 20 };
    const state = stateOf(imageOf(galaxy, patchOf(galaxy, single)));
    expect(exactAt(state, { x: 405, y: 311 })?.data).toBeCloseTo(galaxy(405, 311), 4);
    expect(exactAt(state, { x: 399, y: 311 })).toBeNull();
    const sent = { x: 5, y: 6, data: 7, sigma: 8, model: 9 };
    expect(exactAt({ ...state, pixel: sent }, { x: 5, y: 6 })).toBe(sent);
    expect(exactAt({ ...state, pixel: sent }, { x: 5, y: 7 })).toBeNull();
  });

  it("allow picking a source by its cells, and unmasking a region by its pixels", () => {
    const star = (x: number, y: number) => (Math.hypot(x - 700, y - 500) < 12 ? 60 : 0);
    const store = createStore({ ...stateOf(imageOf(star)), frames: {} });
    const make = pictureMaker();
    const editor = createMaskEditor(store, () => make(store.state, overall(SIZE)));
    const picked = editor.picked({ x: 702, y: 498 }, 5);
    const inside = (mask: Uint8Array, x: number, y: number) => mask[y * NX + x];
    expect(picked && inside(picked, 700, 500)).toBe(1);
    expect(picked && inside(picked, 691, 503)).toBe(1);
    expect(picked && inside(picked, 760, 500)).toBe(0);
    expect(picked?.length).toBe(NX * NY);
    expect(editor.picked({ x: 100, y: 100 }, 5)).toBeNull();
    if (picked) editor.commit(picked);
    expect(store.state.image?.mask.every((flag, i) => flag === picked?.[i])).toBe(true);
    expect(editor.picked({ x: 700, y: 500 }, 5)?.includes(1)).toBe(false);
    store.dispatch({ type: "mask", mask: blank() });
    expect(editor.above(5)?.[500 * NX + 700]).toBe(1);
  });
});
