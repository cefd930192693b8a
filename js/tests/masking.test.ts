import { describe, expect, it } from "vitest";
import { picked } from "../src/gestures/mask_drawing";
import {
  above,
  countOf,
  grown,
  inverted,
  joined,
  nameOf,
  packed,
  polygon,
  rectangle,
  regionAt,
  smoothed,
  sourceAt,
  stroke,
  unpacked,
  unusable,
  without,
} from "../src/masking";

const size = { nx: 7, ny: 5 };
const empty = () => new Uint8Array(size.nx * size.ny);
/** Rows from the top, as on the screen. */
const seen = (mask: Uint8Array) =>
  Array.from({ length: size.ny }, (_, row) => {
    const y = size.ny - 1 - row;
    return Array.from(mask.subarray(y * size.nx, (y + 1) * size.nx), (flag) => (flag ? "#" : ".")).join("");
  });

describe("a brush", () => {
  it("marks a disc, and the pixels between two positions", () => {
    const mask = empty();
    stroke(mask, size, { x: 1, y: 2 }, { x: 1, y: 2 }, 1, 1);
    expect(seen(mask)).toEqual([".......", ".#.....", "###....", ".#.....", "......."]);
    stroke(mask, size, { x: 1, y: 2 }, { x: 5, y: 2 }, 0.5, 1);
    expect(seen(mask)[2]).toBe("######.");
    stroke(mask, size, { x: 3.4, y: 2.3 }, { x: 3.4, y: 2.3 }, 0.2, 0);
    expect(seen(mask)[2]).toBe("###.##.");
  });

  it("may leave the image", () => {
    const mask = empty();
    stroke(mask, size, { x: -3, y: 4 }, { x: 0, y: 4 }, 1, 1);
    stroke(mask, size, { x: 40, y: 40 }, { x: 50, y: 50 }, 2, 1);
    expect(seen(mask)).toEqual(["##.....", "#......", ".......", ".......", "......."]);
  });
});

describe("outlines", () => {
  it("contain the pixels whose centres are inside", () => {
    const triangle = [
      { x: 0.5, y: 0.5 },
      { x: 6, y: 0.5 },
      { x: 0.5, y: 6 },
    ];
    expect(seen(polygon(empty(), size, triangle, 1))).toEqual([
      ".##....",
      ".###...",
      ".####..",
      ".#####.",
      ".......",
    ]);
  });

  it("of a rectangle contain whole pixels, and can erase", () => {
    const full = inverted(empty());
    const corners = rectangle({ x: 4.2, y: 3.4 }, { x: 1.8, y: 1.6 });
    expect(seen(polygon(full, size, corners, 0))).toEqual([
      "#######",
      "##...##",
      "##...##",
      "#######",
      "#######",
    ]);
    expect(countOf(full)).toBe(35);
  });
});

describe("masks", () => {
  const cross = Uint8Array.from(empty(), (_, i) => (i === 16 || i === 34 ? 1 : 0));

  it("grow by neighbouring pixels, without wrapping around the edges", () => {
    expect(seen(grown(cross, size))).toEqual([".....##", ".###.##", ".###...", ".###...", "......."]);
  });

  it("are inverted, united and subtracted", () => {
    expect(countOf(inverted(cross))).toBe(33);
    expect(countOf(joined(cross, inverted(cross)))).toBe(35);
    expect(countOf(without(inverted(empty()), cross))).toBe(33);
    expect(Array.from(above([1, 3, Number.NaN], 2))).toEqual([0, 1, 0]);
  });

  it("always contain pixels without a value or an error", () => {
    const data = Float32Array.from([1, Number.NaN, 1, 1, 1]);
    const sigma = Float32Array.from([1, 1, 0, Infinity, 2]);
    expect(Array.from(unusable({ data, sigma }))).toEqual([0, 1, 1, 1, 0]);
  });

  it("give the connected region around a pixel", () => {
    const two = Uint8Array.from([1, 1, 0, 0, 0, 1, 1, ...new Array(28).fill(0)]);
    expect(seen(regionAt(two, size, { x: 0, y: 0 })).at(-1)).toBe("##.....");
    expect(countOf(regionAt(two, size, { x: 3, y: 0 }))).toBe(0);
  });

  it("are sent as bits, with a name that agrees with zlib.crc32 and numpy.packbits(bitorder='little')", () => {
    const mask = Uint8Array.from({ length: 35 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    expect(Array.from(packed(mask))).toEqual([73, 146, 36, 73, 2]);
    expect(Array.from(unpacked(packed(mask), 35))).toEqual(Array.from(mask));
    expect(nameOf(mask)).toBe("74799f56");
    expect(() => unpacked(new Uint8Array(4), 35)).toThrow("expected 5 bytes, got 4");
  });
});

describe("sources", () => {
  const field = { nx: 60, ny: 50 };
  const sources = [
    { x: 20, y: 25, peak: 200, width: 5 },
    { x: 38, y: 28, peak: 60, width: 2.5 },
  ];
  const significance = Float32Array.from({ length: field.nx * field.ny }, (_, i) => {
    const [x, y] = [i % field.nx, Math.floor(i / field.nx)];
    // A ripple of unit size stands for noise.
    const noise = Math.sin(12.9898 * x + 78.233 * y) * Math.SQRT2;
    return sources.reduce(
      (sum, s) => sum + s.peak * Math.exp(-0.5 * (((x - s.x) ** 2 + (y - s.y) ** 2) / s.width ** 2)),
      noise,
    );
  });
  const none = new Uint8Array(significance.length);
  const map = smoothed(significance, none, field);

  it("smoothing keeps a constant, in units of the smoothed noise, and fills bad pixels", () => {
    const bad = none.slice();
    bad.fill(1, 600, 605);
    const flat = smoothed(new Float32Array(significance.length).fill(2), bad, field);
    const kernel = Array.from({ length: 9 }, (_, k) => Math.exp(-0.5 * ((k - 4) / 1.2) ** 2));
    const noise = kernel.reduce((s, k) => s + k * k, 0) / kernel.reduce((s, k) => s + k, 0) ** 2;
    expect(flat[25 * 60 + 30]).toBeCloseTo(2 / noise, 3);
    expect(flat[602]).toBeCloseTo(2 / noise, 3);
    expect(flat[0]).toBeCloseTo(2 / noise, 3);
  });

  it("are separated where the values rise again: a neighbour is picked without the galaxy", () => {
    const neighbour = sourceAt(map, field, { x: 39, y: 27 }, 5);
    const at = (mask: Uint8Array | null, x: number, y: number) => mask?.[y * field.nx + x];
    expect(at(neighbour, 38, 28)).toBe(1);
    expect(at(neighbour, 42, 28)).toBe(1);
    expect(at(neighbour, 20, 25)).toBe(0);
    expect(at(neighbour, 27, 25)).toBe(0);
    const count = countOf(neighbour as Uint8Array);
    expect(count).toBeGreaterThan(60);
    expect(count).toBeLessThan(300);
  });

  it("are not found below the threshold", () => {
    expect(sourceAt(map, field, { x: 55, y: 5 }, 5)).toBeNull();
  });

  it("are masked by a click, and unmasked by a second one", () => {
    const image = { ...field, mask: none } as never as Parameters<typeof picked>[0];
    const first = picked(image, map, { x: 38, y: 28 }, 5);
    expect(countOf(first as Uint8Array)).toBeGreaterThan(60);
    expect(countOf(picked({ ...image, mask: first as never }, map, { x: 36, y: 28 }, 5) as Uint8Array)).toBe(
      0,
    );
    expect(picked(image, map, { x: 55, y: 5 }, 5)).toBeNull();
    expect(picked(image, map, { x: -1, y: 5 }, 5)).toBeNull();
  });
});
