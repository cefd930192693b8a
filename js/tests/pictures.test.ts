import { describe, expect, it } from "vitest";
import { setValue } from "../src/edits";
import type { Image } from "../src/image";
import { dataLimits, modelLimits, pictureMaker, residualHalf } from "../src/pictures";
import { compare } from "../src/pixels";
import { canFollow } from "../src/preview";
import { overall, row, whole } from "../src/raster";
import { DISPLAY, type Display, INITIAL, type State } from "../src/state";
import { NESTED, SCHEMA, SESSION, view } from "./fixtures";
import { nextFrame, open } from "./page";

const image: Image = {
  nx: 3,
  ny: 2,
  data: Float32Array.from([0, 1, 2, 3, 4, 50]),
  sigma: Float32Array.from([1, 1, 1, 2, 2, 2]),
  mask: Uint8Array.from([0, 0, 0, 0, 0, 1]),
  limits: { percentile: [0, 5], minmax: [0, 4] },
  psf: { pixels: Float32Array.from([0.1, 0.9]), nx: 2, ny: 1 },
  zeropoint: null,
  unit: null,
  pixelScale: null,
  plane: null,
};
const flat = Float32Array.from([2, 2, 2, 2, 2, 2]);
const state = (display: Partial<Display> = {}): State => ({
  ...INITIAL,
  schema: SCHEMA,
  session: SESSION,
  image,
  frames: { galaxy: { pixels: flat, session: null } },
  display: { ...DISPLAY, ...display },
});

describe("limits", () => {
  it("are set by hand, sent by Python, or computed from the unmasked pixels", () => {
    expect(dataLimits(state())).toEqual([0, 5]);
    expect(dataLimits(state({ limits: "minmax" }))).toEqual([0, 4]);
    expect(dataLimits(state({ percent: 100 }))).toEqual([0, 4]);
    expect(dataLimits(state({ limits: [1, 2] }))).toEqual([1, 2]);
    const [low, high] = dataLimits(state({ limits: "sigma", sigmas: 2 }));
    expect((low + high) / 2).toBeCloseTo(2);
    expect(high - low).toBeCloseTo(4 * 1.4826);
  });

  it("of the model are those of the data, unless matching is off", () => {
    const model = Float32Array.from([1, 1, 3]);
    expect(modelLimits(state(), model)).toEqual([0, 5]);
    expect(modelLimits(state({ match: false, limits: "minmax" }), model)).toEqual([1, 3]);
    expect(modelLimits(state({ match: false, limits: [0, 9] }), model)).toEqual([0, 9]);
  });

  it("of the residual are in its units", () => {
    expect(residualHalf(state(), 3)).toBe(5);
    expect(residualHalf(state({ residual: "flux" }), 3)).toBe(15);
    expect(residualHalf(state({ residual: "percent", percentRange: 20 }), 3)).toBe(20);
  });
});

describe("pictures", () => {
  it("follow a gesture until Python has drawn it", () => {
    const session = setValue(SCHEMA, SESSION, "galaxy.flux", 150);
    const rounder = setValue(SCHEMA, SESSION, "galaxy.n", 3);
    const make = pictureMaker();
    const drawn = { ...state(), frames: { galaxy: { pixels: flat, session: SESSION } } };
    const [before, during] = [make(drawn), make({ ...drawn, draft: session })];
    const after = make({ ...drawn, session, frames: { galaxy: { pixels: flat, session } } });
    expect([before, during, after].map(({ preview }) => preview)).toEqual([false, true, false]);
    expect(during.parts.galaxy?.pixels[0]).toBeCloseTo(3);
    expect(during.maps?.model[0]).toBeCloseTo(3);
    expect(during.residual.values?.[0]).toBeCloseTo(-3);
    expect(after.parts.galaxy?.pixels).toBe(flat);
    const other = make({ ...drawn, draft: rounder }); // no picture can follow this
    expect(other.preview).toBe(true);
    expect(other.parts.galaxy?.pixels).toBe(flat);
  });

  it("do not follow a component of another type, whose size may be defined differently", () => {
    const make = pictureMaker();
    const galaxy = { ...SESSION.model.components.galaxy, type: "Exponential", flux: 150 };
    const components = { ...SESSION.model.components, galaxy };
    const session = { ...SESSION, model: { ...SESSION.model, components } };
    const drawn = { ...state(), frames: { galaxy: { pixels: flat, session: SESSION } } };
    const made = make({ ...drawn, session });
    expect(made.parts.galaxy?.pixels).toBe(flat);
    expect(made.preview).toBe(true);
    expect(canFollow({ ...drawn, session })).toBe(false);
    const boxy = make({ ...drawn, session: NESTED, draft: setValue(SCHEMA, NESTED, "galaxy.flux", 150) });
    expect(boxy.parts.galaxy?.pixels).toBe(flat);
    // As soon as Python has drawn the new type, the picture follows again.
    const known = { ...drawn, session, frames: { galaxy: { pixels: flat, session } } };
    const moved = make({ ...known, draft: setValue(SCHEMA, session, "galaxy.flux", 300) });
    expect(moved.parts.galaxy?.pixels[0]).toBeCloseTo(4);
  });

  it("keep unchanged parts", () => {
    const make = pictureMaker();
    const first = make(state());
    const other = make({ ...state(), session: { ...SESSION, off: ["disk"] } });
    expect(other.data.scale).toBe(first.data.scale);
    expect(other.maps).toBe(first.maps);
    expect(make(state({ stretch: "log" })).data.scale).not.toBe(first.data.scale);
  });

  it("have the residual in the chosen units", () => {
    const make = pictureMaker();
    const values = (residual: Display["residual"]) =>
      Array.from(make(state({ residual })).residual.values?.subarray(3, 5) ?? []);
    expect(values("flux")).toEqual([1, 2]);
    expect(values("sigma")).toEqual([0.5, 1]);
    expect(values("percent")).toEqual([50, 100]);
  });

  it("include a fourth one", () => {
    const make = pictureMaker();
    const fourth = (name: string) => make(state({ fourth: name, selected: "galaxy" })).fourth;
    expect(fourth("component").values).toBe(flat);
    expect(fourth("sigma").values).toBe(image.sigma);
    expect(Array.from(fourth("mask").values ?? [])).toEqual([0, 0, 0, 0, 0, 1]);
    expect(fourth("psf")).toMatchObject({ values: image.psf?.pixels, nx: 2 });
  });
});

describe("pictures of a large image", () => {
  const [nx, ny] = [1200, 1000];
  const wave = (step: number) => Float32Array.from({ length: nx * ny }, (_, i) => 2 + Math.sin(step * i));
  const parts = { galaxy: wave(0.01), disk: wave(0.02) };
  const large: Image = {
    ...image,
    nx,
    ny,
    data: wave(0.03),
    sigma: wave(0.04),
    mask: Uint8Array.from({ length: nx * ny }, (_, i) => (i % 13 === 0 ? 1 : 0)),
  };
  const exact = compare(large, Object.values(parts));
  const frames = Object.fromEntries(
    Object.entries(parts).map(([name, pixels]) => [name, { pixels, session: SESSION }]),
  );
  const shows = { ...state(), image: large, frames };
  const raster = { x: 300, y: 200, step: 4, nx: 100, ny: 50 };
  const index = (i: number) => (200 + 4 * Math.floor(i / 100) + 2) * nx + 300 + 4 * (i % 100) + 2;
  const picked = (values: Float32Array) =>
    Float32Array.from({ length: 5000 }, (_, i) => values[index(i)] as number);

  /** The number of pixels that differ; a matcher would take a minute. */
  const unlike = (a: Float32Array | null | undefined, b: Float32Array) =>
    a?.length === b.length ? a.reduce((count, value, i) => count + (value === b[i] ? 0 : 1), 0) : -1;

  it("have the values of the visible pixels", () => {
    const made = pictureMaker()(shows, raster);
    expect(made.data.values).toEqual(picked(large.data));
    expect(made.model.values).toEqual(picked(exact.model));
    expect(made.residual.values).toEqual(picked(exact.significance));
    expect(made.data.nx).toBe(100);
  });

  it("give access to the other pixels, and to the χ² of all", () => {
    const made = pictureMaker()(shows, raster);
    expect(made.chi2()).toBeCloseTo(exact.chi2, 3);
    expect(unlike(made.allMaps()?.significance, exact.significance)).toBe(0);
    expect(unlike(made.modelOn(row(large, 7)), exact.model.slice(7 * nx, 8 * nx))).toBe(0);
    expect(unlike(made.modelOn(whole(large)), exact.model)).toBe(0);
  });

  it("follow a gesture, with an unknown χ²", () => {
    const make = pictureMaker();
    const session = setValue(SCHEMA, SESSION, "galaxy.flux", 150);
    const made = make({ ...shows, draft: session }, raster);
    const wanted = picked(parts.galaxy).map((value, i) => 1.5 * value + (parts.disk[index(i)] as number));
    for (const at of [0, 123, 4999]) expect(made.model.values?.[at]).toBeCloseTo(wanted[at] as number, 4);
    expect(made.modelOn(row(large, 222))?.[330]).toBeCloseTo(
      1.5 * (parts.galaxy[222 * nx + 330] as number) + (parts.disk[222 * nx + 330] as number),
      4,
    );
    expect(made.chi2()).toBeNull();
    expect(made.preview).toBe(true);
  });

  it("have limits that do not depend on the visible part", () => {
    const make = pictureMaker();
    const own = { ...shows, display: { ...DISPLAY, match: false, limits: "percentile", percent: 90 } };
    const [here, there] = [make(own, raster), make(own, overall(large))];
    expect(here.model.scale.limits).toEqual(there.model.scale.limits);
    const sigma = { ...shows, display: { ...DISPLAY, fourth: "sigma" } };
    expect(make(sigma, raster).fourth.scale).toBe(make(sigma, overall(large)).fourth.scale);
  });

  it("stay the same object while nothing changes", () => {
    const make = pictureMaker();
    const [first, second] = [make(shows, raster), make({ ...shows, late: true }, { ...raster })];
    expect(second.maps).toBe(first.maps);
    expect(second.data.values).toBe(first.data.values);
  });
});

describe("on the page", () => {
  async function drawn() {
    const page = await open();
    await page.showImage();
    page.receive({ t: "frame", seq: null, components: ["galaxy"], dof: 5 }, [view([1, 1, 1, 1, 1, 1])]);
    await nextFrame();
    const shown = () =>
      [...page.el.querySelectorAll("figure.sl-panel:not([hidden]) [role=img]")].map((img) =>
        img.getAttribute("aria-label"),
      );
    const click = async (name: string) => {
      page.named("button", name).click();
      await nextFrame();
    };
    return { ...page, shown, click };
  }

  it("the layouts show three, four, one or two pictures", async () => {
    const { change, click, named, press, shown } = await drawn();
    await click("Two by two");
    expect(shown()).toEqual(["data", "model", "residual", "component galaxy"]);
    await change(named<HTMLSelectElement>("select", "fourth picture"), "sigma");
    expect(shown().at(3)).toBe("sigma map");
    await click("One picture");
    expect(shown()).toEqual(["data"]);
    await change(named<HTMLSelectElement>("select", "picture"), "residual");
    await change(named<HTMLSelectElement>("select", "comparison"), "blink");
    expect(shown()).toEqual(["model", "residual"]);
    expect(named("div", "residual panel").classList.contains("sl-primary")).toBe(true);
    await press(named("div", "residual panel"), "b");
    expect(named("div", "model panel").classList.contains("sl-primary")).toBe(true);
  });

  it("the handles of the front picture have names", async () => {
    const { change, click, el, named } = await drawn();
    await click("One picture");
    await change(named<HTMLSelectElement>("select", "picture"), "model");
    const handles = el.querySelectorAll(
      '.sl-panel-model .sl-handles:not([aria-hidden]) [data-handle="centre"]',
    );
    expect([...handles].map((handle) => handle.getAttribute("aria-label"))).toContain("centre of galaxy");
    expect(el.querySelectorAll('figure:not([hidden]) [aria-label="centre of galaxy"]')).toHaveLength(1);
  });

  it("the ends of the colour bar move by arrow keys", async () => {
    const { named, press } = await drawn();
    const high = named("span", "high end, data colours");
    await press(high, "ArrowRight");
    expect(named<HTMLInputElement>("input", "high limit").value).toBe("5.1");
    expect(named<HTMLSelectElement>("select", "limits").value).toBe("manual");
    await press(named("span", "low end, residual colours"), "ArrowLeft");
    expect(named<HTMLInputElement>("input", "residual range").value).toBe("5.2");
  });

  it("nothing is requested from the kernel", async () => {
    const { change, click, named, sent } = await drawn();
    const before = sent.length;
    await click("One picture");
    await change(named<HTMLSelectElement>("select", "comparison"), "swipe");
    await change(named<HTMLSelectElement>("select", "stretch"), "histogram");
    await change(named<HTMLSelectElement>("select", "limits"), "zscale");
    await change(named<HTMLSelectElement>("select", "residual units"), "percent");
    expect(sent).toHaveLength(before);
  });

  it("a click pins the crosshair, a second one or Escape unpins it", async () => {
    const { named, one, pointer, press } = await drawn();
    const stage = named("div", "data panel");
    const reading = () => [...one(".sl-readout").querySelectorAll(".sl-reading")].map((r) => r.textContent);
    const click = async () => {
      pointer(stage, "pointerdown", 40, 80);
      pointer(stage, "pointerup", 40, 80);
      await nextFrame();
    };
    await click();
    expect(reading().slice(0, 2)).toEqual(["0", "1"]);
    await press(stage, "ArrowRight", { shiftKey: true });
    expect(reading().slice(0, 2)).toEqual(["1", "1"]);
    await press(stage, "Escape");
    expect(reading()[0]).toBe("–");
  });

  it("the profile and the cuts are shown and hidden", async () => {
    const { click, el } = await drawn();
    const figures = () =>
      [...el.querySelectorAll("figure:not([hidden]) [role=figure]")].map((f) => f.getAttribute("aria-label"));
    expect(figures()).toEqual(["profile"]);
    await click("Row and column cuts");
    expect(figures()).toEqual(["profile", "row cut", "column cut"]);
    expect(el.querySelector(".sl-plots figcaption")?.textContent).toBe("profile along galaxy");
    await click("Profile");
    expect(figures()).toEqual(["row cut", "column cut"]);
  });
});
