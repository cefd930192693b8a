import { describe, expect, it } from "vitest";
import type { Shape } from "../src/geometry";
import type { Pixels } from "../src/image";
import { carriedAt, carriedOn, carryBetween, lightOn, type Pose } from "../src/preview";
import { whole } from "../src/raster";

const [NX, NY] = [96, 80];
const ALL = whole({ nx: NX, ny: NY });
const HERE: Shape = { xc: 40, yc: 38, size: 6, ellip: 0.3, theta: 0.4 };

/** An elliptical Gaussian with this flux, by its formula. */
function gaussian({ xc, yc, size, ellip, theta }: Shape, flux: number): Pixels {
  const [a, q] = [size ?? 1, 1 - ellip];
  return Float32Array.from({ length: NX * NY }, (_, i) => {
    const [x, y] = [(i % NX) - xc, Math.floor(i / NX) - yc];
    const along = (-x * Math.sin(theta) + y * Math.cos(theta)) / a;
    const across = (x * Math.cos(theta) + y * Math.sin(theta)) / (a * q);
    return (flux / (2 * Math.PI * a * a * q)) * Math.exp(-0.5 * (along ** 2 + across ** 2));
  });
}
const pose = (change: Partial<Shape> = {}, flux = 1000): Pose => ({
  shape: { ...HERE, ...change },
  flux,
  level: Number.NaN,
});
const sky = (level: number): Pose => ({ shape: null, flux: Number.NaN, level });

function follow(pixels: Pixels, from: Pose, to: Pose): Pixels {
  const carry = carryBetween(from, to);
  if (!carry) throw new Error("nothing moved");
  return carriedOn(pixels, NX, ALL, carry);
}
const worst = (a: Pixels, b: Pixels) => Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

describe("a picture that follows its component", () => {
  const drawn = gaussian(HERE, 1000);

  it.each<[string, Partial<Shape>]>([
    ["is shifted", { xc: 46.37, yc: 33.62 }],
    ["is turned", { theta: 1.3 }],
    ["is stretched", { size: 7.1 }],
    ["is flattened", { ellip: 0.45 }],
    ["does all of it", { xc: 43.5, yc: 40.25, size: 6.6, ellip: 0.38, theta: 0.9 }],
  ])("%s like the galaxy itself", (_, change) => {
    const wanted = gaussian({ ...HERE, ...change }, 1300);
    const peak = Math.max(...wanted);
    expect(worst(drawn, wanted) / peak).toBeGreaterThan(0.1);
    expect(worst(follow(drawn, pose(), pose(change, 1300)), wanted) / peak).toBeLessThan(0.01);
  });

  it("follows its flux exactly", () => {
    const brighter = follow(drawn, pose(), pose({}, 2500));
    expect(worst(brighter, gaussian(HERE, 2500)) / Math.max(...brighter)).toBeLessThan(1e-6);
  });

  it("follows a sky's level exactly", () => {
    const slope = Float32Array.from({ length: NX * NY }, (_, i) => 0.25 * (i % NX));
    expect(follow(slope, sky(0), sky(1.5))).toEqual(slope.map((value) => value + 1.5));
  });

  it("continues beyond the edge of the old picture", () => {
    const left = follow(drawn, pose(), pose({ xc: 60 }));
    expect(left[10 * NX]).toBe(drawn[10 * NX]);
  });

  it("follows a point by its centre", () => {
    const point = (xc: number): Pose => ({ ...pose({ xc, size: null }), flux: 1 });
    const moved = follow(drawn, point(40), point(43));
    expect(moved[38 * NX + 43]).toBe(drawn[38 * NX + 40]);
  });

  it("is the same for one pixel, some pixels or all", () => {
    const carry = carryBetween(pose(), pose({ xc: 43.5, yc: 40.25, size: 6.6, theta: 0.9 }, 1300));
    if (!carry) throw new Error("nothing moved");
    const all = carriedOn(drawn, NX, ALL, carry);
    const at = carriedAt(drawn, NX, carry);
    const alone = all.map((_, i) => at(i % NX, Math.floor(i / NX)));
    expect(worst(alone, all)).toBeLessThan(1e-5);
    const some = lightOn({ pixels: drawn, nx: NX, carry }, { x: 20, y: 30, step: 3, nx: 12, ny: 9 });
    const picked = some.map(
      (_, i) => all[(30 + 3 * Math.floor(i / 12) + 1) * NX + 20 + 3 * (i % 12) + 1] as number,
    );
    expect(worst(some, picked)).toBeLessThan(1e-5);
    expect(Math.max(...some)).toBeGreaterThan(1);
  });

  it("is unchanged if nothing has moved, or if the old position can't be determined", () => {
    expect(carryBetween(pose(), pose())).toBeNull();
    expect(carryBetween(pose({}, 0), pose({}, 1))).toBeNull();
    expect(carryBetween(pose(), pose({ size: 0 }))).toBeNull();
  });
});
