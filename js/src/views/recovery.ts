/** The test of the errors: a button, the progress of the mock galaxies, and what their fits found. */

import { ACTIVE, isBusy, type Recovery, type RecoveryResult } from "../running";
import type { State } from "../state";
import type { Store } from "../store";
import type { Kernel } from "../sync";
import { h, seconds, setText, setTitle, show, whenChanged } from "./dom";
import { recoveryTable } from "./recovery_table";
import { verdictLine } from "./summary";
import type { Section } from "./toolbar";

const TICK_MS = 200;
const TITLE = "Are these errors right?";

export function createRecovery(store: Store, kernel: Kernel, signal: AbortSignal): Section {
  const about = h("p", { class: "sl-recovery-about" });
  const begin = h("button", { type: "button", onclick: () => kernel.recover() });
  const cancel = h("button", { type: "button", onclick: () => kernel.cancel() }, "Cancel mocks");
  const status = h("p", { class: "sl-status", "aria-live": "polite" });
  // Outside the live region, so that it is not announced.
  const clock = h("span", { class: "sl-recovery-clock" });
  const bar = h("span", { class: "sl-recovery-bar" });
  const result = h("div", { class: "sl-recovery-result" });
  const element = h(
    "section",
    { class: "sl-recovery", "aria-label": TITLE },
    h("div", { class: "sl-recovery-head" }, h("strong", {}, TITLE), about, begin, cancel),
    h("div", { class: "sl-progress" }, status, clock, bar),
    result,
  );
  const progress = h("progress", { "aria-label": "progress of the mocks" });

  const tick = () => {
    const { recovery, recoveryReceived } = store.state;
    setText(clock, clockText(recovery, (performance.now() - recoveryReceived) / 1000));
  };
  const timer = setInterval(() => ACTIVE.includes(store.state.recovery.state) && tick(), TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));

  const showResult = whenChanged((found: RecoveryResult | null, outdated: boolean) => {
    show(result, found !== null);
    result.replaceChildren(...(found ? contents(found, outdated) : []));
  });

  function update(state: State): void {
    const { recovery } = state;
    const active = ACTIVE.includes(recovery.state);
    show(element, state.summary !== null);
    setText(about, recovery.refused || aboutText(recovery.total));
    setText(begin, `Test with ${recovery.total} mocks`);
    begin.disabled = recovery.refused !== "" || isBusy(state);
    setTitle(begin, recovery.refused ? "" : HINT);
    show(begin, !active);
    show(cancel, active);
    setText(status, statusText(recovery));
    if (active && !progress.isConnected) bar.append(progress);
    if (!active) progress.remove();
    showProgress(progress, recovery);
    tick();
    showResult(recovery.result, recovery.outdated);
  }
  return { element, update };
}

const HINT =
  "In Python: wb.recovery is the result; sl.recover(wb.fit, n=200) uses more mocks, or another PSF";

const aboutText = (number: number): string =>
  `Fits ${number} mock galaxies like this one, with known parameters and noise like that of the image.`;

function statusText({ state, step, total, message }: Recovery): string {
  if (state === "idle" || state === "done") return message;
  if (!ACTIVE.includes(state)) return message === "" ? state : message;
  const what = state === "compiling" ? "compiling" : `${step} of ${total} mocks`;
  return message === "" ? what : `${what}: ${message}`;
}

/** Nothing is reported for a while, so the clock is advanced here. */
function clockText({ state, elapsed, eta }: Recovery, since: number): string {
  if (!ACTIVE.includes(state)) return "";
  const left = eta === null || state !== "running" ? "" : `, ${seconds(Math.max(eta - since, 0))} left`;
  return seconds(elapsed + since) + left;
}

function showProgress(progress: HTMLProgressElement, { step, total }: Recovery): void {
  progress.max = Math.max(total, 1);
  if (step > 0) progress.value = step;
  else progress.removeAttribute("value");
}

function contents(found: RecoveryResult, outdated: boolean): HTMLElement[] {
  const scroll = h("div", { class: "sl-scroll", tabindex: 0, role: "group", "aria-label": "recovery" });
  scroll.append(recoveryTable(found.rows));
  const note = outdated ? [h("p", { class: "sl-of-before" }, "of an earlier fit")] : [];
  return [...note, verdictLine(found), h("p", { class: "sl-recovery-note" }, noteText(found)), scroll];
}

function noteText({ number, failed, status }: RecoveryResult): string {
  const lost = failed > 0 ? `, and ${failed} that could not be fitted` : "";
  const stopped = status === "complete" ? "" : ` (${status})`;
  return `${number} mocks${lost}${stopped}. Pulls are differences from the truth in units of the error.`;
}
