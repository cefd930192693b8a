/** The density of a prior, whose location, width and bounds can be dragged, under the posterior. */

import { distributionOf } from "../distributions";
import { fromSlider, type Range, rounded, toSlider } from "../priors";
import { GRIPS, type Grip, gripsOf, moveGrip, plotRange, stepGrip } from "../shaping";
import { isFree, type Parameter, type Prior, settingAt, splitPath, withSetting } from "../spec";
import { isOld, type Marginal, type State, type SummaryRow, shown, summaryRow } from "../state";
import type { Store } from "../store";
import { evenly } from "../stretch";
import { readable } from "../units";
import { format, h, place, plain, setTitle, svg } from "./dom";

export interface PriorPlot {
  element: HTMLElement;
  update(state: State): void;
}

const [WIDTH, HEIGHT] = [200, 60];
const POINTS = 160;
const PEAK = 0.92;
const NAMES: Record<Grip, string> = {
  low: "lower bound",
  location: "location",
  width: "width",
  high: "upper bound",
};
const HINTS: Record<Grip, string> = {
  low: "drag it off the plot, or press Delete, to remove it",
  location: "drag to move the prior",
  width: "drag to widen the prior",
  high: "drag it off the plot, or press Delete, to remove it",
};
/** A bound dragged off the plot by this fraction of its width is removed. */
const OFF = 0.03;

export function createPriorPlot(store: Store, path: string, parameter: Parameter): PriorPlot {
  const [component, name] = splitPath(path);
  const prior = svg("path", { class: "sl-density" });
  const posterior = svg("path", { class: "sl-posterior-area" });
  const value = svg("line", { class: "sl-value-line", y1: 0, y2: HEIGHT });
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    prior,
    posterior,
    value,
  );
  const ticks = h("div", { class: "sl-prior-ticks", "aria-hidden": "true" });
  const field = h("div", { class: "sl-prior-field" }, drawing);
  const handle = (grip: Grip) =>
    h("div", {
      class: `sl-grip sl-grip-${grip}`,
      role: "slider",
      tabindex: 0,
      "aria-label": `${NAMES[grip]} of prior, ${name} of ${component}`,
      title: `${NAMES[grip]}: ${HINTS[grip]}; arrow keys move it, with Shift ten times as far`,
    });
  const grips: Record<Grip, HTMLElement> = {
    low: handle("low"),
    high: handle("high"),
    width: handle("width"),
    location: handle("location"),
  };
  field.append(...Object.values(grips));
  const element = h("div", { class: "sl-prior-plot" }, field, ticks);
  let range: Range | null = null;
  let unit = "";
  let held: { grip: Grip; from: Prior; offset: number } | null = null;

  const current = (state: State): Prior | null => {
    const setting = settingAt(shown(state), path);
    return isFree(setting) ? setting : null;
  };
  const change = (next: Prior) => withSetting(store.state.session, path, next);

  /** The position of a value, as a fraction of the width. */
  const part = (at: number): number => {
    return range ? partAt(range, at) : 0;
  };
  const valueAtPart = (at: number): number => {
    if (!range) return 0;
    const [low, high] = [toSlider(range, range.low), toSlider(range, range.high)];
    return fromSlider(range, low + at * (high - low));
  };
  const partOf = (event: PointerEvent): number => {
    const box = field.getBoundingClientRect();
    return (event.clientX - box.left) / (box.width || 1);
  };
  /** The position of a handle; an open bound is drawn at the end of the axis. */
  const placeOf = (grip: Grip, at: number | null): number =>
    at === null ? (grip === "low" ? 0 : 1) : Math.min(Math.max(part(at), 0), 1);

  function grab(event: PointerEvent): void {
    const from = current(store.state);
    if (!from || !range || event.button !== 0) return;
    const at = partOf(event);
    const own = GRIPS.find((grip) => grips[grip] === event.target);
    const found = gripsOf(from, parameter);
    const grip = own ?? ("location" in found ? "location" : undefined);
    if (grip === undefined) return;
    event.preventDefault();
    grips[grip].focus();
    field.setPointerCapture?.(event.pointerId);
    held = { grip, from, offset: at - placeOf(grip, found[grip] ?? null) };
  }
  function move(event: PointerEvent): void {
    if (!held) return;
    const at = partOf(event) - held.offset;
    const opens = (held.grip === "low" && at < -OFF) || (held.grip === "high" && at > 1 + OFF);
    const to = opens ? null : rounded(valueAtPart(at));
    store.dispatch({ type: "draft", session: change(moveGrip(held.from, parameter, held.grip, to)) });
  }
  function release(event: PointerEvent): void {
    if (!held) return;
    held = null;
    store.dispatch({ type: event.type === "pointercancel" ? "discard" : "commit" });
  }
  function key(event: KeyboardEvent): void {
    const grip = GRIPS.find((each) => grips[each] === event.target);
    const from = current(store.state);
    if (!grip || !from || !range || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[
      event.key
    ];
    if (event.key === "Escape" && held) {
      held = null;
      store.dispatch({ type: "discard" });
    } else if (step !== undefined)
      edit(grip, stepGrip(from, parameter, grip, step * (event.shiftKey ? 10 : 1), range));
    else if (event.key === "Delete" && (grip === "low" || grip === "high"))
      edit(grip, moveGrip(from, parameter, grip, null));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const edit = (grip: Grip, next: Prior) =>
    store.dispatch({
      type: "edit",
      session: change(next),
      merge: `${grip} ${path}`,
      time: performance.now(),
    });

  field.addEventListener("pointerdown", grab);
  field.addEventListener("pointermove", move);
  field.addEventListener("pointerup", release);
  field.addEventListener("pointercancel", release);
  field.addEventListener("keydown", key);

  function update(state: State): void {
    const now = current(state);
    unit = readable(parameter.unit, state.image);
    const committed = settingAt(state.session, path);
    const row = summaryRow(state, path);
    // The axis of the committed prior, which must not move under the pointer.
    range = isFree(committed) ? plotRange(committed, parameter, [committed.init, ...reach(row)]) : null;
    element.hidden = !now || !range;
    if (!now || !range) return;
    const found = gripsOf(now, parameter);
    for (const grip of GRIPS) showGrip(grips[grip], grip, found[grip], range);
    const density = priorCurve(now, range);
    place(prior, { d: area(density, peakOf(density)) });
    const marginal = state.marginals[path];
    place(posterior, { d: marginal ? area(marginalCurve(marginal, range), PEAK) : "" });
    setTitle(field, marginal && isOld(state) ? "dashed: posterior of the previous run" : "");
    const x = WIDTH * part(now.init);
    place(value, { x1: x, x2: x });
    showTicks(ticks, range, part);
  }

  function showGrip(handle: HTMLElement, grip: Grip, at: number | null | undefined, axis: Range): void {
    handle.hidden = at === undefined;
    if (at === undefined) return;
    handle.style.left = `${100 * placeOf(grip, at)}%`;
    handle.classList.toggle("sl-open", at === null);
    handle.setAttribute("aria-valuemin", String(rounded(axis.low)));
    handle.setAttribute("aria-valuemax", String(rounded(axis.high)));
    handle.setAttribute("aria-valuenow", String(at ?? (grip === "low" ? axis.low : axis.high)));
    handle.setAttribute("aria-valuetext", at === null ? "open" : `${format(at)} ${unit}`.trim());
  }
  return { element, update };
}

const reach = (row: SummaryRow | undefined): number[] =>
  row ? [row.q16, row.q84].filter((value): value is number => value !== null) : [];

/** Points of a curve: the position as a fraction of the axis, and the density per unit of the axis. */
type Curve = [at: number, height: number][];

const partAt = (range: Range, x: number): number => {
  const [low, high] = [toSlider(range, range.low), toSlider(range, range.high)];
  return (toSlider(range, x) - low) / (high - low);
};

function priorCurve(prior: Prior, range: Range): Curve {
  const law = distributionOf(prior);
  const [low, high] = [toSlider(range, range.low), toSlider(range, range.high)];
  return Array.from({ length: POINTS + 1 }, (_, i) => {
    const position = low + ((high - low) * i) / POINTS;
    const x = range.log ? 10 ** position : position;
    return [i / POINTS, (law?.pdf(x) ?? 0) * (range.log ? x : 1)];
  });
}

/** The posterior at its own points, because it can be much narrower than the axis. */
function marginalCurve({ low, high, density }: Marginal, range: Range): Curve {
  const last = density.length - 1;
  const points = density.map((y, i): [number, number] => {
    const x = low + ((high - low) * i) / last;
    return [partAt(range, x), y * (range.log ? x : 1)];
  });
  return points.filter(([at]) => at >= 0 && at <= 1);
}

/** A flat prior is uninformative, so it is drawn low. */
const peakOf = (curve: Curve): number => {
  const peak = Math.max(...curve.map(([, y]) => y));
  return curve.every(([, y]) => y === 0 || y > 0.98 * peak) ? 0.45 : PEAK;
};

/** A curve as an area, with its peak at this fraction of the height. */
function area(curve: Curve, part: number): string {
  const peak = Math.max(...curve.map(([, y]) => y));
  const [first, last] = [curve[0], curve.at(-1)];
  if (!(peak > 0) || !first || !last) return "";
  const scale = (HEIGHT * part) / peak;
  const x = ([at]: [number, number]) => (WIDTH * at).toFixed(2);
  const points = curve.map((point) => `${x(point)} ${(HEIGHT - scale * point[1]).toFixed(2)}`);
  return `M${x(first)} ${HEIGHT}L${points.join("L")}L${x(last)} ${HEIGHT}Z`;
}

function showTicks(element: HTMLElement, range: Range, part: (value: number) => number): void {
  const values = range.log ? decades(range) : evenly(range.low, range.high, 5);
  const labels = values
    .filter((value) => part(value) > 0.02 && part(value) < 0.98)
    .map((value) => h("span", { style: `left: ${100 * part(value)}%` }, plain(value, 3)));
  element.replaceChildren(...labels);
}

function decades({ low, high }: Range): number[] {
  const from = Math.floor(Math.log10(low));
  const count = Math.ceil(Math.log10(high)) - from;
  const steps = count > 3 ? [1] : count > 1 ? [1, 3] : [1, 2, 5];
  return Array.from({ length: count + 1 }, (_, i) => steps.map((step) => step * 10 ** (from + i))).flat();
}
