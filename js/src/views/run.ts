/** The run panel: a button for each method, pause and cancel, progress, and the result. */

import { ACTIVE, isBusy, type Run } from "../running";
import type { State } from "../state";
import type { Store } from "../store";
import type { Kernel } from "../sync";
import { format, h, hint, seconds, setText, whenChanged } from "./dom";
import { createDrawer } from "./drawer";
import { createGauges } from "./gauges";
import { createKept } from "./kept";
import { createSettings } from "./settings";
import { createSummary } from "./summary";
import type { Section } from "./toolbar";

const TICK_MS = 200;

export function createRunPanel(store: Store, kernel: Kernel, signal: AbortSignal): Section {
  const methods = h("div", { class: "sl-methods" });
  const cancel = h("button", { type: "button", onclick: () => kernel.cancel() }, "Cancel");
  const pause = h("button", { type: "button" }, "Pause");
  pause.addEventListener("click", () =>
    store.state.run.state === "paused" ? kernel.resume() : kernel.pause(),
  );
  const status = h("p", { class: "sl-status", role: "status" });
  // The clock is outside the live region, so that it is not announced.
  const clock = h("span", { class: "sl-clock" });
  const progress = h("progress", { "aria-label": "progress of the run" });
  const summary = createSummary();
  const [gauges, kept] = [createGauges(), createKept(kernel)];
  const form = createSettings(store);
  const settings = createDrawer("settings of the run", "settings", "Settings", () => form);
  const element = h(
    "section",
    { class: "sl-run", "aria-label": "fit" },
    methods,
    h("div", { class: "sl-methods" }, pause, cancel, settings.button),
    settings.element,
    h("div", { class: "sl-progress" }, status, clock, progress),
    gauges.element,
    summary.element,
    kept.element,
  );

  const offer = whenChanged((schema: State["schema"]) => {
    const buttons = Object.entries(schema.methods).map(([name, { doc }]) =>
      h(
        "button",
        {
          type: "button",
          class: "sl-method",
          title: hint(doc),
          onclick: () => kernel.run(name, store.state.display.options[name] ?? {}),
        },
        name,
      ),
    );
    methods.replaceChildren(...buttons);
  });

  function tick(): void {
    const { run, runReceived } = store.state;
    setText(clock, clockText(run, performance.now() - runReceived));
  }
  const timer = setInterval(() => ACTIVE.includes(store.state.run.state) && tick(), TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));

  function update(state: State): void {
    const { run } = state;
    const active = ACTIVE.includes(run.state);
    offer(state.schema);
    for (const button of methods.querySelectorAll("button")) button.disabled = isBusy(state);
    cancel.disabled = !active;
    pause.disabled = run.state !== "running" && run.state !== "paused";
    setText(pause, run.state === "paused" ? "Resume" : "Pause");
    element.dataset.state = run.state;
    setText(status, statusText(run));
    showProgress(progress, run);
    tick();
    for (const part of [settings, gauges, summary, kept]) part.update(state);
  }
  return { element, update };
}

function statusText(run: Run): string {
  if (run.state === "idle") return "ready";
  const what = run.state === "running" ? run.phase || "running" : run.state;
  const count = run.total > 0 && (run.state === "running" || run.state === "paused");
  const steps = count ? ` ${run.step} / ${run.total}` : "";
  const message = run.message ? `: ${run.message}` : "";
  return `${run.method} ${what}${steps}${message}`.trim();
}

/** Compilation reports nothing for a while, so the clock is advanced here. */
function clockText(run: Run, since: number): string {
  if (run.state === "idle") return "";
  const running = run.state === "compiling" || run.state === "running";
  const elapsed = seconds((run.elapsed ?? 0) + (running ? since / 1000 : 0));
  const left = run.eta === null || run.state !== "running" ? "" : `, ${seconds(run.eta)} left`;
  return elapsed + left;
}

function showProgress(progress: HTMLProgressElement, run: Run): void {
  progress.hidden = !ACTIVE.includes(run.state);
  const known = run.total > 0 && run.state !== "compiling";
  progress.max = known ? run.total : 1;
  if (known) progress.value = run.step;
  else progress.removeAttribute("value");
  progress.title = known ? `${format((100 * run.step) / run.total, 3)} %` : "";
}
