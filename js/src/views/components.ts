/** The components of the model, one card each: header with a switch, then a row per parameter. */

import { setIncluded } from "../edits";
import { hasParameter, parametersOf, titleOf, typeOf } from "../spec";
import { type State, selectedOf, shown } from "../state";
import type { Store } from "../store";
import { colourOf } from "./colours";
import { h, whenChanged } from "./dom";
import { icon } from "./icons";
import { createRow, type Row } from "./parameter";
import type { View } from "./toolbar";

interface Card {
  element: HTMLElement;
  update(state: State, index: number): void;
}

export function createComponents(store: Store): View {
  const element = h("section", { class: "sl-components", "aria-label": "components" });
  let cards: [name: string, card: Card][] = [];

  /** Cards are made anew only when the components themselves, or the schema, are others. */
  const rebuild = whenChanged((_outline: string, _schema: State["schema"]) => {
    const { components } = shown(store.state).model;
    cards = Object.keys(components).map((name) => [name, createCard(store, name)]);
    element.replaceChildren(...cards.map(([, card]) => card.element));
  });

  return {
    element,
    update(state) {
      rebuild(outline(state), state.schema);
      for (const [index, [, card]] of cards.entries()) card.update(state, index);
    },
  };
}

const outline = (state: State): string =>
  Object.entries(shown(state).model.components)
    .map(([name, component]) => `${name}:${typeOf(component)}`)
    .join();

function createCard(store: Store, name: string): Card {
  const { schema } = store.state;
  const component = shown(store.state).model.components[name] ?? { type: "" };
  const profile = schema.profiles[component.type];
  const included = h("input", { type: "checkbox", role: "switch", class: "sl-switch", "aria-label": name });
  included.title = "in the model";
  included.addEventListener("change", () =>
    store.dispatch({ type: "edit", session: setIncluded(store.state.session, name, included.checked) }),
  );
  const fold = h(
    "button",
    { type: "button", class: "sl-tool sl-fold", "aria-label": `rows of ${name}` },
    icon("fold"),
  );
  const header = h(
    "header",
    { class: "sl-card-header", title: profile?.doc ?? "" },
    h("span", { class: "sl-swatch", "aria-hidden": "true" }),
    h("strong", {}, name),
    h("span", { class: "sl-type" }, titleOf(schema, component)),
    included,
    fold,
  );
  const rows: Row[] = parametersOf(schema, component)
    .filter((parameter) => hasParameter(component, parameter.name))
    .map((parameter) => createRow(store, `${name}.${parameter.name}`, parameter));
  const body = h("div", { class: "sl-rows" }, ...rows.map((row) => row.element));
  const element = h("article", { class: "sl-card" }, header, body);
  const unfold = (open: boolean) => {
    body.hidden = !open;
    fold.setAttribute("aria-expanded", String(open));
  };
  unfold(true);
  fold.addEventListener("click", () => unfold(body.hidden === true));
  const select = () => {
    if (store.state.display.selected !== name)
      store.dispatch({ type: "display", change: { selected: name } });
  };
  element.addEventListener("pointerdown", select);
  element.addEventListener("focusin", select);

  return {
    element,
    update(state, index) {
      const off = shown(state).off.includes(name);
      included.checked = !off;
      element.style.setProperty("--sl-colour", colourOf(index));
      element.classList.toggle("sl-off", off);
      element.classList.toggle("sl-selected", selectedOf(state) === name);
      for (const row of rows) row.update(state);
    },
  };
}
