/** The live loop of a drag: one render request in flight, the latest values win, stale pictures are dropped. */

export type Values = Record<string, number>;

export interface Live {
  /** Ask for a picture of these values, now or as soon as the one under way has come. */
  request(values: Values): void;
  /** The session was committed: what is still waiting is out of date. */
  committed(): void;
  /** A frame came (`seq` null: pushed by Python). Says whether to draw it. */
  arrived(seq: number | null): boolean;
}

/** A kernel that lost a request must not end the live loop. */
const PATIENCE_MS = 4000;

/** Shared by all views of this widget, so that a frame for one is understood by the others. */
let lastSeq = 0;

export function liveLoop(send: (seq: number, values: Values) => void, now: () => number): Live {
  let inFlight: { seq: number; sent: number } | null = null;
  let pending: Values | null = null;
  let lastDrawn = 0;
  let lastCommitted = 0;

  function post(values: Values): void {
    lastSeq += 1;
    inFlight = { seq: lastSeq, sent: now() };
    pending = null;
    send(lastSeq, values);
  }

  return {
    request(values) {
      if (inFlight && now() - inFlight.sent < PATIENCE_MS) pending = values;
      else post(values);
    },
    committed() {
      pending = null;
      lastCommitted = lastSeq;
    },
    arrived(seq) {
      const known = seq !== null && seq <= lastSeq;
      // A pushed frame shows the committed session: every request before the commit is answered by it.
      const answered = known ? seq : lastCommitted;
      if (inFlight && inFlight.seq <= answered) inFlight = null;
      const fresh = !known || seq > lastDrawn;
      lastDrawn = Math.max(lastDrawn, answered);
      if (!inFlight && pending) post(pending);
      return fresh;
    },
  };
}
