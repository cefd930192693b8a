import { describe, expect, it } from "vitest";
import {
  dragHandle,
  ellipticalRadius,
  fitView,
  type HandleKind,
  handlePoints,
  nudgeHandle,
  type Point,
  panBy,
  type Shape,
  toImage,
  toScreen,
  zoomAt,
} from "../src/geometry";
import { shapeOf, shapeValues } from "../src/shapes";
import { SCHEMA, SESSION } from "./fixtures";

const FRAME = { width: 300, height: 200, nx: 60, ny: 40 };
const SHAPE: Shape = { xc: 30, yc: 20, size: 10, ellip: 0.4, theta: 0 };
const closeTo = (point: Point | undefined, x: number, y: number) => {
  expect(point?.x).toBeCloseTo(x);
  expect(point?.y).toBeCloseTo(y);
};

describe("screen and image", () => {
  const view = fitView(FRAME);

  it("puts row 0 at the bottom and pixel centres at integers", () => {
    closeTo(toScreen({ x: -0.5, y: -0.5 }, view, FRAME), 0, 200);
    closeTo(toScreen({ x: 59.5, y: 39.5 }, view, FRAME), 300, 0);
    closeTo(toImage({ x: 2.5, y: 197.5 }, view, FRAME), 0, 0);
  });

  it("converts in both directions at any zoom", () => {
    const zoomed = { x: 12.3, y: 7.7, zoom: 3.1 };
    const back = toImage(toScreen({ x: 4.4, y: 33.3 }, zoomed, FRAME), zoomed, FRAME);
    closeTo(back, 4.4, 33.3);
  });

  it("zooms about the pointer", () => {
    const at = { x: 80, y: 60 };
    const zoomed = zoomAt(view, FRAME, at, 2);
    expect(zoomed.zoom).toBe(2);
    const [before, after] = [toImage(at, view, FRAME), toImage(at, zoomed, FRAME)];
    closeTo(after, before.x, before.y);
    expect(zoomAt(view, FRAME, at, 1e9).zoom).toBe(64);
  });

  it("pans the picture with the pointer, and never out of view", () => {
    const panned = panBy({ ...view, zoom: 2 }, FRAME, 20, 10);
    closeTo(panned, view.x - 2, view.y + 1);
    expect(panBy(view, FRAME, 1e6, 0).x).toBe(-0.5);
  });
});

describe("ellipses", () => {
  it("measures theta counter-clockwise from up", () => {
    closeTo(handlePoints(SHAPE, 100).size, 30, 30);
    closeTo(handlePoints(SHAPE, 100).shape, 36, 20);
    const turned = { ...SHAPE, theta: Math.PI / 2 };
    closeTo(handlePoints(turned, 100).size, 20, 20);
    closeTo(handlePoints(turned, 100).shape, 30, 26);
  });

  it("keeps the handles of a tiny ellipse apart", () => {
    const { size, angle } = handlePoints({ ...SHAPE, size: 0.1 }, 2);
    closeTo(size, 30, 27.5);
    closeTo(angle, 30, 39.5);
  });

  it("gives a point source only its centre", () => {
    expect(Object.keys(handlePoints({ ...SHAPE, size: null }, 2))).toEqual(["centre"]);
  });

  it("measures radii along its own ellipses", () => {
    const turned = { ...SHAPE, theta: 0.7 };
    for (const kind of ["size", "shape"] as const)
      expect(ellipticalRadius(turned, handlePoints(turned, 100)[kind] as Point)).toBeCloseTo(10);
  });

  const start: Shape = { xc: 31, yc: 18, size: 9, ellip: 0.35, theta: 0.8 };
  const goal: Shape = { xc: 31, yc: 18, size: 12, ellip: 0.35, theta: 0.8 };
  const dragTo = (kind: HandleKind, to: Shape) =>
    dragHandle(start, kind, handlePoints(start, 100)[kind] as Point, handlePoints(to, 100)[kind] as Point);

  it("changes to another ellipse when its handle is dragged there", () => {
    expect(dragTo("size", goal)).toEqual({ size: expect.closeTo(12) });
    expect(dragTo("shape", { ...start, ellip: 0.6 })).toEqual({ ellip: expect.closeTo(0.6) });
    expect(dragTo("angle", { ...start, theta: 1.3 })).toEqual({ theta: expect.closeTo(1.3) });
    expect(dragTo("centre", { ...start, xc: 33, yc: 11 })).toEqual({
      xc: expect.closeTo(33),
      yc: expect.closeTo(11),
    });
  });

  it("does not jump when a handle is grabbed off its centre", () => {
    const from = { x: 33, y: 27 };
    expect(dragHandle(start, "size", from, from)).toEqual({ size: 9 });
    expect(dragHandle(start, "angle", from, from)).toEqual({ theta: expect.closeTo(0.8) });
  });

  it("stays an ellipse however far it is dragged", () => {
    const far = { x: -1e4, y: -1e4 };
    const size = dragHandle(start, "size", { x: 0, y: 0 }, { x: 1e4, y: -1e4 }).size as number;
    expect(size).toBeGreaterThan(0);
    const { ellip } = dragHandle(start, "shape", { x: 0, y: 0 }, far);
    expect(ellip).toBeLessThan(1);
    expect(dragHandle(start, "shape", far, { x: 0, y: 0 }).ellip).toBe(0);
  });

  it("moves by arrow keys", () => {
    expect(nudgeHandle(SHAPE, "centre", { x: 0, y: 1 }, 10)).toEqual({ xc: 30, yc: 25 });
    expect(nudgeHandle(SHAPE, "angle", { x: -1, y: 0 }, 1).theta).toBeCloseTo(Math.PI / 180);
    expect(nudgeHandle(SHAPE, "shape", { x: 1, y: 0 }, 1).ellip).toBeCloseTo(0.39);
  });
});

describe("shapes of components", () => {
  it("are ellipses, read through ties, and null for a sky", () => {
    expect(shapeOf(SCHEMA, SESSION, "galaxy")).toEqual({ xc: 60.2, yc: 50, size: 4, ellip: 0.5, theta: 0.3 });
    expect(shapeOf(SCHEMA, SESSION, "disk")).toMatchObject({ xc: 60.2, size: 9, ellip: 0.2 });
    expect(shapeOf(SCHEMA, SESSION, "sky")).toBeNull();
  });

  it("are converted to the values of parameters", () => {
    expect(shapeValues(SCHEMA, SESSION, "galaxy", { size: 7 })).toEqual({ "galaxy.r_eff": 7 });
    expect(shapeValues(SCHEMA, SESSION, "sky", { xc: 7 })).toEqual({});
  });
});
