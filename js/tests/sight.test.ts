import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Image, Raster } from "../src/image";

import { createSight } from "../src/sight";
import { INITIAL } from "../src/state";
import { createStore } from "../src/store";
import { setUp } from "./connected";
import { view } from "./fixtures";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const PART: Raster = { x: 4, y: 6, step: 2, nx: 3, ny: 2 };
const RASTER = { x: 0, y: 0, step: 4, nx: 5, ny: 5 };
const CELLS = new Float32Array(25);

function looking() {
  const image = {
    nx: 20,
    ny: 18,
    raster: RASTER,
    patch: null,
    data: CELLS,
    sigma: CELLS,
  } as unknown as Image;
  const store = createStore({ ...INITIAL, image });
  const sent: object[] = [];
  const sight = createSight(store, (message) => sent.push(message), new AbortController().signal);
  const come = (raster: Raster) =>
    store.dispatch({ type: "sight", patch: { raster, data: CELLS, sigma: CELLS } });
  return { store, sent, sight, come };
}

it("the visible part is requested once, when the view stops moving", () => {
  const { sent, sight } = looking();
  for (let x = 0; x < 20; x++) {
    sight.look({ ...PART, x });
    vi.advanceTimersByTime(30);
  }
  expect(sent).toEqual([]);
  sight.look({ ...PART, x: 19 });
  vi.advanceTimersByTime(500);
  sight.look({ ...PART, x: 19 });
  vi.advanceTimersByTime(500);
  expect(sent).toEqual([{ t: "sight", raster: [19, 6, 2, 3, 2] }]);
});

it("cells in the page are not requested again, and a gesture is drawn in them", () => {
  const { come, sent, sight } = looking();
  expect(sight.inRender()).toEqual({});
  come(PART);
  sight.look(PART);
  vi.advanceTimersByTime(500);
  expect(sent).toEqual([]);
  expect(sight.inRender()).toEqual({ sight: [4, 6, 2, 3, 2] });
  sight.look(null);
  expect(sight.inRender()).toEqual({});
});

it("a pixel is requested when the cursor stops moving", () => {
  const { sent, sight } = looking();
  for (let x = 0; x < 9; x++) sight.pixel({ x, y: 3 });
  vi.advanceTimersByTime(500);
  expect(sent).toEqual([{ t: "pixel", x: 8, y: 3 }]);
});

it("frames are stored with their cells, and those of another part are dropped", () => {
  const { receive, store } = setUp();
  const cells = view(new Float32Array(4).fill(2));
  const large = {
    t: "image",
    shape: [4, 4],
    raster: [0, 0, 2, 2, 2],
    layers: ["data", "sigma"],
    limits: { data: {} },
  };
  receive(large, [cells, cells]);
  const frame = (raster: number[], value: number, more = {}) =>
    receive({ t: "frame", seq: null, components: ["galaxy"], dof: 9, raster, ...more }, [
      view(new Float32Array((raster[3] as number) * (raster[4] as number)).fill(value)),
    ]);
  frame([0, 0, 2, 2, 2], 1, { chi2: 77 });
  expect(store.state.frames.galaxy?.pixels[0]).toBe(1);
  expect(store.state.chi2).toBe(77);
  receive({ t: "sight", raster: [1, 1, 1, 2, 1], layers: ["data", "sigma"] }, [view([1, 2]), view([3, 4])]);
  expect(store.state.image?.patch?.data[1]).toBe(2);
  frame([1, 1, 1, 2, 1], 5);
  frame([0, 0, 1, 2, 1], 6);
  expect(store.state.near.galaxy?.pixels[0]).toBe(5);
  expect(store.state.frames.galaxy?.pixels[0]).toBe(1);
  expect(store.state.chi2).toBe(77);
  receive({ t: "pixel", x: 1, y: 2, data: 3, sigma: null, model: 4 });
  expect(store.state.pixel).toMatchObject({ x: 1, y: 2, data: 3, sigma: null, model: 4 });
  receive(large, [cells, cells]);
  expect(store.state.near).toEqual({});
});
