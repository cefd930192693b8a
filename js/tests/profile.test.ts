import { describe, expect, it } from "vitest";
import { ellipticalRadius } from "../src/geometry";
import { errorIn, meanIn, meanOf, ringsOf } from "../src/profile";

const [nx, ny] = [31, 23];
const shape = { xc: 14.3, yc: 10.8, size: 5, ellip: 0.4, theta: 0.7 };
const mask = Uint8Array.from({ length: nx * ny }, (_, i) => (i % 7 === 0 ? 1 : 0));
const values = Float32Array.from({ length: nx * ny }, (_, i) => Math.sin(i) + i / 100);

/** The same annuli, computed slowly, pixel by pixel. */
function slowly() {
  const radius = Array.from(values, (_, i) => ellipticalRadius(shape, { x: i % nx, y: Math.floor(i / nx) }));
  const edges = [0];
  const largest = Math.max(...radius.filter((_, i) => !mask[i]));
  for (let edge = 0; edge < largest; edges.push(edge)) edge += Math.max(1, 0.1 * edge);
  return edges.slice(1).flatMap((outer, k) => {
    const inner = edges[k] as number;
    const members = radius.flatMap((r, i) => (!mask[i] && r >= inner && r < outer ? [i] : []));
    const area = Math.PI * 0.6 * (outer ** 2 - inner ** 2);
    if (members.length < Math.max(1, 0.25 * area)) return [];
    const mean = (of: (i: number) => number) => members.reduce((sum, i) => sum + of(i), 0) / members.length;
    return [
      {
        number: members.length,
        radius: mean((i) => radius[i] as number),
        value: mean((i) => values[i] as number),
        error: Math.sqrt(mean((i) => (values[i] as number) ** 2) / members.length),
      },
    ];
  });
}

describe("annuli", () => {
  const rings = ringsOf({ nx, ny, mask }, shape);
  const expected = slowly();

  it("have the same pixels as a slow reference", () => {
    expect(expected.length).toBeGreaterThan(8);
    expect(Array.from(rings.number)).toEqual(expected.map((ring) => ring.number));
    for (const [i, ring] of expected.entries()) expect(rings.radius[i]).toBeCloseTo(ring.radius, 5);
  });

  it("have the mean of their pixels, and its standard error", () => {
    const [mean, error] = [meanIn(rings, values), errorIn(rings, values)];
    for (const [i, ring] of expected.entries()) {
      expect(mean[i]).toBeCloseTo(ring.value, 5);
      expect(error[i]).toBeCloseTo(ring.error, 5);
    }
  });

  it("are empty if everything is masked", () => {
    expect(ringsOf({ nx, ny, mask: new Uint8Array(nx * ny).fill(1) }, shape).number).toHaveLength(0);
  });
});

describe("annuli of a large image", () => {
  const [width, height] = [1300, 1100];
  const long = { xc: 610.3, yc: 555.7, size: 80, ellip: 0.4, theta: 0.7 };
  const bad = new Uint8Array(width * height);
  const [galaxy, noisy, noise] = [0, 1, 2].map(() => new Float32Array(width * height)) as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ];
  const radii = new Float64Array(width * height);
  const light = (x: number, y: number) => 20 * Math.exp(-ellipticalRadius(long, { x, y }) / 90);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      // Within its annulus: at an edge, a block may assign it to either side.
      const star = 400 * Math.exp(-((x - 1022) ** 2 + (y - 393) ** 2) / 4);
      radii[i] = ellipticalRadius(long, { x, y });
      galaxy[i] = light(x, y);
      noise[i] = 1 + ((i * 7) % 5) / 4;
      noisy[i] =
        (galaxy[i] as number) + star + 3 * (noise[i] as number) * (((i * 0.6180339887498949) % 1) - 0.5);
      if ((x > 200 && x < 420 && y > 640 && y < 800) || i % 11 === 0) {
        bad[i] = 1;
        noisy[i] = Number.NaN;
      }
    }
  const rings = ringsOf({ nx: width, ny: height, mask: bad }, long);
  const mean = meanIn(rings, noisy);
  const error = errorIn(rings, noise);

  /** The contents of the annulus at a radius, pixel by pixel. */
  function ring(around: number) {
    let [inner, outer] = [0, 1];
    while (outer <= around) [inner, outer] = [outer, outer + Math.max(1, 0.1 * outer)];
    const sums = { number: 0, value: 0, light: 0, variance: 0 };
    for (let i = 0; i < radii.length; i++) {
      const r = radii[i] as number;
      if (bad[i] || r < inner || r >= outer) continue;
      sums.number += 1;
      sums.value += noisy[i] as number;
      sums.light += galaxy[i] as number;
      sums.variance += (noise[i] as number) ** 2;
    }
    const { number, value, light, variance } = sums;
    return {
      number,
      mean: value / number,
      light: light / number,
      error: Math.sqrt(variance) / number,
      area: Math.PI * 0.6 * (outer ** 2 - inner ** 2),
    };
  }
  const places = Array.from(rings.radius, (radius, at) => ({ at, radius, exact: ring(radius) }));

  it("consist of blocks farther out, and end where less than a quarter of them is visible", () => {
    expect(rings.blocks.index.length).toBeGreaterThan(5e4);
    expect(rings.pixels.index.length).toBeLessThan(5e4);
    const last = places.at(-1);
    expect(last?.exact.number).toBeGreaterThan(0.22 * (last?.exact.area ?? 0));
    expect(ring(1.06 * (last?.radius ?? 0) + 1).number).toBeLessThan(
      0.28 * ring((last?.radius ?? 0) * 1.1).area,
    );
  });

  it("have single pixels near the centre", () => {
    const near = places.filter(({ radius }) => radius < 85);
    expect(near.length).toBeGreaterThan(25);
    for (const { at, exact } of near) {
      expect(rings.number[at]).toBe(exact.number);
      expect(mean[at]).toBeCloseTo(exact.mean, 5);
      expect(error[at]).toBeCloseTo(exact.error, 6);
    }
  });

  it("have the same mean farther out, within a fraction of its error, and all the light", () => {
    const far = places.filter(({ radius }) => radius > 110);
    expect(far.length).toBeGreaterThan(15);
    for (const { at, exact } of far) {
      expect(Math.abs((rings.number[at] as number) / exact.number - 1)).toBeLessThan(0.05);
      expect(Math.abs((error[at] as number) / exact.error - 1)).toBeLessThan(0.04);
      expect(Math.abs((mean[at] as number) - exact.mean)).toBeLessThan(
        Math.max(exact.error, 2e-3 * exact.mean),
      );
    }
  });

  it("have the mean of a component that is known between pixels as well", () => {
    const [drawn, known] = [meanIn(rings, galaxy), meanOf(rings, light)];
    for (const { at, exact } of places) {
      expect(Math.abs((drawn[at] as number) / exact.light - 1)).toBeLessThan(3e-3);
      expect(Math.abs((known[at] as number) / exact.light - 1)).toBeLessThan(3e-3);
    }
  });

  it("respect a new mask", () => {
    const open = ringsOf({ nx: width, ny: height, mask: new Uint8Array(width * height) }, long);
    const sum = (of: Float64Array) => of.reduce((total, each) => total + each, 0);
    expect(sum(open.number)).toBeGreaterThan(1.05 * sum(rings.number));
    const exact = ring(rings.radius[40] as number);
    expect((meanIn(open, galaxy)[40] as number) / exact.light).toBeCloseTo(1, 1);
  });
});
