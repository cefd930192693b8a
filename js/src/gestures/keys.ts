/** Undo and redo by keyboard. */

import type { Store } from "../store";

export function undoKeys(root: HTMLElement, store: Store, signal: AbortSignal): void {
  const key = (event: KeyboardEvent) => {
    const undo = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z";
    if (!undo || isTyping(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    store.dispatch({ type: event.shiftKey ? "redo" : "undo" });
  };
  root.addEventListener("keydown", key, { signal });
}

/** In a box with uncommitted text, undo applies to the text. */
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && target.type === "number" && target.value !== target.dataset.shown;
