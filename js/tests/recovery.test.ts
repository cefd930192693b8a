import { describe, expect, it, vi } from "vitest";
import type { Recovery, RecoveryRow } from "../src/running";
import { nextFrame, open } from "./page";

const SUMMARY = { method: "Laplace", rows: [], best: {}, verdict: { level: "ok", text: "ok." } } as const;
const IDLE = { state: "idle", step: 0, total: 50, elapsed: 0, eta: null, message: "" } as const;
const ROW: RecoveryRow = {
  path: "galaxy.r_eff",
  unit: "pixel",
  bias: -0.0123,
  bias_err: 0.0045,
  scatter: 0.032,
  scatter_err: 0.0032,
  pull_mean: 0.1,
  pull_mean_err: 0.2,
  pull_sd: 1.42,
  pull_sd_err: 0.14,
  within_1sd: 0.54,
  within_1sd_err: 0.066,
  within_2sd: 0.9,
  within_2sd_err: 0.03,
  suspect: ["pull_sd"],
  pulls: [0, 1, -7, null],
};
const TEXT = "caution: errors too small: galaxy.r_eff (by a factor of 1.42).";
const RESULT = {
  number: 50,
  failed: 0,
  status: "complete",
  level: "caution",
  text: TEXT,
  rows: [ROW],
} as const;

const opened = (recovery: Partial<Recovery> = {}) =>
  open({ summary: { ...SUMMARY, rows: [] }, recovery: { ...IDLE, refused: "", ...recovery } });
const button = (el: HTMLElement, name: string) =>
  [...el.querySelectorAll("button")].find((each) => each.textContent === name) as HTMLButtonElement;

describe("the test of the errors", () => {
  it("appears with the first fit", async () => {
    const { named, push } = await open({ recovery: { ...IDLE, refused: "Fit the galaxy first." } });
    const section = named("section", "Are these errors right?");
    expect(section.hidden).toBe(true);
    push("summary", SUMMARY);
    await nextFrame();
    expect(section.hidden).toBe(false);
  });

  it("is started by one button, which says what it does", async () => {
    const { el, one, of } = await opened();
    expect(one(".sl-recovery-about").textContent).toMatch(/^Fits 50 mock galaxies like this one/);
    button(el, "Test with 50 mocks").click();
    await vi.waitFor(() => expect(of("recover")).toEqual([{ t: "recover" }]));
    expect(of("ping")).toHaveLength(2);
    expect(button(el, "Cancel mocks").hidden).toBe(true);
    expect(one<HTMLElement>(".sl-recovery-result").hidden).toBe(true);
  });

  it("is refused in words", async () => {
    const refused = "The last fit is by MAP, which gives no errors.";
    const { el, one } = await opened({ refused });
    expect(one(".sl-recovery-about").textContent).toBe(refused);
    expect(button(el, "Test with 50 mocks").disabled).toBe(true);
  });

  it("waits for a run, as a run waits for it", async () => {
    const { el, push } = await opened();
    push("progress", { state: "running", method: "MAP" });
    await nextFrame();
    expect(button(el, "Test with 50 mocks").disabled).toBe(true);
    push("progress", { state: "done", method: "MAP" });
    push("recovery", { ...IDLE, refused: "", state: "running" });
    await nextFrame();
    expect(button(el, "MAP").disabled).toBe(true);
    expect(button(el, "Cancel").disabled).toBe(true);
  });

  it("shows compilation, then counts the mocks, and can be cancelled", async () => {
    const { el, one, of, push } = await opened({ state: "compiling" });
    const status = () => one(".sl-recovery .sl-status").textContent;
    const bar = () => one<HTMLProgressElement>(".sl-recovery progress");
    expect(status()).toBe("compiling");
    expect(bar().hasAttribute("value")).toBe(false);
    push("recovery", { ...IDLE, refused: "", state: "running", step: 12, elapsed: 3, eta: 9 });
    await nextFrame();
    expect(status()).toBe("12 of 50 mocks");
    expect([bar().value, bar().max]).toEqual([12, 50]);
    expect(one(".sl-recovery-clock").textContent).toMatch(/^3\.\d s, [89]\.\d s left$/);
    button(el, "Cancel mocks").click();
    await vi.waitFor(() => expect(of("cancel")).toHaveLength(1));
    push("recovery", { ...IDLE, refused: "", state: "running", step: 12, message: "stopping" });
    await nextFrame();
    expect(status()).toBe("12 of 50 mocks: stopping");
    push("recovery", { ...IDLE, refused: "", state: "cancelled", message: "cancelled after 3 of 50 mocks" });
    await nextFrame();
    expect(status()).toBe("cancelled after 3 of 50 mocks");
    expect(el.querySelector(".sl-recovery progress")).toBeNull();
    expect(button(el, "Test with 50 mocks").hidden).toBe(false);
  });

  it("shows the table with errors, and marks what is wrong", async () => {
    const { el, one } = await opened({ state: "done", result: { ...RESULT, rows: [ROW] } });
    expect(one(".sl-recovery .sl-verdict").textContent).toBe(`!${TEXT}`);
    expect(one(".sl-recovery .sl-verdict").classList).toContain("sl-caution");
    const cells = [...one(".sl-recovery tbody tr:last-child").children].map((cell) => cell.textContent);
    const shares = ["54 ± 7 %", "90 ± 3 %"];
    expect(cells).toEqual(["r_eff", "−0.0123 ± 0.0045", "0.0320 ± 0.0032", "1.42 ± 0.14", ...shares, ""]);
    const suspect = [...el.querySelectorAll(".sl-recovery .sl-suspect")].map((cell) => cell.textContent);
    expect(suspect).toEqual(["1.42 ± 0.14"]);
    expect(one(".sl-recovery-note").textContent).toMatch(/^50 mocks\. Pulls are/);
    expect(one<HTMLElement>(".sl-recovery tbody th[scope=row]").title).toBe("galaxy.r_eff pixel");
  });

  it("draws a point for each pull, at the edge if it is far, and names the drawing", async () => {
    const { el, one } = await opened({ state: "done", result: { ...RESULT, rows: [ROW] } });
    const places = [...el.querySelectorAll(".sl-pull")].map((point) => point.getAttribute("cx"));
    expect(places).toEqual(["50.0%", "59.6%", "2.0%"]);
    const drawing = one(".sl-pulls [role=img]");
    expect(drawing.getAttribute("aria-label")).toBe("pulls of galaxy.r_eff: mean 0.10, sd 1.42");
    expect(drawing.querySelector(".sl-pull-band")?.getAttribute("width")).toBe("19.2%");
    const bar = drawing.querySelector(".sl-pull-sd");
    expect([bar?.getAttribute("x1"), bar?.getAttribute("x2")]).toEqual(["37.3%", "64.6%"]);
  });

  it("shows numbers that are not known as dashes", async () => {
    const row = { ...ROW, pull_sd: null, pull_sd_err: null, pull_mean: null, suspect: [] };
    const { el, one } = await opened({ state: "done", result: { ...RESULT, rows: [row] } });
    expect(one(".sl-recovery tbody tr:last-child").children[3]?.textContent).toBe("– ± –");
    expect(el.querySelector(".sl-pull-mean")).toBeNull();
  });

  it("reports lost mocks, a cancelled test, and an earlier fit", async () => {
    const result = {
      ...RESULT,
      rows: [ROW],
      number: 11,
      failed: 1,
      status: "cancelled after 12 of 50 mocks",
    };
    const { one } = await opened({ state: "done", result, outdated: true });
    expect(one(".sl-recovery-note").textContent).toMatch(
      /^11 mocks, and 1 that could not be fitted \(cancelled after 12 of 50 mocks\)\./,
    );
    expect(one(".sl-recovery .sl-of-before").textContent).toBe("of an earlier fit");
  });
});
