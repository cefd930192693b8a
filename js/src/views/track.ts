/** What lies behind a value slider: the prior's density, and after a run the posterior's 16 to 84 per cent. */

import { densityCurve, type Range, toSlider } from "../priors";
import { isFree, type Parameter, type Setting } from "../spec";
import type { SummaryRow } from "../state";
import { h, place, svg } from "./dom";

export interface Track {
  element: HTMLElement;
  update(setting: Setting, parameter: Parameter, range: Range, posterior: SummaryRow | undefined): void;
}

const WIDTH = 100;
const HEIGHT = 20;
const PEAK = 0.92;
const FLAT = 0.4;

export function createTrack(slider: HTMLInputElement): Track {
  const density = svg("path", { class: "sl-density" });
  const interval = svg("rect", { class: "sl-interval", y: HEIGHT - 3, height: 3 });
  const median = svg("rect", { class: "sl-interval", y: HEIGHT - 7, height: 7, width: 0.8 });
  const drawing = svg(
    "svg",
    {
      class: "sl-curve",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    density,
    interval,
    median,
  );

  let drawn = "";

  function drawPosterior(range: Range, row: SummaryRow | undefined): void {
    const low = toSlider(range, range.low);
    const high = range.wraps ? Math.PI : toSlider(range, range.high);
    const at = (value: number) => {
      const part = (toSlider(range, value) - low) / (high - low);
      return WIDTH * Math.min(Math.max(part, 0), 1);
    };
    const { q16 = null, q50 = null, q84 = null } = row ?? {};
    const known = q16 !== null && q50 !== null && q84 !== null;
    // An interval across the seam of an angle has no place on the line.
    const display = known && at(q84) >= at(q16) ? "inline" : "none";
    place(interval, { display });
    place(median, { display });
    if (!known) return;
    place(interval, { x: at(q16), width: Math.max(at(q84) - at(q16), 0.6) });
    place(median, { x: at(q50) - 0.4 });
  }

  return {
    element: h("div", { class: "sl-track" }, drawing, slider),
    update(setting, parameter, range, posterior) {
      const key = densityKey(setting, range);
      if (key !== drawn) place(density, { d: areaOf(setting, parameter, range) });
      drawn = key;
      drawPosterior(range, posterior);
    },
  };
}

/** The curve does not depend on the value, which changes all the time. */
function densityKey(setting: Setting, range: Range): string {
  if (!isFree(setting)) return "";
  const { init: _, ...fields } = setting;
  return JSON.stringify([fields, range]);
}

function areaOf(setting: Setting, parameter: Parameter, range: Range): string {
  const curve = isFree(setting) ? densityCurve(setting, parameter, range) : null;
  if (!curve) return "";
  const step = WIDTH / (curve.length - 1);
  // A flat prior says little: it is drawn low.
  const peak = HEIGHT * (Math.min(...curve) > 0.99 ? FLAT : PEAK);
  const points = curve.map((y, i) => `${(i * step).toFixed(2)} ${(HEIGHT - peak * y).toFixed(2)}`);
  return `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`;
}
