/** Drawing a picture into a panel: crisp pixels, hatching where there are none. */

import { type Frame, magnification, toScreen, type View } from "../geometry";

/** A picture at its own resolution, one canvas pixel per image pixel. */
export function picture(rgba: Uint8ClampedArray<ArrayBuffer>, nx: number, into: HTMLCanvasElement): void {
  const ny = rgba.length / 4 / nx;
  into.width = nx;
  into.height = ny;
  into.getContext("2d")?.putImageData(new ImageData(rgba, nx, ny), 0, 0);
}

export function drawPicture(
  canvas: HTMLCanvasElement,
  source: HTMLCanvasElement | null,
  view: View,
  frame: Frame,
  ratio: number,
): void {
  const width = Math.round(frame.width * ratio);
  const height = Math.round(frame.height * ratio);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!source) return;
  const scale = magnification(view, frame);
  const corner = toScreen({ x: -0.5, y: frame.ny - 0.5 }, view, frame);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const box = [corner.x, corner.y, frame.nx * scale, frame.ny * scale] as const;
  context.fillStyle = hatching(context);
  context.fillRect(...box);
  context.imageSmoothingEnabled = false;
  context.drawImage(source, ...box);
}

/** Diagonal lines, for pixels that are masked or undefined: no colour of any table. */
function hatching(context: CanvasRenderingContext2D): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  if (!pen) return "#888";
  pen.fillStyle = "#8d8d8d";
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = "#6a6a6a";
  pen.lineWidth = 1.4;
  for (const offset of [-6, 0, 6]) {
    pen.moveTo(offset - 1, 7);
    pen.lineTo(offset + 7, -1);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat") ?? "#888";
}

/** A colour bar, low end at the left. */
export function drawBar(canvas: HTMLCanvasElement, table: Uint32Array): void {
  const width = 256;
  canvas.width = width;
  canvas.height = 1;
  const words = Uint32Array.from({ length: width }, (_, i) => {
    return table[Math.round((i * (table.length - 1)) / (width - 1))] as number;
  });
  const pixels = new Uint8ClampedArray(words.buffer);
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, width, 1), 0, 0);
}
