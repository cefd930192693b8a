/** Undo, stretch, limits, colours and zoom. */

import { SEQUENTIAL } from "../colormaps";
import type { Display, State } from "../state";
import type { Store } from "../store";
import { STRETCHES } from "../stretch";
import { h, option, plain, setValue } from "./dom";
import { icon } from "./icons";
import { dataLimits } from "./panels";

export interface View {
  element: HTMLElement;
  update(state: State): void;
}

const LIMITS: [rule: string, label: string][] = [
  ["percentile", "percentile"],
  ["zscale", "zscale"],
  ["minmax", "min–max"],
];
const MANUAL = "manual";

export function createToolbar(store: Store, zoom: (factor: number | null) => void): View {
  const change = (display: Partial<Display>) => store.dispatch({ type: "display", change: display });
  const undo = iconButton("Undo", "Ctrl-Z", "undo", () => store.dispatch({ type: "undo" }));
  const redo = iconButton("Redo", "Ctrl-Shift-Z", "redo", () => store.dispatch({ type: "redo" }));
  const stretch = select(
    "stretch",
    Object.keys(STRETCHES).map((name) => option(name)),
    (value) => change({ stretch: value }),
  );
  const limits = select(
    "limits",
    [...LIMITS.map(([rule, label]) => option(rule, label)), option(MANUAL)],
    (value) => change({ limits: value === MANUAL ? dataLimits(store.state) : value }),
  );
  const low = numberBox("low limit", (value) => change({ limits: [value, dataLimits(store.state)[1]] }));
  const high = numberBox("high limit", (value) => change({ limits: [dataLimits(store.state)[0], value] }));
  const colours = select(
    "colour table",
    SEQUENTIAL.map((name) => option(name)),
    (value) => change({ colormap: value }),
  );
  const units = select("residual units", [option("sigma", "in σ"), option("flux", "in flux")], (value) =>
    change({ residual: value === "flux" ? "flux" : "sigma" }),
  );
  const range = numberBox("residual range, sigmas", (value) => value > 0 && change({ residualRange: value }));

  const ellipses = iconButton("Ellipses", "E", "ellipse", () =>
    change({ ellipses: !store.state.display.ellipses }),
  );

  const element = h(
    "div",
    { class: "sl-toolbar", role: "toolbar", "aria-label": "display" },
    h("div", { class: "sl-group" }, undo, redo),
    field("stretch", stretch),
    field("limits", limits, low, h("span", { class: "sl-dash" }, "–"), high),
    field("colours", colours),
    field("residual", units, h("span", { class: "sl-dash" }, "±"), range),
    h(
      "div",
      { class: "sl-group sl-push" },
      ellipses,
      iconButton("Zoom out", "−", "minus", () => zoom(1 / 1.5)),
      iconButton("Zoom in", "+", "plus", () => zoom(1.5)),
      iconButton("Fit view", "0 or double click", "fit", () => zoom(null)),
    ),
  );

  function update(state: State): void {
    const [from, to] = dataLimits(state);
    undo.disabled = state.past.length === 0;
    redo.disabled = state.future.length === 0;
    setValue(stretch, state.display.stretch);
    setValue(limits, typeof state.display.limits === "string" ? state.display.limits : MANUAL);
    ellipses.setAttribute("aria-pressed", String(state.display.ellipses));
    setValue(low, plain(from, 4));
    setValue(high, plain(to, 4));
    setValue(colours, state.display.colormap);
    setValue(units, state.display.residual);
    setValue(range, plain(state.display.residualRange));
  }
  return { element, update };
}

function iconButton(
  name: string,
  key: string,
  shape: Parameters<typeof icon>[0],
  action: () => void,
): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "sl-tool", "aria-label": name, title: `${name} (${key})`, onclick: action },
    icon(shape),
  );
}

/** A label for the eye; each control carries its own name. */
function field(label: string, ...controls: (Node | string)[]): HTMLElement {
  return h(
    "div",
    { class: "sl-group" },
    h("span", { class: "sl-label", "aria-hidden": "true" }, label),
    ...controls,
  );
}

function select(
  name: string,
  options: HTMLOptionElement[],
  action: (value: string) => void,
): HTMLSelectElement {
  const element = h("select", { class: "sl-select", "aria-label": name }, ...options);
  element.addEventListener("change", () => action(element.value));
  return element;
}

function numberBox(name: string, action: (value: number) => void): HTMLInputElement {
  const element = h("input", { class: "sl-number", type: "number", step: "any", "aria-label": name });
  element.addEventListener("change", () => {
    if (Number.isFinite(element.valueAsNumber)) action(element.valueAsNumber);
  });
  return element;
}
