import { describe, expect, it } from "vitest";
import { type Prior, type Session, settingAt, valueAt, withSetting } from "../src/spec";
import { refusal, targetsFor, withoutTie, withTie } from "../src/ties";
import { physical, readable } from "../src/units";
import { roundWarning, warningsOf } from "../src/warnings";
import { SCHEMA, SESSION } from "./fixtures";

const parameter = (name: string, unit = "", low: number | null = null, high: number | null = null) => ({
  name,
  low,
  high,
  unit,
  doc: "",
});

describe("ties", () => {
  it("are offered with parameters of the same unit, those of the same name first", () => {
    const targets = targetsFor(SCHEMA, SESSION, "disk.xc");
    expect(targets[0]).toBe("galaxy.xc");
    expect(targets).toContain("galaxy.r_eff");
    expect(targets).not.toContain("galaxy.n");
    expect(targets).not.toContain("disk.xc");
  });

  it("are made with factor and offset", () => {
    const tied = withTie(SESSION, "disk.ellip", "galaxy.ellip", 0.5, 0.1);
    expect(valueAt(tied, "disk.ellip")).toBeCloseTo(0.35);
    expect(withTie(SESSION, "disk.ellip", "galaxy.ellip", 0)).toBe(SESSION);
  });

  it("can't form a circle, and the reason names it", () => {
    expect(refusal(SESSION, "disk.xc", "galaxy.xc")).toBeNull();
    expect(refusal(SESSION, "galaxy.xc", "disk.xc")).toBe(
      "galaxy.xc can't follow disk.xc: disk.xc follows galaxy.xc, which would make a circle",
    );
    expect(refusal(SESSION, "disk.xc", "disk.xc")).toMatch("itself");
    expect(withTie(SESSION, "galaxy.xc", "disk.xc")).toBe(SESSION);
  });

  it("are removed at the present value, with the previous prior", () => {
    const freed = withoutTie(SCHEMA, SESSION, "disk.r_eff");
    expect(settingAt(freed, "disk.r_eff")).toMatchObject({ type: "LogUniform", init: 9 });
    const retired: Prior = { type: "Normal", loc: 1, scale: 2, init: 3 };
    expect(settingAt(withoutTie(SCHEMA, SESSION, "disk.r_eff", retired), "disk.r_eff")).toEqual({
      ...retired,
      init: 9,
    });
    const fixed: Session = withSetting(SESSION, "galaxy.xc", 12);
    expect(settingAt(withoutTie(SCHEMA, fixed, "disk.xc"), "disk.xc")).toBe(12);
    expect(withoutTie(SCHEMA, SESSION, "galaxy.n")).toBe(SESSION);
  });
});

describe("warnings", () => {
  const index = parameter("n", "", 0.5, 8);
  const row = (bounds: { lower?: number; upper?: number }) => ({
    ...{ path: "galaxy.n", mean: 2, sd: 1, r_hat: 1, ess_bulk: 100, unit: "" },
    ...{ q16: 1, q50: 2, q84: 3, bounds },
  });
  const of = (prior: Prior, ...rest: [Parameters<typeof warningsOf>[2]?]) =>
    warningsOf(prior, index, rest[0], null).join("; ");

  it("report a value that the prior excludes or makes very unlikely", () => {
    expect(of({ type: "Uniform", low: 3, high: 8, init: 2 })).toMatch("excludes the value 2");
    expect(of({ type: "Normal", loc: 0, scale: 1, init: 5 })).toMatch("very unlikely");
    expect(of({ type: "Uniform", low: 1, high: 8, init: 8 })).toMatch("lies at the bound 8");
    expect(of({ type: "Uniform", low: 1, high: 8, init: 1.001 })).toBe("");
    expect(of({ type: "LogUniform", low: 89.99, high: 911, init: 89.99 })).toMatch("lies at the bound 89.99");
    expect(warningsOf(3, index, undefined, null)).toEqual([]);
  });

  it("report a bound that cuts off much of a normal", () => {
    const cut: Prior = { type: "TruncatedNormal", loc: 0.5, scale: 1, low: 0.5, high: 8, init: 1 };
    expect(of(cut)).toBe("the lower bound cuts off 50 % of the normal");
    expect(of({ ...cut, loc: 4 })).toBe("");
  });

  it("report a posterior that lies at a bound according to the verdict, while the prior has that bound", () => {
    const flat: Prior = { type: "Uniform", low: 0.5, high: 8, init: 2 };
    expect(of(flat, row({ lower: 0.5 }))).toMatch("lies at the lower bound 0.5");
    expect(of(flat, row({ upper: 8 }))).toMatch("lies at the upper bound 8");
    expect(of(flat, row({ lower: 0.5, upper: 8 }))).toMatch("fills the range of the prior");
    expect(of(flat, row({}))).toBe("");
    expect(of({ ...flat, low: 0.1 }, row({ lower: 0.5 }))).toBe("");
  });

  it("report positions outside the image, and angles of round sources", () => {
    const size = { nx: 50, ny: 40 };
    const far: Prior = { type: "Normal", loc: 90, scale: 1, init: 90 };
    expect(warningsOf(far, parameter("xc", "pixel"), undefined, size)).toEqual([
      "the prior lies outside the image",
    ]);
    expect(warningsOf(far, parameter("r_eff", "pixel"), undefined, size)[0]).toMatch("larger than the image");
    const angle: Prior = { type: "Angle", init: 1 };
    expect(roundWarning(parameter("theta", "rad"), angle, 0.01)).toHaveLength(1);
    expect(roundWarning(parameter("theta", "rad"), angle, 0.3)).toEqual([]);
  });
});

describe("declared units", () => {
  it("are replaced by the image's unit, or omitted if it has none", () => {
    const none = { unit: null };
    expect(["image", "image/pixel²", "pixel", ""].map((unit) => readable(unit, none))).toEqual([
      ...["", "per pixel²", "pixel", ""],
    ]);
    expect(readable("image", { unit: "electron / s" })).toBe("electron / s");
    expect(readable("image/pixel", { unit: "electron / s" })).toBe("(electron / s)/pixel");
    expect(readable("image/pixel", { unit: "nmgy" })).toBe("nmgy/pixel");
    expect(readable("1/pixel", null)).toBe("1/pixel");
  });
});

describe("units of the sky", () => {
  const image = { zeropoint: 25, pixelScale: 0.2 };
  it("depend on the image's calibration", () => {
    expect(physical(parameter("r_eff", "pixel"), image)?.of(10)).toBeCloseTo(2);
    expect(physical(parameter("flux", "image"), image)?.of(100)).toBeCloseTo(20);
    expect(physical(parameter("theta", "rad"), null)?.of(Math.PI)).toBeCloseTo(180);
    expect(physical(parameter("xc", "pixel"), image)).toBeNull();
    expect(physical(parameter("flux", "image"), { zeropoint: null, pixelScale: 0.2 })).toBeNull();
  });
});
