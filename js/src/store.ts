/** The pure reducer of the state, with undo, and the store around it. */

import type { Shape } from "./geometry";
import type { Image, Patch, Raster } from "./image";
import { nameOf } from "./masking";
import { isSame } from "./raster";
import { ACTIVE, IDLE, type Recovery, type Run } from "./running";
import {
  EMPTY_SESSION,
  isFree,
  type Prior,
  rowPaths,
  type Schema,
  type Session,
  sameDocument,
  settingAt,
} from "./spec";
import {
  type Display,
  type Drawing,
  type Gauge,
  INITIAL,
  type KeptFit,
  type Marginal,
  type Masking,
  type Masks,
  type Notice,
  type PixelValues,
  type Prediction,
  type Predictions,
  type Problem,
  type State,
  type Step,
  type Summary,
  shown,
} from "./state";
import { alongCurves } from "./varying";

export type Action =
  | { type: "schema"; schema: Schema }
  /** With a display, the display settings are part of the undo step. */
  | { type: "hostSession"; session: Session; display?: Display }
  | { type: "draft"; session: Session }
  | { type: "commit" }
  | { type: "discard" }
  /** `merge` names the control: quick edits by the same one make a single undo step. */
  | { type: "edit"; session: Session; merge?: string; time?: number }
  | { type: "undo" }
  | { type: "redo" }
  | { type: "display"; change: Partial<Display> }
  | { type: "run"; run: Partial<Run>; time: number }
  | { type: "gauge"; gauge: Gauge }
  | { type: "kept"; kept: KeptFit[] }
  | { type: "summary"; summary: Summary | null }
  | { type: "recovery"; recovery: Partial<Recovery>; time: number }
  | { type: "problems"; problems: Problem[] }
  | { type: "notice"; notice: Notice }
  | { type: "dismiss"; notice: Notice }
  | { type: "answers"; answers: boolean }
  | { type: "late"; late: boolean }
  | { type: "said"; text: string }
  | { type: "image"; image: Image }
  /** A part of a large image in finer cells. */
  | { type: "sight"; patch: Patch }
  | { type: "pixel"; pixel: PixelValues }
  /** A mask that Python has sent. */
  | { type: "knownMask"; name: string; mask: Uint8Array<ArrayBuffer> }
  /** A mask that was drawn in the page. */
  | { type: "mask"; mask: Uint8Array<ArrayBuffer> }
  | { type: "masking"; masking: Masking | null }
  | { type: "posterior"; shapes: Record<string, Shape[]>; marginals?: Record<string, Marginal> }
  | { type: "prediction"; of: Omit<Predictions, "draws">; index: number; draw: Prediction }
  | { type: "frame"; frames: Record<string, Drawing>; dof: number | null; chi2?: number | null };

const HISTORY = 100;
const GAUGES = 400;
const MERGE_MS = 700;

export function reduce(state: State, action: Action): State {
  return showMask(next(state, action));
}

function next(state: State, action: Action): State {
  switch (action.type) {
    case "schema":
      return { ...state, schema: action.schema };
    case "hostSession":
      return fromHost(state, action.session, action.display);
    case "draft":
      return action.session === shown(state) ? state : { ...state, draft: settled(state, action.session) };
    case "commit":
      return state.draft ? advance(state, state.draft) : state;
    case "discard":
      return state.draft ? { ...state, draft: null } : state;
    case "edit":
      return edit(state, settled(state, action.session), action.merge, action.time);
    case "undo":
      return step(state, "past", "future");
    case "redo":
      return step(state, "future", "past");
    case "display":
      return { ...state, display: { ...state.display, ...action.change } };
    case "run":
      return withRun(state, { ...IDLE, ...action.run }, action.time);
    case "gauge":
      return { ...state, gauges: [...state.gauges, action.gauge].slice(-GAUGES) };
    case "kept":
      return { ...state, kept: action.kept };
    case "summary":
      return { ...state, summary: action.summary };
    case "recovery":
      return {
        ...state,
        recovery: { ...INITIAL.recovery, ...action.recovery },
        recoveryReceived: action.time,
      };
    case "problems":
      return { ...state, problems: action.problems };
    case "notice":
      return { ...state, notices: [...state.notices, action.notice].slice(-3), said: "" };
    case "dismiss":
      return { ...state, notices: state.notices.filter((notice) => notice !== action.notice) };
    case "said":
      return { ...state, said: action.text };
    case "answers":
      return { ...state, answers: action.answers };
    case "late":
      return action.late === state.late ? state : { ...state, late: action.late };
    case "image":
      return withImage(state, action.image);
    case "sight":
      return state.image ? { ...state, image: { ...state.image, patch: action.patch }, near: {} } : state;
    case "pixel":
      return { ...state, pixel: action.pixel };
    case "knownMask":
      return { ...state, masks: { ...state.masks, [action.name]: action.mask } };
    case "mask":
      return drawMask(state, action.mask);
    case "masking":
      return { ...state, masking: action.masking };
    case "posterior":
      return { ...state, posterior: action.shapes, marginals: action.marginals ?? {} };
    case "prediction":
      return { ...state, predictions: withDraw(state.predictions, action.of, action.index, action.draw) };
    case "frame":
      return withFrames(state, action.frames, action.dof, action.chi2);
  }
}

const settled = ({ schema, session }: State, next: Session): Session => alongCurves(schema, session, next);

/** Another image begins without pictures of the last one, and with its own view if its shape differs. */
function withImage(state: State, image: Image): State {
  const next = { ...state, image, near: {}, masks: { ...state.masks, "": image.mask } };
  const { image: old } = state;
  if (old?.name === image.name) return next;
  const { frames, dof, chi2, pixel, posterior, marginals, predictions, masking } = INITIAL;
  const fresh = { ...next, frames, dof, chi2, pixel, posterior, marginals, predictions, masking };
  const alike = !old || (old.nx === image.nx && old.ny === image.ny);
  return alike ? fresh : { ...fresh, display: { ...state.display, view: null, pin: null } };
}

/** Keep a drawing of the whole image or of the patch; drop one of another part. */
function withFrames(
  state: State,
  drawn: Record<string, Drawing>,
  dof: number | null,
  chi2 = state.chi2,
): State {
  const { raster, patch } = state.image ?? {};
  const on = (where: Raster | undefined) =>
    Object.fromEntries(Object.entries(drawn).filter(([, drawing]) => isSame(drawing.raster, where)));
  const frames = { ...state.frames, ...on(raster) };
  const near = patch ? { ...state.near, ...on(patch.raster) } : state.near;
  return { ...state, frames, near, dof: dof ?? state.dof, chi2 };
}

/** A new run starts without gauges; until it is done, the summary is that of the previous run. */
function withRun(state: State, run: Run, time: number): State {
  const begins = ACTIVE.includes(run.state) && !ACTIVE.includes(state.run.state);
  const fresh = begins && { gauges: [], outdated: state.summary };
  // A summary that has not changed is not sent again.
  const ends = run.state === "done" && { outdated: null };
  return { ...state, run, runReceived: time, ...fresh, ...ends };
}

/** The first draw of a request replaces those of older requests; draws of older requests that arrive late are dropped. */
function withDraw(
  old: Predictions | null,
  of: Omit<Predictions, "draws">,
  index: number,
  draw: Prediction,
): Predictions | null {
  if (index === 0) return { ...of, draws: [draw] };
  if (old?.request !== of.request || old.draws.length !== index) return old;
  return { ...old, draws: [...old.draws, draw] };
}

/** Give the image the mask that the session names, as soon as it is known. */
function showMask(state: State): State {
  const mask = state.masks[shown(state).mask ?? ""];
  if (!state.image || !mask || state.image.mask === mask) return state;
  // A mask of another image, which the session names before that image has arrived.
  if (mask.length !== state.image.mask.length) return state;
  return { ...state, image: { ...state.image, mask } };
}

/** Let the session name the new mask; forget masks that no undo or redo step names. */
function drawMask(state: State, mask: Uint8Array<ArrayBuffer>): State {
  const name = nameOf(mask);
  const own = state.masks[""];
  const { mask: _, ...plain } = state.session;
  const drawn = advance(state, own && nameOf(own) === name ? plain : { ...plain, mask: name });
  const named = [drawn, ...drawn.past, ...drawn.future].map(({ session }) => session.mask ?? "");
  const masks: Masks = { [name]: mask };
  for (const known of named) if (state.masks[known]) masks[known] = state.masks[known];
  if (own) masks[""] = own;
  return { ...drawn, masks };
}

/** Commit `session`, with display settings if given, and remember the old one. */
function advance(state: State, session: Session, display?: Display): State {
  const look = sameDocument(display ?? state.display, state.display) ? undefined : display;
  if (!look && sameDocument(session, state.session)) return { ...state, draft: null };
  return {
    ...state,
    session,
    display: look ?? state.display,
    draft: null,
    past: [...state.past, here(state, look)].slice(-HISTORY),
    future: [],
    lastEdit: null,
    retired: retire(state, session),
  };
}

/** The step that undoes one with or without display settings. */
const here = ({ session, display }: State, look?: Display): Step =>
  look ? { session, display } : { session };

function edit(state: State, session: Session, merge?: string, time = 0): State {
  const next = advance(state, session);
  if (merge === undefined || next.session === state.session) return next;
  const last = state.lastEdit;
  const merged = last?.merge === merge && time - last.time < MERGE_MS;
  return { ...next, past: merged ? state.past : next.past, lastEdit: { merge, time } };
}

/** A change by Python can be undone too; an echo of the page's own session is not a change. */
function fromHost(state: State, session: Session, display?: Display): State {
  if (!display && sameDocument(session, state.session)) return state;
  const first = state.session === EMPTY_SESSION;
  const next = advance(state, session, display);
  return first ? { ...next, past: [] } : next;
}

function step(state: State, from: "past" | "future", to: "past" | "future"): State {
  const target = state[from].at(-1);
  if (!target) return state;
  const { session, display = state.display } = target;
  const moved = { [from]: state[from].slice(0, -1), [to]: [...state[to], here(state, target.display)] };
  return {
    ...state,
    ...moved,
    session,
    display,
    draft: null,
    lastEdit: null,
    retired: retire(state, session),
  };
}

/** Remember the priors that `next` no longer has. */
function retire(state: State, next: Session): Record<string, Prior> {
  const retired = { ...state.retired };
  for (const path of rowPaths(state.schema, next)) {
    const before = settingAt(state.session, path);
    if (isFree(before) && !isFree(settingAt(next, path))) retired[path] = before;
  }
  return retired;
}

export interface Store {
  readonly state: State;
  dispatch(action: Action): void;
  /** Call back after each change with the new and the old state; returns a function that stops it. */
  subscribe(listener: (state: State, before: State) => void): () => void;
}

export function createStore(initial: State = INITIAL): Store {
  let state = initial;
  const listeners = new Set<(state: State, before: State) => void>();
  return {
    get state() {
      return state;
    },
    dispatch(action) {
      const before = state;
      state = reduce(state, action);
      if (state !== before) for (const listener of [...listeners]) listener(state, before);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
