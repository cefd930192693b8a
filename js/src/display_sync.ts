/** Sends the display settings to Python, with other messages and when the user leaves the widget. */

import type { Model } from "./host";
import { displayFrom } from "./saved";
import { sameDocument } from "./spec";
import type { Store } from "./store";

/** Other views of the widget follow when the user pauses. */
const SHARE_AFTER_MS = 300;

export interface DisplaySync {
  /** The display has changed. */
  changed(): void;
  /** Send the display if Python lacks it. */
  save(): void;
}

export function createDisplaySync(model: Model, store: Store, signal: AbortSignal): DisplaySync {
  let isUnsaved = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    const { display } = store.state;
    if (sameDocument(display, displayFrom(model.get("display")))) return;
    model.set("display", display);
    isUnsaved = true;
  };
  const save = () => {
    write();
    if (isUnsaved) model.save_changes();
    isUnsaved = false;
  };
  const hidden = () => document.visibilityState === "hidden" && save();
  document.addEventListener("visibilitychange", hidden, { signal });
  addEventListener("pagehide", save, { signal });
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    write(); // for a view that opens later
  });
  return {
    changed() {
      clearTimeout(timer);
      timer = setTimeout(write, SHARE_AFTER_MS);
    },
    save,
  };
}
