/** When the views are drawn: once per animation frame, and during a drag only the parts that move. */

import { changedValues } from "./spec";
import { type State, shown } from "./state";

/** Whether a gesture changed a value. One that changes only a prior needs no new picture. */
export const moved = (before: State, state: State): boolean =>
  shown(state) !== shown(before) &&
  Object.keys(changedValues(state.schema, shown(before), shown(state))).length > 0;

const MOVING: (keyof State)[] = ["draft", "frames", "near", "dof", "chi2", "pixel"];

/** Whether a gesture is in progress and nothing else has changed. */
export const onlyMoved = (before: State, state: State): boolean =>
  before !== state &&
  (Object.keys(state) as (keyof State)[]).every((key) => MOVING.includes(key) || before[key] === state[key]);

/** How long the outline of a drag waits for the picture: drawing both together is faster than drawing twice. */
const TOGETHER_MS = 40;
/** During a drag the pictures take precedence: numbers and plots are updated at this interval. */
const REST_MS = 100;

/** Run an action once per animation frame: in the next one, or together with the requested picture. */
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

/** Run an action at once if enough time has passed since the last time, else as soon as it has. */
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
    else timer ??= setTimeout(act, wait + REST_MS / 2); // in case no frame arrives before
  };
}
