/** A dialog with all keys, which keeps the focus until it is closed. */

import { h } from "./dom";

type Keys = [keys: string, meaning: string][];

const GROUPS: [title: string, keys: Keys][] = [
  [
    "Anywhere",
    [
      ["?", "this help"],
      ["Ctrl-Z, Ctrl-Shift-Z", "undo, redo"],
    ],
  ],
  [
    "On a picture",
    [
      ["arrows", "move the view"],
      ["+ − 0", "zoom in, out, whole image"],
      ["Shift-arrows", "place and move the crosshair; Escape cancels"],
      ["A", "add a source at the crosshair (or double-click)"],
      ["E X P C D", "ellipses, crosshair, profile, cuts, prior predictive"],
      ["B", "swap the two pictures (single-picture layout)"],
      ["M", "start or stop editing the mask"],
    ],
  ],
  [
    "On a handle of an ellipse",
    [["arrows", "move, resize, reshape or rotate; with Shift, by ten times as much"]],
  ],
  [
    "While editing the mask",
    [
      ["[ ]", "smaller or larger brush"],
      ["Enter", "use the brush, eraser or picker at the crosshair"],
      ["Enter, Enter", "rectangle: set one corner, then the opposite one"],
      ["Enter …", "lasso: add a corner; twice at the same place closes it"],
      ["Alt-Enter", "the same, but erase; Escape discards the corners"],
    ],
  ],
  [
    "In a row",
    [
      ["↑ ↓", "change a number; with Shift, by ten times as much"],
      ["arrows, PageUp, PageDown", "move a handle of a prior"],
      ["Delete", "remove a bound of a prior"],
    ],
  ],
  ["On the header of a component", [["Alt-↑ Alt-↓", "move the component up or down the list"]]],
];

export interface Help {
  element: HTMLDialogElement;
  open(): void;
  /** Open the dialog at the key "?" within an element. */
  listen(root: HTMLElement): void;
}

export function createHelp(signal: AbortSignal): Help {
  const close = h("button", { type: "button", class: "sl-help-close" }, "Close");
  const element = h(
    "dialog",
    { class: "sl-help", "aria-label": "keys" },
    h("header", {}, h("strong", {}, "Keys"), close),
    h("div", { class: "sl-help-groups" }, ...GROUPS.map(([title, keys]) => group(title, keys))),
  );
  close.addEventListener("click", () => element.close());
  // A click outside the dialog closes it.
  element.addEventListener("click", (event) => event.target === element && element.close());
  element.addEventListener("keydown", (event) => event.stopPropagation());
  const open = () => {
    if (!element.open) element.showModal();
  };
  const listen = (root: HTMLElement) =>
    root.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "?" || isTyping(event.target)) return;
        event.preventDefault();
        open();
      },
      { signal },
    );
  return { element, open, listen };
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && target.type === "text";

function group(title: string, keys: Keys): HTMLElement {
  const rows = keys.flatMap(([key, meaning]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, meaning)]);
  return h("section", {}, h("h4", {}, title), h("dl", {}, ...rows));
}
