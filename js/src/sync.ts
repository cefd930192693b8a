/** The only file that sees the anywidget model: traits and messages on one side, the store on the other. */

import type { AnyModel, Host } from "@anywidget/types";
import { moved, nowAndThen } from "./drawing";
import type { Point } from "./geometry";
import type { Raster } from "./image";
import { liveLoop } from "./live";
import { packed } from "./masking";
import { type Control, type FrameMessage, type Incoming, type Outgoing, readFrame } from "./messages";
import { canFollow } from "./preview";
import { createPulse } from "./pulse";

import { receive } from "./receiving";
import { displayFrom } from "./saved";
import { createSight } from "./sight";
import { changedValues, isSession, type OptionValue, type Schema, type Session, sameDocument } from "./spec";
import {
  ACTIVE,
  type Display,
  type KeptFit,
  type Problem,
  type Run,
  type State,
  type Summary,
  shown,
} from "./state";
import type { Store } from "./store";

export interface Traits {
  schema: Partial<Schema>;
  session: Partial<Session>;
  display: Partial<Display>;
  progress: Partial<Run>;
  summary: Partial<Summary>;
  kept: KeptFit[];
  problems: Problem[];
  control: string | null;
}

/** What the views may ask of Python. */
export interface Kernel {
  /** The user turns to something else: keep what she sees. */
  saveDisplay(): void;
  run(method: string, options?: Record<string, OptionValue>): void;
  keep(name: string): void;
  restore(name: string): void;
  forget(name: string): void;
  cancel(): void;
  pause(): void;
  resume(): void;
  /** Ask for the model that a preset guesses from the pixels. */
  preset(name: string): void;
  /** These cells of a large image are in sight. */
  look(cells: Raster | null): void;
  /** Ask for the values of a pixel of a large image. */
  pixel(at: Point): void;
  /** Ask for the mask of every detected source that the model lacks. */
  neighbours(): void;
  /** Ask for the noise as it is measured on the sky: correlated. */
  noise(): void;
  /** Ask for galaxies drawn from the priors; the number of the request. */
  predict(number: number, seed: number): number;
  /** A file to be taken up: a session, or regions of DS9. */
  load(name: string, bytes: Uint8Array<ArrayBuffer>): void;
  regions(name: string, bytes: Uint8Array<ArrayBuffer>, selected: string): void;
  /** A file that Python makes. It never comes where that fails, of which an error tells. */
  exported(kind: string): Promise<{ name: string; content: Blob }>;
}

type Model = AnyModel<Traits>;

/** Messages which nobody decides to send. */
const QUICK: Outgoing["t"][] = ["hello", "render", "mask", "sight", "pixel"];

/** The summary before the progress: in a view that opens while a run goes on, it is of the run before. */
const TRAITS = ["schema", "session", "display", "summary", "progress", "kept", "problems"] as const;
type TraitName = (typeof TRAITS)[number];

/** Other views of the widget follow when one has come to rest. */
const DISPLAY_DELAY_MS = 300;
const CONTROL_TIMEOUT_MS = 3000;
const BEAT_MS = 3000;
/** A large image takes Python its time: then it is told. */
const LATE_MS = 900;

export function connect(model: Model, host: Host | undefined, signal: AbortSignal, store: Store): Kernel {
  const send = (message: Outgoing, buffers: ArrayBufferView[] = []) => {
    if (!QUICK.includes(message.t)) saveDisplay();
    pulse.wanted();
    try {
      if (buffers.length > 0) model.send(message, undefined, buffers);
      else model.send(message);
    } catch {} // a host throws where the kernel is gone, of which the pulse tells
  };
  const valuesOf = (session: Session) => changedValues(store.state.schema, store.state.session, session);
  /** The masks that Python has. */
  const shared = new Set<string>();
  /** Who waits for a file. */
  const waiting = new Map<string, (file: { name: string; content: Blob }) => void>();
  const live = liveLoop(
    (seq, session: Session) => send({ t: "render", seq, values: valuesOf(session), ...sight.inRender() }),
    () => performance.now(),
  );
  const control = controlChannel(model, host, signal, () => pulse.heard());
  const pulse = createPulse(
    () => void control({ t: "ping" }),
    (answers) => store.dispatch({ type: "answers", answers }),
    signal,
  );

  for (const name of TRAITS) {
    const read = () => readTrait(model, store, name);
    read();
    listen(model, `change:${name}`, read, signal);
    if (name === "progress") listen(model, "change:progress", pulse.heard, signal);
  }
  const heard = (message: Incoming, buffers: DataView[]) => {
    pulse.heard();
    if (message.t === "frame") drawn();
    receive(store, message, buffers, { shared, waiting, showFrame });
  };
  listen(model, "msg:custom", heard, signal);

  function showFrame(message: FrameMessage, buffers: DataView[]): void {
    const { fresh, of } = live.arrived(message.seq);
    const { image, session } = store.state;
    if (!fresh || !image) return;
    const drawn = message.seq === null ? session : of;
    const frames = readFrame(message, buffers, image, drawn);
    const dof = message.dof > 0 ? message.dof : null;
    store.dispatch({ type: "frame", frames, dof, ...("chi2" in message && { chi2: message.chi2 }) });
  }

  const sight = createSight(store, send, signal);

  // While the last picture follows the hand, the kernel's own may come less often: each keeps the page busy.
  const askNowAndThen = nowAndThen(() => store.state.draft && live.request(store.state.draft), signal);
  function ask(state: State): void {
    if (state.draft && canFollow(state)) askNowAndThen();
    else live.request(shown(state));
  }

  let late: ReturnType<typeof setTimeout> | undefined;
  const tellLate = () => store.dispatch({ type: "late", late: true });
  const drawn = () => {
    clearTimeout(late);
    late = undefined;
    store.dispatch({ type: "late", late: false });
  };
  signal.addEventListener("abort", () => clearTimeout(late));
  // What is seen, and how, is no matter of Python's: it gets it with whatever else it gets, and to keep it.
  let unsaved = false;
  const setDisplay = () => {
    const { display } = store.state;
    if (sameDocument(display, displayFrom(model.get("display")))) return;
    model.set("display", display);
    unsaved = true;
  };
  const shareDisplay = debounce(setDisplay, DISPLAY_DELAY_MS, signal);
  function saveDisplay(): void {
    setDisplay();
    if (unsaved) model.save_changes();
    unsaved = false;
  }
  const leave = () => document.visibilityState === "hidden" && saveDisplay();
  document.addEventListener("visibilitychange", leave, { signal });
  addEventListener("pagehide", saveDisplay, { signal });
  signal.addEventListener("abort", setDisplay); // for a view that comes back
  const stop = store.subscribe((state, before) => {
    if (state.session !== before.session) {
      live.committed();
      shareMask(state);
      if (state.session !== model.get("session")) write(model, "session", state.session);
      pulse.wanted();
    } else if (moved(before, state)) ask(state);
    if (state.session !== before.session || moved(before, state)) late ??= setTimeout(tellLate, LATE_MS);
    if (state.display !== before.display) shareDisplay();
  });
  signal.addEventListener("abort", stop);

  /** The bits go before the session that names them. */
  function shareMask({ session: { mask: name }, masks }: State): void {
    const mask = name === undefined || shared.has(name) ? undefined : masks[name];
    if (name === undefined || !mask) return;
    shared.add(name);
    send({ t: "mask", name }, [packed(mask)]);
  }

  // A run that ends with the kernel would else go on for ever here.
  const beat = setInterval(() => ACTIVE.includes(store.state.run.state) && pulse.wanted(), BEAT_MS);
  signal.addEventListener("abort", () => clearInterval(beat));

  send({ t: "hello" });
  void control({ t: "ping" });
  return {
    saveDisplay,
    run(method, options = {}) {
      void control({ t: "ping" }).then(() => send({ t: "run", method, options }));
    },
    keep: (name) => send({ t: "keep", name }),
    restore: (name) => send({ t: "restore", name }),
    forget: (name) => send({ t: "forget", name }),
    cancel: () => void control({ t: "cancel" }),
    pause: () => void control({ t: "pause" }),
    resume: () => void control({ t: "resume" }),
    preset: (name) => send({ t: "preset", name }),
    look: sight.look,
    pixel: sight.pixel,
    neighbours: () => send({ t: "neighbours" }),
    noise: () => send({ t: "noise" }),
    predict(number, seed) {
      lastRequest += 1;
      send({ t: "predict", request: lastRequest, number, seed });
      return lastRequest;
    },
    load: (name, bytes) => send({ t: "load", name }, [bytes]),
    regions: (name, bytes, selected) => send({ t: "regions", name, selected }, [bytes]),
    exported(kind) {
      // All views of a widget hear the answer: one alone has asked.
      const request = `${kind} ${Math.random().toString(36).slice(2)}`;
      send({ t: "export", request, kind });
      return new Promise((resolve) => waiting.set(request, resolve));
    },
  };
}

/** Shared by all views of this widget: each hears the answers to all. */
let lastRequest = 0;

function write<K extends keyof Traits>(model: Model, name: K, value: Traits[K]): void {
  model.set(name, value);
  model.save_changes();
}

function listen(
  model: Pick<Model, "on" | "off">,
  event: string,
  callback: (...args: never[]) => void,
  signal: AbortSignal,
): void {
  const handler = callback as () => void;
  model.on(event, handler);
  signal.addEventListener("abort", () => model.off(event as `change:${TraitName}`, handler));
}

/** Python writes {} before it has something to say: such a trait is not there yet. */
function readTrait(model: Model, store: Store, name: TraitName): void {
  const value = model.get(name) ?? {};
  switch (name) {
    case "schema":
      if (isSchema(value)) store.dispatch({ type: "schema", schema: value });
      break;
    case "session":
      if (isSession(value)) store.dispatch({ type: "hostSession", session: value });
      break;
    case "display":
      if (!sameDocument(displayFrom(value), store.state.display))
        store.dispatch({ type: "display", change: displayFrom(value) });
      break;
    case "progress":
      store.dispatch({ type: "run", run: value as Partial<Run>, time: performance.now() });
      break;
    case "summary":
      store.dispatch({ type: "summary", summary: isSummary(value) ? value : null });
      break;
    case "kept":
      store.dispatch({ type: "kept", kept: Array.isArray(value) ? (value as KeptFit[]) : [] });
      break;
    case "problems":
      store.dispatch({ type: "problems", problems: Array.isArray(value) ? (value as Problem[]) : [] });
  }
}

const isSchema = (value: object): value is Schema => "profiles" in value && "priors" in value;
const isSummary = (value: object): value is Summary => "rows" in value;

/**
 * Cancel and pause travel on a model of their own, which Python answers even while the kernel is busy. Where the
 * host cannot find that model, the Editor's own takes its place.
 */
function controlChannel(
  model: Model,
  host: Host | undefined,
  signal: AbortSignal,
  heard: () => void,
): (message: Control) => Promise<void> {
  const target = resolveControl(model, host);
  void target.then((channel) => channel !== model && listen(channel, "msg:custom", heard, signal));
  return async (message) => {
    const channel = await target;
    try {
      channel.send(message);
    } catch {} // a host throws where the kernel is gone, of which the pulse tells
    if (channel === model) heard(); // as far as can be told
  };
}

type Channel = Pick<Model, "send" | "on" | "off">;

async function resolveControl(model: Model, host: Host | undefined): Promise<Channel> {
  const reference = model.get("control");
  if (!reference || !host?.getModel) return model;
  const late = new Promise<Channel>((resolve) => setTimeout(resolve, CONTROL_TIMEOUT_MS, model));
  try {
    return await Promise.race([host.getModel(reference), late]);
  } catch {
    return model;
  }
}

function debounce(action: () => void, delay: number, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  };
}
