import { describe, expect, it } from "vitest";
import { ellipticalRadius } from "../src/geometry";
import { errorIn, meanIn, ringsOf } from "../src/profile";

const [nx, ny] = [31, 23];
const shape = { xc: 14.3, yc: 10.8, size: 5, ellip: 0.4, theta: 0.7 };
const mask = Uint8Array.from({ length: nx * ny }, (_, i) => (i % 7 === 0 ? 1 : 0));
const values = Float32Array.from({ length: nx * ny }, (_, i) => Math.sin(i) + i / 100);

/** The same annuli, pixel by pixel and the slow way. */
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

  it("have the pixels of the slow way", () => {
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

  it("are none where everything is masked", () => {
    expect(ringsOf({ nx, ny, mask: new Uint8Array(nx * ny).fill(1) }, shape).number).toHaveLength(0);
  });
});
