/** Saved sessions: the document of widget/saved.py, and the display settings read from one. */

import { packed } from "./masking";
import { DISPLAY, type Display, type State } from "./state";

const VERSION = 1;
/** The largest file; Python refuses larger ones, and the page does not read them. */
export const MOST_BYTES = 64 * 2 ** 20;

/** Everything that the user has set, as JSON. */
export function savedText({ session, masks, image, display }: State): string {
  const { version, model, off, order, mask: name } = session;
  const mask = name === undefined ? undefined : masks[name];
  const document = {
    sersiclab: "session",
    version: VERSION,
    made_by: `sersiclab ${__VERSION__}`,
    shape: [image?.ny ?? 0, image?.nx ?? 0],
    session: { version, model, off, ...(order && { order }) },
    mask: mask ? base64(packed(mask)) : null,
    display,
  };
  return JSON.stringify(document, null, 1);
}

const CHUNK = 0x8000;

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let from = 0; from < bytes.length; from += CHUNK)
    text += String.fromCharCode(...bytes.subarray(from, from + CHUNK));
  return btoa(text);
}

/** A display read from elsewhere; settings that are missing or of the wrong type get their defaults. */
export function displayFrom(written: unknown): Display {
  const given = isRecord(written) ? written : {};
  const taken = Object.keys(DISPLAY).filter((key) => isLike(key as keyof Display, given[key]));
  return { ...DISPLAY, ...Object.fromEntries(taken.map((key) => [key, given[key]])) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const hasNumbers = (value: unknown, names: string[]): boolean =>
  value === null || (isRecord(value) && names.every((name) => isNumber(value[name])));

function isLike(key: keyof Display, value: unknown): boolean {
  if (key === "view") return hasNumbers(value, ["x", "y", "zoom"]);
  if (key === "pin") return hasNumbers(value, ["x", "y"]);
  if (key === "options") return isRecord(value) && Object.values(value).every(isRecord);
  if (key === "limits" && Array.isArray(value)) return value.length === 2 && value.every(isNumber);
  const usual = DISPLAY[key];
  if (Array.isArray(usual)) return Array.isArray(value) && value.every((each) => typeof each === "string");
  return typeof usual === "number" ? isNumber(value) : typeof value === typeof usual;
}
