/** When the views are drawn: once per animation frame, and in a drag no more than it moves. */

import { changedValues } from "./spec";
import { type State, shown } from "./state";

/** Whether a gesture changed a value: one that shapes a prior needs no picture. */
export const moved = (before: State, state: State): boolean =>
  shown(state) !== shown(before) &&
  Object.keys(changedValues(state.schema, shown(before), shown(state))).length > 0;

const MOVING: (keyof State)[] = ["draft", "frames", "near", "dof", "chi2", "pixel"];

/** Whether a gesture goes on, and nothing else changed. */
export const onlyMoved = (before: State, state: State): boolean =>
  before !== state &&
  (Object.keys(state) as (keyof State)[]).every((key) => MOVING.includes(key) || before[key] === state[key]);

/** How long a drag's outline waits for its picture, to be drawn with it: drawing twice would take longer. */
const TOGETHER_MS = 40;
/** The pictures come first: in a drag, numbers and plots follow as often as this. */
const REST_MS = 100;

/** An action once per animation frame: in the next, or in that of the picture that is asked for. */
export interface Pen {
  now(): void;
  withPicture(): void;
}

export function oncePerFrame(action: () => void, signal: AbortSignal): Pen {
  let due = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = () => {
    clearTimeout(timer);
    timer = undefined;
    cancelAnimationFrame(due);
    due = requestAnimationFrame(action);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    cancelAnimationFrame(due);
  });
  return {
    now,
    withPicture() {
      timer ??= setTimeout(now, TOGETHER_MS);
    },
  };
}

/** At once where enough time has passed since the last, which spares the page a frame; or as soon as it has. */
export function nowAndThen(action: () => void, signal: AbortSignal): () => void {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const act = () => {
    clearTimeout(timer);
    timer = undefined;
    last = performance.now();
    action();
  };
  return () => {
    const wait = last + REST_MS - performance.now();
    if (wait <= 0) act();
    else timer ??= setTimeout(act, wait + REST_MS / 2); // if no frame comes by then
  };
}
