/** Pictures with their ellipses, axes and colour bars as one drawing for files, in vectors where possible. */

import { svg } from "./views/dom";

export interface Tick {
  /** Screen pixels from the left or from the top. */
  place: number;
  label: string;
}
export interface FigurePanel {
  title: string;
  note: string;
  /** Size of the picture in screen pixels. */
  width: number;
  height: number;
  /** The address of the picture; null to leave it out. */
  picture: string | null;
  overlay: SVGElement | null;
  x: Tick[];
  y: Tick[];
  bar: { stops: string[]; ticks: Tick[] };
}
export interface Figure {
  panels: FigurePanel[];
  columns: number;
  /** Null is transparent. */
  background: string | null;
  ink: string;
}

const LEFT = 34;
const TOP = 24;
const BOTTOM = 52;
const GAP = 12;
const BAR = 8;
const TICK = 4;
const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Arrangement {
  width: number;
  height: number;
  /** The boxes of the pictures. */
  boxes: Box[];
}

/** The positions of the pictures: in rows, each as high as its tallest picture. */
export function layoutOf({ panels, columns }: Pick<Figure, "panels" | "columns">): Arrangement {
  const boxes: Box[] = [];
  const cell = Math.max(...panels.map((panel) => panel.width)) + LEFT + GAP;
  let top = 0;
  for (let from = 0; from < panels.length; from += columns) {
    const row = panels.slice(from, from + columns);
    for (const [i, { width, height }] of row.entries())
      boxes.push({ x: i * cell + LEFT, y: top + TOP, width, height });
    top += TOP + Math.max(...row.map((panel) => panel.height)) + BOTTOM;
  }
  return { width: Math.min(columns, panels.length) * cell, height: top, boxes };
}

export function drawFigure(figure: Figure): SVGSVGElement {
  const { width, height, boxes } = layoutOf(figure);
  const root = svg("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    "font-family": FONT,
    "font-size": 11,
    fill: figure.ink,
  });
  if (figure.background) root.append(svg("rect", { width, height, fill: figure.background }));
  for (const [i, panel] of figure.panels.entries())
    root.append(drawPanel(panel, boxes[i] as Box, `panel-${i + 1}`, figure.ink));
  return root;
}

function drawPanel(panel: FigurePanel, { x, y, width, height }: Box, id: string, ink: string): SVGElement {
  const group = svg("g", { id, transform: `translate(${x} ${y})` });
  const gradient = svg("linearGradient", { id: `${id}-colours` });
  const last = panel.bar.stops.length - 1;
  for (const [i, colour] of panel.bar.stops.entries())
    gradient.append(svg("stop", { offset: Number((i / last).toFixed(4)), "stop-color": colour }));
  const clip = svg("clipPath", { id: `${id}-clip` }, svg("rect", { width, height }));
  group.append(svg("defs", {}, gradient, clip));
  if (panel.picture) {
    const image = svg("image", { href: panel.picture, width, height, preserveAspectRatio: "none" });
    image.style.imageRendering = "pixelated";
    group.append(image);
  }
  if (panel.overlay) group.append(svg("g", { "clip-path": `url(#${id}-clip)`, fill: "none" }, panel.overlay));
  group.append(svg("rect", { width, height, fill: "none", stroke: ink }));
  group.append(words(panel.title, 0, -8, "start", "600"), words(panel.note, width, -8, "end"));
  for (const { place, label } of panel.x)
    group.append(
      line(place, height, place, height + TICK, ink),
      words(label, place, height + TICK + 10, "middle"),
    );
  for (const { place, label } of panel.y)
    group.append(line(-TICK, place, 0, place, ink), words(label, -TICK - 3, place + 4, "end"));
  const top = height + 22;
  group.append(
    svg("rect", {
      y: top,
      width,
      height: BAR,
      fill: `url(#${id}-colours)`,
      stroke: ink,
      "stroke-width": 0.5,
    }),
  );
  for (const { place, label } of panel.bar.ticks) {
    const anchor = place < 0.08 * width ? "start" : place > 0.92 * width ? "end" : "middle";
    group.append(
      line(place, top + BAR, place, top + BAR + 3, ink),
      words(label, place, top + BAR + 13, anchor),
    );
  }
  return group;
}

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string): SVGElement =>
  svg("line", { x1, y1, x2, y2, stroke });

function words(text: string, x: number, y: number, anchor: string, weight = "400"): SVGElement {
  const element = svg("text", { x, y, "text-anchor": anchor, "font-weight": weight });
  element.textContent = text;
  return element;
}

/** Convert a CSS colour to SVG 1.1, which writes the opacity separately. */
export function paintOf(colour: string): { colour: string; opacity: number } {
  const [, numbers] = /^rgba?\(([^)]*)\)$/.exec(colour) ?? [];
  if (numbers === undefined) return { colour, opacity: 1 };
  const [r, g, b, alpha = 1] = numbers.split(/[\s,/]+/).map(Number);
  return { colour: `rgb(${r},${g},${b})`, opacity: alpha };
}

const PAINTS = ["fill", "stroke"] as const;
const LINES = ["stroke-width", "stroke-dasharray", "opacity", "fill-rule"] as const;

/** Copy a drawing of the page so that it looks the same without the page's style sheets; hidden elements are left out. */
export function standalone(drawing: SVGElement): SVGElement {
  const group = svg("g");
  for (const child of drawing.children) {
    const copy = standaloneShape(child as SVGElement);
    if (copy) group.append(copy);
  }
  return group;
}

function standaloneShape(element: SVGElement): SVGElement | null {
  const style = getComputedStyle(element);
  // Elements that serve only interaction are not part of a picture.
  if (element.matches("title, .sl-stem, .sl-grip, .sl-pixel, .sl-sketch")) return null;
  if (style.display === "none" || style.visibility === "hidden") return null;
  const children = [...element.children].flatMap((child) => standaloneShape(child as SVGElement) ?? []);
  const copy = element.cloneNode(false) as SVGElement;
  for (const name of ["class", "style", "display"]) copy.removeAttribute(name);
  copy.append(...children);
  if (element.tagName === "g") return children.length > 0 ? withStyle(copy, style, ["opacity"]) : null;
  let seen = false;
  for (const name of PAINTS) {
    const { colour, opacity } = paintOf(style.getPropertyValue(name) || "none");
    const total = opacity * Number(style.getPropertyValue(`${name}-opacity`) || 1);
    copy.setAttribute(name, total > 0 ? colour : "none");
    if (total < 1 && total > 0) copy.setAttribute(`${name}-opacity`, String(Number(total.toFixed(3))));
    seen ||= total > 0 && colour !== "none";
  }
  return seen ? withStyle(copy, style, LINES) : null;
}

function withStyle(element: SVGElement, style: CSSStyleDeclaration, names: readonly string[]): SVGElement {
  for (const name of names) {
    const value = style.getPropertyValue(name);
    if (value && value !== "none" && value !== "1") element.setAttribute(name, value.replaceAll("px", ""));
  }
  return element;
}
