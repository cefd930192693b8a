/** The background of a value slider: the prior's density and, after a run, the posterior's 16–84 per cent interval. */

import { densityCurve, type Range, toSlider } from "../priors";
import { isFree, type Parameter, type Setting } from "../spec";
import type { SummaryRow } from "../state";
import { h, place, setTitle, svg } from "./dom";

/** The summary row of the parameter, and whether it is from the previous run. */
export interface Posterior {
  row: SummaryRow | undefined;
  old: boolean;
}
export interface Track {
  element: HTMLElement;
  update(setting: Setting, parameter: Parameter, range: Range, posterior: Posterior): void;
}

const WIDTH = 100;
const HEIGHT = 20;
const PEAK = 0.92;
const FLAT = 0.4;
/** An interval is at least this wide. */
const LEAST = 0.6;

export function createTrack(slider: HTMLInputElement): Track {
  const density = svg("path", { class: "sl-density" });
  const interval = svg("path", { class: "sl-interval" });
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
  );

  let drawn = "";

  function drawPosterior(range: Range, { row, old }: Posterior): void {
    const low = toSlider(range, range.low);
    const high = range.wraps ? Math.PI : toSlider(range, range.high);
    const at = (value: number) => {
      const part = (toSlider(range, value) - low) / (high - low);
      return WIDTH * Math.min(Math.max(part, 0), 1);
    };
    const { q16 = null, q50 = null, q84 = null } = row ?? {};
    const known = q16 !== null && q50 !== null && q84 !== null;
    // An interval that wraps around the end of the angle range can't be drawn.
    const seen = known && at(q84) >= at(q16);
    const [y, end] = [HEIGHT - 1.5, seen ? Math.max(at(q84), at(q16) + LEAST) : 0];
    place(interval, { d: seen ? `M${at(q16)} ${y}H${end}M${at(q50)} ${HEIGHT - 7}V${HEIGHT}` : "" });
    setTitle(element, seen && old ? "16–84 % interval of the previous run's posterior" : "");
  }

  const element = h("div", { class: "sl-track" }, drawing, slider);
  return {
    element,
    update(setting, parameter, range, posterior) {
      const key = densityKey(setting, range);
      if (key !== drawn) place(density, { d: areaOf(setting, parameter, range) });
      drawn = key;
      drawPosterior(range, posterior);
    },
  };
}

/** The curve does not depend on the value, which changes often. */
function densityKey(setting: Setting, range: Range): string {
  if (!isFree(setting)) return "";
  const { init: _, ...fields } = setting;
  return JSON.stringify([fields, range]);
}

function areaOf(setting: Setting, parameter: Parameter, range: Range): string {
  const curve = isFree(setting) ? densityCurve(setting, parameter, range) : null;
  if (!curve) return "";
  const step = WIDTH / (curve.length - 1);
  // A flat prior is uninformative, so it is drawn low.
  const peak = HEIGHT * (Math.min(...curve) > 0.99 ? FLAT : PEAK);
  const points = curve.map((y, i) => `${(i * step).toFixed(2)} ${(HEIGHT - peak * y).toFixed(2)}`);
  return `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`;
}
