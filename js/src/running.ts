/** What Python does for a while: runs of methods, and fits of mock galaxies. */

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
/** The states of a run in progress. */
export const ACTIVE: readonly Run["state"][] = ["compiling", "running", "paused"];
/** The numbers of a parameter, null where they are not finite; each has its standard error under its name with `_err`. */
type RecoveryColumn = "bias" | "scatter" | "pull_mean" | "pull_sd" | "within_1sd" | "within_2sd";
export type RecoveryRow = Record<RecoveryColumn | `${RecoveryColumn}_err`, number | null> & {
  path: string;
  unit: string;
  /** The columns that differ from those of right errors by more than chance. */
  suspect: RecoveryColumn[];
  /** Found minus true values, in errors; one for each mock. */
  pulls: (number | null)[];
};
export interface RecoveryResult {
  number: number;
  failed: number;
  /** "complete", or after how many mocks it was cancelled. */
  status: string;
  level: "ok" | "caution";
  text: string;
  rows: RecoveryRow[];
}
/** The fits of mock galaxies, which test the errors of the last fit. */
export interface Recovery {
  state: Run["state"];
  step: number;
  total: number;
  elapsed: number;
  eta: number | null;
  message: string;
  /** Why the last fit can't be tested, or "". */
  refused: string;
  /** Whether the result is of an earlier fit. */
  outdated: boolean;
  result: RecoveryResult | null;
}
/** Whether Python runs a method, or fits mock galaxies. */
export const isBusy = ({ run, recovery }: { run: Run; recovery: Recovery }): boolean =>
  ACTIVE.includes(run.state) || ACTIVE.includes(recovery.state);
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
export const NO_RECOVERY: Recovery = {
  state: "idle",
  step: 0,
  total: 0,
  elapsed: 0,
  eta: null,
  message: "",
  refused: "",
  outdated: false,
  result: null,
};
