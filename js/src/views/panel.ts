/** One picture with its overlay and colour bar. */

import { fitView, type Point, type View, type Viewport } from "../geometry";
import type { Image, Pixels, Raster } from "../image";
import type { Scale } from "../pictures";
import { whole } from "../raster";
import { isOld, type PanelName, type State, shown } from "../state";
import { paint } from "../stretch";
import { type Adjust, createBar } from "./bar";
import { drawPicture, picture } from "./canvas";
import { h, setText, show, whenChanged } from "./dom";
import { createOverlay } from "./overlay";

/** The contents of a panel. */
export interface Content {
  /** The picture's name for screen readers. */
  label: string;
  note: string;
  values: Pixels | null;
  nx: number;
  scale: Scale;
  /** Null if the user can't set the colours. */
  adjust: Adjust | null;
  /** The pixels of the image that it shows; null for a picture of something else, such as the PSF, with its own view. */
  raster: Raster | null;
}

/** The mask as a picture, and whether it is translucent. */
export interface MaskLayer {
  canvas: HTMLCanvasElement;
  /** A number that changes whenever the canvas is painted. */
  painted: number;
  veiled: boolean;
}

export interface Panel {
  name: PanelName;
  element: HTMLElement;
  stage: HTMLElement;
  /** Read the panel's size before anything is written to the page, so that it is laid out once. */
  measure(): void;
  frame(image: Image | null): Viewport;
  show(content: Content): void;
  /** `primary` is the panel whose handles have names and are always visible. */
  update(state: State, mask: MaskLayer, primary: boolean): void;
  /** Mark the pixel under the cursor, which may be in another panel. */
  mark(state: State, pixel: Point | null): void;
  /** Draw only the picture, the mask and the outline, while the mask is edited. */
  sketch(state: State, mask: MaskLayer, outline: readonly Point[] | null): void;
}

/** The view of a panel: that of the user, or the whole image. */
export const viewOf = (state: State, frame: Viewport): View => state.display.view ?? fitView(frame);

export function createPanel(name: PanelName, title: Node | string = name): Panel {
  const canvas = h("canvas", { class: "sl-canvas", role: "img", "aria-label": name });
  const overlay = createOverlay();
  const stage = h("div", { class: "sl-stage", tabindex: 0, role: "group", "aria-label": `${name} panel` });
  const note = h("span", { class: "sl-note" });
  const bar = createBar(name);
  const waiting = h("span", { class: "sl-waiting" }, `waiting for the ${name}`);
  stage.append(canvas, waiting, ...overlay.elements);
  const caption = h("figcaption", { class: "sl-caption" }, h("span", {}, title), note);
  const element = h("figure", { class: `sl-panel sl-panel-${name}` }, caption, stage, bar.element);
  const [source, scratch] = [h("canvas"), h("canvas")];
  let content: Content | null = null;

  let width = 0;
  let height = 0;

  function measure(): void {
    const { clientWidth, clientHeight } = stage;
    // While a host changes its theme, the page briefly has no layout, and no resize event follows.
    if (clientWidth * clientHeight > 0) [width, height] = [clientWidth, clientHeight];
  }

  function frame(image: Image | null): Viewport {
    if (width === 0) measure();
    if (content && !content.raster && content.values)
      return { width, height, nx: content.nx, ny: content.values.length / content.nx };
    return { width, height, nx: image?.nx ?? 1, ny: image?.ny ?? 1 };
  }

  let painted = 0;
  const repaint = whenChanged((values: Pixels | null, nx: number, { limits, table }: Scale) => {
    show(waiting, values === null);
    painted += 1;
    if (values) picture(paint(values, nx, limits, table), nx, source);
  });

  const isLinked = () => content === null || content.raster !== null;

  let masked: MaskLayer | null = null;
  const drawOn = whenChanged((_key: string) => {
    const { view, size } = drawing as { view: View; size: Viewport };
    const layers = {
      source: content?.values ? source : null,
      mask: masked?.canvas ?? null,
      veiled: masked?.veiled ?? false,
      raster: content?.raster ?? whole(size),
    };
    drawPicture(canvas, scratch, layers, view, size, devicePixelRatio || 1);
  });
  let drawing: { view: View; size: Viewport } | null = null;

  /** Skipped if nothing has changed, because every write to a canvas is sent to the screen. */
  function redraw(view: View, size: Viewport, mask: MaskLayer): void {
    drawing = { view, size };
    masked = isLinked() && content?.label !== "mask" ? mask : null;
    const layers = [painted, masked && [mask.painted, mask.veiled], content?.values ? 1 : 0, content?.raster];
    drawOn(JSON.stringify([layers, view, size, devicePixelRatio]));
  }

  const drawOverlay = whenChanged((_key: string, ..._of: unknown[]) => {
    const { view, size } = drawing as { view: View; size: Viewport };
    overlay.update(latest as State, view, size);
  });
  let latest: State | null = null;

  return {
    name,
    element,
    stage,
    measure,
    frame,
    show(next) {
      content = next;
      canvas.setAttribute("aria-label", next.label);
      setText(note, next.note);
      repaint(next.values, next.nx, next.scale);
      bar.update(next.scale, next.adjust);
      stage.classList.toggle("sl-still", next.raster === null);
    },
    update(state, mask, primary) {
      const size = frame(state.image);
      const view = isLinked() ? viewOf(state, size) : fitView(size);
      redraw(view, size, mask);
      stage.classList.toggle("sl-primary", primary);
      overlay.name(primary);
      latest = state;
      const { schema, display, posterior } = state;
      drawOverlay(
        JSON.stringify([primary, view, size, isOld(state)]),
        shown(state),
        schema,
        display,
        posterior,
      );
    },
    mark(state, pixel) {
      const size = frame(state.image);
      overlay.mark(pixel, viewOf(state, size), size, state.display.crosshair);
    },
    sketch(state, mask, outline) {
      const size = frame(state.image);
      const view = viewOf(state, size);
      if (isLinked()) redraw(view, size, mask);
      overlay.sketch(isLinked() ? outline : null, view, size);
    },
  };
}
