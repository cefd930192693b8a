/** Drawing a picture into a panel: sharp pixels, and hatching where there are none. */

import { magnification, toScreen, type View, type Viewport } from "../geometry";
import type { Raster } from "../image";

/** A picture at its own resolution, one canvas pixel per image pixel. */
export function picture(rgba: Uint8ClampedArray<ArrayBuffer>, nx: number, into: HTMLCanvasElement): void {
  const ny = rgba.length / 4 / nx;
  into.width = nx;
  into.height = ny;
  into.getContext("2d")?.putImageData(new ImageData(rgba, nx, ny), 0, 0);
}

/** The layers of a panel: its picture and, over it, the mask, opaque or translucent. */
export interface Layers {
  /** The pixels of the image that the layers show. */
  raster: Raster;
  source: HTMLCanvasElement | null;
  mask: HTMLCanvasElement | null;
  veiled: boolean;
}

const VEIL = 0.55;

export function drawPicture(
  canvas: HTMLCanvasElement,
  scratch: HTMLCanvasElement,
  layers: Layers,
  view: View,
  frame: Viewport,
  ratio: number,
): void {
  const context = prepare(canvas, frame, ratio);
  if (!context || !layers.source) return;
  const scale = magnification(view, frame);
  const { x, y, nx, ny, step } = layers.raster;
  const corner = toScreen({ x: x - 0.5, y: y + ny * step - 0.5 }, view, frame);
  const box = [corner.x, corner.y, nx * step * scale, ny * step * scale] as const;
  context.fillStyle = hatching(context, GREY);
  context.fillRect(...box);
  context.drawImage(layers.source, ...box);
  if (!layers.mask) return;
  // The hatching has the resolution of the screen and the shape of the mask.
  const over = prepare(scratch, frame, ratio);
  if (!over) return;
  over.drawImage(layers.mask, ...box);
  over.globalCompositeOperation = "source-in";
  over.fillStyle = hatching(over, layers.veiled ? TINT : GREY);
  over.fillRect(0, 0, frame.width, frame.height);
  over.globalCompositeOperation = "source-over";
  context.globalAlpha = layers.veiled ? VEIL : 1;
  context.drawImage(scratch, 0, 0, frame.width, frame.height);
  context.globalAlpha = 1;
}

/** Clear the canvas and give it the panel's size, in CSS pixels; null if the panel has no size, as in a hidden tab. */
function prepare(canvas: HTMLCanvasElement, frame: Viewport, ratio: number): CanvasRenderingContext2D | null {
  const width = Math.round(frame.width * ratio);
  const height = Math.round(frame.height * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = width > 0 && height > 0 ? canvas.getContext("2d") : null;
  if (!context) return null;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  return context;
}

const GREY: Colours = ["#8d8d8d", "#6a6a6a"];
const TINT: Colours = ["#e0559b", "#8e1f5c"];

type Colours = readonly [ground: string, line: string];

/** Diagonal lines for masked or undefined pixels, in a colour of no table. */
function hatching(context: CanvasRenderingContext2D, colours: Colours): CanvasPattern | string {
  const tile = tiles.get(colours) ?? drawTile(colours);
  tiles.set(colours, tile);
  return context.createPattern(tile, "repeat") ?? colours[0];
}

/** Making a canvas is slower than drawing on it. */
const tiles = new Map<Colours, HTMLCanvasElement>();

function drawTile([ground, line]: Colours): HTMLCanvasElement {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  if (!pen) return tile;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = line;
  pen.lineWidth = 1.4;
  for (const offset of [-6, 0, 6]) {
    pen.moveTo(offset - 1, 7);
    pen.lineTo(offset + 7, -1);
  }
  pen.stroke();
  return tile;
}
