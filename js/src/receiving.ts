/** What Python tells, given to the store. */

import {
  type FrameMessage,
  type Incoming,
  readFile,
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

/** Who waits for what. */
export interface Asks {
  /** The masks that Python has. */
  shared: Set<string>;
  /** Who waits for a file. */
  waiting: Map<string, (file: { name: string; content: Blob }) => void>;
  showFrame(message: FrameMessage, buffers: DataView[]): void;
}

export function receive(store: Store, message: Incoming, buffers: DataView[], asks: Asks): void {
  try {
    take(store, message, buffers, asks);
  } catch (error) {
    const notice = { title: "A message could not be read", detail: String(error) };
    store.dispatch({ type: "notice", notice });
  }
}

function take(store: Store, message: Incoming, buffers: DataView[], asks: Asks): void {
  if (message.t === "image") store.dispatch({ type: "image", image: readImage(message, buffers) });
  else if (message.t === "sight") store.dispatch({ type: "sight", patch: readSight(message, buffers) });
  else if (message.t === "pixel") store.dispatch({ type: "pixel", pixel: message });
  else if (message.t === "mask" && store.state.image) {
    asks.shared.add(message.name);
    store.dispatch({ type: "knownMask", name: message.name, mask: readMask(buffers, store.state.image) });
  } else if (message.t === "posterior")
    store.dispatch({ type: "posterior", shapes: readShapes(message), marginals: readMarginals(message) });
  else if (message.t === "prediction")
    store.dispatch({
      type: "prediction",
      of: { request: message.request, number: message.number, radius: message.radius },
      index: message.index,
      draw: readPrediction(message, buffers),
    });
  else if (message.t === "gauge") store.dispatch({ type: "gauge", gauge: message });
  else if (message.t === "file") {
    asks.waiting.get(message.request)?.({ name: message.name, content: readFile(message, buffers) });
    asks.waiting.delete(message.request);
  } else if (message.t === "taken") {
    const { session, display } = message;
    if (isSession(session)) store.dispatch({ type: "hostSession", session, display: displayFrom(display) });
  } else if (message.t === "said") store.dispatch({ type: "said", text: message.text });
  else if (message.t === "refused") console.warn(`sersiclab: ${message.detail}`);
  else if (message.t === "error") store.dispatch({ type: "notice", notice: message });
  else if (message.t === "frame") asks.showFrame(message, buffers);
}
