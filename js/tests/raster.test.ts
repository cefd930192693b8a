import { describe, expect, it } from "vitest";
import { fitView, toImage } from "../src/geometry";
import { column, inSight, overall, pixel, row, sampled, whole } from "../src/raster";

const large = { nx: 4096, ny: 3000 };
const frame = { width: 480, height: 400, ...large };
const fit = fitView(frame);

describe("the visible part", () => {
  it("is all of a small image, in any view", () => {
    const small = { nx: 300, ny: 200 };
    const view = { x: 20, y: 20, zoom: 40 };
    expect(inSight(small, [{ view, frame: { ...frame, ...small } }], 1)).toEqual(whole(small));
  });

  it("is a large image with a cell per device pixel, or slightly more", () => {
    for (const ratio of [1, 2]) {
      const { x, y, step, nx, ny } = inSight(large, [{ view: fit, frame }], ratio);
      expect([x, y]).toEqual([0, 0]);
      expect(nx * step).toBeGreaterThanOrEqual(large.nx);
      expect(ny * step).toBeGreaterThanOrEqual(large.ny);
      expect(step * (frame.width / large.nx) * ratio).toBeLessThanOrEqual(1);
      expect(nx).toBeLessThan(2 * ratio * frame.width);
    }
  });

  it("is that of the view, in single pixels if they can be distinguished", () => {
    const view = { x: 1000, y: 900, zoom: 12 };
    const raster = inSight(large, [{ view, frame }], 1);
    expect(raster.step).toBe(1);
    const [low, high] = [toImage({ x: 0, y: 400 }, view, frame), toImage({ x: 480, y: 0 }, view, frame)];
    expect(raster.x).toBe(Math.round(low.x));
    expect(raster.y).toBe(Math.round(low.y));
    expect(raster.x + raster.nx - 1).toBe(Math.round(high.x));
    expect(raster.y + raster.ny - 1).toBe(Math.round(high.y));
  });

  it("keeps its cells aligned when the view moves", () => {
    const at = (x: number) => inSight(large, [{ view: { x, y: 1500, zoom: 2 }, frame }], 1);
    const [here, there] = [at(2000), at(2011)];
    expect(here.step).toBeGreaterThan(1);
    expect([here.x % here.step, there.x % there.step]).toEqual([0, 0]);
    expect(there.x).toBeGreaterThan(here.x);
  });

  it("is a coarse version of the whole image before a panel has a size", () => {
    const hidden = { ...frame, width: 0 };
    const { nx, ny, step } = inSight(large, [{ view: fit, frame: hidden }], 1);
    expect(nx * ny).toBeLessThan(1e5);
    expect([nx, ny]).toEqual([Math.ceil(4096 / step), Math.ceil(3000 / step)]);
    expect(inSight(large, [], 1)).toEqual(overall(large));
  });
});

describe("samples", () => {
  const pixels = Float32Array.from({ length: 7 * 5 }, (_, i) => i);

  it("are the centres of the cells, or the last pixels at the edge", () => {
    expect(Array.from(sampled(pixels, 7, { x: 0, y: 0, step: 3, nx: 3, ny: 2 }))).toEqual([
      8, 11, 13, 29, 32, 34,
    ]);
    expect(Array.from(sampled(pixels, 7, { x: 2, y: 1, step: 2, nx: 2, ny: 1 }))).toEqual([17, 19]);
  });

  it("can be a row, a column or a pixel", () => {
    const size = { nx: 7, ny: 5 };
    expect(Array.from(sampled(pixels, 7, row(size, 2)))).toEqual([14, 15, 16, 17, 18, 19, 20]);
    expect(Array.from(sampled(pixels, 7, column(size, 6)))).toEqual([6, 13, 20, 27, 34]);
    expect(Array.from(sampled(pixels, 7, pixel(3, 4)))).toEqual([31]);
  });

  it("are the image itself if they include all pixels", () => {
    expect(sampled(pixels, 7, whole({ nx: 7, ny: 5 }))).toBe(pixels);
  });
});
