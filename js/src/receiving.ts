/** Passes Python's messages to the store, or to the code that requested them. */

import type { FileRequests } from "./file_requests";
import type { GestureSync } from "./gesture_sync";
import type { MaskSync } from "./mask_sync";
import {
  type ErrorMessage,
  type Incoming,
  type PredictionMessage,
  readImage,
  readMarginals,
  readMask,
  readPrediction,
  readShapes,
  readSight,
} from "./messages";
import { displayFrom } from "./saved";
import { isSession } from "./spec";
import type { Store } from "./store";

/** The code that sends requests, and receives the answers. */
export interface Askers {
  masks: Pick<MaskSync, "known">;
  files: Pick<FileRequests, "arrived" | "failed">;
  gesture: Pick<GestureSync, "arrived">;
}

export function receive(store: Store, message: Incoming, buffers: DataView[], askers: Askers): void {
  try {
    take(store, message, buffers, askers);
  } catch (error) {
    const traceback = error instanceof Error ? error.stack : undefined;
    const notice = { title: "A message could not be read", detail: String(error), traceback };
    store.dispatch({ type: "notice", notice });
  }
}

function take(store: Store, message: Incoming, buffers: DataView[], { masks, files, gesture }: Askers): void {
  switch (message.t) {
    case "image":
      store.dispatch({ type: "image", image: readImage(message, buffers) });
      break;
    case "sight":
      store.dispatch({ type: "sight", patch: readSight(message, buffers) });
      break;
    case "pixel":
      store.dispatch({ type: "pixel", pixel: message });
      break;
    case "mask":
      if (!store.state.image) break;
      masks.known(message.name);
      store.dispatch({
        type: "knownMask",
        name: message.name,
        mask: readMask(buffers, store.state.image),
      });
      break;
    case "posterior":
      store.dispatch({
        type: "posterior",
        shapes: readShapes(message),
        marginals: readMarginals(message),
      });
      break;
    case "prediction":
      takePrediction(store, message, buffers);
      break;
    case "gauge":
      store.dispatch({ type: "gauge", gauge: message });
      break;
    case "file":
      files.arrived(message, buffers);
      break;
    case "taken":
      if (isSession(message.session))
        store.dispatch({
          type: "hostSession",
          session: message.session,
          display: displayFrom(message.display),
        });
      break;
    case "said":
      store.dispatch({ type: "said", text: message.text });
      break;
    case "refused":
      console.warn(`sersiclab: ${message.detail}`);
      break;
    case "error":
      takeError(store, message, files);
      break;
    case "frame":
      gesture.arrived(message, buffers);
  }
}

function takePrediction(store: Store, message: PredictionMessage, buffers: DataView[]): void {
  const { request, number, radius, index } = message;
  const draw = readPrediction(message, buffers);
  store.dispatch({ type: "prediction", of: { request, number, radius }, index, draw });
}

/** The view that requested a file shows why there is none; other errors are shown in every view. */
function takeError(store: Store, message: ErrorMessage, files: Askers["files"]): void {
  const { request, title, detail, traceback } = message;
  if (request === undefined) store.dispatch({ type: "notice", notice: { title, detail, traceback } });
  else files.failed(request, message);
}
