import { describe, expect, it } from "vitest";
import type { MethodOption } from "../src/spec";
import type { KeptFit } from "../src/state";
import { SCHEMA } from "./fixtures";
import { nextFrame, open } from "./page";

const option = (
  name: string,
  kind: MethodOption["kind"],
  value: MethodOption["default"],
  choices: string[] = [],
) => ({
  name,
  kind,
  default: value,
  choices,
});
const METHODS = {
  MAP: { doc: "", options: [] },
  NUTS: {
    doc: "",
    options: [
      option("draws", "int", 1000),
      option("adapt_mass", "bool", true),
      option("guide", "choice", "normal", ["normal", "flow"]),
    ],
  },
};
const SUMMARY = { method: "NUTS", rows: [], best: {}, verdict: { level: "ok", text: "ok: fine" } } as never;
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
type Page = Awaited<ReturnType<typeof open>>;
const button = ({ el }: Page, name: string) =>
  [...el.querySelectorAll("button")].find((each) => each.textContent === name) as HTMLButtonElement;

describe("the settings of methods", () => {
  it("are those of the classes, and are sent with the run if they are not the defaults", async () => {
    const page = await open({ schema: { ...SCHEMA, methods: METHODS } });
    page.named("button", "settings of the run").click();
    await nextFrame();
    expect(page.named<HTMLSelectElement>("select", "settings for").value).toBe("NUTS");
    const draws = page.named<HTMLInputElement>("input", "draws, NUTS");
    expect(draws.value).toBe("1000");
    await page.change(draws, "50", ["change"]);
    await page.check(page.named<HTMLInputElement>("input", "adapt_mass, NUTS"));
    await page.change(page.named<HTMLSelectElement>("select", "guide, NUTS"), "flow", ["change"]);
    await page.change(page.named<HTMLSelectElement>("select", "guide, NUTS"), "normal", ["change"]);
    button(page, "NUTS").click();
    await settled();
    expect(page.of("run")).toEqual([{ t: "run", method: "NUTS", options: { draws: 50, adapt_mass: false } }]);
    await page.change(draws, "", ["change"]);
    expect(draws.value).toBe("1000");
  });
});

describe("the gauges", () => {
  it("grow with the draws, and start again with the next run", async () => {
    const { el, push, receive } = await open();
    const shown = () => el.querySelector<HTMLElement>(".sl-gauges")?.hidden === false;
    const run = { method: "NUTS", phase: "sampling", step: 1, total: 9, elapsed: 1, eta: 1, message: "" };
    push("progress", { ...run, state: "compiling" });
    await nextFrame();
    expect(shown()).toBe(false);
    push("progress", { ...run, state: "running", divergences: 2 });
    const gauge = { t: "gauge", chains: 2, r_hat_path: "galaxy.n", ess_path: "galaxy.xc" };
    receive({ ...gauge, draws: 50, r_hat: 1.2, ess: 30 });
    receive({ ...gauge, draws: 90, r_hat: 1.004, ess: 450 });
    await nextFrame();
    const texts = [...el.querySelectorAll<HTMLElement>(".sl-gauge")].map((tile) => tile.textContent);
    expect(texts).toEqual(["R̂1.004galaxy.n", "ESS450galaxy.xc", "divergences2"]);
    const good = [...el.querySelectorAll<HTMLElement>(".sl-gauge")].map((tile) => tile.dataset.good);
    expect(good).toEqual(["true", "true", "false"]);
    expect(el.querySelector(".sl-gauge-line")?.getAttribute("d")).toMatch(/^M55\.6 .*L100\.0 /);
    push("progress", { ...run, state: "done" });
    push("progress", { ...run, state: "compiling" });
    await nextFrame();
    expect(shown()).toBe(false);
  });
});

describe("kept fits", () => {
  const keptFit = (name: string, bic: number, more: Partial<KeptFit> = {}): KeptFit => ({
    ...{ name, method: "Laplace", components: ["galaxy"], free: 7, chi2: 110, dof: 100, bic, level: "ok" },
    comparable: true,
    ...more,
  });

  it("are saved under a suggested name", async () => {
    const page = await open({ summary: SUMMARY });
    const name = page.named<HTMLInputElement>("input", "save fit as");
    expect(name.value).toBe("fit 1");
    button(page, "Keep").click();
    page.push("kept", [keptFit("fit 1", 150)]);
    await nextFrame();
    expect(name.value).toBe("fit 2");
    name.value = "with a bar";
    page.push("kept", [keptFit("fit 1", 150), keptFit("x", 149)]);
    await nextFrame();
    await page.press(name, "Enter");
    expect(page.of("keep").map((message) => message.name)).toEqual(["fit 1", "with a bar"]);
  });

  it("are compared, restored and forgotten", async () => {
    const kept = [
      keptFit("one", 150, { loo: -80 }),
      keptFit("two", 120, { loo: -60 }),
      keptFit("cut", 20, { comparable: false }),
    ];
    const page = await open({ kept });
    await nextFrame();
    const rows = [...page.el.querySelectorAll(".sl-kept tbody tr")].map((row) =>
      [...row.querySelectorAll("td")].map((cell) => cell.textContent),
    );
    expect(rows).toEqual([
      ["1.100", "7", "30.0", "−20.0", ""],
      ["1.100", "7", "0.00", "0.00", ""],
      ["1.100", "7", "–", "–", ""],
    ]);
    expect(page.el.querySelector(".sl-kept small[title]")).toBeNull();
    page.named("button", "restore two").click();
    page.named("button", "forget one").click();
    expect(page.sent.slice(-2)).toEqual([
      { t: "restore", name: "two" },
      { t: "forget", name: "one" },
    ]);
  });

  it("report when LOO decides nothing, and why", async () => {
    const said = (name: string, loo_says: string, note = "") =>
      keptFit(name, 120, { loo: -60, loo_says, note });
    const kept = [said("a", "undecided", "too small"), said("b", "unreliable", "bad k"), said("c", "worse")];
    const page = await open({ kept });
    await nextFrame();
    const cells = [...page.el.querySelectorAll(".sl-kept tbody td:nth-of-type(4)")];
    expect(cells.map((cell) => cell.textContent)).toEqual(["0.00 undecided", "0.00 unreliable", "0.00"]);
    const notes = cells.slice(0, 2).map((cell) => cell.querySelector("small")?.title);
    expect(notes).toEqual(["too small", "bad k"]);
  });
});
