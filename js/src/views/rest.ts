/** Parameters that belong to no component: those of links, such as a total flux, and of the noise. */

import { NOISE, ownerOf, rowsOf, type Schema, type Session, titleOf, typeOf } from "../spec";
import { type State, shown } from "../state";
import type { Store } from "../store";
import { h, hint, option, setValue, whenChanged } from "./dom";
import { createRow } from "./parameter";
import type { Section } from "./toolbar";

export function createRest(store: Store, measureNoise: () => void): Section {
  const element = h("div", { class: "sl-cards" });
  let cards: Section[] = [];
  const rebuild = whenChanged((_outline: string, schema: Schema) => {
    cards = namesOf(schema, shown(store.state)).map((name) => createCard(store, name, measureNoise));
    element.replaceChildren(...cards.map((card) => card.element));
  });
  return {
    element,
    update(state) {
      const session = shown(state);
      const outline = namesOf(state.schema, session).map((name) => {
        const owner = ownerOf(session, name);
        return `${name}:${owner ? typeOf(owner) : ""}`;
      });
      rebuild(outline.join(), state.schema);
      for (const card of cards) card.update(state);
    },
  };
}

/** Without a choice of noise models the card would be empty. */
const namesOf = ({ noises = {} }: Schema, { model }: Session): string[] => [
  ...Object.keys(model.links ?? {}),
  ...(model.noise && Object.keys(noises).length > 0 ? [NOISE] : []),
];

function createCard(store: Store, name: string, measureNoise: () => void): Section {
  const { schema } = store.state;
  const owner = ownerOf(shown(store.state), name) ?? { type: "" };
  const rows = rowsOf(schema, owner).map((parameter) =>
    createRow(store, `${name}.${parameter.name}`, parameter),
  );
  const kind = name === NOISE ? createKind(store, schema, owner.type, measureNoise) : null;
  const what = kind?.element ?? h("span", { class: "sl-label" }, titleOf(schema, owner));
  const { doc } = schema.noises?.[owner.type] ?? schema.links?.[owner.type] ?? {};
  const header = h("header", { class: "sl-card-header", title: hint(doc) }, h("strong", {}, name), what);
  const body = h("div", { class: "sl-rows" }, ...rows.map((row) => row.element));
  return {
    element: h("article", { class: "sl-card sl-rest" }, header, body),
    update(state: State) {
      kind?.update(state);
      for (const row of rows) row.update(state);
    },
  };
}

/** The user's own noise model stays in the list while it is chosen. */
function createKind(store: Store, schema: Schema, present: string, measure: () => void): Section {
  const { noises = {} } = schema;
  const others = present in noises ? [] : [option(present)];
  const element = h(
    "select",
    { class: "sl-select", "aria-label": "noise model" },
    ...Object.entries(noises).map(([type, { title }]) => option(type, title)),
    ...others,
  );
  element.addEventListener("change", () => {
    const { session } = store.state;
    const noise = noises[element.value]?.document;
    if (noise === null) {
      setValue(element, session.model.noise?.type ?? ""); // until Python has measured it
      measure();
    }
    if (noise) store.dispatch({ type: "edit", session: { ...session, model: { ...session.model, noise } } });
  });
  return { element, update: (state) => setValue(element, shown(state).model.noise?.type ?? "") };
}
