/** The live loop of a drag: one render request in flight, the latest values win, stale pictures are dropped. */

export interface Live<Request> {
  /** Request a picture now, or as soon as the pending one has arrived. */
  request(of: Request): void;
  /** The session was committed: a waiting request is outdated. */
  committed(): void;
  /** A frame has arrived (`seq` is null if Python pushed it). Returns whether to draw it, and the request that it answers. */
  arrived(seq: number | null): { fresh: boolean; of: Request | null };
}

/** After this time a request counts as lost, so that the loop can't stall. */
const PATIENCE_MS = 4000;

/** Shared by all views of this widget, because each receives the frames of all. */
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
      // A pushed frame shows the committed session, so it answers every request made before the commit.
      const answered = known ? seq : lastCommitted;
      if (inFlight && inFlight.seq <= answered) inFlight = null;
      const fresh = !known || seq > lastDrawn;
      lastDrawn = Math.max(lastDrawn, answered);
      if (!inFlight && pending) post(pending);
      return { fresh, of };
    },
  };
}
