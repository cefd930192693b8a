import { describe, expect, it } from "vitest";
import { colormap, DIVERGING, SEQUENTIAL } from "../src/colormaps";
import type { Image } from "../src/image";
import { compare, medianSigma, percentOf, sumOf } from "../src/pixels";

import { colourTable, curveOf, evenly, inverse, paint, STRETCHES, ticks } from "../src/stretch";

const gray = colourTable(colormap("gray"));
const pixel = (rgba: Uint8ClampedArray, i: number) => Array.from(rgba.subarray(4 * i, 4 * i + 4));

describe("stretches", () => {
  it("all map [0, 1] onto itself, rising", () => {
    expect(Object.keys(STRETCHES)).toEqual(["linear", "sqrt", "log", "asinh", "power"]);
    for (const curve of Object.values(STRETCHES)) {
      expect(curve(0)).toBeCloseTo(0);
      expect(curve(1)).toBeCloseTo(1);
      for (let t = 0.1; t < 1; t += 0.1) expect(curve(t)).toBeGreaterThan(curve(t - 0.1));
    }
  });

  it("agree with their formulas", () => {
    expect(STRETCHES.log?.(0.1)).toBeCloseTo(Math.log(101) / Math.log(1001));
    expect(STRETCHES.asinh?.(0.1)).toBeCloseTo(Math.asinh(1) / Math.asinh(10));
    expect(STRETCHES.power?.(0.5)).toBe(0.25);
  });
});

describe("the histogram stretch", () => {
  const sorted = [0, 1, 2, 3, 4, 5, 6, 7, 100, 1000];
  it("uses each colour for the same number of pixels", () => {
    const curve = curveOf("histogram", sorted, [0, 1000]);
    expect(curve(0)).toBe(0);
    expect(curve(1)).toBe(1);
    // Eight of the nine pixels above the first lie in the lower tenth of the range.
    expect(curve(0.11)).toBeCloseTo(8 / 9);
    expect(curve(0.6)).toBeCloseTo(8 / 9);
  });

  it("is linear if there are no pixels", () => {
    expect(curveOf("histogram", sorted, [2000, 3000])(0.3)).toBe(0.3);
    expect(curveOf("histogram", [], [0, 1])(0.3)).toBe(0.3);
  });
});

describe("the inverse", () => {
  it("finds the value of a colour", () => {
    for (const curve of Object.values(STRETCHES))
      for (const t of [0.001, 0.2, 0.5, 0.97]) expect(inverse(curve, curve(t))).toBeCloseTo(t, 6);
    expect(inverse(Math.sqrt, 0)).toBe(0);
    expect(inverse(Math.sqrt, 1)).toBe(1);
  });
});

describe("colour tables", () => {
  it("have 256 colours each", () => {
    expect(SEQUENTIAL).toEqual(["gray", "viridis", "inferno", "magma", "cividis"]);
    for (const name of [...SEQUENTIAL, DIVERGING]) expect(colormap(name)).toHaveLength(768);
  });

  it("are matplotlib's", () => {
    expect(Array.from(colormap("viridis").subarray(0, 3))).toEqual([68, 1, 84]);
    expect(Array.from(colormap("viridis").subarray(765))).toEqual([253, 231, 36]);
    expect(colormap("no such table")).toBe(colormap("gray"));
  });

  it("are neutral at zero residual", () => {
    const middle = Array.from(colormap(DIVERGING).subarray(3 * 128, 3 * 129));
    expect(Math.max(...middle) - Math.min(...middle)).toBeLessThanOrEqual(2);
    expect(Math.min(...middle)).toBeGreaterThan(240);
  });
});

describe("painting", () => {
  it("puts row 0 at the bottom", () => {
    const rgba = paint(Float32Array.from([0, 0, 1, 1]), 2, [0, 1], gray);
    expect(pixel(rgba, 0)).toEqual([255, 255, 255, 255]);
    expect(pixel(rgba, 2)).toEqual([0, 0, 0, 255]);
  });

  it("clips at the limits and stretches between them", () => {
    const values = Float32Array.from([-9, 0, 0.5, 1, 9, Infinity]);
    const linear = paint(values, 6, [0, 1], gray);
    expect([0, 1, 2, 3, 4, 5].map((i) => linear[4 * i])).toEqual([0, 0, 128, 255, 255, 255]);
    const root = paint(values, 6, [0, 1], colourTable(colormap("gray"), Math.sqrt));
    expect(root[4 * 2]).toBe(colormap("gray")[3 * Math.round(255 * Math.SQRT1_2)]);
  });

  it("leaves undefined pixels transparent", () => {
    const rgba = paint(Float32Array.from([1, 1, Number.NaN]), 3, [0, 1], gray);
    expect([3, 7, 11].map((i) => rgba[i])).toEqual([255, 255, 0]);
  });

  it("accepts equal limits", () => {
    expect(pixel(paint(Float32Array.from([2]), 1, [1, 1], gray), 0)[3]).toBe(255);
  });
});

describe("ticks at even steps", () => {
  it("are multiples of 1, 2 or 5 times a power of ten", () => {
    expect(evenly(0, 10, 5)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(evenly(17.3, 31, 6)).toEqual([20, 25, 30]);
    expect(evenly(-0.013, 0.011, 4)).toEqual([-0.01, 0, 0.01]);
  });
});

describe("ticks", () => {
  it("are round, inside the limits and not crowded", () => {
    for (const limits of [
      [-0.77, 22.6],
      [-5, 5],
      [0.001, 0.004],
      [-30, 1e5],
    ] as const)
      for (const curve of Object.values(STRETCHES)) {
        const marks = ticks(limits, curve);
        expect(marks.length).toBeGreaterThan(1);
        for (const [i, mark] of marks.entries()) {
          expect(mark.place).toBeGreaterThanOrEqual(0);
          expect(mark.place).toBeLessThanOrEqual(1);
          if (i > 0) expect(mark.place - (marks[i - 1]?.place ?? 0)).toBeGreaterThan(0.13);
        }
      }
    expect(ticks([-5, 5], (t) => t).map((mark) => mark.value)).toEqual([-4, -2, 0, 2, 4]);
    expect(ticks([1, 1], (t) => t)).toEqual([]);
  });
});

describe("model and residual", () => {
  const image: Image = {
    nx: 2,
    ny: 2,
    data: Float32Array.from([4, 4, 4, Number.NaN]),
    sigma: Float32Array.from([1, 2, 4, 0]),
    mask: Uint8Array.from([0, 0, 0, 1]),
    limits: {},
    psf: null,
    zeropoint: null,
    unit: null,
    pixelScale: null,
    plane: null,
  };
  const part = Float32Array.from([1, 1, 1, 1]);

  it("sums the components", () => {
    expect(Array.from(sumOf(4, [part, part]))).toEqual([2, 2, 2, 2]);
    expect(Array.from(sumOf(4, []))).toEqual([0, 0, 0, 0]);
  });

  it("subtracts the model, divides by sigma and leaves masked pixels out of χ²", () => {
    const maps = compare(image, [part, part]);
    expect(Array.from(maps.residual().subarray(0, 3))).toEqual([2, 2, 2]);
    expect(Array.from(maps.significance.subarray(0, 3))).toEqual([2, 1, 0.5]);
    expect(maps.chi2).toBeCloseTo(4 + 1 + 0.25);
  });

  it("gives the residual in per cent of the model, unless that is zero", () => {
    expect(Array.from(percentOf(compare(image, [part])).subarray(0, 3))).toEqual([300, 300, 300]);
    expect(percentOf(compare(image, []))[0]).toBeNaN();
  });

  it("takes the median noise of the good pixels", () => {
    expect(medianSigma(image)).toBe(2);
  });
});
