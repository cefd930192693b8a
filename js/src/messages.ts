/** The custom messages of the protocol, and the reading of their buffers. */

import type { Image, Pixels } from "./state";

export type Outgoing =
  | { t: "hello" }
  | { t: "render"; seq: number; values: Record<string, number> }
  | { t: "run"; method: string; options: Record<string, never> };
export type Control = { t: "ping" | "cancel" | "pause" | "resume" };

export interface ImageMessage {
  t: "image";
  shape: [ny: number, nx: number];
  layers: string[];
  limits: { data: Record<string, [number, number]> };
}
export interface FrameMessage {
  t: "frame";
  seq: number | null;
  components: string[];
  /** Null, and `dof` 0, in the answer to values that cannot be drawn. */
  chi2: number | null;
  dof: number;
}
export interface ErrorMessage {
  t: "error";
  title: string;
  detail: string;
}
export type Incoming = ImageMessage | FrameMessage | ErrorMessage;

/** The bytes of a buffer, copied when the host hands them at an odd offset. */
function bytesOf(buffer: ArrayBufferView | ArrayBuffer): ArrayBuffer {
  if (buffer instanceof ArrayBuffer) return buffer;
  const { byteOffset, byteLength } = buffer;
  return buffer.buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

function pixels(buffer: DataView | undefined, size: number, what: string): Pixels {
  if (!buffer || buffer.byteLength !== 4 * size)
    throw new RangeError(`${what}: expected ${4 * size} bytes, got ${buffer?.byteLength ?? 0}`);
  return new Float32Array(bytesOf(buffer));
}

export function readImage(message: ImageMessage, buffers: DataView[]): Image {
  const [ny, nx] = message.shape;
  const layer = (name: string) => buffers[message.layers.indexOf(name)];
  const mask = layer("mask");
  return {
    nx,
    ny,
    data: pixels(layer("data"), nx * ny, "data"),
    sigma: pixels(layer("sigma"), nx * ny, "sigma"),
    mask: mask ? new Uint8Array(bytesOf(mask)) : new Uint8Array(nx * ny),
    limits: message.limits.data,
  };
}

export function readFrame(message: FrameMessage, buffers: DataView[], image: Image): Record<string, Pixels> {
  const size = image.nx * image.ny;
  return Object.fromEntries(message.components.map((name, i) => [name, pixels(buffers[i], size, name)]));
}
