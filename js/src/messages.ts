/** The custom messages of the protocol, and readers of their buffers. */

import type { Shape } from "./geometry";
import type { Image, Patch, Pixels, Raster } from "./image";
import { unpacked } from "./masking";

import type { OptionValue, Session } from "./spec";
import type { Drawing, Gauge, Marginal, PixelValues, Prediction } from "./state";
import type { TangentPlane } from "./wcs";

export type Outgoing =
  | { t: "hello" }
  | { t: "render"; seq: number; values: Record<string, number>; sight?: RasterNumbers }
  | { t: "sight"; raster: RasterNumbers }
  | { t: "pixel"; x: number; y: number }
  | { t: "mask"; name: string }
  | { t: "preset"; name: string }
  | { t: "show"; name: string }
  | { t: "neighbours" }
  | { t: "noise" }
  | { t: "predict"; request: number; number: number; seed: number }
  | { t: "keep" | "restore" | "forget"; name: string }
  | { t: "load"; name: string }
  | { t: "regions"; name: string; selected: string }
  | { t: "export"; request: string; kind: string }
  | { t: "run"; method: string; options: Record<string, OptionValue> }
  | { t: "recover" };
export type Control = { t: "ping" | "cancel" | "pause" | "resume" };

/** x, y, step, nx and ny. */
export type RasterNumbers = [x: number, y: number, step: number, nx: number, ny: number];
export const numbersOf = ({ x, y, step, nx, ny }: Raster): RasterNumbers => [x, y, step, nx, ny];
export const rasterOf = ([x, y, step, nx, ny]: RasterNumbers): Raster => ({ x, y, step, nx, ny });

export interface ImageMessage {
  t: "image";
  /** Of several images: its name, and those of all. */
  name?: string;
  names?: string[];
  /** For a large image. */
  raster?: RasterNumbers;
  shape: [ny: number, nx: number];
  layers: string[];
  limits: { data: Record<string, [number, number]> };
  psf_shape?: [ny: number, nx: number] | null;
  zeropoint?: number | null;
  unit?: string | null;
  pixel_scale?: number | null;
  wcs?: TangentPlane | null;
}
export interface FrameMessage {
  t: "frame";
  seq: number | null;
  components: string[];
  /** For a large image. */
  raster?: RasterNumbers;
  /** χ² over all pixels of a large image, with the last frame of a session. */
  chi2?: number | null;
  /** 0 in the answer to values that can't be drawn. */
  dof: number;
}
/** A part of a large image in finer cells. */
export interface SightMessage {
  t: "sight";
  raster: RasterNumbers;
  layers: string[];
}
export type PixelMessage = { t: "pixel" } & PixelValues;
export interface MaskMessage {
  t: "mask";
  name: string;
}
export interface PosteriorMessage {
  t: "posterior";
  shapes: Record<string, [xc: number, yc: number, size: number | null, ellip: number, theta: number][]>;
  marginals?: Record<string, [low: number, high: number, density: number[]]>;
}
export interface PredictionMessage {
  t: "prediction";
  request: number;
  index: number;
  number: number;
  shape: [ny: number, nx: number];
  radius: number[];
}
/** A file that this or another view has requested; its bytes are in the buffer. */
export interface FileMessage {
  t: "file";
  request: string;
  name: string;
  type: string;
}
/** A session and display settings that were loaded, as one step to undo; the traits follow. */
export interface TakenMessage {
  t: "taken";
  session: unknown;
  display: unknown;
}
/** A message that reports a result. */
export interface SaidMessage {
  t: "said";
  text: string;
}
export type GaugeMessage = { t: "gauge" } & Gauge;
export interface ErrorMessage {
  t: "error";
  title: string;
  detail: string;
  /** Of an internal error. */
  traceback?: string;
  /** The request for a file that it answers. */
  request?: string;
}
/** A change that the page may not make. No user has asked for it, so it goes to the log. */
export interface RefusedMessage {
  t: "refused";
  detail: string;
}
export type Incoming =
  | ImageMessage
  | SightMessage
  | PixelMessage
  | MaskMessage
  | PosteriorMessage
  | PredictionMessage
  | GaugeMessage
  | FrameMessage
  | FileMessage
  | TakenMessage
  | SaidMessage
  | RefusedMessage
  | ErrorMessage;

/** The bytes of a buffer, copied if it is a part of a larger buffer. */
function bytesOf(buffer: ArrayBufferView | ArrayBuffer): ArrayBuffer {
  if (buffer instanceof ArrayBuffer) return buffer;
  const { byteOffset, byteLength } = buffer;
  if (byteLength === buffer.buffer.byteLength) return buffer.buffer as ArrayBuffer;
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
  if (message.raster) return readLarge(message, buffers, rasterOf(message.raster));
  const mask = layer("mask");
  return {
    nx,
    ny,
    data: pixels(layer("data"), nx * ny, "data"),
    sigma: pixels(layer("sigma"), nx * ny, "sigma"),
    mask: mask ? new Uint8Array(bytesOf(mask)) : new Uint8Array(nx * ny),
    ...readRest(message, buffers),
  };
}

function readLarge(message: ImageMessage, buffers: DataView[], raster: Raster): Image {
  const [ny, nx] = message.shape;
  const layer = (name: string) => buffers[message.layers.indexOf(name)];
  const flags = (name: string) => {
    const buffer = layer(name);
    return buffer ? unpacked(new Uint8Array(bytesOf(buffer)), nx * ny) : null;
  };
  const cells = raster.nx * raster.ny;
  const sample = layer("sample");
  return {
    nx,
    ny,
    raster,
    patch: null,
    data: pixels(layer("data"), cells, "data"),
    sigma: pixels(layer("sigma"), cells, "sigma"),
    mask: flags("bits") ?? new Uint8Array(nx * ny),
    unusable: flags("unusable"),
    ...(sample && { sample: pixels(sample, sample.byteLength / 4, "sample") }),
    ...readRest(message, buffers),
  };
}

function readRest(message: ImageMessage, buffers: DataView[]) {
  const [psfHeight, psfWidth] = message.psf_shape ?? [0, 0];
  const size = psfWidth * psfHeight;
  const psf = size > 0 ? pixels(buffers[message.layers.indexOf("psf")], size, "psf") : null;
  return {
    ...(message.names && { name: message.name ?? "", names: message.names }),
    limits: message.limits.data,
    psf: psf && { pixels: psf, nx: psfWidth, ny: psfHeight },
    zeropoint: message.zeropoint ?? null,
    unit: message.unit ?? null,
    pixelScale: message.pixel_scale ?? null,
    plane: message.wcs ?? null,
  };
}

export function readSight(message: SightMessage, buffers: DataView[]): Patch {
  const raster = rasterOf(message.raster);
  const layer = (name: string) => pixels(buffers[message.layers.indexOf(name)], raster.nx * raster.ny, name);
  return { raster, data: layer("data"), sigma: layer("sigma") };
}

export function readFile({ type }: FileMessage, buffers: DataView[]): Blob {
  return new Blob(buffers[0] ? [bytesOf(buffers[0])] : [], { type });
}

export function readMask(buffers: DataView[], { nx, ny }: Image): Uint8Array<ArrayBuffer> {
  return unpacked(new Uint8Array(buffers[0] ? bytesOf(buffers[0]) : new ArrayBuffer(0)), nx * ny);
}

export function readShapes({ shapes }: PosteriorMessage): Record<string, Shape[]> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, draws]) => [
      name,
      draws.map(([xc, yc, size, ellip, theta]) => ({ xc, yc, size, ellip, theta })),
    ]),
  );
}

export function readMarginals({ marginals = {} }: PosteriorMessage): Record<string, Marginal> {
  return Object.fromEntries(
    Object.entries(marginals).map(([path, [low, high, density]]) => [path, { low, high, density }]),
  );
}

export function readPrediction(
  { shape: [ny, nx], radius }: PredictionMessage,
  buffers: DataView[],
): Prediction {
  return {
    nx,
    pixels: pixels(buffers[0], nx * ny, "thumbnail"),
    profile: pixels(buffers[1], radius.length, "profile"),
  };
}

export function readFrame(
  message: FrameMessage,
  buffers: DataView[],
  image: Image,
  session: Session | null,
): Record<string, Drawing> {
  const raster = message.raster && rasterOf(message.raster);
  const { nx, ny } = raster ?? image;
  return Object.fromEntries(
    message.components.map((name, i) => [
      name,
      { pixels: pixels(buffers[i], nx * ny, name), session, ...(raster && { raster }) },
    ]),
  );
}
