import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nameOf } from "../src/masking";
import { displayFrom, savedText } from "../src/saved";
import { DISPLAY, type Display, INITIAL, type State } from "../src/state";
import { reduce } from "../src/store";
import { NESTED, SESSION } from "./fixtures";

/** A reproducible stream of numbers in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (1664525 * state + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const flags = (length: number, next: () => number) =>
  Uint8Array.from({ length }, () => (next() < 0.4 ? 1 : 0));

function someState(seed: number): State {
  const next = numbers(seed);
  const [nx, ny] = [1 + Math.floor(40 * next()), 1 + Math.floor(40 * next())];
  const plane = () => new Float32Array(nx * ny);
  const own = flags(nx * ny, next);
  const image = {
    ...{ nx, ny, data: plane(), sigma: plane(), mask: own, limits: {} },
    ...{ psf: null, zeropoint: null, unit: null, pixelScale: null, plane: null },
  };
  let state = reduce(INITIAL, { type: "hostSession", session: next() < 0.5 ? SESSION : NESTED });
  state = reduce(state, { type: "image", image });
  if (next() < 0.7) state = reduce(state, { type: "mask", mask: flags(nx * ny, next) });
  const display: Partial<Display> = {
    stretch: next() < 0.5 ? "log" : "asinh",
    limits: next() < 0.5 ? [-next(), next()] : "zscale",
    view: next() < 0.5 ? null : { x: next(), y: next(), zoom: 1 + next() },
    pin: next() < 0.5 ? null : { x: 3, y: 4 },
    locked: next() < 0.5 ? [] : ["galaxy", "\u2028ß"],
    options: { NUTS: { draws: Math.floor(1000 * next()) } },
    match: next() < 0.5,
  };
  return reduce(state, { type: "display", change: display });
}

describe("a saved session", () => {
  it("contains the session, the display settings and the bits of the mask", () => {
    for (let seed = 1; seed <= 80; seed++) {
      const state = someState(seed);
      const document = JSON.parse(savedText(state));
      const { mask: name, ...session } = state.session;
      expect(document.session).toEqual(session);
      expect(document.shape).toEqual([state.image?.ny, state.image?.nx]);
      expect(displayFrom(document.display)).toEqual(state.display);
      expect(document.mask === null).toBe(name === undefined);
      if (name === undefined) continue;
      const bytes = Buffer.from(document.mask, "base64");
      const read = Uint8Array.from(
        { length: state.image?.mask.length ?? 0 },
        (_, i) => ((bytes[i >> 3] as number) >> (i & 7)) & 1,
      );
      expect(read).toEqual(state.image?.mask);
      expect(nameOf(read)).toBe(name);
    }
  });

  it("has the keys and the version that Python reads", () => {
    const { sersiclab, version, made_by } = JSON.parse(savedText(someState(3)));
    expect([sersiclab, version]).toEqual(["session", 1]);
    expect(made_by).toBe("sersiclab 0.0.0-test");
    const python = readFileSync("../src/sersiclab/widget/saved.py", "utf8");
    expect(python).toContain("VERSION = 1\n");
    for (const key of Object.keys(JSON.parse(savedText(someState(3))))) expect(python).toContain(`"${key}"`);
  });
});

describe("a display read from elsewhere", () => {
  it("keeps known settings and drops the rest", () => {
    const written = {
      ...{ stretch: 7, limits: [1, "2"], view: { x: 1, y: 2 }, pin: [], hidden: ["a", 3], solo: null },
      ...{ options: [], percent: Number.NaN, match: "yes", colormap: "viridis", cuts: true, unknown: 1 },
    };
    expect(displayFrom(written)).toEqual({ ...DISPLAY, colormap: "viridis", cuts: true });
  });

  it("is the default if there is none", () => {
    for (const nothing of [undefined, null, 3, "x", [], {}]) expect(displayFrom(nothing)).toEqual(DISPLAY);
  });
});
