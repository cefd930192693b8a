/** The table of a recovery, with the pulls of each parameter drawn in its row. */

import type { RecoveryRow } from "../running";
import { splitPath } from "../spec";
import { readable } from "../units";
import { h, svg } from "./dom";
import { decimals, rounded, tableByComponent } from "./summary";

/** Pulls beyond this are drawn at the edge, as in `Recovery.plot`. */
const LONGEST = 5;
const TICKS = [-4, -2, 0, 2, 4];
const HEIGHT = 18;

type Column = [title: string, hint: string, of: (row: RecoveryRow) => string, mark?: "bias" | "pull_sd"];

const COLUMNS: Column[] = [
  ["bias", "mean of found − true", ({ bias, bias_err }) => withError(bias, bias_err), "bias"],
  [
    "scatter",
    "standard deviation of found − true",
    ({ scatter, scatter_err }) => withError(scatter, scatter_err),
  ],
  [
    "sd of pulls",
    "1 if errors are right, more if they are too small",
    ({ pull_sd, pull_sd_err }) => withError(pull_sd, pull_sd_err, 2),
    "pull_sd",
  ],
  [
    "within 1σ",
    "mocks whose truth lies within one error: 68 % if errors are right",
    ({ within_1sd, within_1sd_err }) => percent(within_1sd, within_1sd_err),
  ],
  [
    "within 2σ",
    "mocks whose truth lies within two errors: 95 % if errors are right",
    ({ within_2sd, within_2sd_err }) => percent(within_2sd, within_2sd_err),
  ],
];

export function recoveryTable(rows: RecoveryRow[]): HTMLElement {
  const heads = COLUMNS.map(([title, hint]) => h("th", { scope: "col", title: hint }, title));
  const head = h("tr", {}, h("th", { scope: "col" }, "parameter"), ...heads, scaleHead());
  return tableByComponent(head, rows, line);
}

function line(row: RecoveryRow): HTMLElement {
  const cells = COLUMNS.map(([, , of, mark]) =>
    h("td", mark && row.suspect.includes(mark) ? { class: "sl-suspect" } : {}, of(row)),
  );
  const title = `${row.path} ${readable(row.unit, null)}`.trim();
  const name = h("th", { scope: "row", title }, splitPath(row.path)[1]);
  return h("tr", {}, name, ...cells, h("td", { class: "sl-pulls" }, strip(row)));
}

function withError(value: number | null, error: number | null, digits = decimals(error)): string {
  return `${rounded(value, digits)} ± ${rounded(error, digits)}`;
}

const percent = (share: number | null, error: number | null): string =>
  `${rounded(share && 100 * share, 0)} ± ${rounded(error && 100 * error, 0)} %`;

/** Where a pull lies, in per cent of the width. */
const at = (pull: number): number => 50 + (48 * Math.max(-LONGEST, Math.min(LONGEST, pull))) / LONGEST;
const x = (pull: number): string => `${at(pull).toFixed(1)}%`;

function scaleHead(): HTMLElement {
  const labels = TICKS.map((tick) => {
    const label = svg("text", { x: x(tick), y: 12, "text-anchor": "middle" });
    label.textContent = String(tick).replace("-", "−");
    return label;
  });
  const scale = svg("svg", { width: "100%", height: 15, "aria-hidden": "true" }, ...labels);
  const title = "(found − true) / error of each mock; the bar is their mean and sd";
  return h("th", { scope: "col", class: "sl-pulls", title }, "pulls", scale);
}

/** A point for each mock, their mean and sd, and the band that is expected. */
function strip({ path, pulls, pull_mean: mean, pull_sd: sd }: RecoveryRow): SVGSVGElement {
  const points = pulls.flatMap((pull, i) =>
    pull === null
      ? []
      : [
          svg("circle", {
            class: "sl-pull",
            cx: x(pull),
            cy: (3 + jitter(i) * (HEIGHT - 6)).toFixed(1),
            r: 1.3,
          }),
        ],
  );
  const bar =
    mean === null || sd === null
      ? []
      : [
          svg("line", {
            class: "sl-pull-sd",
            x1: x(mean - sd),
            x2: x(mean + sd),
            y1: HEIGHT / 2,
            y2: HEIGHT / 2,
          }),
          svg("circle", { class: "sl-pull-mean", cx: x(mean), cy: HEIGHT / 2, r: 3 }),
        ];
  const width = `${(at(1) - at(-1)).toFixed(1)}%`;
  const label = `pulls of ${path}: mean ${rounded(mean, 2)}, sd ${rounded(sd, 2)}`;
  return svg(
    "svg",
    { width: "100%", height: HEIGHT, role: "img", "aria-label": label },
    svg("rect", { class: "sl-pull-band", x: x(-1), width, y: 0, height: HEIGHT }),
    svg("line", { class: "sl-grid", x1: x(0), x2: x(0), y1: 0, y2: HEIGHT }),
    ...points,
    ...bar,
  );
}

/** Heights that spread the points, the same each time: multiples of the golden ratio. */
const jitter = (i: number): number => (i * 0.618034) % 1;
