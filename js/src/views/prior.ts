/** The prior of a parameter: its family and fields, or the fixed value or tie in its place. */

import { setFamily, setPriorField } from "../edits";
import { numberField } from "../fields";
import { familiesFor } from "../priors";
import {
  isFree,
  isTied,
  type Parameter,
  type Prior,
  type PriorField,
  type Schema,
  type Setting,
  splitPath,
  type Tied,
} from "../spec";
import type { Store } from "../store";
import { h, hint, numberInput, option, plain, setValue, whenChanged } from "./dom";

export interface PriorView {
  element: HTMLElement;
  update(schema: Schema, setting: Setting, parameter: Parameter): void;
}

export function createPrior(store: Store, path: string): PriorView {
  const element = h("div", { class: "sl-prior" });
  let refresh: (setting: Setting) => void = () => {};

  /** The controls depend on the kind of setting and its family; values are written into them. */
  const rebuild = whenChanged((kind: string, schema: Schema, parameter: Parameter) => {
    const setting = latest as Setting;
    if (isTied(setting)) refresh = showTie(element);
    else if (isFree(setting)) refresh = showPrior(element, store, path, schema, parameter, kind);
    else refresh = showNothing(element);
  });
  let latest: Setting = 0;

  return {
    element,
    update(schema, setting, parameter) {
      latest = setting;
      rebuild(typeof setting === "number" ? "" : setting.type, schema, parameter);
      refresh(setting);
    },
  };
}

function showNothing(element: HTMLElement): () => void {
  element.replaceChildren();
  return () => {};
}

function showTie(element: HTMLElement): (setting: Setting) => void {
  const chip = h("span", { class: "sl-chip" });
  element.replaceChildren(chip);
  return (setting) => {
    if (isTied(setting)) chip.textContent = `= ${tieText(setting)}`;
  };
}

export function tieText({ to, scale = 1, offset = 0, by }: Tied): string {
  const factor = scale === 1 ? "" : `${plain(scale)} × `;
  const sum = offset === 0 ? "" : ` ${offset < 0 ? "−" : "+"} ${plain(Math.abs(offset))}`;
  const own = `${factor}${to}${sum}`;
  return by ? `${own} × (${tieText(by)})` : own;
}

function showPrior(
  element: HTMLElement,
  store: Store,
  path: string,
  schema: Schema,
  parameter: Parameter,
  family: string,
): (setting: Setting) => void {
  const fields = schema.priors[family]?.fields;
  const families = familiesFor(schema, parameter);
  if (!fields || !families.includes(family)) {
    element.replaceChildren(h("span", { class: "sl-chip", title: "set in Python" }, family));
    return () => {};
  }
  const [component, name] = splitPath(path);
  const choice = h(
    "select",
    {
      class: "sl-select",
      "aria-label": `prior family, ${name} of ${component}`,
      title: hint(schema.priors[family]?.doc),
    },
    ...families.map((other) => option(other)),
  );
  choice.addEventListener("change", () => {
    const session = setFamily(store.state.schema, store.state.session, path, choice.value);
    store.dispatch({ type: "edit", session });
  });
  const boxes = fields.map((field) => fieldBox(store, path, field));
  element.replaceChildren(choice, ...boxes.map((box) => box.element));
  return (setting) => {
    setValue(choice, family);
    if (isFree(setting)) for (const box of boxes) box.update(setting);
  };
}

function fieldBox(store: Store, path: string, field: PriorField) {
  const [component, name] = splitPath(path);
  const input = numberInput(`prior ${field.name}, ${name} of ${component}`);
  input.placeholder = "none";
  input.addEventListener("change", () => {
    const value = input.value === "" ? null : input.valueAsNumber;
    const session = setPriorField(store.state.session, path, field.name, value);
    store.dispatch({ type: "edit", session });
  });
  const label = h("span", { class: "sl-label", "aria-hidden": "true" }, field.name);
  return {
    element: h("span", { class: "sl-field" }, label, input),
    update: (prior: Prior) => setValue(input, plain(numberField(prior, field.name), 4)),
  };
}
