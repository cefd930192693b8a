/** The toolbar: undo, layout, overlays and zoom. */

import { type Display, type Layout, MASKING, type PanelName, type State } from "../state";
import type { Store } from "../store";
import { h, numberInput, option, setValue, whenChanged } from "./dom";
import { icon } from "./icons";

export interface Section {
  element: HTMLElement;
  update(state: State): void;
}

type Change = (display: Partial<Display>) => void;
type IconName = Parameters<typeof icon>[0];

const LAYOUTS: [layout: Layout, name: string, shape: IconName][] = [
  ["row", "Three side by side", "row"],
  ["grid", "Two by two", "grid"],
  ["single", "One picture", "single"],
];
const PICTURES: PanelName[] = ["data", "model", "residual", "fourth"];
const COMPARE: [Display["compare"], string][] = [
  ["off", "alone"],
  ["blink", "blink with"],
  ["swipe", "swipe with"],
];

export function createToolbar(
  store: Store,
  zoom: (factor: number | null) => void,
  session: HTMLButtonElement,
  help: () => void,
  show: (name: string) => void,
): Section {
  const change: Change = (display) => store.dispatch({ type: "display", change: display });
  const undo = iconButton("Undo", "Ctrl-Z", "undo", () => store.dispatch({ type: "undo" }));
  const redo = iconButton("Redo", "Ctrl-Shift-Z", "redo", () => store.dispatch({ type: "redo" }));
  const layouts = LAYOUTS.map(([layout, name, shape]) => ({
    layout,
    button: iconButton(name, "", shape, () => change({ layout })),
  }));
  const single = singleControls(change);
  const images = imageMenu(show);
  const masking = iconButton("Edit the mask", "M", "mask", () =>
    store.dispatch({ type: "masking", masking: store.state.masking ? null : MASKING }),
  );
  const toggles = [
    toggle(store, "Ellipses", "E", "ellipse", "ellipses"),
    toggle(store, "Crosshair", "X", "cross", "crosshair"),
    toggle(store, "Profile", "P", "profile", "profile"),
    toggle(store, "Row and column cuts", "C", "cuts", "cuts"),
    toggle(store, "Prior predictive", "D", "prior", "predictive"),
  ];
  const element = h(
    "div",
    { class: "sl-toolbar", role: "toolbar", "aria-label": "view" },
    h("div", { class: "sl-group" }, undo, redo),
    images.element,
    h("div", { class: "sl-group sl-joined" }, ...layouts.map(({ button }) => button)),
    single.element,
    masking,
    h(
      "div",
      { class: "sl-group sl-push" },
      ...toggles.map(({ element: button }) => button),
      h("span", { class: "sl-gap" }),
      iconButton("Zoom out", "−", "minus", () => zoom(1 / 1.5)),
      iconButton("Zoom in", "+", "plus", () => zoom(1.5)),
      iconButton("Fit view", "0", "fit", () => zoom(null)),
      session,
      iconButton("Help", "?", "help", help),
    ),
  );

  function update(state: State): void {
    undo.disabled = state.past.length === 0;
    redo.disabled = state.future.length === 0;
    for (const { layout, button } of layouts)
      button.setAttribute("aria-pressed", String(state.display.layout === layout));
    single.update(state);
    images.update(state);
    masking.setAttribute("aria-pressed", String(state.masking !== null));
    for (const button of toggles) button.update(state);
  }
  return { element, update };
}

/** The menu of several images; hidden if there is one. */
function imageMenu(show: (name: string) => void): Section {
  const menu = select("image", [], show);
  const offer = whenChanged((names: string) =>
    menu.replaceChildren(...names.split("\n").map((name) => option(name))),
  );
  const element = field("image", menu);
  return {
    element,
    update({ image, session }) {
      const { names = [] } = image ?? {};
      element.hidden = names.length === 0;
      offer(names.join("\n"));
      setValue(menu, session.image ?? "");
    },
  };
}

/** The picture of the single-picture layout, and the one it is compared with. */
function singleControls(change: Change): Section {
  const pictures = () => PICTURES.map((name) => option(name));
  const front = select("picture", pictures(), (value) => change({ front: value as PanelName }));
  const compare = select(
    "comparison",
    COMPARE.map(([value, label]) => option(value, label)),
    (value) => change({ compare: value as Display["compare"] }),
  );
  const back = select("compared picture", pictures(), (value) => change({ back: value as PanelName }));
  compare.title = "B swaps the two";
  const element = h("div", { class: "sl-group" }, front, compare, back);
  return {
    element,
    update({ display }) {
      element.hidden = display.layout !== "single";
      setValue(front, display.front);
      setValue(compare, display.compare);
      setValue(back, display.back);
      back.hidden = display.compare === "off";
    },
  };
}

type Flag = "ellipses" | "crosshair" | "profile" | "cuts" | "predictive";

function toggle(store: Store, name: string, key: string, shape: IconName, flag: Flag): Section {
  const element = iconButton(name, key, shape, () =>
    store.dispatch({ type: "display", change: { [flag]: !store.state.display[flag] } }),
  );
  return { element, update: ({ display }) => element.setAttribute("aria-pressed", String(display[flag])) };
}

export function iconButton(
  name: string,
  key: string,
  shape: IconName,
  action: () => void,
): HTMLButtonElement {
  const title = key ? `${name} (${key})` : name;
  return h(
    "button",
    { type: "button", class: "sl-tool", "aria-label": name, title, onclick: action },
    icon(shape),
  );
}

/** A visible label; each control has its own accessible name. */
export function field(label: string, ...controls: (Node | string)[]): HTMLElement {
  return h(
    "div",
    { class: "sl-group" },
    h("span", { class: "sl-label", "aria-hidden": "true" }, label),
    ...controls,
  );
}

export function select(
  name: string,
  options: HTMLOptionElement[],
  action: (value: string) => void,
): HTMLSelectElement {
  const element = h("select", { class: "sl-select", "aria-label": name }, ...options);
  element.addEventListener("change", () => action(element.value));
  return element;
}

export function numberBox(name: string, action: (value: number) => void): HTMLInputElement {
  const element = numberInput(name);
  element.addEventListener("change", () => {
    if (Number.isFinite(element.valueAsNumber)) action(element.valueAsNumber);
  });
  return element;
}
