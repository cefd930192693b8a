/** The overlay of a panel's picture: ellipses, their handles and the crosshair. */

import {
  HANDLES,
  type HandleKind,
  handlePoints,
  magnification,
  majorAxis,
  type Point,
  type Shape,
  toScreen,
  type View,
  type Viewport,
} from "../geometry";
import { type Interval, type PriorMarks, priorMarks } from "../intervals";
import { at } from "../names";
import { shapeOf, sizeName } from "../shapes";
import { isOld, type State, selectedOf, shown } from "../state";
import { isLocked, isSeen } from "../visibility";
import { colourOf } from "./colours";
import { h, place, setText, show, svg } from "./dom";

export interface Overlay {
  elements: Element[];
  /** Whether the handles can be used by keyboard and screen readers, as in one panel only. */
  name(named: boolean): void;
  update(state: State, view: View, frame: Viewport): void;
  /** Mark the pixel under the cursor, which may be in another panel, with the lines that cross there. */
  mark(pixel: Point | null, view: View, frame: Viewport, crosshair: boolean): void;
  /** Draw a closed line through these points, or none. */
  sketch(points: readonly Point[] | null, view: View, frame: Viewport): void;
}

interface Mark {
  group: SVGGElement;
  title: SVGTitleElement;
  rings: SVGPathElement[];
  /** The prior intervals of size and centre, and the ellipses of the posterior. */
  band: SVGPathElement;
  prior: SVGEllipseElement;
  draws: SVGPathElement;
  stem: SVGLineElement;
  handles: Record<HandleKind, HTMLElement>;
}

export function createOverlay(): Overlay {
  const drawing = svg("svg", { class: "sl-overlay", "aria-hidden": "true" });
  const [pixelBox, cross] = [createLine("sl-pixel"), createLine("sl-cross")];
  const outline = svg("path", { class: "sl-sketch" });
  drawing.append(cross.element, pixelBox.element, outline);
  const layer = h("div", { class: "sl-handles", "aria-hidden": "true" });
  let named = false;
  const marks = new Map<string, Mark>();

  function update(state: State, view: View, frame: Viewport): void {
    const session = shown(state);
    const names = Object.keys(session.model.components);
    for (const [name, mark] of marks) if (!names.includes(name)) drop(name, mark);
    for (const [index, name] of names.entries()) {
      const shape = frame.width > 0 ? shapeOf(state.schema, session, name) : null;
      const mark = marks.get(name) ?? (shape && add(name));
      if (!mark) continue;
      const selected = selectedOf(state) === name;
      const off = session.off.includes(name);
      const seen = isSeen(state.display, name);
      mark.group.style.setProperty("--sl-colour", colourOf(index));
      mark.group.setAttribute("class", classes("sl-shape", { selected, off }));
      mark.group.setAttribute("display", shape && seen ? "inline" : "none");
      for (const kind of HANDLES) {
        mark.handles[kind].className = classes(`sl-handle sl-handle-${kind}`, { selected, off });
        mark.handles[kind].style.setProperty("--sl-colour", colourOf(index));
      }
      const editable = seen && !isLocked(state, name);
      drawMark(mark, shape, selected, editable, view, frame);
      drawPrior(mark, shape, selected ? priorOf(state, name) : NO_PRIOR, view, frame);
      const ellipses = (at(state.posterior, name) ?? []).map((draw) => ellipsePath(draw, view, frame));
      place(mark.draws, { d: ellipses.join("") });
      setText(
        mark.title,
        ellipses.length > 0 && isOld(state) ? "dashed ellipses: posterior of the previous run" : "",
      );
    }
  }

  function add(name: string): Mark {
    const rings = ["sl-halo", "sl-ring", "sl-grip"].map((part) => svg("path", { class: part }));
    const stem = svg("line", { class: "sl-stem" });
    const [band, draws] = [svg("path", { class: "sl-band" }), svg("path", { class: "sl-draws" })];
    const prior = svg("ellipse", { class: "sl-prior-centre" });
    const title = svg("title");
    const group = svg("g", { "data-component": name }, title, band, prior, draws, ...rings, stem);
    const handles = {} as Record<HandleKind, HTMLElement>;
    for (const kind of HANDLES) handles[kind] = handle(kind, name, named);
    layer.append(...Object.values(handles));
    drawing.append(group);
    const mark = { group, title, rings, band, prior, draws, stem, handles };
    marks.set(name, mark);
    return mark;
  }

  function drop(name: string, mark: Mark): void {
    mark.group.remove();
    for (const element of Object.values(mark.handles)) element.remove();
    marks.delete(name);
  }

  function name(wanted: boolean): void {
    if (wanted === named) return;
    named = wanted;
    layer.ariaHidden = named ? null : "true";
    for (const [component, mark] of marks) drop(component, mark);
  }

  function mark(pixel: Point | null, view: View, frame: Viewport, crosshair: boolean): void {
    const side = pixels(magnification(view, frame));
    const { x, y } = toScreen(pixel ?? { x: 0, y: 0 }, view, frame);
    const corner = toScreen({ x: (pixel?.x ?? 0) - 0.5, y: (pixel?.y ?? 0) + 0.5 }, view, frame);
    const box = `M${pixels(corner.x)} ${pixels(corner.y)}h${side}v${side}h-${side}Z`;
    pixelBox.draw(pixel ? box : "");
    const lines = `M0 ${pixels(y)}H${frame.width}M${pixels(x)} 0V${frame.height}`;
    cross.draw(pixel && crosshair ? lines : "");
  }

  function sketch(points: readonly Point[] | null, view: View, frame: Viewport): void {
    const corners = (points ?? []).map((point) => toScreen(point, view, frame));
    const path = corners.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
    place(outline, { d: path && `M${path}Z` });
  }

  return { elements: [drawing, layer], name, update, mark, sketch };
}

/** A white line with a dark rim, visible on any picture; blending would need a compositing layer. */
function createLine(name: string): { element: SVGGElement; draw(path: string): void } {
  const paths = ["sl-rim", "sl-line"].map((part) => svg("path", { class: part }));
  const draw = (path: string) => {
    for (const each of paths) place(each, { d: path });
  };
  return { element: svg("g", { class: name }, ...paths), draw };
}

const classes = (base: string, flags: Record<string, boolean>): string =>
  [
    base,
    ...Object.keys(flags)
      .filter((flag) => flags[flag])
      .map((flag) => `sl-${flag}`),
  ].join(" ");

const HINTS: Record<HandleKind, string> = {
  centre: "arrow keys move by half a pixel",
  size: "arrow keys change the radius",
  shape: "arrow keys change the ellipticity",
  angle: "arrow keys rotate by one degree",
};

function handle(kind: HandleKind, component: string, named: boolean): HTMLElement {
  const data = { "data-handle": kind, "data-component": component };
  if (!named) return h("span", data);
  const label = `${kind} of ${component}`;
  return h("button", { ...data, type: "button", "aria-label": label, title: `${label}: ${HINTS[kind]}` });
}

function drawMark(
  mark: Mark,
  shape: Shape | null,
  selected: boolean,
  editable: boolean,
  view: View,
  frame: Viewport,
): void {
  const scale = magnification(view, frame);
  const points = shape ? handlePoints(shape, scale) : {};
  for (const kind of HANDLES) {
    const point = points[kind];
    // Only the selected component has all handles; more would hide the picture.
    const visible = point !== undefined && editable && (selected || kind === "centre");
    show(mark.handles[kind], visible);
    if (!point || !shape) continue;
    const at = toScreen(point, view, frame);
    // Not a CSS transform, which would make the browser compose the whole page in every frame of a drag.
    const { style } = mark.handles[kind];
    style.left = `${pixels(at.x)}px`;
    style.top = `${pixels(at.y)}px`;
    style.cursor = cursorFor(kind, shape.theta);
  }
  if (shape) drawRings(mark, shape, points, selected, view, frame);
}

function drawRings(
  mark: Mark,
  shape: Shape,
  points: Partial<Record<HandleKind, Point>>,
  selected: boolean,
  view: View,
  frame: Viewport,
): void {
  const scale = magnification(view, frame);
  const size = shape.size ?? POINT_RADIUS / scale;
  const path = ellipsePath({ ...shape, size }, view, frame);
  for (const ring of mark.rings) place(ring, { d: path });
  const stem = selected && points.size && points.angle;
  place(mark.stem, { display: stem ? "inline" : "none" });
  if (!points.size || !points.angle) return;
  const from = toScreen(points.size, view, frame);
  const to = toScreen(points.angle, view, frame);
  place(mark.stem, { x1: from.x, y1: from.y, x2: to.x, y2: to.y });
}

/** Radius of the ring around a point source, in CSS pixels. */
const POINT_RADIUS = 6;

const NO_PRIOR: PriorMarks = { centre: null, size: null };

function priorOf(state: State, name: string): PriorMarks {
  const session = shown(state);
  const component = at(session.model.components, name);
  const size = component ? sizeName(state.schema, component) : null;
  return priorMarks(state.schema, session, name, size);
}

/** The prior interval of the size as a band around the ellipse, and that of the centre as an ellipse. */
function drawPrior(
  mark: Mark,
  shape: Shape | null,
  { centre, size }: PriorMarks,
  view: View,
  frame: Viewport,
): void {
  const ends =
    shape && size ? [size.low, size.high].map((end) => ({ ...shape, size: Math.max(end, 0) })) : [];
  place(mark.band, { d: ends.map((end) => ellipsePath(end, view, frame)).join("") });
  place(mark.prior, { display: centre ? "inline" : "none" });
  if (!centre) return;
  const scale = magnification(view, frame);
  const { x, y } = toScreen({ x: centre.x.middle, y: centre.y.middle }, view, frame);
  const half = ({ low, high }: Interval) => ((high - low) / 2) * scale;
  place(mark.prior, { cx: x, cy: y, rx: half(centre.x), ry: half(centre.y) });
}

/** An ellipse as a closed path; a point as a small cross. */
function ellipsePath({ xc, yc, size, ellip, theta }: Shape, view: View, frame: Viewport): string {
  const { x, y } = toScreen({ x: xc, y: yc }, view, frame);
  if (size === null) return `M${pixels(x - 3)} ${pixels(y)}h6m-3 -3v6`;
  const axis = majorAxis(theta);
  const length = size * magnification(view, frame);
  const [dx, dy] = [axis.x * length, -axis.y * length];
  const arc = `A${pixels(length)} ${pixels(length * (1 - ellip))} ${pixels((Math.atan2(dy, dx) * 180) / Math.PI)} 0 0 `;
  return `M${pixels(x - dx)} ${pixels(y - dy)}${arc}${pixels(x + dx)} ${pixels(y + dy)}${arc}${pixels(x - dx)} ${pixels(y - dy)}Z`;
}

const pixels = (value: number): string => value.toFixed(1);

/** The resize cursor closest to the axis of the handle. */
function cursorFor(kind: HandleKind, theta: number): string {
  if (kind === "centre") return "move";
  if (kind === "angle") return "grab";
  const cursors = ["ns-resize", "nwse-resize", "ew-resize", "nesw-resize"];
  const axis = kind === "size" ? theta : theta + Math.PI / 2;
  const eighth = Math.round(axis / (Math.PI / 4));
  return cursors[((eighth % 4) + 4) % 4] as string;
}
