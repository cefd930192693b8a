/** Stretch, limits and colours of the pictures. */

import { SEQUENTIAL } from "../colormaps";
import { dataLimits } from "../pictures";
import type { Display, State, Unit } from "../state";
import type { Store } from "../store";
import { HISTOGRAM, STRETCHES } from "../stretch";
import { h, option, plain, setValue } from "./dom";
import { field, numberBox, type Section, select } from "./toolbar";

const MANUAL = "manual";
const LIMITS: [rule: string, label: string][] = [
  ["percentile", "percentile"],
  ["zscale", "zscale"],
  ["minmax", "min–max"],
  ["sigma", "sky ± kσ"],
  [MANUAL, MANUAL],
];
const UNITS: [unit: Unit, label: string][] = [
  ["sigma", "in σ"],
  ["flux", "in flux"],
  ["percent", "in %"],
];

export function createScales(store: Store): Section {
  const change = (display: Partial<Display>) => store.dispatch({ type: "display", change: display });
  const options = (names: readonly string[]) => names.map((name) => option(name));
  const stretch = select("stretch", options([...Object.keys(STRETCHES), HISTOGRAM]), (value) =>
    change({ stretch: value }),
  );
  const limits = select(
    "limits",
    LIMITS.map(([rule, label]) => option(rule, label)),
    (value) => change({ limits: value === MANUAL ? byHand(dataLimits(store.state)) : value }),
  );
  const percent = numberBox(
    "per cent of the pixels",
    (value) => value > 0 && change({ percent: Math.min(value, 100) }),
  );
  const sigmas = numberBox("sigmas around the sky", (value) => value > 0 && change({ sigmas: value }));
  const low = numberBox("low limit", (value) => change({ limits: [value, dataLimits(store.state)[1]] }));
  const high = numberBox("high limit", (value) => change({ limits: [dataLimits(store.state)[0], value] }));
  for (const box of [percent, sigmas]) box.classList.add("sl-short");
  const match = h("input", { type: "checkbox", "aria-label": "match model" });
  match.addEventListener("change", () => change({ match: match.checked }));
  const matching = h(
    "label",
    { class: "sl-group", title: "use the limits of the data for the model too" },
    match,
    "match model",
  );
  const colours = select("colour table", options(SEQUENTIAL), (value) => change({ colormap: value }));
  const units = select(
    "residual units",
    UNITS.map(([unit, label]) => option(unit, label)),
    (value) => change({ residual: value as Unit }),
  );
  const range = numberBox("residual range", (value) => {
    if (value > 0)
      change(store.state.display.residual === "percent" ? { percentRange: value } : { residualRange: value });
  });
  range.classList.add("sl-short");
  const [unit, measure] = [h("span", { class: "sl-dash" }), h("span", { class: "sl-dash" })];

  const element = h(
    "div",
    { class: "sl-toolbar", role: "toolbar", "aria-label": "display" },
    field("stretch", stretch),
    field("limits", limits, percent, sigmas, measure, low, h("span", { class: "sl-dash" }, "–"), high),
    matching,
    field("colours", colours),
    field("residual", units, h("span", { class: "sl-dash" }, "±"), range, unit),
  );

  function update(state: State): void {
    const { display } = state;
    const [from, to] = dataLimits(state);
    const rule = typeof display.limits === "string" ? display.limits : MANUAL;
    setValue(stretch, display.stretch);
    setValue(limits, rule);
    percent.hidden = rule !== "percentile";
    sigmas.hidden = rule !== "sigma";
    measure.textContent = { percentile: "%", sigma: "σ" }[rule] ?? "";
    setValue(percent, plain(display.percent));
    setValue(sigmas, plain(display.sigmas));
    setValue(low, plain(from, 4));
    setValue(high, plain(to, 4));
    match.checked = display.match || rule === MANUAL;
    match.disabled = rule === MANUAL;
    setValue(colours, display.colormap);
    setValue(units, display.residual);
    setValue(range, plain(display.residual === "percent" ? display.percentRange : display.residualRange));
    unit.textContent = display.residual === "percent" ? "%" : "σ";
  }
  return { element, update };
}

/** Rounded as the boxes show them. */
const byHand = ([low, high]: readonly [number, number]): [number, number] => [
  Number(low.toPrecision(4)),
  Number(high.toPrecision(4)),
];
