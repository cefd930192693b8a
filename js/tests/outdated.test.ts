import { describe, expect, it } from "vitest";
import type { Run } from "../src/running";
import { INITIAL, isOld, type State, type Summary } from "../src/state";
import { reduce } from "../src/store";
import { nextFrame, open, slider } from "./page";

const ROW = {
  path: "galaxy.n",
  mean: 2.1,
  sd: 0.05,
  q16: 2,
  q50: 4,
  q84: 6,
  r_hat: 1.2,
  ess_bulk: 800,
  unit: "",
};
const SUMMARY: Summary = {
  method: "NUTS",
  rows: [ROW],
  best: { "galaxy.n": 2.1 },
  verdict: { level: "bad", text: "bad: the chains disagree." },
};
const POSTERIOR = {
  t: "posterior",
  shapes: { galaxy: [[60, 50, 4, 0.5, 0.3]] },
  marginals: { "galaxy.n": [1, 3, [0, 1, 0]] },
};

/** A widget that shows everything that a run has sent. */
async function shownRun(run: Partial<Run> = {}) {
  const page = await open({ summary: SUMMARY, progress: run });
  page.receive(POSTERIOR);
  await page.showImage();
  await page.check(page.named("button", "shape of prior, n of galaxy"));
  const title = (selector: string) => page.el.querySelector<HTMLElement>(selector)?.title ?? "";
  const row = page.one(slider("galaxy.n")).parentElement as HTMLElement;
  /** The places that are marked as results of the last run. */
  const said = () => [
    page.el.querySelector(".sl-of-before")?.textContent ?? "",
    row.title,
    page.el.querySelector('.sl-panel-data g[data-component="galaxy"] > title')?.textContent ?? "",
    title(".sl-prior-field"),
  ];
  const dimmed = () => page.one(".sl-root").hasAttribute("data-old");
  const push = async (name: "summary" | "progress", value: unknown) => {
    page.push(name, value);
    await nextFrame();
  };
  return { ...page, row, said, dimmed, push };
}
const NOTHING = ["", "", "", ""];
const LAST = [
  "last run",
  "16–84 % interval of the previous run's posterior",
  "dashed ellipses: posterior of the previous run",
  "dashed: posterior of the previous run",
];

describe("during another run", () => {
  it("verdict, marks, ellipses and densities are marked as those of the last run, until new ones arrive", async () => {
    const { said, dimmed, push, row, one } = await shownRun();
    expect([said(), dimmed()]).toEqual([NOTHING, false]);
    const mark = row.querySelector(".sl-interval")?.getAttribute("d");
    expect(mark).toMatch(/^M20 18.5H73.3.*M46.6/);
    for (const state of ["compiling", "running", "paused", "running"]) {
      await push("progress", { state, method: "MAP", step: 1, total: 2 });
      expect([said(), dimmed()], state).toEqual([LAST, true]);
    }
    expect(one(".sl-verdict").textContent).toContain("the chains disagree");
    expect(row.querySelector(".sl-interval")?.getAttribute("d")).toBe(mark);
    await push("summary", { ...SUMMARY, verdict: { level: "ok", text: "ok: they agree." } });
    expect([said(), dimmed()]).toEqual([NOTHING, false]);
    await push("progress", { state: "done", method: "MAP" });
    expect([said(), dimmed()]).toEqual([NOTHING, false]);
  });

  it("they are also marked in a view that opens then, and if the run ends without a result", async () => {
    const { said, push } = await shownRun({ state: "running", method: "NUTS" });
    expect(said()).toEqual(LAST);
    await push("progress", { state: "error", method: "NUTS" });
    expect(said()).toEqual(LAST);
  });

  it("parameters without marks have none of the last run either", async () => {
    const { el, said, push } = await shownRun();
    await push("summary", { ...SUMMARY, rows: [{ ...ROW, sd: null, q16: null, q50: null, q84: null }] });
    await push("progress", { state: "compiling", method: "NUTS" });
    expect(said()[1]).toBe("");
    expect([...el.querySelectorAll(".sl-interval")].every((mark) => mark.getAttribute("d") === "")).toBe(
      true,
    );
  });
});

describe("a run that has finished", () => {
  const run = (state: State, name: Run["state"]) =>
    reduce(state, { type: "run", run: { state: name }, time: 0 });

  it("is not marked as old, even if its summary is the same as before and is not sent again", () => {
    const known = reduce(INITIAL, { type: "summary", summary: SUMMARY });
    expect(isOld(known)).toBe(false);
    const begun = run(run(known, "compiling"), "running");
    expect(isOld(begun)).toBe(true);
    expect(isOld(run(begun, "done"))).toBe(false);
    expect(isOld(run(begun, "cancelled"))).toBe(true);
  });

  it("without a previous run, nothing is marked as old", () => {
    expect(isOld(run(INITIAL, "running"))).toBe(false);
  });
});
