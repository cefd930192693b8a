/** A small SVG chart: two axes, lines, points with errors, steps and rules. */

import { evenly } from "../stretch";
import { format, h, place, svg } from "./dom";

/** An axis from `low` to `high`, mapped by `map` (by default the identity). */
export interface Axis {
  low: number;
  high: number;
  map?: (value: number) => number;
  ticks?: number[];
  label: string;
}
export type Values = ArrayLike<number>;
export interface Mark {
  kind: "line" | "dots" | "errors" | "steps" | "rule" | "band";
  x: Values;
  y: Values;
  /** For "errors" and "band": the upper ends; `y` holds the lower ends. */
  to?: Values;
  class: string;
  colour?: string;
}
export interface Legend {
  label: string;
  class: string;
  colour?: string;
}
export interface Plot {
  x: Axis;
  y: Axis;
  marks: Mark[];
  legend?: Legend[];
}
export interface Chart {
  element: HTMLElement;
  /** Read the width from the page before anything is written to it. */
  measure(): void;
  draw(plot: Plot): void;
  /** Draw a vertical line at x, or remove it. */
  point(x: number | null): void;
}

const MARGIN = { left: 46, right: 8, top: 6, bottom: 30 };
const LEAST_GAP = 34;
const DEFAULT_WIDTH = 300;

export function createChart(name: string, height: number): Chart {
  const drawing = svg("svg", { class: "sl-chart", height, width: "100%", "aria-hidden": "true" });
  const axes = svg("g");
  // A nested drawing clips everything outside the axes.
  const body = svg("svg", { class: "sl-body" });
  const pointer = svg("line", { class: "sl-pointer", display: "none" });
  drawing.append(axes, body, pointer);
  const legend = h("div", { class: "sl-legend", "aria-hidden": "true" });
  const element = h("div", { class: "sl-plot", role: "figure", "aria-label": name }, legend, drawing);
  let across: ((value: number) => number) | null = null;

  let width = 0;

  function measure(): void {
    width = element.clientWidth || width || DEFAULT_WIDTH;
  }

  function draw(plot: Plot): void {
    if (width === 0) measure();
    const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
    const x = along(plot.x, MARGIN.left, right);
    const y = along(plot.y, bottom, MARGIN.top);
    across = x;
    const box = { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: bottom - MARGIN.top };
    place(body, { ...box, viewBox: Object.values(box).join(" ") });
    place(pointer, { y1: MARGIN.top, y2: bottom });
    drawAxes(JSON.stringify([plot.x, plot.y, right]), () => [
      ...xAxis(plot.x, x, bottom, right),
      ...yAxis(plot.y, y, right),
    ]);
    keep(body, plot.marks.length);
    for (const [i, mark] of plot.marks.entries()) drawMark(body.children[i] as SVGPathElement, mark, x, y);
    drawLegend(JSON.stringify(plot.legend ?? []), plot.legend ?? []);
  }

  let axesKey = "";
  function drawAxes(key: string, make: () => SVGElement[]): void {
    if (key !== axesKey) axes.replaceChildren(...make());
    axesKey = key;
  }

  let legendKey = "";
  function drawLegend(key: string, entries: Legend[]): void {
    const entry = ({ label, class: kind, colour = "" }: Legend) =>
      h("span", { class: kind, style: colour && `--sl-colour: ${colour}` }, label);
    if (key !== legendKey) legend.replaceChildren(...entries.map(entry));
    legendKey = key;
  }

  function point(value: number | null): void {
    const at = value === null || !across ? Number.NaN : across(value);
    const shown = Number.isFinite(at) && at >= MARGIN.left;
    place(pointer, shown ? { display: "inline", x1: at, x2: at } : { display: "none" });
  }

  return { element, measure, draw, point };
}

type Along = (value: number) => number;

function along({ low, high, map = (v) => v }: Axis, from: number, to: number): Along {
  const [begin, end] = [map(low), map(high)];
  const scale = (to - from) / (end - begin || 1);
  return (value) => from + (map(value) - begin) * scale;
}

const ticksOf = (axis: Axis, number: number): number[] =>
  axis.ticks ?? evenly(Math.min(axis.low, axis.high), Math.max(axis.low, axis.high), number);

function xAxis(axis: Axis, x: Along, bottom: number, right: number): SVGElement[] {
  let last = -Infinity;
  const labels = ticksOf(axis, 5).flatMap((value) => {
    const at = x(value);
    if (at - last < LEAST_GAP && value !== 0) return [];
    last = at;
    return [
      svg("line", { class: "sl-axis", x1: at, x2: at, y1: bottom, y2: bottom + 3 }),
      text(at, bottom + 13, "middle", tickText(value)),
    ];
  });
  const line = svg("line", { class: "sl-axis", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom });
  return [line, ...labels, text((MARGIN.left + right) / 2, bottom + 26, "middle", axis.label)];
}

function yAxis(axis: Axis, y: Along, right: number): SVGElement[] {
  const lines = ticksOf(axis, 6).flatMap((value) => [
    svg("line", { class: "sl-grid", x1: MARGIN.left, x2: right, y1: y(value), y2: y(value) }),
    text(MARGIN.left - 5, y(value) + 3.5, "end", tickText(value)),
  ]);
  const middle = (y(axis.low) + y(axis.high)) / 2;
  const title = text(0, 0, "middle", axis.label);
  title.setAttribute("transform", `translate(10 ${middle}) rotate(-90)`);
  return [...lines, title];
}

const tickText = (value: number): string =>
  format(value, 3)
    .replace(/(\.\d*?)0+(?=$|e)/, "$1")
    .replace(/\.(?=$|e)/, "");

function text(x: number, y: number, anchor: string, content: string): SVGTextElement {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}

/** Make this number of paths, keeping existing ones. */
function keep(body: SVGElement, number: number): void {
  while (body.children.length > number) body.lastChild?.remove();
  while (body.children.length < number) body.append(svg("path"));
}

function drawMark(path: SVGPathElement, mark: Mark, x: Along, y: Along): void {
  place(path, {
    class: mark.class,
    d: PATHS[mark.kind](mark, x, y),
    style: mark.colour ? `--sl-colour: ${mark.colour}` : "",
  });
}

const at = (value: number): string => value.toFixed(1);

/** Points that are not finite leave gaps. */
const PATHS: Record<Mark["kind"], (mark: Mark, x: Along, y: Along) => string> = {
  line: (mark, x, y) => joined(mark, (i) => [x(mark.x[i] as number), y(mark.y[i] as number)]),
  steps(mark, x, y) {
    const half = (x(1) - x(0)) / 2;
    let path = "";
    each(mark, (i) => {
      const [px, py] = [x(mark.x[i] as number), y(mark.y[i] as number)];
      path += finite(py) ? `${path ? "L" : "M"}${at(px - half)} ${at(py)}H${at(px + half)}` : "";
    });
    return path;
  },
  dots(mark, x, y) {
    let path = "";
    each(mark, (i) => {
      const [px, py] = [x(mark.x[i] as number), y(mark.y[i] as number)];
      if (finite(px, py)) path += `M${at(px)} ${at(py)}h0`;
    });
    return path;
  },
  errors(mark, x, y) {
    let path = "";
    each(mark, (i) => {
      const [px, from, to] = [x(mark.x[i] as number), y(mark.y[i] as number), y(mark.to?.[i] as number)];
      if (finite(px, from, to)) path += `M${at(px)} ${at(from)}V${at(to)}`;
    });
    return path;
  },
  band(mark, x, y) {
    const there: string[] = [];
    const back: string[] = [];
    each(mark, (i) => {
      const [px, from, to] = [x(mark.x[i] as number), y(mark.y[i] as number), y(mark.to?.[i] as number)];
      if (!finite(px, from, to)) return;
      there.push(`${at(px)} ${at(to)}`);
      back.unshift(`${at(px)} ${at(from)}`);
    });
    return there.length > 1 ? `M${[...there, ...back].join("L")}Z` : "";
  },
  rule: (mark, x, y) =>
    `M${at(x(mark.x[0] as number))} ${at(y(mark.y[0] as number))}L${at(x(mark.x[1] as number))} ${at(y(mark.y[1] as number))}`,
};

const finite = (...values: number[]): boolean => values.every(Number.isFinite);

function each(mark: Mark, action: (i: number) => void): void {
  for (let i = 0; i < mark.x.length; i++) action(i);
}

function joined(mark: Mark, pointAt: (i: number) => [number, number]): string {
  let path = "";
  let pen = "M";
  each(mark, (i) => {
    const [px, py] = pointAt(i);
    if (finite(px, py)) path += `${pen}${at(px)} ${at(py)}`;
    pen = finite(px, py) ? "L" : "M";
  });
  return path;
}
