/** The kept fits: a table that compares them, with buttons to restore each. */

import type { KeptFit, State } from "../state";
import type { Kernel } from "../sync";
import { format, h, whenChanged } from "./dom";
import { icon } from "./icons";
import { MARKS } from "./summary";

/** A Bayes factor of about 150 (Kass & Raftery 1995): fits that are worse by more are ruled out. */
const FAR = 10;

export function createKept(kernel: Kernel): { element: HTMLElement; update(state: State): void } {
  const name = h("input", { class: "sl-keep-name", type: "text", "aria-label": "save fit as" });
  const keep = h("button", { type: "button" }, "Keep");
  const form = h("div", { class: "sl-group sl-keep" }, name, keep);
  const table = h("div", { class: "sl-scroll", tabindex: 0, role: "group", "aria-label": "kept fits" });
  const element = h("div", { class: "sl-kept" }, form, table);
  let proposal = "";

  const submit = () => {
    if (name.value.trim() !== "") kernel.keep(name.value.trim());
  };
  keep.addEventListener("click", submit);
  name.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") submit();
  });
  const show = whenChanged((kept: KeptFit[]) => {
    table.hidden = kept.length === 0;
    table.replaceChildren(...(kept.length > 0 ? [tableOf(kept, kernel)] : []));
  });

  return {
    element,
    update({ summary, kept }) {
      form.hidden = summary === null;
      element.hidden = summary === null && kept.length === 0;
      const next = nextName(kept);
      // A name that the user has typed is kept.
      if (name.value === proposal) name.value = next;
      proposal = next;
      show(kept);
    },
  };
}

function nextName(kept: KeptFit[]): string {
  const names = kept.map((fit) => fit.name);
  let k = 1;
  while (names.includes(`fit ${k}`)) k++;
  return `fit ${k}`;
}

type Column = [title: string, hint: string, of: (fit: KeptFit) => string, say?: (fit: KeptFit) => string];

/** The decision of a number is written beside it if the number alone does not show it. */
const DECIDES_NOTHING = ["undecided", "unreliable"];
const looSays = ({ loo_says: said = "" }: KeptFit): string => (DECIDES_NOTHING.includes(said) ? said : "");

function tableOf(kept: KeptFit[], kernel: Kernel): HTMLElement {
  const usable = kept.filter((fit) => fit.comparable);
  const least = Math.min(...usable.map((fit) => fit.bic ?? Infinity));
  const most = (of: (fit: KeptFit) => number | null | undefined) =>
    Math.max(...usable.map((fit) => of(fit) ?? -Infinity));
  const against = (value: number | null | undefined, best: number, fit: KeptFit) =>
    value === null || value === undefined || !fit.comparable ? "–" : format(value - best, 3);
  const [loo, evidence] = [most((fit) => fit.loo), most((fit) => fit.log_evidence)];
  const columns: Column[] = [
    [
      "χ²/ν",
      "over its own unmasked pixels",
      ({ chi2, dof }) => (chi2 === null ? "–" : format(chi2 / dof, 4)),
    ],
    ["k", "free parameters", (fit) => String(fit.free)],
    [
      "ΔBIC",
      "relative to the smallest; fits with other masks can't be compared",
      (fit) => against(fit.bic, least, fit),
    ],
  ];
  if (Number.isFinite(loo))
    columns.push(["ΔLOO", "relative to the largest", (fit) => against(fit.loo, loo, fit), looSays]);
  if (Number.isFinite(evidence))
    columns.push(["Δln Z", "relative to the largest", (fit) => against(fit.log_evidence, evidence, fit)]);
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "kept"),
    ...columns.map(([title, hint]) => h("th", { scope: "col", title: hint }, title)),
    h("th", {}),
  );
  const rows = kept.map((fit) => {
    const title = `${fit.method} of ${fit.components.join(", ")}`;
    const mark = h("span", { class: `sl-mark sl-${fit.level}`, title: fit.level }, MARKS[fit.level] ?? "");
    const name = h("th", { scope: "row", title }, mark, ` ${fit.name} `, h("small", {}, fit.method));
    const far = fit.comparable && fit.bic !== null && fit.bic - least > FAR;
    const cells = columns.map(([, , of, say]) => {
      const said = say?.(fit) ?? "";
      const words = said === "" ? [] : [" ", h("small", { title: fit.note ?? "" }, said)];
      return h("td", far ? { class: "sl-far" } : {}, of(fit), ...words);
    });
    return h("tr", {}, name, ...cells, h("td", {}, ...actions(fit.name, kernel)));
  });
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows));
}

const actions = (name: string, kernel: Kernel): HTMLElement[] => [
  action(`restore ${name}`, "restore this fit", "undo", () => kernel.restore(name)),
  action(`forget ${name}`, "remove this fit", "close", () => kernel.forget(name)),
];

function action(
  name: string,
  title: string,
  shape: Parameters<typeof icon>[0],
  onclick: () => void,
): HTMLElement {
  return h("button", { type: "button", class: "sl-tool", "aria-label": name, title, onclick }, icon(shape));
}
