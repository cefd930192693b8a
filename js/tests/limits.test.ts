import { describe, expect, it } from "vitest";
import { limitsBy, quantile, type Rule, sky, sortedSample } from "../src/limits";
import { withRoom } from "../src/views/bar";

/** A sky with a tail of stars, without random numbers; the expected limits are those of astropy and numpy. */
const VALUES = Float64Array.from({ length: 400 }, (_, i) => {
  const phase = (i * 0.6180339887498949) % 1;
  const star = i % 20 === 0 ? i / 10 : 0;
  return Math.asinh(8 * (phase - 0.5)) + star;
});
const sorted = VALUES.slice().sort();
const by = (rule: Partial<Rule>) => limitsBy({ name: "percentile", percent: 99, sigmas: 3, ...rule }, sorted);
const near = (got: readonly number[], expected: number[], digits = 5) => {
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, digits);
};

describe("limits", () => {
  it("contain a percentage of the pixels, as numpy.percentile does", () => {
    near(by({}), [-2.084947, 33.528034]);
    near(by({ percent: 90 }), [-1.987744, 2.082894]);
    expect(by({ percent: 100 })).toEqual(by({ name: "minmax" }));
  });

  it("agree with zscale in astropy.visualization", () => {
    near(by({ name: "zscale" }), [-2.094713, 10.640594]);
  });

  it("lie around the sky, with stars clipped as in astropy.stats", () => {
    const { level, scatter } = sky(sorted);
    near([level, scatter], [0.047859, 2.134654]);
    near(by({ name: "sigma" }), [level - 3 * scatter, level + 3 * scatter]);
  });

  it("are in order for an image of one value, and for an empty one", () => {
    const [low, high] = limitsBy({ name: "zscale", percent: 99, sigmas: 3 }, [2, 2, 2, 2, 2, 2, 2]);
    expect(high).toBeGreaterThan(low);
    expect(limitsBy({ name: "percentile", percent: 99, sigmas: 3 }, [])).toEqual([0, 1]);
  });
});

describe("the sample", () => {
  it("leaves out masked and undefined pixels", () => {
    const values = Float32Array.from([3, 1, Number.NaN, 2, Infinity]);
    expect(Array.from(sortedSample(values, Uint8Array.from([0, 0, 0, 1, 0])))).toEqual([1, 3]);
    expect(Array.from(sortedSample(values, null))).toEqual([1, 2, 3]);
  });

  it("is spread over a large image", () => {
    const values = Float32Array.from({ length: 400 * 400 }, (_, i) => i % 400);
    const sample = sortedSample(values, null);
    expect(sample.length).toBeLessThan(50_000);
    expect(quantile(sample, 0.25)).toBeCloseTo(100, -1);
    expect(new Set(sample).size).toBe(400);
  });
});

describe("labels of a colour bar", () => {
  const labels = [0, 0.5, 0.63, 0.9].map((place) => ({ place, text: "0.02" }));

  it("do not touch each other", () => {
    expect(withRoom(labels, 300).map(({ place }) => place)).toEqual([0, 0.5, 0.63, 0.9]);
    expect(withRoom(labels, 170).map(({ place }) => place)).toEqual([0, 0.5, 0.9]);
    expect(withRoom([], 170)).toEqual([]);
  });
});
