/** The components of the model, one card each, and controls to add more. */

import { sharings } from "../sharing";
import { typeOf } from "../spec";
import { type State, shown } from "../state";
import type { Store } from "../store";
import { type Card, createCard } from "./card";
import { h, option, whenChanged } from "./dom";
import { createRest } from "./rest";
import type { Section } from "./toolbar";

/** The actions that the list needs: adding a component of a type, a preset guessed by Python, and measured noise. */
export interface Sources {
  add(type: string): void;
  preset(name: string): void;
  noise(): void;
}

export function createComponents(store: Store, sources: Sources): Section {
  const list = h("div", { class: "sl-cards" });
  const add = createAdd(store, sources);
  const rest = createRest(store, sources.noise);
  const element = h(
    "section",
    { class: "sl-components", "aria-label": "components" },
    add.element,
    list,
    rest.element,
  );
  let cards: [key: string, card: Card][] = [];

  /** A card is remade only when its component's type or the schema has changed. */
  const rebuild = whenChanged((_outline: string, schema: State["schema"]) => {
    const old = schema === made ? new Map(cards) : new Map<string, Card>();
    made = schema;
    const root = element.getRootNode() as Document | ShadowRoot;
    const focused = element.contains(root.activeElement) ? (root.activeElement as HTMLElement) : null;
    cards = keysOf(store.state).map(([key, name]) => [key, old.get(key) ?? createCard(store, name)]);
    list.replaceChildren(...cards.map(([, card]) => card.element));
    if (focused?.isConnected) focused.focus();
  });
  let made: State["schema"] | null = null;

  return {
    element,
    update(state) {
      rebuild(keysOf(state).join(), state.schema);
      add.update(state);
      for (const [index, [, card]] of cards.entries()) card.update(state, index);
      rest.update(state);
    },
  };
}

const keysOf = (state: State): [key: string, name: string][] =>
  Object.entries(shown(state).model.components).map(([name, component]) => [
    `${name}:${typeOf(component)}`,
    name,
  ]);

const LABELS: Record<string, string> = { source: "sources", sky: "skies" };

/** Controls that add a component, a preset model or a link. */
function createAdd(store: Store, sources: Sources): Section {
  const chooser = (name: string, first: string, action: (value: string) => void) => {
    const select = h("select", { class: "sl-select", "aria-label": name }, option("", first));
    select.addEventListener("change", () => {
      const { value } = select;
      select.value = "";
      if (value !== "") action(value);
    });
    return { select, first };
  };
  const add = chooser("add a component", "+ add …", sources.add);
  const preset = chooser("start from a preset", "start from …", sources.preset);
  const share = chooser("share between components", "share …", (value) =>
    store.dispatch({ type: "edit", session: (offered[Number(value)] as (typeof offered)[0]).make() }),
  );
  let offered: ReturnType<typeof sharings> = [];
  const element = h("div", { class: "sl-group sl-add" }, add.select, preset.select, share.select);
  const offerShares = whenChanged((schema: State["schema"], session: State["session"]) => {
    offered = sharings(schema, session);
    const options = offered.map(({ label }, i) => option(String(i), label));
    share.select.replaceChildren(option("", share.first), ...options);
    share.select.hidden = options.length === 0;
  });
  const offer = whenChanged((schema: State["schema"]) => {
    const groups = Object.entries(LABELS).map(([kind, label]) => {
      const own = Object.entries(schema.profiles).filter(([, profile]) => profile.kind === kind);
      return h("optgroup", { label }, ...own.map(([type, { title }]) => option(type, title)));
    });
    add.select.replaceChildren(option("", add.first), ...groups);
    const presets = (schema.presets ?? []).map((name) => option(name));
    preset.select.replaceChildren(option("", preset.first), ...presets);
    preset.select.hidden = presets.length === 0;
  });
  return {
    element,
    update(state) {
      offer(state.schema);
      offerShares(state.schema, state.session);
    },
  };
}
