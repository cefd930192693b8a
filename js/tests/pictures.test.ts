import { describe, expect, it } from "vitest";
import { setValue } from "../src/edits";
import { dataLimits, modelLimits, pictureMaker, residualHalf } from "../src/pictures";
import { DISPLAY, type Display, type Image, INITIAL, type State } from "../src/state";
import { SCHEMA, SESSION, view } from "./fixtures";
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
  it("are Python's where it gave some, else computed from the unmasked pixels, or by hand", () => {
    expect(dataLimits(state())).toEqual([0, 5]);
    expect(dataLimits(state({ limits: "minmax" }))).toEqual([0, 4]);
    expect(dataLimits(state({ percent: 100 }))).toEqual([0, 4]);
    expect(dataLimits(state({ limits: [1, 2] }))).toEqual([1, 2]);
    const [low, high] = dataLimits(state({ limits: "sigma", sigmas: 2 }));
    expect((low + high) / 2).toBeCloseTo(2);
    expect(high - low).toBeCloseTo(4 * 1.4826);
  });

  it("of the model are the data's unless they need not match", () => {
    const model = Float32Array.from([1, 1, 3]);
    expect(modelLimits(state(), model)).toEqual([0, 5]);
    expect(modelLimits(state({ match: false, limits: "minmax" }), model)).toEqual([1, 3]);
    expect(modelLimits(state({ match: false, limits: [0, 9] }), model)).toEqual([0, 9]);
  });

  it("of the residual are in its unit", () => {
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
    expect(during.parts.galaxy?.[0]).toBeCloseTo(3);
    expect(during.maps?.model[0]).toBeCloseTo(3);
    expect(during.residual.values?.[0]).toBeCloseTo(-3);
    expect(after.parts.galaxy).toBe(flat);
    const other = make({ ...drawn, draft: rounder }); // which no picture can follow
    expect(other.preview).toBe(true);
    expect(other.parts.galaxy).toBe(flat);
  });

  it("keep what did not change", () => {
    const make = pictureMaker();
    const first = make(state());
    const other = make({ ...state(), session: { ...SESSION, off: ["disk"] } });
    expect(other.data.scale).toBe(first.data.scale);
    expect(other.maps).toBe(first.maps);
    expect(make(state({ stretch: "log" })).data.scale).not.toBe(first.data.scale);
  });

  it("have the residual in the unit that was asked for", () => {
    const make = pictureMaker();
    const values = (residual: Display["residual"]) =>
      Array.from(make(state({ residual })).residual.values?.subarray(3, 5) ?? []);
    expect(values("flux")).toEqual([1, 2]);
    expect(values("sigma")).toEqual([0.5, 1]);
    expect(values("percent")).toEqual([50, 100]);
  });

  it("have a fourth of their own", () => {
    const make = pictureMaker();
    const fourth = (name: string) => make(state({ fourth: name, selected: "galaxy" })).fourth;
    expect(fourth("component").values).toBe(flat);
    expect(fourth("sigma").values).toBe(image.sigma);
    expect(Array.from(fourth("mask").values ?? [])).toEqual([0, 0, 0, 0, 0, 1]);
    expect(fourth("psf")).toMatchObject({ values: image.psf?.pixels, nx: 2 });
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

  it("the handles of the picture in front have the names", async () => {
    const { change, click, el, named } = await drawn();
    await click("One picture");
    await change(named<HTMLSelectElement>("select", "picture"), "model");
    const handles = el.querySelectorAll(
      '.sl-panel-model .sl-handles:not([aria-hidden]) [data-handle="centre"]',
    );
    expect([...handles].map((handle) => handle.getAttribute("aria-label"))).toContain("centre of galaxy");
    expect(el.querySelectorAll('figure:not([hidden]) [aria-label="centre of galaxy"]')).toHaveLength(1);
  });

  it("the ends of the colours move by arrow keys", async () => {
    const { named, press } = await drawn();
    const high = named("span", "high end, data colours");
    await press(high, "ArrowRight");
    expect(named<HTMLInputElement>("input", "high limit").value).toBe("5.1");
    expect(named<HTMLSelectElement>("select", "limits").value).toBe("manual");
    await press(named("span", "low end, residual colours"), "ArrowLeft");
    expect(named<HTMLInputElement>("input", "residual range").value).toBe("5.2");
  });

  it("nothing of this is asked of the kernel", async () => {
    const { change, click, named, sent } = await drawn();
    const before = sent.length;
    await click("One picture");
    await change(named<HTMLSelectElement>("select", "comparison"), "swipe");
    await change(named<HTMLSelectElement>("select", "stretch"), "histogram");
    await change(named<HTMLSelectElement>("select", "limits"), "zscale");
    await change(named<HTMLSelectElement>("select", "residual units"), "percent");
    expect(sent).toHaveLength(before);
  });

  it("a click pins the crosshair, a second one or Escape lets it go", async () => {
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

  it("the profile and the cuts come and go", async () => {
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
