/** The present pictures as a file: PNG, or SVG with everything except the pixels as vectors. */

import {
  drawFigure,
  type Figure,
  type FigurePanel,
  layoutOf,
  paintOf,
  standalone,
  type Tick,
} from "../figure";
import { fitView, toImage, toScreen } from "../geometry";
import type { Scale } from "../pictures";
import type { State } from "../state";
import { evenly, ticks } from "../stretch";
import { format } from "./dom";
import { type Panel, viewOf } from "./panel";
import { type Panels, visiblePanels } from "./panels";

const STOPS = 32;
const PIXELS_A_TICK = 55;

export async function pictureFile(kind: "png" | "svg", pictures: Panels, state: State): Promise<Blob> {
  const panels = shownPanels(pictures, state);
  const style = getComputedStyle(pictures.element.closest(".sl-root") ?? pictures.element);
  const background = paintOf(style.backgroundColor);
  const figure: Figure = {
    panels: panels.map(({ description }) => description),
    columns: state.display.layout === "grid" ? 2 : panels.length,
    background: background.opacity > 0 ? background.colour : "rgb(255,255,255)",
    ink: paintOf(style.color).colour,
  };
  const canvases = panels.map(({ canvas }) => canvas);
  return kind === "svg" ? vectors(figure, canvases) : raster(figure, canvases);
}

const xml = (figure: Figure): string => new XMLSerializer().serializeToString(drawFigure(figure));

function vectors(figure: Figure, canvases: HTMLCanvasElement[]): Blob {
  const panels = figure.panels.map((panel, i) => ({
    ...panel,
    picture: canvases[i]?.toDataURL("image/png") ?? null,
  }));
  return new Blob(['<?xml version="1.0" encoding="UTF-8"?>\n', xml({ ...figure, panels })], {
    type: "image/svg+xml",
  });
}

/** A PNG at screen resolution: the pixels as shown, with the rest drawn over them. */
async function raster(figure: Figure, canvases: HTMLCanvasElement[]): Promise<Blob> {
  const { width, height, boxes } = layoutOf(figure);
  const ratio = devicePixelRatio || 1;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas to draw on");
  context.scale(ratio, ratio);
  context.imageSmoothingEnabled = false;
  context.fillStyle = figure.background ?? "#fff";
  context.fillRect(0, 0, width, height);
  for (const [i, { x, y, width: w, height: h }] of boxes.entries())
    context.drawImage(canvases[i] as HTMLCanvasElement, x, y, w, h);
  const over = new Image();
  over.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(xml({ ...figure, background: null }))}`;
  await over.decode();
  context.drawImage(over, 0, 0, width, height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large")))),
  );
}

interface Shown {
  canvas: HTMLCanvasElement;
  description: FigurePanel;
}

/** The visible pictures with their overlays; both of two pictures that are compared. */
function shownPanels({ panels, shown }: Panels, state: State): Shown[] {
  return visiblePanels(state).flatMap((name) => {
    const panel = panels.find((each) => each.name === name);
    const picture = shown.pictures?.[name];
    const canvas = panel?.element.querySelector<HTMLCanvasElement>(".sl-canvas");
    if (!panel || !picture || !canvas || canvas.width * canvas.height === 0) return [];
    return [{ canvas, description: describe(panel, picture.scale, state) }];
  });
}

function describe(panel: Panel, scale: Scale, state: State): FigurePanel {
  const frame = panel.frame(state.image);
  const linked = !panel.stage.classList.contains("sl-still");
  const view = linked ? viewOf(state, frame) : fitView(frame);
  const low = toImage({ x: 0, y: frame.height }, view, frame);
  const high = toImage({ x: frame.width, y: 0 }, view, frame);
  const along = (from: number, to: number, length: number, place: (value: number) => number): Tick[] =>
    evenly(from, to, Math.max(length / PIXELS_A_TICK, 2))
      .filter(Number.isInteger)
      .map((value) => ({ place: place(value), label: String(value) }));
  const overlay = panel.element.querySelector<SVGElement>(".sl-overlay");
  const canvas = panel.element.querySelector(".sl-canvas");
  return {
    title: canvas?.getAttribute("aria-label") ?? panel.name,
    note: panel.element.querySelector(".sl-note")?.textContent ?? "",
    width: frame.width,
    height: frame.height,
    picture: null,
    overlay: overlay && linked ? standalone(overlay) : null,
    x: along(low.x, high.x, frame.width, (x) => toScreen({ x, y: 0 }, view, frame).x),
    y: along(low.y, high.y, frame.height, (y) => toScreen({ x: 0, y }, view, frame).y),
    bar: barOf(scale, frame.width),
  };
}

function barOf({ lut, limits, curve }: Scale, width: number): FigurePanel["bar"] {
  const stops = Array.from({ length: STOPS + 1 }, (_, i) => {
    const at = 3 * Math.round((255 * i) / STOPS);
    return `rgb(${lut[at]},${lut[at + 1]},${lut[at + 2]})`;
  });
  return {
    stops,
    ticks: ticks(limits, curve).map(({ value, place }) => ({
      place: place * width,
      label: format(value, 2).replace(/\.0+$/, ""),
    })),
  };
}
