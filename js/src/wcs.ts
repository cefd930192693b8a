/** Sky coordinates of a pixel, from the tangent plane that Python fitted to the image's WCS. */

import type { Point } from "./geometry";

/** Centre in pixels (0-based) and degrees; `cd` converts pixel offsets to degrees east and north. */
export interface TangentPlane extends Point {
  ra: number;
  dec: number;
  cd: [[number, number], [number, number]];
}

const DEGREE = Math.PI / 180;

/** Right ascension in [0, 360) and declination, in degrees. */
export function skyAt(plane: TangentPlane, at: Point): { ra: number; dec: number } {
  const [dx, dy] = [at.x - plane.x, at.y - plane.y];
  const [[a, b], [c, d]] = plane.cd;
  const east = (a * dx + b * dy) * DEGREE;
  const north = (c * dx + d * dy) * DEGREE;
  const dec0 = plane.dec * DEGREE;
  const depth = Math.cos(dec0) - north * Math.sin(dec0);
  const ra = plane.ra + Math.atan2(east, depth) / DEGREE;
  const dec = Math.atan2(Math.sin(dec0) + north * Math.cos(dec0), Math.hypot(east, depth)) / DEGREE;
  return { ra: ((ra % 360) + 360) % 360, dec };
}

/** "10:00:24.00 +02:12:00.0", with enough decimals for a tenth of a pixel of 0.1". */
export function sexagesimal({ ra, dec }: { ra: number; dec: number }): string {
  const sign = dec < 0 ? "−" : "+";
  return `${split(ra / 15, 3, 24)} ${sign}${split(Math.abs(dec), 2, 90)}`;
}

function split(value: number, decimals: number, wraps: number): string {
  const unit = 10 ** decimals;
  const total = Math.round(value * 3600 * unit);
  const seconds = (total % (60 * unit)) / unit;
  const minutes = Math.floor(total / (60 * unit)) % 60;
  const whole = Math.floor(total / (3600 * unit));
  const padded = seconds.toFixed(decimals).padStart(decimals + 3, "0");
  return `${pad(wraps === 24 ? whole % 24 : whole)}:${pad(minutes)}:${padded}`;
}

const pad = (value: number): string => String(value).padStart(2, "0");
