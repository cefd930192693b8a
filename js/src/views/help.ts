/** All keys in one place, in a dialog that keeps the focus until it is closed. */

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
      ["Shift-arrows", "put and move the crosshair; Escape lets go"],
      ["A", "add a source at the crosshair; a double click does it too"],
      ["E X P C D", "ellipses, crosshair, profile, cuts, prior predictive"],
      ["B", "exchange the two pictures, when one stands alone"],
      ["M", "edit the mask, and end it"],
    ],
  ],
  ["On a handle of an ellipse", [["arrows", "move, resize, reshape or turn; with Shift ten times as far"]]],
  [
    "While the mask is edited",
    [
      ["[ ]", "a smaller, a larger brush"],
      ["Enter", "use brush, eraser or picker at the crosshair"],
      ["Enter, Enter", "rectangle: one corner, then the other"],
      ["Enter …", "lasso: a corner each; twice at one place closes it"],
      ["Alt-Enter", "the same, and it erases; Escape forgets the corners"],
    ],
  ],
  [
    "In a row",
    [
      ["↑ ↓", "step a number; with Shift ten times as far"],
      ["arrows, PageUp, PageDown", "move a grip of a prior"],
      ["Delete", "open a bound of a prior"],
    ],
  ],
  ["On the head of a component", [["Alt-↑ Alt-↓", "move it up or down the list"]]],
];

export interface Help {
  element: HTMLDialogElement;
  open(): void;
  /** Open at the key "?" within an element. */
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
  // A click beside the dialog's own area closes it.
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
