/** The result of a run: the verdict on it, and a table of the parameters. */

import { splitPath } from "../spec";
import { isOld, type State, type Summary, type SummaryRow } from "../state";
import { readable } from "../units";
import { format, h, whenChanged } from "./dom";
import type { Section } from "./toolbar";

const MOST_DECIMALS = 6;

/** Effective sample size that the verdict requires. */
const ENOUGH = 400;

export const MARKS: Record<Summary["verdict"]["level"], string> = { ok: "✓", caution: "!", bad: "✕" };

export function createSummary(): Section {
  const element = h("div", { class: "sl-summary" });
  const show = whenChanged((summary: Summary | null, old: boolean) => {
    element.hidden = summary === null;
    const note = old ? [h("p", { class: "sl-of-before" }, "last run")] : [];
    element.replaceChildren(...note, ...(summary ? contents(summary) : []));
  });
  return { element, update: (state: State) => show(state.summary, isOld(state)) };
}

function contents({ verdict, ...summary }: Summary): HTMLElement[] {
  const scroll = h("div", { class: "sl-scroll", tabindex: 0, role: "group", "aria-label": "summary" });
  scroll.append(table(summary));
  return verdict?.text ? [verdictLine(verdict), scroll] : [scroll];
}

export function verdictLine({ level, text }: Summary["verdict"]): HTMLElement {
  const mark = h("span", { class: "sl-mark", "aria-hidden": "true" }, MARKS[level] ?? "");
  const words = text.startsWith(level) ? text : `${level}: ${text}`;
  return h("p", { class: `sl-verdict sl-${level}` }, mark, h("span", {}, words));
}

function table({ method, rows }: Pick<Summary, "method" | "rows">): HTMLElement {
  const drawn = rows.some((row) => row.sd !== null);
  const sampled = rows.some((row) => row.r_hat !== null);
  const heads = drawn ? ["mean ± sd", "median", ...(sampled ? ["R̂", "ESS"] : [])] : ["best"];
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, method),
    ...heads.map((name) => h("th", { scope: "col" }, name)),
  );
  return tableByComponent(head, rows, (row) => (drawn ? line(row, sampled) : bestLine(row)));
}

/** A table of parameters, whose component stands above them in a row of its own. */
export function tableByComponent<Row extends { path: string }>(
  head: HTMLElement,
  rows: Row[],
  line: (row: Row) => HTMLElement,
): HTMLElement {
  const body = h("tbody");
  let group = "";
  for (const row of rows) {
    const [component] = splitPath(row.path);
    if (component !== group) body.append(h("tr", { class: "sl-head" }, h("th", { colspan: 9 }, component)));
    group = component;
    body.append(line(row));
  }
  return h("table", {}, h("thead", {}, head), body);
}

function line(row: SummaryRow, sampled: boolean): HTMLElement {
  const digits = decimals(row.sd);
  const cell = (content: Node | string, suspect = false) =>
    h("td", suspect ? { class: "sl-suspect" } : {}, content);
  const cells = [
    cell(`${rounded(row.mean, digits)} ± ${rounded(row.sd, digits)}`),
    cell(median(row, digits)),
  ];
  if (sampled) {
    cells.push(cell(rounded(row.r_hat, 3), (row.r_hat ?? 1) > 1.01));
    cells.push(essCell(row));
  }
  return h("tr", {}, rowHead(row), ...cells);
}

/** The smaller of the two effective sample sizes, as in the verdict. */
function essCell({ ess_bulk: bulk, ess_tail: tail = null }: SummaryRow): HTMLTableCellElement {
  const least = bulk === null || tail === null ? (bulk ?? tail) : Math.min(bulk, tail);
  const title = `bulk ${rounded(bulk, 0)}, tails ${rounded(tail, 0)}`;
  return h("td", { title, ...((least ?? ENOUGH) < ENOUGH && { class: "sl-suspect" }) }, rounded(least, 0));
}

const bestLine = (row: SummaryRow): HTMLElement =>
  h("tr", {}, rowHead(row), h("td", {}, format(row.mean, 6)));

const rowHead = ({ path, unit }: SummaryRow): HTMLElement =>
  h("th", { scope: "row", title: `${path} ${readable(unit, null)}`.trim() }, splitPath(path)[1]);

/** The median with the distances to the 16th and 84th percentiles, as usually written. */
function median({ q16, q50, q84 }: SummaryRow, digits: number): HTMLElement {
  if (q16 === null || q50 === null || q84 === null) return h("span", {}, "–");
  const [above, below] = [q84 - q50, q50 - q16].map((distance) => rounded(distance, digits));
  const errors = h("span", { class: "sl-errors" }, h("span", {}, `+${above}`), h("span", {}, `−${below}`));
  return h("span", {}, rounded(q50, digits), errors);
}

/** The number of decimals that shows two digits of the uncertainty. */
export const decimals = (sd: number | null): number => (sd ? Math.max(1 - Math.floor(Math.log10(sd)), 0) : 3);

const clamped = (digits: number): number => Math.min(Math.max(digits, 0), MOST_DECIMALS);

export function rounded(value: number | null, digits: number): string {
  if (value === null || !Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1e6) return format(value, 5);
  // Fluxes in maggies are of order 1e-9.
  const power = Math.floor(Math.log10(Math.abs(value) || 1)) + digits;
  const text = digits > MOST_DECIMALS ? value.toExponential(clamped(power)) : value.toFixed(digits);
  return text.replaceAll("-", "−");
}
