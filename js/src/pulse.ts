/** Whether Python is there. Whatever it says tells so; where it says nothing, it is asked. */

/** What is wanted of Python is mostly there before this. */
const QUICK_MS = 1500;
/** A kernel that is busy, or a slow network, may take its time. */
const PATIENCE_MS = 5000;

export interface Pulse {
  /** Something is wanted of Python: it ought to be heard of. */
  wanted(): void;
  /** It was heard of. */
  heard(): void;
}

/** `told` hears when answers fail to come, and when they come again. */
export function createPulse(ping: () => void, told: (answers: boolean) => void, signal: AbortSignal): Pulse {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let answers = true;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const tell = (now: boolean) => {
    if (now !== answers) told(now);
    answers = now;
  };
  const ask = () => {
    timer = setTimeout(() => {
      tell(false);
      ask();
    }, PATIENCE_MS);
    ping();
  };
  return {
    wanted() {
      if (!signal.aborted) timer ??= setTimeout(ask, QUICK_MS);
    },
    heard() {
      clearTimeout(timer);
      timer = undefined;
      tell(true);
    },
  };
}
