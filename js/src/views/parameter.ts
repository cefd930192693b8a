/** A row: a parameter's name, value, free switch and prior, and Python's problem with it, if any. */

import { setFree, setValue as setParameter } from "../edits";
import { fromSlider, type Range, rangeOf, toSlider } from "../priors";
import { isFree, isTied, type Parameter, rootOf, type Setting, settingAt, splitPath, valueAt } from "../spec";
import { isOld, type State, shown, summaryRow } from "../state";
import type { Store } from "../store";
import { readable } from "../units";
import { jointPath } from "../varying";
import { roundWarning, warningsOf } from "../warnings";
import { format, h, hint, numberInput, plain, setText, setValue, show, whenChanged } from "./dom";
import { createDrawer } from "./drawer";
import { createPrior } from "./prior";
import { createPriorEditor } from "./prior_editor";
import { createTieEditor } from "./tie";
import { createTrack } from "./track";

export interface Row {
  element: HTMLElement;
  update(state: State): void;
}

export function createRow(store: Store, path: string, parameter: Parameter): Row {
  const [component, name] = splitPath(path);
  const slider = h("input", { class: "sl-slider", type: "range", step: "any", "aria-label": path });
  const box = numberInput(path);
  box.classList.add("sl-value");
  const free = h("input", { type: "checkbox", "aria-label": `free, ${name} of ${component}` });
  const freedom = h(
    "label",
    { class: "sl-free", title: "free: fitted with a prior; otherwise fixed" },
    free,
    "free",
  );
  const track = createTrack(slider);
  const prior = createPrior(store, path);
  const problem = h("p", { class: "sl-problem" });
  const unit = h("small");
  const band = h("span", { class: "sl-band" });
  const label = h("span", { class: "sl-name", title: hint(parameter.doc) }, name, band, unit);
  const warning = h("p", { class: "sl-warning", role: "note", hidden: true });
  const shape = createDrawer(
    `shape of prior, ${name} of ${component}`,
    "prior",
    "Edit the prior by dragging or by numbers",
    () => createPriorEditor(store, path, parameter),
  );
  const tie = createDrawer(`tie, ${name} of ${component}`, "link", "Tie to another parameter", () =>
    createTieEditor(store, path),
  );
  const tools = h("span", { class: "sl-row-tools" }, shape.button, tie.button);
  const element = h(
    "div",
    { class: "sl-row" },
    label,
    track.element,
    box,
    freedom,
    prior.element,
    tools,
    warning,
    shape.element,
    tie.element,
  );
  let range: Range = { low: 0, high: 1, log: false, wraps: false };

  const withValue = (value: number) => setParameter(store.state.schema, store.state.session, path, value);
  const edit = (value: number, merge?: string) => {
    store.dispatch({
      type: "edit",
      session: withValue(value),
      time: performance.now(),
      ...(merge ? { merge } : {}),
    });
    box.dataset.shown = box.value;
    writeValue(shown(store.state));
  };
  slider.addEventListener("input", () => {
    store.dispatch({ type: "draft", session: withValue(fromSlider(range, slider.valueAsNumber)) });
    writeValue(shown(store.state)); // other rows are updated later
  });
  slider.addEventListener("change", () => edit(fromSlider(range, slider.valueAsNumber), `slider ${path}`));
  // Text that is not a number is ignored, and the box shows the value again.
  box.addEventListener("change", () => edit(box.valueAsNumber));
  box.addEventListener("keydown", (event) =>
    stepBox(event, box, range, (value) => edit(value, `box ${path}`)),
  );
  free.addEventListener("change", () => {
    const { schema, session, retired } = store.state;
    store.dispatch({ type: "edit", session: setFree(schema, session, path, free.checked, retired[path]) });
  });

  function writeValue(session: State["session"]): void {
    const value = valueAt(session, path);
    setValue(box, plain(value));
    slider.value = String(toSlider(range, value));
    slider.setAttribute("aria-valuetext", `${format(value)} ${unit.textContent}`.trim());
  }

  let latest = store.state;
  const writeChanged = whenChanged((..._of: unknown[]) => write(latest));

  /** During a drag most rows do not change. */
  function update(state: State): void {
    latest = state;
    const { session, schema, image, summary, problems } = state;
    const of = [shown(state), session].flatMap((each) => [settingAt(each, path), valueAt(each, path)]);
    const ellip = valueAt(shown(state), `${component}.ellip`);
    const opened = shape.open || tie.open ? state : null;
    writeChanged(...of, ellip, schema, image, summary, isOld(state), problems, opened);
  }

  /** Of several images, a row may show the value of one band, or of one image. */
  const writeBand = whenChanged((of: string) => {
    setText(band, of.slice(path.length + 1));
    for (const control of [slider, box]) control.setAttribute("aria-label", of);
  });

  function write(state: State): void {
    const session = shown(state);
    const setting = settingAt(session, path);
    showProblems(state, path, element, problem, box);
    if (setting === undefined) return;
    // The range of the committed session, which must not move under the pointer.
    range = rangeAt(state, path, parameter);
    slider.min = String(range.wraps ? 0 : toSlider(range, range.low));
    slider.max = String(range.wraps ? Math.PI : toSlider(range, range.high));
    writeBand(jointPath(session, path));
    setText(unit, readable(parameter.unit, state.image));
    writeValue(session);
    free.checked = isFree(setting);
    show(freedom, !isTied(setting));
    // A parameter that follows a product can't be set through its own value.
    slider.disabled = box.disabled = rootOf(session, path) === null;
    element.dataset.kind = isTied(setting) ? "tied" : isFree(setting) ? "free" : "fixed";
    track.update(setting, parameter, range, { row: summaryRow(state, path), old: isOld(state) });
    prior.update(state.schema, setting, parameter);
    shape.button.disabled = !isFree(setting);
    tie.button.setAttribute("aria-pressed", String(isTied(setting)));
    shape.update(state);
    tie.update(state);
    // A problem that Python reports replaces the warnings.
    showWarnings(warning, problem.isConnected ? [] : warningsAt(state, path, parameter));
  }
  return { element, update };
}

function warningsAt(state: State, path: string, parameter: Parameter): string[] {
  const setting = settingAt(shown(state), path);
  if (setting === undefined) return [];
  const [component] = splitPath(path);
  const ellip = valueAt(shown(state), `${component}.ellip`);
  return [
    ...warningsOf(setting, parameter, summaryRow(state, path), state.image),
    ...roundWarning(parameter, setting, ellip),
  ];
}

function showWarnings(element: HTMLElement, words: string[]): void {
  show(element, words.length > 0);
  setText(element, words.join("; "));
}

/** The slider's range; that of a tied parameter follows from its target's. */
function rangeAt(state: State, path: string, parameter: Parameter): Range {
  const { session } = state;
  const setting: Setting = settingAt(session, path) ?? 0;
  const root = isTied(setting) ? rootOf(session, path) : null;
  const target = root && settingAt(session, root.path);
  if (!root || target === null || target === undefined)
    return rangeOf(setting, parameter, valueAt(session, path));
  const own = rangeOf(target, parameter, valueAt(session, root.path));
  const ends = [own.low, own.high].map((end) => root.scale * end + root.offset).sort((a, b) => a - b);
  const [low, high] = ends as [number, number];
  return {
    ...own,
    low,
    high,
    log: own.log && low > 0,
    wraps: own.wraps && root.scale === 1 && root.offset === 0,
  };
}

/** The arrow keys step by a hundredth of the range, with Shift by a tenth; the default step would be 1. */
function stepBox(
  event: KeyboardEvent,
  box: HTMLInputElement,
  range: Range,
  edit: (value: number) => void,
): void {
  const direction = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
  if (direction === 0 || !Number.isFinite(box.valueAsNumber)) return;
  event.preventDefault();
  const steps = direction * (event.shiftKey ? 10 : 1);
  const value = box.valueAsNumber;
  if (range.log) edit(Number((value * (range.high / range.low) ** (steps / 200)).toPrecision(5)));
  else edit(Number((value + (steps * (range.high - range.low)) / 200).toPrecision(8)));
}

function showProblems(
  state: State,
  path: string,
  element: HTMLElement,
  problem: HTMLElement,
  box: HTMLInputElement,
): void {
  const text = state.problems
    .filter((each) => each.path === path)
    .map((each) => each.message)
    .join("; ");
  element.classList.toggle("sl-invalid", text !== "");
  if (text === "") {
    problem.remove();
    box.removeAttribute("aria-invalid");
    return;
  }
  setText(problem, text);
  // An alert is announced when it is added to the page.
  problem.setAttribute("role", "alert");
  if (!problem.isConnected) element.append(problem);
  box.setAttribute("aria-invalid", "true");
}
