/** The connection of a view's store with Python: traits and messages on one side, actions of the store on the other. */

import type { Host } from "@anywidget/types";
import { createDisplaySync } from "./display_sync";
import { createFileRequests, type MadeFile } from "./file_requests";
import type { Point } from "./geometry";
import { createGestureSync } from "./gesture_sync";
import { controlChannel, listen, type Model } from "./host";
import type { Raster } from "./image";
import { createMaskSync } from "./mask_sync";
import type { Incoming, Outgoing } from "./messages";
import { createPulse } from "./pulse";
import { receive } from "./receiving";
import { isBusy } from "./running";
import { createSight } from "./sight";
import type { OptionValue } from "./spec";
import type { Store } from "./store";
import { followTraits } from "./traits";

/** The requests that the views can send to Python. */
export interface Kernel {
  /** Send the display settings if Python lacks them, because the user leaves the widget. */
  saveDisplay(): void;
  run(method: string, options?: Record<string, OptionValue>): void;
  /** Fit mock galaxies like the last fit. */
  recover(): void;
  keep(name: string): void;
  restore(name: string): void;
  forget(name: string): void;
  cancel(): void;
  pause(): void;
  resume(): void;
  /** Replace the model by a preset's, guessed from the pixels. */
  preset(name: string): void;
  /** Show another one of several images. */
  show(name: string): void;
  /** These cells of a large image are in sight. */
  look(cells: Raster | null): void;
  /** Ask for the values of a pixel of a large image. */
  pixel(at: Point): void;
  /** Mask the detected sources that are not in the model. */
  neighbours(): void;
  /** Measure the correlated noise on the sky. */
  noise(): void;
  /** Ask for galaxies drawn from the priors; returns the number of the request. */
  predict(number: number, seed: number): number;
  /** Open a saved session, or DS9 regions. */
  load(name: string, bytes: Uint8Array<ArrayBuffer>): void;
  regions(name: string, bytes: Uint8Array<ArrayBuffer>, selected: string): void;
  /** Ask for a file. The promise is rejected with a `KernelError` if Python can't make it. */
  exported(kind: string): Promise<MadeFile>;
}

/** Messages that are sent without an action of the user. */
const QUICK: Outgoing["t"][] = ["hello", "render", "mask", "sight", "pixel"];

const BEAT_MS = 3000;

export function connect(model: Model, host: Host | undefined, signal: AbortSignal, store: Store): Kernel {
  const control = controlChannel(model, host, signal, () => pulse.heard());
  const pulse = createPulse(
    () => void control({ t: "ping" }),
    (answers) => store.dispatch({ type: "answers", answers }),
    signal,
  );
  const display = createDisplaySync(model, store, signal);
  const send = (message: Outgoing, buffers: ArrayBufferView[] = []) => {
    if (!QUICK.includes(message.t)) display.save();
    pulse.wanted();
    try {
      if (buffers.length > 0) model.send(message, undefined, buffers);
      else model.send(message);
    } catch {} // a host throws when the kernel is gone, which the pulse reports
  };
  const masks = createMaskSync(send);
  const files = createFileRequests(send);
  const sight = createSight(store, send, signal);
  const gesture = createGestureSync(store, send, sight, signal);

  followTraits(model, store, signal);
  listen(model, "change:progress", pulse.heard, signal);
  const heard = (message: Incoming, buffers: DataView[]) => {
    pulse.heard();
    receive(store, message, buffers, { masks, files, gesture });
  };
  listen(model, "msg:custom", heard, signal);

  const stop = store.subscribe((state, before) => {
    gesture.changed(state, before);
    if (state.session !== before.session) {
      masks.share(state);
      if (state.session !== model.get("session")) {
        model.set("session", state.session);
        model.save_changes();
      }
      pulse.wanted();
    }
    if (state.display !== before.display) display.changed();
  });
  signal.addEventListener("abort", stop);

  // Otherwise a run whose kernel has died would seem to continue.
  const beat = setInterval(() => isBusy(store.state) && pulse.wanted(), BEAT_MS);
  signal.addEventListener("abort", () => clearInterval(beat));

  send({ t: "hello" });
  void control({ t: "ping" });
  return {
    saveDisplay: display.save,
    run(method, options = {}) {
      void control({ t: "ping" }).then(() => send({ t: "run", method, options }));
    },
    recover: () => void control({ t: "ping" }).then(() => send({ t: "recover" })),
    keep: (name) => send({ t: "keep", name }),
    restore: (name) => send({ t: "restore", name }),
    forget: (name) => send({ t: "forget", name }),
    cancel: () => void control({ t: "cancel" }),
    pause: () => void control({ t: "pause" }),
    resume: () => void control({ t: "resume" }),
    preset: (name) => send({ t: "preset", name }),
    show: (name) => send({ t: "show", name }),
    look: sight.look,
    pixel: sight.pixel,
    neighbours: () => send({ t: "neighbours" }),
    noise: () => send({ t: "noise" }),
    predict(number, seed) {
      lastRequest += 1;
      send({ t: "predict", request: lastRequest, number, seed });
      return lastRequest;
    },
    load: (name, bytes) => send({ t: "load", name }, [bytes]),
    regions: (name, bytes, selected) => send({ t: "regions", name, selected }, [bytes]),
    exported: files.ask,
  };
}

/** Shared by all views of this widget, because each receives the answers to all. */
let lastRequest = 0;
