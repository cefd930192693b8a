/** The result of a run: the verdict on it, and a table of the parameters. */

import { applyValues } from "../edits";
import type { State, Summary, SummaryRow } from "../state";
import type { Store } from "../store";
import { format, h, whenChanged } from "./dom";
import type { View } from "./toolbar";

const MARKS: Record<Summary["verdict"]["level"], string> = { ok: "✓", caution: "!", bad: "✕" };

export function createSummary(store: Store): View {
  const element = h("div", { class: "sl-summary" });
  const show = whenChanged((summary: Summary | null) => {
    element.hidden = summary === null;
    element.replaceChildren(...(summary ? contents(store, summary) : []));
  });
  return { element, update: (state: State) => show(state.summary) };
}

function contents(store: Store, summary: Summary): HTMLElement[] {
  const { verdict, best } = summary;
  const parts: HTMLElement[] = [
    h("div", { class: "sl-scroll", tabindex: 0, role: "group", "aria-label": "summary" }, table(summary)),
  ];
  if (verdict?.text) parts.unshift(verdictLine(verdict));
  if (best && Object.keys(best).length > 0)
    parts.push(
      h(
        "button",
        { type: "button", title: "start values = best values of the run", onclick: () => apply(store, best) },
        "Use best values",
      ),
    );
  return parts;
}

function apply(store: Store, best: Summary["best"]): void {
  const { schema, session } = store.state;
  store.dispatch({ type: "edit", session: applyValues(schema, session, best) });
}

function verdictLine({ level, text }: Summary["verdict"]): HTMLElement {
  const mark = h("span", { class: "sl-mark", "aria-hidden": "true" }, MARKS[level] ?? "");
  return h("p", { class: `sl-verdict sl-${level}` }, mark, h("span", {}, h("b", {}, level), ` ${text}`));
}

function table({ method, rows }: Summary): HTMLElement {
  const sampled = rows.some((row) => row.r_hat !== null && row.r_hat !== undefined);
  const heads = ["mean", "sd", "16–84 %", ...(sampled ? ["R̂", "ESS"] : [])];
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, method),
    ...heads.map((name) => h("th", { scope: "col" }, name)),
  );
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows.map((row) => line(row, sampled))));
}

function line(row: SummaryRow, sampled: boolean): HTMLElement {
  const digits = decimals(row.sd);
  const cell = (text: string, suspect = false) => h("td", suspect ? { class: "sl-suspect" } : {}, text);
  const cells = [
    cell(rounded(row.mean, digits)),
    cell(rounded(row.sd, digits)),
    cell(`${rounded(row.q16, digits)} – ${rounded(row.q84, digits)}`),
  ];
  if (sampled) {
    cells.push(cell(rounded(row.r_hat, 3), (row.r_hat ?? 1) > 1.01));
    cells.push(cell(rounded(row.ess_bulk, 0)));
  }
  return h("tr", {}, h("th", { scope: "row", title: row.unit }, row.path), ...cells);
}

/** Decimals that show two digits of the uncertainty. */
const decimals = (sd: number): number =>
  sd > 0 ? Math.min(Math.max(1 - Math.floor(Math.log10(sd)), 0), 6) : 3;

function rounded(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 1e6) return format(value, 5);
  return value.toFixed(digits).replace("-", "−");
}
