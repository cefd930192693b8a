/** One picture with its overlay and colour bar. */

import { type Frame, fitView, type Point, type View } from "../geometry";
import type { Image, State } from "../state";
import { ticks } from "../stretch";
import { drawBar, drawPicture, picture } from "./canvas";
import { format, h, setText, whenChanged } from "./dom";
import { createOverlay } from "./overlay";

export type PanelName = "data" | "model" | "residual";

/** The colours of a panel: its table, and what its ends mean. */
export interface Scale {
  table: Uint32Array;
  limits: readonly [number, number];
  stretch: string;
}

export interface Panel {
  name: PanelName;
  element: HTMLElement;
  stage: HTMLElement;
  note: HTMLElement;
  frame(image: Image | null): Frame;
  repaint(rgba: Uint8ClampedArray<ArrayBuffer> | null, nx: number): void;
  rescale(scale: Scale): void;
  update(state: State): void;
  mark(state: State, pixel: Point | null): void;
}

/** The view of a panel: the user's, or the whole image. */
export const viewOf = (state: State, frame: Frame): View => state.display.view ?? fitView(frame);

export function createPanel(name: PanelName): Panel {
  const canvas = h("canvas", { class: "sl-canvas", role: "img", "aria-label": name });
  const overlay = createOverlay(name === "data");
  const stage = h("div", { class: "sl-stage", tabindex: 0, role: "group", "aria-label": `${name} panel` });
  // Its handles are the ones with names and keys; see the overlay.
  stage.classList.toggle("sl-primary", name === "data");
  const title = h("figcaption", { class: "sl-caption" }, name);
  const note = h("span", { class: "sl-note" });
  title.append(note);
  const bar = h("canvas", { class: "sl-bar", "aria-hidden": "true" });
  const labels = h("div", { class: "sl-ticks", "aria-hidden": "true" });
  const waiting = h("span", { class: "sl-waiting" }, "waiting for the image");
  stage.append(canvas, waiting, ...overlay.elements);
  const element = h(
    "figure",
    { class: "sl-panel" },
    title,
    stage,
    h("div", { class: "sl-scale" }, bar, labels),
  );
  const source = h("canvas");
  let painted = false;

  function frame(image: Image | null): Frame {
    const { clientWidth, clientHeight } = stage;
    return { width: clientWidth, height: clientHeight, nx: image?.nx ?? 1, ny: image?.ny ?? 1 };
  }

  const rescale = whenChanged((table: Uint32Array, low: number, high: number, stretch: string) => {
    drawBar(bar, table);
    const marks = ticks([low, high], stretch).map(({ value, place }) =>
      // Labels at the ends stay within the bar.
      h(
        "span",
        { style: `left: ${100 * place}%; translate: ${-100 * Math.min(Math.max(place * 12 - 5.5, 0), 1)}%` },
        format(value, 2).replace(/\.0+$/, ""),
      ),
    );
    labels.replaceChildren(...marks);
  });

  return {
    name,
    element,
    stage,
    note,
    frame,
    repaint(rgba, nx) {
      painted = rgba !== null;
      waiting.hidden = painted;
      if (rgba) picture(rgba, nx, source);
    },
    rescale: ({ table, limits, stretch }) => rescale(table, limits[0], limits[1], stretch),
    update(state) {
      const size = frame(state.image);
      // While a host swaps its theme the page has no layout for a moment; no resize tells when that is over.
      if (canvas.isConnected && canvas.width > 0 && size.width * size.height === 0) return;
      const view = viewOf(state, size);
      drawPicture(canvas, painted ? source : null, view, size, devicePixelRatio || 1);
      overlay.update(state, view, size);
    },
    mark(state, pixel) {
      const size = frame(state.image);
      overlay.mark(pixel, viewOf(state, size), size);
    },
  };
}

export function setNote(panel: Panel, text: string): void {
  setText(panel.note, text);
}
