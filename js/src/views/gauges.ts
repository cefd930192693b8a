/** The convergence of a run's draws, as numbers and as curves over the draws. */

import type { Run } from "../running";
import type { Gauge, State } from "../state";
import { h, place, setText, svg, whenChanged } from "./dom";

/** The values that a converged posterior should reach (Vehtari et al. 2021, arXiv:1903.08008). */
const R_HAT = 1.01;
const ESS = 400;
const [WIDTH, HEIGHT] = [100, 24];

export function createGauges(): { element: HTMLElement; update(state: State): void } {
  const tiles = [
    createTile("R̂", `the worst parameter; below ${R_HAT} the chains agree`),
    createTile("ESS", `effective sample size of the worst parameter; ${ESS} is enough`),
    createTile("divergences", "steps at which the sampler diverged: there should be none"),
  ] as const;
  const element = h("div", { class: "sl-gauges" }, ...tiles.map((tile) => tile.element));
  const draw = whenChanged((gauges: Gauge[], run: Run) => {
    const last = gauges.at(-1);
    element.hidden = gauges.length === 0;
    if (!last) return;
    const [rHat, ess, divergences] = tiles;
    const worst = last.r_hat;
    rHat.show(
      worst === null ? "–" : worst.toFixed(3),
      last.r_hat_path,
      worst === null ? null : worst < R_HAT,
    );
    // Shown as the logarithm of the excess, which falls steadily.
    rHat.line(
      gauges,
      (gauge) => gauge.r_hat && Math.log10(Math.max(gauge.r_hat - 1, 1e-4)),
      Math.log10(R_HAT - 1),
    );
    ess.show(
      last.ess === null ? "–" : last.ess.toFixed(0),
      last.ess_path,
      last.ess === null ? null : last.ess >= ESS,
    );
    ess.line(gauges, (gauge) => gauge.ess, ESS);
    divergences.show(String(run.divergences), null, run.divergences === 0);
  });
  return { element, update: ({ gauges, run }) => draw(gauges, run) };
}

function createTile(name: string, title: string) {
  const value = h("strong");
  const path = h("span", { class: "sl-gauge-path" });
  const goal = svg("line", { class: "sl-goal", x1: 0, x2: WIDTH });
  const curve = svg("path", { class: "sl-gauge-line" });
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
      display: "none",
    },
    goal,
    curve,
  );
  const element = h(
    "div",
    { class: "sl-gauge", title },
    h("span", { class: "sl-label" }, name),
    value,
    path,
    drawing,
  );
  return {
    element,
    show(text: string, where: string | null, good: boolean | null) {
      setText(value, text);
      setText(path, where ?? "");
      element.dataset.good = String(good);
    },
    /** The number as a function of the draws, and the goal. */
    line(gauges: Gauge[], of: (gauge: Gauge) => number | null, wanted: number) {
      const points = gauges.flatMap((gauge) => {
        const y = of(gauge);
        return y === null ? [] : [[gauge.draws, y] as const];
      });
      place(drawing, { display: points.length > 1 ? "inline" : "none" });
      if (points.length < 2) return;
      const ys = [...points.map(([, y]) => y), wanted];
      const [low, high] = [Math.min(...ys), Math.max(...ys)];
      const last = points.at(-1)?.[0] ?? 1;
      const at = (y: number) => HEIGHT - 2 - ((y - low) / (high - low || 1)) * (HEIGHT - 4);
      const path = points.map(([x, y]) => `${((WIDTH * x) / last).toFixed(1)} ${at(y).toFixed(1)}`).join("L");
      place(curve, { d: `M${path}` });
      place(goal, { y1: at(wanted), y2: at(wanted) });
    },
  };
}
