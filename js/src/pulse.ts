/** Whether Python answers. Every message counts as an answer; if none arrives, Python is pinged. */

/** Most requests are answered within this time. */
const QUICK_MS = 1500;
/** The time allowed for a busy kernel or a slow network. */
const PATIENCE_MS = 5000;

export interface Pulse {
  /** A request was made: an answer is expected. */
  wanted(): void;
  /** A message has arrived. */
  heard(): void;
}

/** `onChange` is called when answers stop and when they resume. */
export function createPulse(
  ping: () => void,
  onChange: (answers: boolean) => void,
  signal: AbortSignal,
): Pulse {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let answers = true;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const report = (now: boolean) => {
    if (now !== answers) onChange(now);
    answers = now;
  };
  const ask = () => {
    timer = setTimeout(() => {
      report(false);
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
      report(true);
    },
  };
}
