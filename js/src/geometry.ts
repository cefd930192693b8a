/**
 * Geometry of the panels and of the ellipses drawn on them.
 *
 * Image coordinates: pixel centres at integers from 0, row 0 at the bottom, y up. Screen coordinates: CSS pixels from
 * the panel's top left corner, y down. `theta` is in radians, counter-clockwise from +y, modulo pi.
 */

export interface Point {
  x: number;
  y: number;
}
/** The image point at a panel's centre and the magnification; zoom 1 fits the image into the panel. */
export interface View extends Point {
  zoom: number;
}
export interface Viewport {
  width: number;
  height: number;
  nx: number;
  ny: number;
}

export const MIN_ZOOM = 0.5;
export const MAX_ZOOM = 64;

export const fitView = (frame: Viewport): View => ({ x: (frame.nx - 1) / 2, y: (frame.ny - 1) / 2, zoom: 1 });

/** CSS pixels per image pixel. */
export function magnification(view: View, frame: Viewport): number {
  return Math.min(frame.width / frame.nx, frame.height / frame.ny) * view.zoom;
}

export function toScreen(point: Point, view: View, frame: Viewport): Point {
  const scale = magnification(view, frame);
  return {
    x: frame.width / 2 + (point.x - view.x) * scale,
    y: frame.height / 2 - (point.y - view.y) * scale,
  };
}

export function toImage(point: Point, view: View, frame: Viewport): Point {
  const scale = magnification(view, frame);
  return {
    x: view.x + (point.x - frame.width / 2) / scale,
    y: view.y - (point.y - frame.height / 2) / scale,
  };
}

/** Zoom by a factor so that the image point under `at` (screen) stays where it is. */
export function zoomAt(view: View, frame: Viewport, at: Point, factor: number): View {
  const zoom = Math.min(Math.max(view.zoom * factor, MIN_ZOOM), MAX_ZOOM);
  const fixed = toImage(at, view, frame);
  const part = view.zoom / zoom;
  return keepInside(
    { x: fixed.x + (view.x - fixed.x) * part, y: fixed.y + (view.y - fixed.y) * part, zoom },
    frame,
  );
}

/** Pan by a screen displacement. */
export function panBy(view: View, frame: Viewport, dx: number, dy: number): View {
  const scale = magnification(view, frame);
  return keepInside({ ...view, x: view.x - dx / scale, y: view.y + dy / scale }, frame);
}

/** Keep the panel's centre on the image, so that the image can't be lost from view. */
function keepInside(view: View, frame: Viewport): View {
  const within = (value: number, size: number) => Math.min(Math.max(value, -0.5), size - 0.5);
  return { ...view, x: within(view.x, frame.nx), y: within(view.y, frame.ny) };
}

/** A component on the image; a point source has only its centre. */
export interface Shape {
  xc: number;
  yc: number;
  size: number | null;
  ellip: number;
  theta: number;
}

/** Unit vectors along the major and minor axes. */
export const majorAxis = (theta: number): Point => ({ x: -Math.sin(theta), y: Math.cos(theta) });
export const minorAxis = (theta: number): Point => ({ x: Math.cos(theta), y: Math.sin(theta) });

const dot = (a: Point, b: Point): number => a.x * b.x + a.y * b.y;
const along = (from: Point, axis: Point, length: number): Point => ({
  x: from.x + axis.x * length,
  y: from.y + axis.y * length,
});

/** Elliptical radius of a point, measured along the major axis. */
export function ellipticalRadius(shape: Shape, at: Point): number {
  const offset = { x: at.x - shape.xc, y: at.y - shape.yc };
  const q = Math.max(1 - shape.ellip, 1e-3);
  return Math.hypot(dot(offset, majorAxis(shape.theta)), dot(offset, minorAxis(shape.theta)) / q);
}

export type HandleKind = "centre" | "size" | "shape" | "angle";
export const HANDLES: readonly HandleKind[] = ["centre", "size", "shape", "angle"];

/** Screen distances that keep the handles of a tiny ellipse apart. */
const CLEAR = 15;
const STEM = 24;

/** The positions of the handles in image coordinates, at a magnification of `scale` CSS pixels per pixel. */
export function handlePoints(shape: Shape, scale: number): Partial<Record<HandleKind, Point>> {
  const centre = { x: shape.xc, y: shape.yc };
  if (shape.size === null) return { centre };
  const semiMajor = Math.max(shape.size, CLEAR / scale);
  const semiMinor = Math.max(shape.size * (1 - shape.ellip), CLEAR / scale);
  return {
    centre,
    size: along(centre, majorAxis(shape.theta), semiMajor),
    shape: along(centre, minorAxis(shape.theta), semiMinor),
    angle: along(centre, majorAxis(shape.theta), semiMajor + STEM / scale),
  };
}

export type ShapeChange = Partial<Omit<Shape, "size"> & { size: number }>;

/** The shape after a handle was dragged from one image point to another, from the shape at the start. */
export function dragHandle(start: Shape, kind: HandleKind, from: Point, to: Point): ShapeChange {
  const moved = { x: to.x - from.x, y: to.y - from.y };
  const size = start.size ?? 0;
  switch (kind) {
    case "centre":
      return { xc: start.xc + moved.x, yc: start.yc + moved.y };
    case "size":
      return { size: Math.max(size + dot(moved, majorAxis(start.theta)), 0.05) };
    case "shape": {
      const semiMinor = size * (1 - start.ellip) + dot(moved, minorAxis(start.theta));
      return { ellip: 1 - Math.min(Math.max(semiMinor / size, 0.01), 1) };
    }
    case "angle": {
      const bearing = (p: Point) => Math.atan2(p.y - start.yc, p.x - start.xc);
      return { theta: start.theta + bearing(to) - bearing(from) };
    }
  }
}

/** One press of an arrow key on a handle: a pixel, a hundredth or a degree, times `factor`. */
export function nudgeHandle(start: Shape, kind: HandleKind, arrow: Point, factor: number): ShapeChange {
  const size = start.size ?? 0;
  const step = (arrow.x + arrow.y) * factor;
  switch (kind) {
    case "centre":
      return { xc: start.xc + 0.5 * arrow.x * factor, yc: start.yc + 0.5 * arrow.y * factor };
    case "size":
      return { size: Math.max(size + 0.25 * step, 0.05) };
    case "shape":
      // The arrow that moves the handle outwards makes the ellipse rounder.
      return { ellip: Math.min(Math.max(start.ellip - 0.01 * step, 0), 0.99) };
    case "angle":
      return { theta: start.theta - (Math.PI / 180) * step };
  }
}
