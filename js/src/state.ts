/** The state of one view: what its parts are and how it starts. */

import { EMPTY_SCHEMA, EMPTY_SESSION, type Prior, type Schema, type Session } from "./spec";

export interface Display {
  stretch: string;
  /** A rule of the `image` message, or limits given by hand. */
  limits: string | [number, number];
  colormap: string;
  residual: "sigma" | "flux";
  /** Half width of the residual's colour range, in sigmas. */
  residualRange: number;
  view: { x: number; y: number; zoom: number } | null;
  selected: string;
  ellipses: boolean;
}
export interface Run {
  state: "idle" | "compiling" | "running" | "paused" | "done" | "cancelled" | "error";
  method: string;
  phase: string;
  step: number;
  total: number;
  elapsed: number;
  eta: number | null;
  message: string;
}
export interface SummaryRow {
  path: string;
  mean: number;
  /** Null where the method gives a best value and no draws. */
  sd: number | null;
  q16: number | null;
  q50: number | null;
  q84: number | null;
  r_hat: number | null;
  ess_bulk: number | null;
  unit: string;
}
export interface Summary {
  method: string;
  rows: SummaryRow[];
  best: Record<string, number>;
  verdict: { level: "ok" | "caution" | "bad"; text: string };
}
export interface Problem {
  path: string;
  message: string;
}
export interface Notice {
  title: string;
  detail: string;
}
export type Pixels = Float32Array<ArrayBuffer>;
export interface Image {
  nx: number;
  ny: number;
  data: Pixels;
  sigma: Pixels;
  mask: Uint8Array<ArrayBuffer>;
  limits: Record<string, [number, number]>;
}

export interface State {
  schema: Schema;
  /** What Python has; the one that undo steps through. */
  session: Session;
  /** What a gesture in progress shows. */
  draft: Session | null;
  past: Session[];
  future: Session[];
  lastEdit: { merge: string; time: number } | null;
  /** Priors of parameters that were fixed here, for when they are freed again. */
  retired: Record<string, Prior>;
  display: Display;
  run: Run;
  runReceived: number;
  summary: Summary | null;
  problems: Problem[];
  notices: Notice[];
  image: Image | null;
  frames: Record<string, Pixels>;
  dof: number | null;
}

export const DISPLAY: Display = {
  stretch: "asinh",
  limits: "percentile",
  colormap: "gray",
  residual: "sigma",
  residualRange: 5,
  view: null,
  selected: "",
  ellipses: true,
};
export const IDLE: Run = {
  state: "idle",
  method: "",
  phase: "",
  step: 0,
  total: 0,
  elapsed: 0,
  eta: null,
  message: "",
};
export const INITIAL: State = {
  schema: EMPTY_SCHEMA,
  session: EMPTY_SESSION,
  draft: null,
  past: [],
  future: [],
  lastEdit: null,
  retired: {},
  display: DISPLAY,
  run: IDLE,
  runReceived: 0,
  summary: null,
  problems: [],
  notices: [],
  image: null,
  frames: {},
  dof: null,
};

/** What is on the screen: the gesture in progress, or the committed session. */
export const shown = (state: State): Session => state.draft ?? state.session;

/** The selected component: the chosen one while it exists, else the first. */
export function selectedOf(state: State): string {
  const { components } = shown(state).model;
  const { selected } = state.display;
  return selected in components ? selected : (Object.keys(components)[0] ?? "");
}
