/** A form for the settings of the chosen method, as declared by its Python class. */

import type { MethodOption, OptionValue, Schema } from "../spec";
import type { State } from "../state";
import type { Store } from "../store";
import { h, numberInput, option, plain, setValue, whenChanged } from "./dom";

export function createSettings(store: Store): { element: HTMLElement; update(state: State): void } {
  const chooser = h("select", { class: "sl-select", "aria-label": "settings for" });
  const fields = h("div", { class: "sl-settings-fields" });
  const element = h("div", { class: "sl-settings" }, chooser, fields);
  let shows: ((state: State) => void)[] = [];

  const offer = whenChanged((schema: Schema) => {
    const names = Object.entries(schema.methods).filter(([, { options = [] }]) => options.length > 0);
    const last = chooser.value;
    chooser.replaceChildren(...names.map(([name]) => option(name)));
    // The last method is the sampler, whose settings are changed most often.
    chooser.value = names.some(([name]) => name === last) ? last : (names.at(-1)?.[0] ?? "");
  });
  const rebuild = whenChanged((method: string, schema: Schema) => {
    const made = (schema.methods[method]?.options ?? []).map((each) => createField(store, method, each));
    shows = made.map((field) => field.show);
    fields.replaceChildren(...made.map((field) => field.element));
  });
  function update(state: State): void {
    offer(state.schema);
    rebuild(chooser.value, state.schema);
    for (const show of shows) show(state);
  }
  chooser.addEventListener("change", () => update(store.state));
  return { element, update };
}

/** The value of a setting: the user's choice, or the default. */
const chosenValue = ({ display }: State, method: string, each: MethodOption): OptionValue =>
  display.options[method]?.[each.name] ?? each.default;

function setOption(store: Store, method: string, each: MethodOption, value: OptionValue): void {
  const { options } = store.state.display;
  const { [each.name]: _, ...others } = options[method] ?? {};
  const own = value === each.default ? others : { ...others, [each.name]: value };
  store.dispatch({ type: "display", change: { options: { ...options, [method]: own } } });
}

function createField(store: Store, method: string, each: MethodOption) {
  const name = `${each.name}, ${method}`;
  const label = h("span", { class: "sl-label", "aria-hidden": "true" }, each.name.replaceAll("_", " "));
  const set = (value: OptionValue) => setOption(store, method, each, value);
  if (each.kind === "bool") {
    const box = h("input", { type: "checkbox", "aria-label": name });
    box.addEventListener("change", () => set(box.checked));
    const show = (state: State) => {
      box.checked = chosenValue(state, method, each) === true;
    };
    return { element: h("label", {}, label, box), show };
  }
  if (each.kind === "choice") {
    const choice = h(
      "select",
      { class: "sl-select", "aria-label": name },
      ...each.choices.map((value) => option(value)),
    );
    choice.addEventListener("change", () => set(choice.value));
    const show = (state: State) => setValue(choice, String(chosenValue(state, method, each)));
    return { element: h("label", {}, label, choice), show };
  }
  const box = numberInput(name);
  if (each.kind === "int") box.step = "1";
  const show = (state: State) => setValue(box, plain(Number(chosenValue(state, method, each))));
  box.addEventListener("change", () => {
    // An empty box restores the default; Python reports other errors.
    set(box.value === "" ? each.default : box.valueAsNumber);
    box.dataset.shown = box.value;
    show(store.state);
  });
  return { element: h("label", {}, label, box), show };
}
