/** The card of a component: its name, type, visibility, lock, switch and rows. */

import { changeKind, duplicate, kindOf, kindsFor, move, nameProblem, remove, rename } from "../arranging";
import { setIncluded } from "../edits";
import { at, has } from "../names";
import { type Component, rowsOf, titleOf } from "../spec";
import { type Display, type State, selectedOf, shown } from "../state";
import type { Store } from "../store";
import { displayAfter, fluxParts, isLocked, isSeen } from "../visibility";
import { colourOf } from "./colours";
import { createAlert, h, hint, option, setText, setValue, whenChanged } from "./dom";
import { icon } from "./icons";
import { createMenu } from "./menu";
import { createRow, type Row } from "./parameter";

export interface Card {
  element: HTMLElement;
  update(state: State, index: number): void;
}

type Part = { element: HTMLElement; update(state: State): void };

export function createCard(store: Store, name: string): Card {
  const { schema } = store.state;
  const component = at(shown(store.state).model.components, name) ?? { type: "" };
  const profile = schema.profiles[component.type];
  const title = createTitle(store, name);
  const parts = [
    createKind(store, name, component),
    createShare(name),
    createSwitches(store, name),
    createIncluded(store, name),
  ];
  const menu = createActions(store, name, title.edit);
  const fold = h(
    "button",
    { type: "button", class: "sl-tool sl-fold", "aria-label": `rows of ${name}`, title: "fold its rows" },
    icon("fold"),
  );
  const header = h(
    "header",
    { class: "sl-card-header", title: hint(profile?.doc) },
    h("span", { class: "sl-swatch", "aria-hidden": "true" }),
    title.element,
    ...parts.map((part) => part.element),
    menu.button,
    fold,
  );
  const rows: Row[] = rowsOf(schema, component).map((parameter) =>
    createRow(store, `${name}.${parameter.name}`, parameter),
  );
  const body = h("div", { class: "sl-rows" }, ...rows.map((row) => row.element));
  const element = h("article", { class: "sl-card" }, header, title.problem, body, menu.element);
  const unfold = (open: boolean) => {
    body.hidden = !open;
    fold.setAttribute("aria-expanded", String(open));
  };
  unfold(true);
  fold.addEventListener("click", () => unfold(body.hidden === true));
  const select = () => {
    if (store.state.display.selected !== name && has(shown(store.state).model.components, name))
      store.dispatch({ type: "display", change: { selected: name } });
  };
  element.addEventListener("pointerdown", select);
  element.addEventListener("focusin", select);
  header.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1 as const, ArrowDown: 1 as const }[event.key];
    if (!event.altKey || !step) return;
    event.preventDefault();
    store.dispatch({ type: "edit", session: move(store.state.session, name, step) });
  });

  return {
    element,
    update(state, index) {
      const off = shown(state).off.includes(name);
      for (const part of parts) part.update(state);
      menu.update(state);
      element.style.setProperty("--sl-colour", colourOf(index));
      element.classList.toggle("sl-off", off);
      element.classList.toggle("sl-selected", selectedOf(state) === name);
      body.inert = isLocked(state, name);
      for (const row of rows) row.update(state);
    },
  };
}

/** The switch that adds a component to the model or removes it. */
function createIncluded(store: Store, name: string): Part {
  const element = h("input", { type: "checkbox", role: "switch", class: "sl-switch", "aria-label": name });
  element.title = "in the model";
  element.addEventListener("change", () =>
    store.dispatch({ type: "edit", session: setIncluded(store.state.session, name, element.checked) }),
  );
  return {
    element,
    update(state) {
      element.checked = !shown(state).off.includes(name);
    },
  };
}

/** The name, replaced by a text box while it is edited. */
function createTitle(store: Store, name: string) {
  const label = h("strong", { title: "double-click to rename" }, name);
  const input = h("input", {
    class: "sl-rename",
    type: "text",
    "aria-label": `name of ${name}`,
    hidden: true,
  });
  const problem = createAlert();
  const close = () => {
    input.hidden = true;
    label.hidden = false;
    problem.say("");
  };
  const edit = () => {
    input.value = name;
    input.hidden = false;
    label.hidden = true;
    input.focus();
    input.select();
  };
  const commit = () => {
    const wish = input.value.trim();
    const { session, display } = store.state;
    const reason = nameProblem(session, name, wish);
    problem.say(reason ?? "");
    if (reason !== null) return;
    close();
    if (wish === name) return;
    store.dispatch({ type: "display", change: displayAfter(display, name, wish) });
    store.dispatch({ type: "edit", session: rename(session, name, wish) });
  };
  label.addEventListener("dblclick", edit);
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") commit();
    else if (event.key === "Escape") close();
  });
  input.addEventListener("blur", () => !input.hidden && problem.element.textContent === "" && close());
  return { element: h("span", { class: "sl-card-name" }, label, input), problem: problem.element, edit };
}

function createKind(store: Store, name: string, component: Component): Part {
  const { schema } = store.state;
  const kinds = kindsFor(schema, component);
  const element = h(
    "select",
    {
      class: "sl-select sl-type",
      "aria-label": `profile of ${name}`,
      title: "change profile (shared parameters are kept)",
    },
    ...kinds.map(([type, title]) => option(type, title)),
  );
  element.addEventListener("change", () =>
    store.dispatch({
      type: "edit",
      session: changeKind(store.state.schema, store.state.session, name, element.value),
    }),
  );
  const type = kindOf(component);
  const modified = type === component.type ? "" : titleOf(schema, component);
  const known = kinds.some(([kind]) => kind === type);
  const plain = h("span", { class: "sl-type" }, modified || component.type);
  const shownAs = known ? h("span", { class: "sl-kind" }, ...(modified ? [plain] : []), element) : plain;
  return { element: shownAs, update: () => setValue(element, type) };
}

/** The fraction of the light, as a bar and in words. */
function createShare(name: string): Part {
  const bar = h("span", { class: "sl-share-bar", "aria-hidden": "true" });
  const text = h("span");
  const element = h(
    "span",
    { class: "sl-share", role: "note", title: "its fraction of the sources' light" },
    bar,
    text,
  );
  return {
    element,
    update(state) {
      const part = at(fluxParts(shown(state)), name);
      element.classList.toggle("sl-none", part === undefined);
      bar.style.setProperty("--sl-part", `${100 * (part ?? 0)}%`);
      setText(text, part === undefined ? "" : `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`);
    },
  };
}

/** The eye, solo and lock buttons, which change only the display. */
function createSwitches(store: Store, name: string): Part {
  const change = (display: Partial<Display>) => store.dispatch({ type: "display", change: display });
  const toggled = (list: string[]) =>
    list.includes(name) ? list.filter((each) => each !== name) : [...list, name];
  const button = (label: string, title: string, shape: Parameters<typeof icon>[0], action: () => void) =>
    h(
      "button",
      { type: "button", class: "sl-tool", "aria-label": `${label} ${name}`, title, onclick: action },
      icon(shape),
    );
  const eye = button("show", "show in the pictures (the model does not change)", "eye", () =>
    change({ hidden: toggled(store.state.display.hidden), solo: "" }),
  );
  const solo = button("solo", "show this component alone", "solo", () =>
    change({ solo: store.state.display.solo === name ? "" : name }),
  );
  const lock = button("lock", "protect from changes in the page", "lock", () =>
    change({ locked: toggled(store.state.display.locked) }),
  );
  const draw = whenChanged((seen: boolean) => eye.replaceChildren(icon(seen ? "eye" : "closed")));
  return {
    element: h("span", { class: "sl-card-tools" }, eye, solo, lock),
    update(state) {
      const press = (each: HTMLElement, on: boolean) => each.setAttribute("aria-pressed", String(on));
      const seen = isSeen(state.display, name);
      press(eye, seen);
      draw(seen);
      press(solo, state.display.solo === name);
      press(lock, isLocked(state, name));
    },
  };
}

/** Actions on the component as a whole. */
function createActions(store: Store, name: string, edit: () => void) {
  const actions: Record<string, () => void> = {
    duplicate() {
      const made = duplicate(store.state.session, name);
      store.dispatch({ type: "edit", session: made.session });
      store.dispatch({ type: "display", change: { selected: made.name } });
    },
    rename: edit,
    up: () => store.dispatch({ type: "edit", session: move(store.state.session, name, -1) }),
    down: () => store.dispatch({ type: "edit", session: move(store.state.session, name, 1) }),
    remove() {
      const { schema, session, display } = store.state;
      store.dispatch({ type: "edit", session: remove(schema, session, name) });
      store.dispatch({ type: "display", change: displayAfter(display, name, null) });
    },
  };
  const menu = createMenu(`actions on ${name}`, (chosen) => actions[chosen]?.());
  menu.element.classList.add("sl-card-menu");
  const button = h(
    "button",
    {
      type: "button",
      class: "sl-tool",
      "aria-label": `more actions for ${name}`,
      "aria-haspopup": "menu",
      title: "duplicate, rename, move, remove",
    },
    icon("more"),
  );
  button.addEventListener("click", () => {
    const names = Object.keys(store.state.session.model.components);
    const at = names.indexOf(name);
    const choices: [string, string][] = [
      ["duplicate", "Duplicate"],
      ["rename", "Rename"],
    ];
    if (at > 0) choices.push(["up", "Move up (Alt-↑)"]);
    if (at < names.length - 1) choices.push(["down", "Move down (Alt-↓)"]);
    if (names.length > 1) choices.push(["remove", "Remove"]);
    menu.open(button.offsetLeft - 120, button.offsetTop + 26, choices, button);
  });
  return { button, element: menu.element, update: (_: State) => {} };
}
