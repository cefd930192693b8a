import { describe, expect, it, vi } from "vitest";
import { seconds } from "../src/views/dom";
import { SCHEMA } from "./fixtures";
import { nextFrame, open } from "./page";

const SUMMARY = {
  method: "NUTS",
  rows: [
    {
      path: "galaxy.n",
      mean: 2.1,
      sd: 0.05,
      q16: 2.05,
      q50: 2.1,
      q84: 2.16,
      r_hat: 1.2,
      ess_bulk: 800,
      ess_tail: 80.4,
      unit: "",
    },
  ],
  best: { "galaxy.n": 2.1 },
  verdict: { level: "bad", text: "bad: the chains disagree." },
};

describe("the run panel", () => {
  const button = (el: HTMLElement, name: string) =>
    [...el.querySelectorAll("button")].find((each) => each.textContent === name) as HTMLButtonElement;

  it("has a button for each method of the schema", async () => {
    const { el, of } = await open();
    button(el, "Laplace").click();
    await vi.waitFor(() => expect(of("run")).toEqual([{ t: "run", method: "Laplace", options: {} }]));
    expect(of("ping")).toHaveLength(2);
    expect(button(el, "Cancel").disabled).toBe(true);
  });

  it("shows compiling as a separate state, then progress", async () => {
    const { el, one, push } = await open();
    push("progress", { state: "compiling", method: "NUTS", elapsed: 2 });
    await nextFrame();
    expect(one("[role=status]").textContent).toBe("NUTS compiling");
    expect(one(".sl-clock").textContent).toMatch(/^2\.\d s$/);
    expect(one("progress").hasAttribute("value")).toBe(false);
    expect(button(el, "MAP").disabled).toBe(true);
    push("progress", {
      state: "running",
      method: "NUTS",
      phase: "warmup",
      step: 120,
      total: 600,
      elapsed: 3,
      eta: 5,
    });
    await nextFrame();
    expect(one("[role=status]").textContent).toBe("NUTS warmup 120 / 600");
    expect(one<HTMLProgressElement>("progress").value).toBe(120);
    expect(one(".sl-clock").textContent).toContain("5.0 s left");
  });

  it("cancels, pauses and resumes", async () => {
    const { el, of, push } = await open();
    push("progress", { state: "running", method: "NUTS", step: 1, total: 2 });
    await nextFrame();
    button(el, "Pause").click();
    push("progress", { state: "paused", method: "NUTS", step: 1, total: 2 });
    await nextFrame();
    button(el, "Resume").click();
    button(el, "Cancel").click();
    await vi.waitFor(() =>
      expect([of("pause"), of("resume"), of("cancel")].map((sent) => sent.length)).toEqual([1, 1, 1]),
    );
  });

  it("shows the table and the verdict of a run", async () => {
    const { el, one, push } = await open();
    push("summary", SUMMARY);
    await nextFrame();
    expect(one(".sl-verdict").textContent).toBe("✕bad: the chains disagree.");
    expect(one(".sl-verdict").classList).toContain("sl-bad");
    const cells = [...one(".sl-summary tbody tr:last-child").children].map((cell) => cell.textContent);
    expect(cells).toEqual(["n", "2.100 ± 0.050", "2.100+0.060−0.050", "1.200", "80"]);
    // The smaller effective sample size, as in the verdict.
    expect(one(".sl-summary td[title]").title).toBe("bulk 800, tails 80");
    expect([...el.querySelectorAll(".sl-suspect")].map((cell) => cell.textContent)).toEqual(["1.200", "80"]);
    push("summary", {});
    await nextFrame();
    expect(one<HTMLElement>(".sl-summary").hidden).toBe(true);
  });

  it("keeps the digits of small fluxes", async () => {
    const { one, push } = await open();
    const tiny = { mean: 6.29055e-8, sd: 3.1e-10, q16: 6.26e-8, q50: 6.29e-8, q84: 6.32e-8 };
    push("summary", { ...SUMMARY, rows: [{ ...SUMMARY.rows[0], path: "galaxy.flux", ...tiny }] });
    await nextFrame();
    const cells = [...one(".sl-summary tbody tr:last-child").children].map((cell) => cell.textContent);
    expect(cells.slice(1, 3)).toEqual(["6.291e−8 ± 3.1e−10", "6.290e−8+3.0e−10−3.0e−10"]);
  });

  it("explains what a method does", async () => {
    const doc = "A normal approximation, and `draws` draws of it.";
    const { el } = await open({ schema: { ...SCHEMA, methods: { Laplace: { doc } } } });
    expect(button(el, "Laplace").title).toBe("A normal approximation, and draws draws of it.");
  });

  it("shows the best values of a method without draws", async () => {
    const { one, push } = await open();
    const empty = { sd: null, q16: null, q50: null, q84: null, r_hat: null, ess_bulk: null };
    push("summary", {
      ...SUMMARY,
      method: "MAP",
      rows: [{ path: "galaxy.n", mean: 2.125, unit: "", ...empty }],
    });
    await nextFrame();
    const cells = [...one(".sl-summary tbody tr:last-child").children].map((cell) => cell.textContent);
    expect(cells).toEqual(["n", "2.12500"]);
  });
});

describe("times", () => {
  it("are written in minutes and whole seconds if they are long", () => {
    expect([0, 9.96, 59.7, 119.6, 125].map(seconds)).toEqual([
      "0.0 s",
      "10 s",
      "1 min 0 s",
      "2 min 0 s",
      "2 min 5 s",
    ]);
  });
});
