/** Tying a parameter to another by a factor and an offset, or removing the tie. */

import { isTied, settingAt, splitPath, withSetting } from "../spec";
import { type State, shown } from "../state";
import type { Store } from "../store";
import { refusal, targetsFor, withoutTie, withTie } from "../ties";
import { createAlert, h, numberInput, option, plain, setValue, whenChanged } from "./dom";

export interface TieEditor {
  element: HTMLElement;
  update(state: State): void;
}

const NONE = "";

export function createTieEditor(store: Store, path: string): TieEditor {
  const [component, name] = splitPath(path);
  const target = h("select", { class: "sl-select", "aria-label": `tie target, ${name} of ${component}` });
  const factor = numberInput(`tie factor, ${name} of ${component}`);
  const offset = numberInput(`tie offset, ${name} of ${component}`);
  const message = createAlert();
  const { say } = message;
  const numbers = h(
    "span",
    { class: "sl-words" },
    h("span", { class: "sl-label", "aria-hidden": "true" }, "×"),
    factor,
    h("span", { class: "sl-label", "aria-hidden": "true" }, "+"),
    offset,
  );
  const element = h(
    "div",
    { class: "sl-tie-editor" },
    h("span", { class: "sl-label", "aria-hidden": "true" }, "tied to"),
    target,
    numbers,
    message.element,
  );

  target.addEventListener("change", () => {
    const { schema, session, retired } = store.state;
    const wish = target.value;
    const reason = wish === NONE ? null : refusal(session, path, wish);
    say(reason ?? "");
    if (reason === null) {
      const next =
        wish === NONE ? withoutTie(schema, session, path, retired[path]) : withTie(session, path, wish);
      store.dispatch({ type: "edit", session: next });
    }
    update(store.state);
  });
  const setNumber = (field: "scale" | "offset", value: number) => {
    const setting = settingAt(store.state.session, path);
    const usable = Number.isFinite(value) && !(field === "scale" && value === 0);
    say(
      usable
        ? ""
        : `the ${field === "scale" ? "factor must be a number other than zero" : "offset must be a number"}`,
    );
    if (isTied(setting) && usable)
      store.dispatch({
        type: "edit",
        session: withSetting(store.state.session, path, { ...setting, [field]: value }),
      });
    update(store.state);
  };
  factor.addEventListener("change", () => setNumber("scale", factor.valueAsNumber));
  offset.addEventListener("change", () => setNumber("offset", offset.valueAsNumber));

  const offer = whenChanged((names: string) =>
    target.replaceChildren(
      option(NONE, "nothing"),
      ...names
        .split("\n")
        .filter(Boolean)
        .map((each) => option(each)),
    ),
  );

  function update(state: State): void {
    const session = shown(state);
    const setting = settingAt(session, path);
    offer(targetsFor(state.schema, session, path).join("\n"));
    setValue(target, isTied(setting) ? setting.to : NONE);
    numbers.hidden = !isTied(setting);
    if (!isTied(setting)) return;
    setValue(factor, plain(setting.scale ?? 1));
    setValue(offset, plain(setting.offset ?? 0));
  }
  return { element, update };
}
