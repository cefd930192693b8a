/** Drawing the mask on a picture. While the mask is edited, the pointer draws; wheel, keys and middle button move the view. */

import { cellAt, isCells, pixelsOf } from "../cells";
import type { Point } from "../geometry";
import type { Image, Pixels } from "../image";
import {
  above,
  grown,
  joined,
  type Mask,
  polygon,
  rectangle,
  regionAt,
  type Sketch,
  smoothed,
  sourceAt,
  stroke,
  unusable,
  without,
} from "../masking";
import { memo } from "../memo";
import type { Pictures } from "../pictures";
import type { Masking, Tool } from "../state";
import type { Store } from "../store";

export interface MaskEditor {
  /** Commit a mask; unusable pixels stay masked. */
  commit(mask: Mask): void;
  /** The smoothed significance of the residual, in each pixel or, for a large image, in each visible cell. */
  map(): Float32Array | null;
  /** The mask with the source at a position added, or the masked region there removed; null if there is neither. */
  picked(at: Point, threshold: number): Mask | null;
  /** The mask with all pixels above a threshold added. */
  above(threshold: number): Mask | null;
}

/** A source is masked together with a rim of this many pixels. */
const RIM = 2;

export function createMaskEditor(store: Store, pictures: () => Pictures | null): MaskEditor {
  const bad = memo((data: Pixels, sigma: Pixels) => unusable({ data, sigma }));
  const smooth = memo((values: Pixels, hidden: Mask, nx: number, ny: number) =>
    smoothed(values, hidden, { nx, ny }),
  );
  /** The map in the visible cells, for a large image. */
  const mapIn = ({ data, mask, nx, ny, sigma }: Image, { maps }: Pictures) =>
    smooth(maps?.significance ?? data.map((value, i) => value / (sigma[i] as number)), mask, nx, ny);
  const overSky = memo((image: Image) => image.data.map((value, i) => value / (image.sigma[i] as number)));
  return {
    commit(mask) {
      const { image } = store.state;
      if (isCells(image))
        store.dispatch({ type: "mask", mask: image.unusable ? joined(mask, image.unusable) : mask });
      else if (image) store.dispatch({ type: "mask", mask: joined(mask, bad(image.data, image.sigma)) });
    },
    map() {
      const { image } = store.state;
      if (!image) return null;
      const shown = pictures();
      if (isCells(image)) return shown?.image ? mapIn(shown.image, shown) : null;
      const values = pictures()?.allMaps()?.significance ?? overSky(image);
      return smooth(values, bad(image.data, image.sigma), image.nx, image.ny);
    },
    picked(at, threshold) {
      const { image } = store.state;
      const map = this.map();
      const shown = pictures();
      if (!image || !map) return null;
      if (isCells(image)) return shown?.image ? pickedInCells(image, shown, map, at, threshold) : null;
      return picked(image, map, at, threshold);
    },
    above(threshold) {
      const { image } = store.state;
      const map = this.map();
      const shown = pictures();
      if (!image || !map) return null;
      const found = above(map, threshold);
      if (!isCells(image)) return joined(image.mask, found);
      return shown && joined(image.mask, pixelsOf(found, image, shown.raster));
    },
  };
}

/** As `picked`, for the visible cells of a large image: regions are unmasked by pixels, sources masked by cells. */
function pickedInCells(
  image: Image,
  { image: cells, raster }: Pictures,
  map: Float32Array,
  at: Point,
  threshold: number,
): Mask | null {
  const [x, y] = [Math.round(at.x), Math.round(at.y)];
  const cell = cellAt(raster, { x, y });
  if (!cells || cell < 0) return null;
  if (image.mask[y * image.nx + x]) return without(image.mask, regionAt(image.mask, image, { x, y }));
  const source = picked(
    { ...cells, mask: new Uint8Array(map.length) },
    map,
    { x: cell % raster.nx, y: Math.floor(cell / raster.nx) },
    threshold,
  );
  return source && joined(image.mask, pixelsOf(source, image, raster));
}

/** Mask the source at a pixel, or unmask the region there. */
export function picked(image: Image, map: Float32Array, at: Point, threshold: number): Mask | null {
  const [x, y] = [Math.round(at.x), Math.round(at.y)];
  if (x < 0 || y < 0 || x >= image.nx || y >= image.ny) return null;
  if (image.mask[y * image.nx + x]) return without(image.mask, regionAt(image.mask, image, at));
  const source = sourceAt(map, image, at, threshold);
  if (!source) return null;
  let region = source;
  for (let step = 0; step < RIM; step++) region = grown(region, image);
  return joined(image.mask, region);
}

interface Grab {
  pointer: number;
  tool: Tool;
  flag: 0 | 1;
  points: Point[];
  mask: Mask;
}

export function maskPanel(
  stage: HTMLElement,
  store: Store,
  editor: MaskEditor,
  imagePoint: (event: PointerEvent) => Point,
  show: (sketch: Sketch) => void,
  signal: AbortSignal,
): void {
  let grab: Grab | null = null;
  /** Corners set by the keyboard. */
  let corners: Point[] = [];

  const forget = () => {
    grab = null;
    corners = [];
    show({ mask: null, outline: null });
  };

  function corner(at: Point, flag: 0 | 1): void {
    const { image, masking } = store.state;
    if (!image || !masking) return;
    const outline = outlineBy(masking.tool, corners, at);
    corners = [...corners, at];
    if (outline.closed) {
      editor.commit(polygon(image.mask, image, outline.points, flag));
      forget();
    } else show({ mask: null, outline: corners });
  }

  const down = (event: PointerEvent) => {
    const { image, masking } = store.state;
    if (!masking || !image || event.button !== 0) return;
    // The handles and the panning below must not receive this event.
    event.stopImmediatePropagation();
    event.preventDefault();
    stage.focus();
    const at = imagePoint(event);
    if (masking.tool === "pick") {
      pickAt(store, editor, at);
      return;
    }
    stage.setPointerCapture?.(event.pointerId);
    const erases = masking.tool === "eraser" || event.altKey;
    grab = {
      pointer: event.pointerId,
      tool: masking.tool,
      flag: erases ? 0 : 1,
      points: [at],
      mask: image.mask.slice(),
    };
    draw([at]);
  };

  function draw(places: Point[]): void {
    const { image, masking } = store.state;
    if (!grab || !image || !masking) return;
    const last = places.at(-1) as Point;
    if (isBrush(grab.tool))
      for (const at of places) {
        stroke(grab.mask, image, grab.points[0] as Point, at, masking.size / 2, grab.flag);
        grab.points = [at];
      }
    else grab.points = grab.tool === "lasso" ? [...grab.points, ...places] : [grab.points[0] as Point, last];
    show({ mask: isBrush(grab.tool) ? grab.mask : null, outline: outlineOf(grab, masking, last) });
  }

  const move = (event: PointerEvent) => {
    const { masking } = store.state;
    if (!masking) return;
    if (grab && event.pointerId === grab.pointer) {
      // All pointer positions since the last frame, for a smooth line.
      const between = event.getCoalescedEvents?.() ?? [];
      draw((between.length > 0 ? between : [event]).map(imagePoint));
    } else if (!grab && isBrush(masking.tool))
      show({ mask: null, outline: circle(imagePoint(event), masking.size / 2) });
  };

  const up = (event: PointerEvent) => {
    const { image } = store.state;
    if (!grab || event.pointerId !== grab.pointer) return;
    const { tool, points, flag, mask } = grab;
    grab = null;
    show({ mask: null, outline: null });
    if (!image || event.type === "pointercancel") return;
    if (isBrush(tool)) editor.commit(mask);
    else if (points.length > 1) {
      const [first, last] = [points[0] as Point, points.at(-1) as Point];
      editor.commit(polygon(image.mask, image, tool === "lasso" ? points : rectangle(first, last), flag));
    }
  };

  const stopFit = (event: MouseEvent) => store.state.masking && event.stopImmediatePropagation();
  const leave = () => !grab && store.state.masking && show({ mask: null, outline: null });
  const key = (event: KeyboardEvent) => {
    const { display, masking } = store.state;
    const draws = masking?.tool === "rectangle" || masking?.tool === "lasso";
    if (event.key === "Escape" && (grab || corners.length > 0)) {
      event.stopImmediatePropagation();
      forget();
    } else if (event.key === "Enter" && draws && display.pin && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      corner(display.pin, event.altKey ? 0 : 1);
    } else {
      if (!draws) corners = [];
      maskKey(event, store, editor, show);
    }
  };
  stage.addEventListener("pointerdown", down, { signal, capture: true });
  stage.addEventListener("dblclick", stopFit, { signal, capture: true });
  stage.addEventListener("keydown", key, { signal });
  stage.addEventListener("pointermove", move, { signal });
  stage.addEventListener("pointerup", up, { signal });
  stage.addEventListener("pointercancel", up, { signal });
  stage.addEventListener("pointerleave", leave, { signal });
}

/** The outline after one more corner: a rectangle has two, a lasso ends when a corner is set twice. */
export function outlineBy(
  tool: Tool,
  corners: readonly Point[],
  at: Point,
): { closed: boolean; points: Point[] } {
  const [first, last] = [corners[0], corners.at(-1)];
  if (tool === "lasso")
    return { closed: corners.length > 2 && last?.x === at.x && last.y === at.y, points: [...corners] };
  if (!first) return { closed: false, points: [] };
  return { closed: true, points: rectangle(first, at) };
}

const isBrush = (tool: Tool): boolean => tool === "brush" || tool === "eraser";

function pickAt(store: Store, editor: MaskEditor, at: Point): void {
  const { masking } = store.state;
  if (!masking) return;
  const mask = editor.picked(at, masking.threshold);
  const said = mask ? "" : `no source above ${masking.threshold} σ here`;
  if (said !== masking.said) store.dispatch({ type: "masking", masking: { ...masking, said } });
  if (mask) editor.commit(mask);
}

/** Enter applies the tool at the crosshair, brackets change the brush, M closes the editor. */
function maskKey(
  event: KeyboardEvent,
  store: Store,
  editor: MaskEditor,
  show: (sketch: Sketch) => void,
): void {
  const { display, image, masking } = store.state;
  if (event.ctrlKey || event.metaKey || event.defaultPrevented || !masking || !image) return;
  const resize = { "[": -1, "]": 1 }[event.key];
  if (resize)
    store.dispatch({ type: "masking", masking: { ...masking, size: Math.max(masking.size + resize, 1) } });
  else if (event.key === "Enter" && display.pin) applyAt(store, editor, masking, display.pin);
  else return;
  event.preventDefault();
  show({ mask: null, outline: null });
}

function applyAt(store: Store, editor: MaskEditor, masking: Masking, at: Point): void {
  const { image } = store.state;
  if (!image) return;
  if (!isBrush(masking.tool)) {
    pickAt(store, editor, at);
    return;
  }
  const mask = image.mask.slice();
  stroke(mask, image, at, at, masking.size / 2, masking.tool === "eraser" ? 0 : 1);
  editor.commit(mask);
}

function outlineOf({ tool, points }: Grab, { size }: Masking, at: Point): Point[] {
  if (isBrush(tool)) return circle(at, size / 2);
  return tool === "lasso" ? points : rectangle(points[0] as Point, at);
}

function circle(at: Point, radius: number): Point[] {
  return Array.from({ length: 40 }, (_, i) => {
    const turn = (2 * Math.PI * i) / 40;
    return { x: at.x + radius * Math.cos(turn), y: at.y + radius * Math.sin(turn) };
  });
}
