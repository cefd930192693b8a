/** Pictures from Python, requested during a gesture and shown when they arrive. */

import { moved, nowAndThen } from "./drawing";
import { liveLoop } from "./live";
import { type FrameMessage, type Outgoing, readFrame } from "./messages";
import { canFollow } from "./preview";
import type { Sight } from "./sight";
import { changedValues, type Session } from "./spec";
import { type State, shown } from "./state";
import type { Store } from "./store";

/** A picture that takes longer is reported as late, as those of large images can be. */
const LATE_MS = 900;

export interface GestureSync {
  /** The state has changed. */
  changed(state: State, before: State): void;
  /** A picture has arrived. */
  arrived(message: FrameMessage, buffers: DataView[]): void;
}

export function createGestureSync(
  store: Store,
  send: (message: Outgoing) => void,
  sight: Sight,
  signal: AbortSignal,
): GestureSync {
  const valuesOf = (session: Session) => changedValues(store.state.schema, store.state.session, session);
  const live = liveLoop(
    (seq, session: Session) => send({ t: "render", seq, values: valuesOf(session), ...sight.inRender() }),
    () => performance.now(),
  );
  // While the page redraws the last picture by itself, Python is asked less often: each answer keeps the page busy.
  const askNowAndThen = nowAndThen(() => store.state.draft && live.request(store.state.draft), signal);

  let late: ReturnType<typeof setTimeout> | undefined;
  const setLate = (isLate: boolean) => store.dispatch({ type: "late", late: isLate });
  signal.addEventListener("abort", () => clearTimeout(late));

  return {
    changed(state, before) {
      const isCommitted = state.session !== before.session;
      const isMoved = moved(before, state);
      if (isCommitted) live.committed();
      else if (isMoved && state.draft && canFollow(state)) askNowAndThen();
      else if (isMoved) live.request(shown(state));
      if (isCommitted || isMoved) late ??= setTimeout(setLate, LATE_MS, true);
    },
    arrived(message, buffers) {
      clearTimeout(late);
      late = undefined;
      setLate(false);
      const { fresh, of } = live.arrived(message.seq);
      const { image, session } = store.state;
      if (!fresh || !image) return;
      const frames = readFrame(message, buffers, image, message.seq === null ? session : of);
      const dof = message.dof > 0 ? message.dof : null;
      store.dispatch({ type: "frame", frames, dof, ...("chi2" in message && { chi2: message.chi2 }) });
    },
  };
}
