/** The state of one view: what its parts are and how it starts. */

import type { Shape } from "./geometry";
import type { Image, Pixels, Raster } from "./image";
import { DEFAULT_PERCENT } from "./limits";
import { has } from "./names";

import { EMPTY_SCHEMA, EMPTY_SESSION, type OptionValue, type Prior, type Schema, type Session } from "./spec";

/** The fourth picture is the one that `Display.fourth` says. */
export type PanelName = "data" | "model" | "residual" | "fourth";
export type Layout = "row" | "grid" | "single";
export type Unit = "sigma" | "flux" | "percent";

export interface Display {
  stretch: string;
  /** The name of a rule, or limits given by hand. */
  limits: string | [number, number];
  /** Of the rules "percentile" and "sigma". */
  percent: number;
  sigmas: number;
  /** The model has the limits of the data, not its own. */
  match: boolean;
  colormap: string;
  residual: Unit;
  /** Half width of the residual's colour range, in sigmas. */
  residualRange: number;
  /** The same where it is in per cent of the model. */
  percentRange: number;
  layout: Layout;
  /** "component" (the selected one), "sigma", "mask" or "psf". */
  fourth: string;
  /** Of the single picture: which one, and which it is compared with, and how. */
  front: PanelName;
  back: PanelName;
  compare: "off" | "blink" | "swipe";
  /** Where the front picture ends, as a part of the width. */
  swipe: number;
  crosshair: boolean;
  /** The pixel that is read and cut through while the cursor is elsewhere. */
  pin: { x: number; y: number } | null;
  profile: boolean;
  cuts: boolean;
  /** What the priors expect. */
  predictive: boolean;
  view: { x: number; y: number; zoom: number } | null;
  selected: string;
  /** Components whose eyes are closed, the one that stands alone ("" for none), and those that can't be edited. */
  hidden: string[];
  solo: string;
  locked: string[];
  /** Settings of methods that are not their defaults. */
  options: Record<string, Record<string, OptionValue>>;
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
  divergences: number;
}
/** How far the draws can be trusted: the worst of all parameters. */
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
  /** Whether its pixels are those of the first. */
  comparable: boolean;
  loo?: number | null;
  /** What LOO decides: "best", "worse", "undecided", "unreliable" or nothing; and why. */
  loo_says?: string;
  note?: string;
  log_evidence?: number | null;
}
/** While a run goes on. */
export const ACTIVE: readonly Run["state"][] = ["compiling", "running", "paused"];
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
  ess_tail?: number | null;
  /** The bounds of its prior that the posterior lies at, by the rule of the verdict. */
  bounds?: { lower?: number; upper?: number };
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
  /** Of an internal error. */
  traceback?: string | undefined;
}

export interface PixelValues {
  x: number;
  y: number;
  data: number | null;
  sigma: number | null;
  model: number | null;
}

/** A component as Python drew it last, and for which session, where that is known. */
export interface Drawing {
  pixels: Pixels;
  /** In which cells, of a large image. */
  raster?: Raster;
  session: Session | null;
}

/** A mask by its name; the one that the image came with has the name "". */
export type Masks = Record<string, Uint8Array<ArrayBuffer>>;

export const TOOLS = ["brush", "eraser", "rectangle", "lasso", "pick"] as const;
export type Tool = (typeof TOOLS)[number];
/** How the mask is edited, while it is. */
export interface Masking {
  tool: Tool;
  /** Diameter of brush and eraser, in pixels. */
  size: number;
  /** Of sources, in units of the smoothed noise. */
  threshold: number;
  /** What came of the last pick, where it came to nothing. */
  said: string;
}

/** What undo or redo goes to; with the look of the pictures, where that was taken up together with a session. */
export interface Step {
  session: Session;
  display?: Display;
}

export interface State {
  schema: Schema;
  /** What Python has; the one that undo steps through. */
  session: Session;
  /** What a gesture in progress shows. */
  draft: Session | null;
  past: Step[];
  future: Step[];
  lastEdit: { merge: string; time: number } | null;
  /** Priors of parameters that were fixed here, for when they are freed again. */
  retired: Record<string, Prior>;
  display: Display;
  run: Run;
  runReceived: number;
  /** Of the run under way or the last one, as its draws grew. */
  gauges: Gauge[];
  kept: KeptFit[];
  summary: Summary | null;
  /** The one that was there when a run began: see `isOld`. */
  outdated: Summary | null;
  problems: Problem[];
  notices: Notice[];
  /** Python answers, as far as is known. */
  answers: boolean;
  /** A picture that was asked for is long in coming. */
  late: boolean;
  /** What came of the last file that was saved or opened. */
  said: string;
  /** With the mask that the session names. */
  image: Image | null;
  masks: Masks;
  masking: Masking | null;
  frames: Record<string, Drawing>;
  /** The same on the image's patch. */
  near: Record<string, Drawing>;
  dof: number | null;
  /** Of all pixels, as Python told it of a large image. */
  chi2: number | null;
  /** The pixel of a large image that Python told of last. */
  pixel: PixelValues | null;
  /** Ellipses of the last fit's draws, by component. */
  posterior: Record<string, Shape[]>;
  /** Densities of the last fit's draws, by path. */
  marginals: Record<string, Marginal>;
  /** Galaxies drawn from the priors, those that have come. */
  predictions: Predictions | null;
}

/** A galaxy drawn from the priors: small, and its profile along the first source. */
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
export const IDLE: Run = {
  state: "idle",
  method: "",
  phase: "",
  step: 0,
  total: 0,
  elapsed: 0,
  eta: null,
  message: "",
  divergences: 0,
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
  gauges: [],
  kept: [],
  summary: null,
  outdated: null,
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

/** Whether what is known of the posterior is of the run before: until another's comes, or where none came of it. */
export const isOld = ({ summary, outdated }: Pick<State, "summary" | "outdated">): boolean =>
  summary !== null && summary === outdated;

/** What is on the screen: the gesture in progress, or the committed session. */
export const shown = (state: State): Session => state.draft ?? state.session;

/** The selected component: the chosen one while it exists, else the first. */
export function selectedOf(state: State): string {
  const { components } = shown(state).model;
  const { selected } = state.display;
  return has(components, selected) ? selected : (Object.keys(components)[0] ?? "");
}
