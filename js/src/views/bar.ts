/** A colour bar with ticks in data units, whose ends can be dragged. */

import type { Limits } from "../image";
import type { Scale } from "../pictures";
import { inverse, ticks } from "../stretch";
import { format, h, plain, whenChanged } from "./dom";

type End = "low" | "high";
/** Called with new limits during a drag or at a key press. */
export type Adjust = (limits: Limits) => void;

export interface Bar {
  element: HTMLElement;
  update(scale: Scale, adjust: Adjust | null): void;
}

/** An end moves this much faster when dragged outwards than inwards. */
const OUTWARD = 2.5;
const KEY_STEP = 0.02;
/** Widths in CSS pixels: of a letter, of the gap between labels, and of a bar that has no layout yet. */
const [LETTER, GAP, USUAL_WIDTH] = [6.2, 5, 260];

const span = ([low, high]: Limits): number => high - low;
const middle = ([low, high]: Limits): number => (low + high) / 2;

/** Convert a value to a position on the bar, and back; linear beyond the ends. */
function placeOf({ limits, curve }: Scale, value: number): number {
  const t = (value - limits[0]) / span(limits);
  return t > 1 ? 1 + (t - 1) / OUTWARD : t < 0 ? t / OUTWARD : curve(t);
}
function valueAt({ limits, curve }: Scale, place: number): number {
  const t = place > 1 ? 1 + (place - 1) * OUTWARD : place < 0 ? place * OUTWARD : inverse(curve, place);
  return limits[0] + t * span(limits);
}

export function createBar(name: string): Bar {
  const colours = h("div", { class: "sl-bar" });
  const labels = h("div", { class: "sl-ticks", "aria-hidden": "true" });
  const handles = { low: endHandle("low", name), high: endHandle("high", name) };
  const rail = h("div", { class: "sl-rail" }, colours, handles.low, handles.high);
  const element = h("div", { class: "sl-scale" }, rail, labels);
  let scale: Scale | null = null;
  let adjust: Adjust | null = null;
  /** The scale at the start of a drag, which must not move under the pointer. */
  let held: Scale | null = null;

  function draw(): void {
    const frame = held ?? scale;
    if (!scale || !frame) return;
    drawTicks(frame);
    const [low] = scale.limits;
    const { curve, limits } = scale;
    const level = (place: number) => {
      const t = (valueAt(frame, place) - low) / span(limits);
      return held ? curve(Math.min(Math.max(t, 0), 1)) : place;
    };
    colours.style.background = gradient(scale.lut, level);
    for (const [i, end] of (["low", "high"] as const).entries()) {
      const value = scale.limits[i] as number;
      const handle = handles[end];
      handle.hidden = adjust === null;
      handle.style.left = `${100 * placeOf(frame, value)}%`;
      handle.setAttribute("aria-valuenow", String(Number(value.toPrecision(4))));
      handle.title = `${format(value, 4)}: drag, or arrow keys`;
    }
  }

  const drawTicks = whenChanged(({ limits, curve }: Scale) => {
    const named = ticks(limits, curve).map(({ value, place }) => ({
      place,
      text: plain(value, 2).replace("-", "−"),
    }));
    const shown = withRoom(named, labels.clientWidth || USUAL_WIDTH);
    labels.replaceChildren(...shown.map(({ place, text }) => tickLabel(place, text)));
  });

  function moveTo(end: End, value: number): void {
    if (!scale || !adjust) return;
    const [low, high] = scale.limits;
    const least = 1e-4 * span((held ?? scale).limits);
    if (scale.symmetric) {
      const half = Math.max(Math.abs(value - middle(scale.limits)), least);
      adjust([middle(scale.limits) - half, middle(scale.limits) + half]);
    } else if (end === "low") adjust([Math.min(value, high - least), high]);
    else adjust([low, Math.max(value, low + least)]);
  }

  for (const end of ["low", "high"] as const) {
    const handle = handles[end];
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !scale) return;
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture?.(event.pointerId);
      held = scale;
    });
    handle.addEventListener("pointermove", ({ clientX }) => {
      const { left, width } = rail.getBoundingClientRect();
      if (held && width > 0) moveTo(end, valueAt(held, (clientX - left) / width));
    });
    const release = () => {
      held = null;
      draw();
    };
    handle.addEventListener("pointerup", release);
    handle.addEventListener("pointercancel", release);
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!step || !scale) return;
      event.preventDefault();
      const value = scale.limits[end === "low" ? 0 : 1];
      moveTo(end, value + step * (event.shiftKey ? 5 : 1) * KEY_STEP * span(scale.limits));
    });
  }

  return {
    element,
    update(next, change) {
      const same = next === scale && (change === null) === (adjust === null);
      adjust = change;
      scale = next;
      if (!same) draw();
    },
  };
}

/** The labels, from the left, that fit with a gap between them. */
export function withRoom<T extends { place: number; text: string }>(labels: T[], width: number): T[] {
  const half = ({ text }: T) => (text.length * LETTER) / 2;
  const chosen: T[] = [];
  for (const label of labels) {
    const last = chosen.at(-1);
    if (!last || (label.place - last.place) * width > half(last) + half(label) + GAP) chosen.push(label);
  }
  return chosen;
}

const STOPS = 96;

/** The colours along a bar; `level` gives the colour at a position, both in [0, 1] from the left. */
function gradient(lut: Uint8Array, level: (place: number) => number): string {
  const colours = Array.from({ length: STOPS }, (_, i) => {
    const at = 3 * Math.round(255 * Math.min(Math.max(level(i / (STOPS - 1)), 0), 1));
    return `rgb(${lut.subarray(at, at + 3).join(" ")})`;
  });
  return `linear-gradient(90deg, ${colours.join()})`;
}

function endHandle(end: End, name: string): HTMLElement {
  return h("span", {
    class: `sl-end sl-end-${end}`,
    role: "slider",
    tabindex: 0,
    "aria-label": `${end} end, ${name} colours`,
  });
}

/** Keep labels at the ends within the bar. */
function tickLabel(place: number, text: string): HTMLElement {
  const shift = -100 * Math.min(Math.max(place * 12 - 5.5, 0), 1);
  return h("span", { style: `left: ${100 * place}%; translate: ${shift}%` }, text);
}
