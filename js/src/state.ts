/** The state of one view: its types and its initial value. */

import type { Shape } from "./geometry";
import type { Image, Pixels, Raster } from "./image";
import { DEFAULT_PERCENT } from "./limits";
import { has } from "./names";

import { IDLE, NO_RECOVERY, type Recovery, type Run } from "./running";
import { EMPTY_SCHEMA, EMPTY_SESSION, type OptionValue, type Prior, type Schema, type Session } from "./spec";

/** The fourth picture is chosen by `Display.fourth`. */
export type PanelName = "data" | "model" | "residual" | "fourth";
export type Layout = "row" | "grid" | "single";
export type Unit = "sigma" | "flux" | "percent";

export interface Display {
  stretch: string;
  /** The name of a rule, or limits given by hand. */
  limits: string | [number, number];
  /** For the rules "percentile" and "sigma". */
  percent: number;
  sigmas: number;
  /** Whether the model is shown with the limits of the data. */
  match: boolean;
  colormap: string;
  residual: Unit;
  /** Half width of the residual's colour range, in sigmas. */
  residualRange: number;
  /** The same in per cent of the model. */
  percentRange: number;
  layout: Layout;
  /** "component" (the selected one), "sigma", "mask" or "psf". */
  fourth: string;
  /** In the single-picture layout: the picture, the one it is compared with, and how. */
  front: PanelName;
  back: PanelName;
  compare: "off" | "blink" | "swipe";
  /** Where the front picture ends, as a fraction of the width. */
  swipe: number;
  crosshair: boolean;
  /** The pixel whose values and cuts are shown while the cursor is elsewhere. */
  pin: { x: number; y: number } | null;
  profile: boolean;
  cuts: boolean;
  /** Galaxies drawn from the priors. */
  predictive: boolean;
  view: { x: number; y: number; zoom: number } | null;
  selected: string;
  /** The hidden components, the one shown alone ("" for none), and the locked ones. */
  hidden: string[];
  solo: string;
  locked: string[];
  /** Settings of methods that are not their defaults. */
  options: Record<string, Record<string, OptionValue>>;
  ellipses: boolean;
}
/** Convergence of the draws: the values of the worst parameter. */
export interface Gauge {
  draws: number;
  chains: number;
  r_hat: number | null;
  r_hat_path: string | null;
  ess: number | null;
  ess_path: string | null;
}
/** A fit that was kept. */
export interface KeptFit {
  name: string;
  method: string;
  components: string[];
  free: number;
  chi2: number | null;
  dof: number;
  bic: number | null;
  level: "ok" | "caution" | "bad";
  /** Whether it was fitted to the same pixels as the first. */
  comparable: boolean;
  loo?: number | null;
  /** The decision of LOO, "best", "worse", "undecided", "unreliable" or none, and its reason. */
  loo_says?: string;
  note?: string;
  log_evidence?: number | null;
}
export interface SummaryRow {
  path: string;
  mean: number;
  /** Null if the method gives a best value without draws. */
  sd: number | null;
  q16: number | null;
  q50: number | null;
  q84: number | null;
  r_hat: number | null;
  ess_bulk: number | null;
  ess_tail?: number | null;
  /** The bounds of the prior that the posterior lies at, by the rule of the verdict. */
  bounds?: { lower?: number; upper?: number };
  unit: string;
}
export interface Summary {
  method: string;
  rows: SummaryRow[];
  /** Of several images: the rows of the one on the screen. */
  own?: SummaryRow[];
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
  /** For an internal error. */
  traceback?: string | undefined;
}

export interface PixelValues {
  x: number;
  y: number;
  data: number | null;
  sigma: number | null;
  model: number | null;
}

/** A component as Python drew it last, and the session that it was drawn for, if known. */
export interface Drawing {
  pixels: Pixels;
  /** The cells, for a large image. */
  raster?: Raster;
  session: Session | null;
}

/** Masks by name; the original mask of the image has the name "". */
export type Masks = Record<string, Uint8Array<ArrayBuffer>>;

export const TOOLS = ["brush", "eraser", "rectangle", "lasso", "pick"] as const;
export type Tool = (typeof TOOLS)[number];
/** The settings of the mask editor, while it is open. */
export interface Masking {
  tool: Tool;
  /** Diameter of brush and eraser, in pixels. */
  size: number;
  /** Detection threshold of sources, in units of the smoothed noise. */
  threshold: number;
  /** Why the last pick masked nothing. */
  said: string;
}

/** A target of undo or redo, with the display settings if they were loaded together with the session. */
export interface Step {
  session: Session;
  display?: Display;
}

export interface State {
  schema: Schema;
  /** The committed session, which Python has and undo steps through. */
  session: Session;
  /** The session during a gesture, before it is committed. */
  draft: Session | null;
  past: Step[];
  future: Step[];
  lastEdit: { merge: string; time: number } | null;
  /** Priors of parameters that were fixed in the page, to restore when they are freed. */
  retired: Record<string, Prior>;
  display: Display;
  run: Run;
  runReceived: number;
  /** Gauges of the current or last run, in the order of its draws. */
  gauges: Gauge[];
  kept: KeptFit[];
  summary: Summary | null;
  /** The summary at the start of a run; see `isOld`. */
  outdated: Summary | null;
  recovery: Recovery;
  recoveryReceived: number;
  problems: Problem[];
  notices: Notice[];
  /** Whether Python answers, according to the latest messages and pings. */
  answers: boolean;
  /** Whether a requested picture is late. */
  late: boolean;
  /** A message about the last file that was saved or opened. */
  said: string;
  /** The image, with the mask that the session names. */
  image: Image | null;
  masks: Masks;
  masking: Masking | null;
  frames: Record<string, Drawing>;
  /** The same on the image's patch. */
  near: Record<string, Drawing>;
  dof: number | null;
  /** χ² over all pixels of a large image, sent by Python. */
  chi2: number | null;
  /** The values of the last pixel of a large image that Python sent. */
  pixel: PixelValues | null;
  /** Ellipses of the last fit's draws, by component. */
  posterior: Record<string, Shape[]>;
  /** Densities of the last fit's draws, by path. */
  marginals: Record<string, Marginal>;
  /** The galaxies drawn from the priors that have arrived. */
  predictions: Predictions | null;
}

/** A galaxy drawn from the priors: a thumbnail, and the profile along its first source. */
export interface Prediction {
  pixels: Pixels;
  nx: number;
  profile: Pixels;
}
export interface Predictions {
  request: number;
  number: number;
  radius: number[];
  draws: Prediction[];
}

/** A density at evenly spaced values. */
export interface Marginal {
  low: number;
  high: number;
  density: number[];
}

export const DISPLAY: Display = {
  stretch: "asinh",
  limits: "percentile",
  percent: DEFAULT_PERCENT,
  sigmas: 5,
  match: true,
  colormap: "gray",
  residual: "sigma",
  residualRange: 5,
  percentRange: 50,
  layout: "row",
  fourth: "component",
  front: "data",
  back: "model",
  compare: "off",
  swipe: 0.5,
  crosshair: false,
  pin: null,
  profile: true,
  cuts: false,
  predictive: false,
  view: null,
  selected: "",
  hidden: [],
  solo: "",
  locked: [],
  options: {},
  ellipses: true,
};
export const MASKING: Masking = { tool: "brush", size: 5, threshold: 5, said: "" };
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
  gauges: [],
  kept: [],
  summary: null,
  outdated: null,
  recovery: NO_RECOVERY,
  recoveryReceived: 0,
  problems: [],
  notices: [],
  answers: true,
  late: false,
  said: "",
  image: null,
  masks: {},
  masking: null,
  frames: {},
  near: {},
  dof: null,
  chi2: null,
  pixel: null,
  posterior: {},
  marginals: {},
  predictions: null,
};

/** Whether the posterior in the page is that of the previous run, because the latest has given none yet. */
export const isOld = ({ summary, outdated }: Pick<State, "summary" | "outdated">): boolean =>
  summary !== null && summary === outdated;

/** The row of the summary of a parameter on the screen. */
export const summaryRow = ({ summary }: Pick<State, "summary">, path: string): SummaryRow | undefined =>
  (summary?.own ?? summary?.rows)?.find((row) => row.path === path);

/** The session on the screen: that of the gesture in progress, or the committed one. */
export const shown = (state: State): Session => state.draft ?? state.session;

/** The selected component, or the first if it no longer exists. */
export function selectedOf(state: State): string {
  const { components } = shown(state).model;
  const { selected } = state.display;
  return has(components, selected) ? selected : (Object.keys(components)[0] ?? "");
}
