import { describe, expect, it } from "vitest";
import { type Session, settingAt } from "../src/spec";
import { SESSION } from "./fixtures";
import { nextFrame, open } from "./page";

const sessionOf = (state: Record<string, unknown>) => state.session as Session;
const setting = (state: Record<string, unknown>, path: string) => settingAt(sessionOf(state), path);
const numbers = (state: Record<string, unknown>, path: string) =>
  setting(state, path) as unknown as Record<"loc" | "scale" | "low" | "high" | "init", number>;

async function opened(path: string) {
  const page = await open();
  page.named("button", `shape of prior, ${path}`).click();
  await nextFrame();
  return page;
}

describe("the editor of a prior", () => {
  it("opens below its row, with the handles of the family", async () => {
    const { el, named } = await opened("yc of galaxy");
    expect(named("button", "shape of prior, yc of galaxy").getAttribute("aria-expanded")).toBe("true");
    for (const what of ["location", "width", "lower bound", "upper bound"])
      expect(named("[role=slider]", `${what} of prior, yc of galaxy`).hidden).toBe(false);
    expect(named("[role=slider]", "location of prior, yc of galaxy").getAttribute("aria-valuetext")).toBe(
      "50.00 pixel",
    );
    expect(el.querySelectorAll(".sl-prior-editor")).toHaveLength(1);
    expect(el.querySelector(".sl-implied")?.textContent).toBe("5 · 50 · 95 %: 48.4 · 50.0 · 51.6 pixel");
  });

  it("follows the keys, as one step to undo", async () => {
    const { named, press, state } = await opened("xc of galaxy");
    const grip = named("[role=slider]", "location of prior, xc of galaxy");
    for (let k = 0; k < 3; k++) await press(grip, "ArrowRight");
    const moved = numbers(state, "galaxy.xc");
    expect(moved.loc).toBeGreaterThan(60.1);
    expect(moved.init).toBe(60.2);
    named("button", "Undo").click();
    await nextFrame();
    expect(setting(state, "galaxy.xc")).toEqual(settingAt(SESSION, "galaxy.xc"));
    await press(named("[role=slider]", "width of prior, xc of galaxy"), "ArrowUp", { shiftKey: true });
    expect(numbers(state, "galaxy.xc").scale).toBeCloseTo(1.05 ** 10, 4);
  });

  it("removes a bound with Delete", async () => {
    const { named, press, state } = await opened("yc of galaxy");
    await press(named("[role=slider]", "upper bound of prior, yc of galaxy"), "Delete");
    expect(setting(state, "galaxy.yc")).toMatchObject({ low: 40, high: null });
  });

  it("follows the pointer without requesting a picture from Python", async () => {
    const { el, of, pointer, saves, state } = await opened("xc of galaxy");
    const field = el.querySelector(".sl-prior-field") as HTMLElement;
    field.getBoundingClientRect = () => ({ left: 0, width: 100 }) as DOMRect;
    pointer(field, "pointerdown", 40, 5);
    pointer(field, "pointermove", 60, 5);
    await nextFrame();
    expect(saves()).toBe(0);
    pointer(field, "pointerup", 60, 5);
    await nextFrame();
    expect(saves()).toBe(1);
    expect(numbers(state, "galaxy.xc").loc).toBeGreaterThan(60.5);
    expect(of("render")).toEqual([]);
  });

  it("accepts an interval or a centre, and refuses invalid ones", async () => {
    const { change, el, named, state } = await opened("r_eff of galaxy");
    const low = named<HTMLInputElement>("input", "prior 5 %, r_eff of galaxy");
    const high = named<HTMLInputElement>("input", "prior 95 %, r_eff of galaxy");
    high.value = "16";
    await change(low, "1", ["change"]);
    const made = numbers(state, "galaxy.r_eff");
    expect(made.low).toBeCloseTo(16 ** (-0.05 / 0.9), 4);
    expect(made.high).toBeCloseTo(16 ** (1 + 0.05 / 0.9), 3);
    await change(low, "20", ["change"]);
    expect(el.querySelector(".sl-prior-editor [role=alert]")?.textContent).toBe(
      "the 5 % quantile must be smaller than the 95 % quantile",
    );
    expect(setting(state, "galaxy.r_eff")).toEqual(made);
  });

  it("draws the posterior over the prior", async () => {
    const { el, receive } = await opened("n of galaxy");
    const area = () => el.querySelector(".sl-posterior-area")?.getAttribute("d");
    expect(area()).toBe("");
    receive({ t: "posterior", shapes: {}, marginals: { "galaxy.n": [1, 3, [0, 1, 0]] } });
    await nextFrame();
    expect(area()).toMatch(/^M\d+\.\d+ 60L.* 4\.80L.*Z$/);
    // It is visible even if it is much narrower than the axis.
    receive({ t: "posterior", shapes: {}, marginals: { "galaxy.n": [2, 2.0001, [0, 1, 0]] } });
    await nextFrame();
    expect(area()).toMatch(/ 4\.80L/);
  });
});

describe("a tie", () => {
  it("is made, scaled and removed in its row, and a circle is refused", async () => {
    const { change, el, named, state } = await open();
    named("button", "tie, ellip of disk").click();
    await nextFrame();
    const target = named<HTMLSelectElement>("select", "tie target, ellip of disk");
    await change(target, "galaxy.ellip", ["change"]);
    await change(named("input", "tie factor, ellip of disk"), "0.5", ["change"]);
    expect(setting(state, "disk.ellip")).toEqual({ type: "Tied", to: "galaxy.ellip", scale: 0.5, offset: 0 });
    await change(named("input", "tie factor, ellip of disk"), "0", ["change"]);
    expect(el.querySelector(".sl-tie-editor [role=alert]")?.textContent).toMatch("other than zero");
    named("button", "tie, ellip of galaxy").click();
    await nextFrame();
    const other = named<HTMLSelectElement>("select", "tie target, ellip of galaxy");
    await change(other, "disk.ellip", ["change"]);
    const alerts = [...el.querySelectorAll<HTMLElement>(".sl-tie-editor [role=alert]")];
    expect(alerts.map((alert) => alert.textContent).join()).toMatch("which would make a circle");
    expect(other.value).toBe("");
    expect(setting(state, "galaxy.ellip")).toBe(0.5);
    await change(target, "", ["change"]);
    expect(setting(state, "disk.ellip")).toBe(0.25);
  });
});
