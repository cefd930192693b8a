/** The prior editor below a row: a plot to drag, and number boxes. */

import { distributionOf } from "../distributions";
import { quantilesOf, type Words, withCentre, withInterval, wordsOf } from "../elicit";
import type { Image } from "../image";
import { isFree, type Parameter, type Prior, settingAt, splitPath, withSetting } from "../spec";
import { type State, shown } from "../state";
import type { Store } from "../store";
import { physical, readable } from "../units";
import { createAlert, format, h, numberInput, plain, setText, setValue } from "./dom";
import { createPriorPlot } from "./prior_plot";

export interface PriorEditor {
  element: HTMLElement;
  update(state: State): void;
}

type Apply = (prior: Prior, first: number, second: number) => Prior | string;

export function createPriorEditor(store: Store, path: string, parameter: Parameter): PriorEditor {
  const plot = createPriorPlot(store, path, parameter);
  const refusal = createAlert();
  const { say } = refusal;
  const entry = (names: [string, string], apply: Apply) => createEntry(store, path, names, apply, say);
  const centre = entry(["prior centre", "prior spread"], (prior, c, s) => withCentre(prior, parameter, c, s));
  const interval = entry(["prior 5 %", "prior 95 %"], (prior, a, b) => withInterval(prior, parameter, a, b));
  const implied = h("p", { class: "sl-implied" });
  const label = (text: string) => h("span", { class: "sl-label", "aria-hidden": "true" }, text);
  const words = h(
    "div",
    { class: "sl-prior-words" },
    h("span", { class: "sl-words" }, label("centre"), centre.boxes[0], label("± (68 %)"), centre.boxes[1]),
    h("span", { class: "sl-words" }, label("5 %"), interval.boxes[0], label("to 95 %"), interval.boxes[1]),
    implied,
  );
  const element = h("div", { class: "sl-prior-editor" }, plot.element, words, refusal.element);

  return {
    element,
    update(state) {
      plot.update(state);
      const setting = settingAt(shown(state), path);
      const spoken = isFree(setting) ? wordsOf(setting, parameter) : null;
      words.hidden = !isFree(setting);
      for (const span of words.querySelectorAll<HTMLElement>(".sl-words")) span.hidden = !spoken;
      if (spoken) {
        centre.show(spoken.centre, spoken.spread);
        interval.show(spoken.low, spoken.high);
      }
      setText(implied, isFree(setting) ? impliedText(setting, parameter, spoken, state.image) : "");
    },
  };
}

function createEntry(
  store: Store,
  path: string,
  names: [string, string],
  apply: Apply,
  say: (text: string) => void,
) {
  const [component, name] = splitPath(path);
  const boxes = names.map((what) => numberInput(`${what}, ${name} of ${component}`)) as [
    HTMLInputElement,
    HTMLInputElement,
  ];
  const commit = () => {
    const setting = settingAt(store.state.session, path);
    if (!isFree(setting)) return;
    const next = apply(setting, boxes[0].valueAsNumber, boxes[1].valueAsNumber);
    say(typeof next === "string" ? next : "");
    if (typeof next === "string") return;
    for (const box of boxes) box.dataset.shown = box.value;
    store.dispatch({ type: "edit", session: withSetting(store.state.session, path, next) });
  };
  for (const box of boxes) box.addEventListener("change", commit);
  return {
    boxes,
    show(first: number, second: number) {
      setValue(boxes[0], plain(first, 4));
      setValue(boxes[1], plain(second, 4));
    },
  };
}

/** The 5, 50 and 95 per cent quantiles, in the parameter's unit and in sky units. */
function impliedText(prior: Prior, parameter: Parameter, words: Words | null, image: Image | null): string {
  const law = distributionOf(prior);
  if (!law) return "";
  const { low, median, high } = words ?? quantilesOf(law);
  const values = [low, median, high];
  const list = (of: (value: number) => number) => values.map((value) => format(of(value), 3)).join(" · ");
  const sky = physical(parameter, image);
  const own = `5 · 50 · 95 %: ${list((value) => value)} ${readable(parameter.unit, image)}`.trim();
  return sky ? `${own} = ${list(sky.of)} ${sky.unit}` : own;
}
