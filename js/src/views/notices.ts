/** Errors, and problems that belong to no row. */

import { rowPaths } from "../spec";
import { type Notice, type Problem, type State, shown } from "../state";
import type { Store } from "../store";
import { h, whenChanged } from "./dom";
import { icon } from "./icons";
import type { Section } from "./toolbar";

export function createNotices(store: Store): Section {
  const element = h("div", { class: "sl-notices" });
  const show = whenChanged((notices: Notice[], problems: Problem[], known: string, answers: boolean) => {
    const rows = new Set(known.split("\n").filter((path) => path !== ""));
    element.replaceChildren(
      ...(answers ? [] : [silence()]),
      ...notices.map((notice) => errorStrip(store, notice)),
      ...problems
        .filter((problem) => !rows.has(problem.path))
        .map((problem) => h("div", { class: "sl-notice", role: "alert" }, problem.message)),
    );
  });
  return {
    element,
    update: (state: State) =>
      show(state.notices, state.problems, rowPaths(state.schema, shown(state)).join("\n"), state.answers),
  };
}

const SILENCE =
  "The kernel is busy, was restarted or has stopped; this message disappears when it answers. The model that you see is kept on this " +
  "page: save it from the session bar, run the cell again, and open it there.";

const silence = (): HTMLElement =>
  h(
    "div",
    { class: "sl-notice", role: "alert" },
    h("div", {}, h("strong", {}, "Python does not answer"), h("p", {}, SILENCE)),
  );

function errorStrip(store: Store, notice: Notice): HTMLElement {
  const dismiss = h("button", { type: "button", class: "sl-tool", "aria-label": "Dismiss" }, icon("close"));
  dismiss.addEventListener("click", () => store.dispatch({ type: "dismiss", notice }));
  const detail: HTMLElement[] = notice.detail ? [h("pre", {}, notice.detail)] : [];
  if (notice.traceback)
    detail.push(h("details", {}, h("summary", {}, "details"), h("pre", {}, notice.traceback)));
  return h(
    "div",
    { class: "sl-notice", role: "alert" },
    h("div", {}, h("strong", {}, notice.title), ...detail),
    dismiss,
  );
}
