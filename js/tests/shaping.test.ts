import { describe, expect, it } from "vitest";
import { gripsOf, moveGrip, plotRange, stepGrip } from "../src/shaping";
import type { Parameter, Prior } from "../src/spec";

const FREE: Parameter = { name: "xc", low: null, high: null, unit: "pixel", doc: "" };
const INDEX: Parameter = { ...FREE, name: "n", low: 0.5, high: 8, unit: "" };
const NORMAL: Prior = { type: "Normal", loc: 60, scale: 2, init: 61 };
const CUT: Prior = { type: "TruncatedNormal", loc: 4, scale: 1, low: 0.5, high: 8, init: 4 };
const FLAT: Prior = { type: "Uniform", low: 1, high: 5, init: 2 };
const LOG: Prior = { type: "LogUniform", low: 1, high: 100, init: 2 };

describe("the handles of a prior", () => {
  it("are those of its family", () => {
    expect(gripsOf(NORMAL, FREE)).toEqual({ location: 60, width: 62 });
    expect(gripsOf(CUT, INDEX)).toEqual({ low: 0.5, high: 8, location: 4, width: 5 });
    expect(gripsOf({ ...CUT, high: null }, INDEX).high).toBeNull();
    expect(gripsOf(FLAT, INDEX)).toEqual({ low: 1, high: 5, location: 3 });
    expect(gripsOf(LOG, FREE)).toEqual({ low: 1, high: 100, location: 10 });
    expect(gripsOf({ type: "Angle", init: 1 }, { ...FREE, name: "theta" })).toEqual({});
    expect(gripsOf({ type: "Custom", init: 1 }, FREE)).toEqual({});
  });

  it("move the numbers of a normal", () => {
    expect(moveGrip(NORMAL, FREE, "location", 50)).toEqual({ ...NORMAL, loc: 50 });
    expect(moveGrip(NORMAL, FREE, "width", 65)).toMatchObject({ loc: 60, scale: 5 });
    // On the other side of the centre, the width is the same.
    expect(moveGrip(NORMAL, FREE, "width", 55)).toMatchObject({ loc: 60, scale: 5 });
    const log: Prior = { type: "LogNormal", loc: 0, scale: 0.5, init: 1 };
    expect(moveGrip(log, FREE, "location", Math.E)).toMatchObject({ loc: 1, scale: 0.5 });
    expect(moveGrip(log, FREE, "width", Math.E)).toMatchObject({ loc: 0, scale: 1 });
  });

  it("move a flat prior as a whole, within the bounds of the schema", () => {
    expect(moveGrip(FLAT, INDEX, "location", 4)).toMatchObject({ low: 2, high: 6 });
    expect(moveGrip(FLAT, INDEX, "location", 99)).toMatchObject({ low: 4, high: 8, init: 4 });
    expect(moveGrip(FLAT, INDEX, "location", -99)).toMatchObject({ low: 0.5, high: 4.5 });
    expect(moveGrip(LOG, FREE, "location", 20)).toMatchObject({ low: 2, high: 200 });
  });

  it("keep bounds in order and within those of the schema, and the value within them", () => {
    expect(moveGrip(CUT, INDEX, "low", 5)).toMatchObject({ low: 5, init: 5 });
    expect(moveGrip(CUT, INDEX, "low", -3)).toMatchObject({ low: 0.5 });
    expect(moveGrip(CUT, INDEX, "high", 99)).toMatchObject({ high: 8 });
    expect(Number(moveGrip(FLAT, INDEX, "low", 7).low)).toBeLessThan(5);
    expect(Number(moveGrip(LOG, FREE, "low", -2).low)).toBeGreaterThan(0);
  });

  it("remove a truncation, but not the ends of a flat prior", () => {
    expect(moveGrip(CUT, { ...INDEX, high: null }, "high", null).high).toBeNull();
    expect(moveGrip(CUT, INDEX, "high", null).high).toBe(8);
    expect(moveGrip(FLAT, INDEX, "high", null)).toEqual(FLAT);
  });
});

describe("the keyboard", () => {
  it("moves by a hundredth of the axis, widens by a twentieth, and closes an open bound", () => {
    const range = { low: 50, high: 70, log: false, wraps: false };
    expect(stepGrip(NORMAL, FREE, "location", 10, range)).toMatchObject({ loc: 62 });
    expect(stepGrip(NORMAL, FREE, "width", 1, range)).toMatchObject({ scale: 2.1 });
    expect(stepGrip(NORMAL, FREE, "low", 1, range)).toBe(NORMAL);
    const open = { ...CUT, high: null };
    const axis = { low: 0.5, high: 8, log: false, wraps: false };
    expect(Number(stepGrip(open, INDEX, "high", -10, axis).high)).toBeCloseTo(7.25);
    expect(stepGrip(LOG, FREE, "location", 50, { low: 1, high: 100, log: true, wraps: false })).toMatchObject(
      {
        low: 10,
        high: 1000,
      },
    );
  });
});

describe("the axis", () => {
  it("shows the mass with room around it, and never exceeds the schema's bounds", () => {
    const range = plotRange(NORMAL, FREE);
    expect(range?.low).toBeLessThan(54);
    expect(range?.high).toBeGreaterThan(66);
    expect(plotRange(CUT, INDEX)).toMatchObject({ low: 0.5, high: 8 });
    expect(plotRange(LOG, FREE)).toMatchObject({ log: true });
    expect(plotRange(LOG, FREE)?.low).toBeGreaterThan(0);
    expect(plotRange({ ...NORMAL, scale: -1 }, FREE)).toBeNull();
  });

  it("includes other values that must be visible", () => {
    expect(plotRange(NORMAL, FREE, [90])?.high).toBeGreaterThan(90);
    expect(plotRange({ ...CUT, low: -1000 }, FREE)?.low).toBeGreaterThan(-100);
  });
});
