/** The live loop of a drag: one render request in flight, the latest values win, stale pictures are dropped. */

export interface Live<Request> {
  /** Ask for a picture, now or as soon as the one under way has come. */
  request(of: Request): void;
  /** The session was committed: what is still waiting is out of date. */
  committed(): void;
  /** A frame came (`seq` null: pushed by Python). Says whether to draw it, and which request it answers. */
  arrived(seq: number | null): { fresh: boolean; of: Request | null };
}

/** A kernel that lost a request must not end the live loop. */
const PATIENCE_MS = 4000;

/** Shared by all views of this widget, so that a frame for one is understood by the others. */
let lastSeq = 0;

export function liveLoop<Request>(
  send: (seq: number, of: Request) => void,
  now: () => number,
): Live<Request> {
  let inFlight: { seq: number; sent: number; of: Request } | null = null;
  let pending: Request | null = null;
  let lastDrawn = 0;
  let lastCommitted = 0;

  function post(of: Request): void {
    lastSeq += 1;
    inFlight = { seq: lastSeq, sent: now(), of };
    pending = null;
    send(lastSeq, of);
  }

  return {
    request(of) {
      if (inFlight && now() - inFlight.sent < PATIENCE_MS) pending = of;
      else post(of);
    },
    committed() {
      pending = null;
      lastCommitted = lastSeq;
    },
    arrived(seq) {
      const known = seq !== null && seq <= lastSeq;
      const of = inFlight?.seq === seq ? inFlight.of : null;
      // A pushed frame shows the committed session: every request before the commit is answered by it.
      const answered = known ? seq : lastCommitted;
      if (inFlight && inFlight.seq <= answered) inFlight = null;
      const fresh = !known || seq > lastDrawn;
      lastDrawn = Math.max(lastDrawn, answered);
      if (!inFlight && pending) post(pending);
      return { fresh, of };
    },
  };
}
