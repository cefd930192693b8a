import { describe, expect, it } from "vitest";
import { type Session, settingAt, valueAt } from "../src/spec";
import { NESTED, SESSION } from "./fixtures";
import { box, nextFrame, open, slider } from "./page";

const sessionOf = (state: Record<string, unknown>) => state.session as Session;

describe("a row", () => {
  it("has exactly one slider and one box, named by its path", async () => {
    const { one } = await open();
    expect(one<HTMLInputElement>(slider("galaxy.n")).valueAsNumber).toBe(2);
    expect(one<HTMLInputElement>(box("galaxy.n")).value).toBe("2");
    expect(one(slider("galaxy.n")).getAttribute("aria-valuetext")).toBe("2.000");
    expect(one(slider("galaxy.xc")).getAttribute("aria-valuetext")).toBe("60.20 pixel");
  });

  it("names its other controls without the path", async () => {
    const { el, named } = await open();
    expect(named<HTMLInputElement>("input", "free, n of galaxy").checked).toBe(true);
    expect(named<HTMLInputElement>("input", "free, flux of galaxy").checked).toBe(false);
    expect(named<HTMLSelectElement>("select", "prior family, n of galaxy").value).toBe("Uniform");
    expect(named<HTMLInputElement>("input", "prior low, n of galaxy").value).toBe("0.5");
    const others = [...el.querySelectorAll("[aria-label]")].filter(
      (element) => !element.matches(`${slider("galaxy.n")}, ${box("galaxy.n")}`),
    );
    for (const element of others) expect(element.getAttribute("aria-label")).not.toContain("galaxy.n");
  });

  it("drafts while the slider moves and commits when it is released", async () => {
    const { change, of, one, saves, state } = await open();
    const input = one<HTMLInputElement>(slider("galaxy.n"));
    await change(input, "4", ["input"]);
    expect(one<HTMLInputElement>(box("galaxy.n")).value).toBe("4");
    expect(of("render").at(-1)?.values).toEqual({ "galaxy.n": 4 });
    expect(saves()).toBe(0);
    await change(input, "4", ["change"]);
    expect(saves()).toBe(1);
    expect(valueAt(sessionOf(state), "galaxy.n")).toBe(4);
  });

  it("moves log sliders in decades", async () => {
    const { change, one, state } = await open();
    const input = one<HTMLInputElement>(slider("galaxy.r_eff"));
    expect(input.valueAsNumber).toBeCloseTo(Math.log10(4));
    expect(Number(input.min)).toBeCloseTo(Math.log10(0.5));
    await change(input, "1");
    expect(valueAt(sessionOf(state), "galaxy.r_eff")).toBeCloseTo(10);
  });

  it("clamps a typed number, and shows the clamped one", async () => {
    const { change, one, state } = await open();
    const input = one<HTMLInputElement>(box("galaxy.n"));
    await change(input, "99", ["change"]);
    expect(valueAt(sessionOf(state), "galaxy.n")).toBe(8);
    expect(input.value).toBe("8");
    await change(input, "99", ["change"]);
    expect(input.value).toBe("8");
  });

  it("ignores an empty box", async () => {
    const { change, one, saves } = await open();
    const input = one<HTMLInputElement>(box("galaxy.n"));
    await change(input, "", ["change"]);
    expect(input.value).toBe("2");
    expect(saves()).toBe(0);
  });

  it("steps the box by a fraction of its range", async () => {
    const { one, press, state } = await open();
    const input = one<HTMLInputElement>(box("galaxy.n"));
    const event = await press(input, "ArrowUp");
    expect(event.defaultPrevented).toBe(true);
    expect(valueAt(sessionOf(state), "galaxy.n")).toBeCloseTo(2 + 7.5 / 200);
    await press(input, "ArrowDown", { shiftKey: true });
    expect(valueAt(sessionOf(state), "galaxy.n")).toBeCloseTo(2 - (9 * 7.5) / 200);
  });

  it("does not overwrite text that is being typed", async () => {
    const { one, push } = await open();
    const input = one<HTMLInputElement>(box("galaxy.n"));
    input.focus();
    input.value = "3.";
    push("problems", []);
    await nextFrame();
    expect(input.value).not.toBe("2");
  });

  it("fixes and frees, and restores the old prior", async () => {
    const { check, el, named, state } = await open();
    const free = named<HTMLInputElement>("input", "free, n of galaxy");
    await check(free);
    expect(settingAt(sessionOf(state), "galaxy.n")).toBe(2);
    expect(el.querySelector('[aria-label="prior family, n of galaxy"]')).toBeNull();
    await check(free);
    expect(settingAt(sessionOf(state), "galaxy.n")).toEqual(settingAt(SESSION, "galaxy.n"));
  });

  it("changes the family and its fields", async () => {
    const { change, named, state } = await open();
    await change(named<HTMLSelectElement>("select", "prior family, n of galaxy"), "TruncatedNormal");
    await change(named<HTMLInputElement>("input", "prior scale, n of galaxy"), "0.7");
    await change(named<HTMLInputElement>("input", "prior high, n of galaxy"), "");
    expect(settingAt(sessionOf(state), "galaxy.n")).toMatchObject({
      type: "TruncatedNormal",
      loc: 2,
      scale: 0.7,
      high: null,
      init: 2,
    });
  });

  it("shows a tie as a chip, and its slider moves the target", async () => {
    const { change, el, one, state } = await open();
    const chips = [...el.querySelectorAll(".sl-chip")].map((chip) => chip.textContent);
    expect(chips).toEqual(["= galaxy.xc", "= galaxy.yc", "= 2 × galaxy.r_eff + 1"]);
    expect(one<HTMLInputElement>(box("disk.r_eff")).value).toBe("9");
    await change(one(box("disk.r_eff")), "21", ["change"]);
    expect(valueAt(sessionOf(state), "galaxy.r_eff")).toBe(10);
    expect(one<HTMLInputElement>(box("galaxy.r_eff")).value).toBe("10");
  });

  it("of a parameter that follows two others, directly or indirectly, can't be moved", async () => {
    const { galaxy, disk } = SESSION.model.components;
    const by = { type: "Tied" as const, to: "galaxy.ellip" };
    const components = {
      galaxy: { ...galaxy, type: "Sersic" },
      disk: { ...disk, type: "Exponential", flux: { type: "Tied" as const, to: "galaxy.flux", by } },
      star: { type: "PointSource", xc: 1, yc: 2, flux: { type: "Tied" as const, to: "disk.flux" } },
    };
    const { one } = await open({ session: { ...SESSION, model: { ...SESSION.model, components } } });
    const disabled = (path: string) =>
      [slider(path), box(path)].map((selector) => one<HTMLInputElement>(selector).disabled);
    expect(disabled("disk.flux")).toEqual([true, true]);
    expect(disabled("star.flux")).toEqual([true, true]);
    expect(disabled("disk.xc")).toEqual([false, false]);
    expect(one<HTMLInputElement>(box("star.flux")).value).toBe("50");
  });

  it("shows a Custom prior without controls", async () => {
    const custom = structuredClone(SESSION);
    (custom.model.components.galaxy as Record<string, unknown>).n = { type: "Custom", base: {}, init: 2 };
    const { el, one } = await open({ session: custom });
    expect([...el.querySelectorAll(".sl-chip")].map((chip) => chip.textContent)).toContain("Custom");
    expect(one<HTMLInputElement>(box("galaxy.n")).value).toBe("2");
  });
});

describe("problems", () => {
  it("are alerts in their rows, and disappear again", async () => {
    const { el, one, push } = await open();
    push("problems", [{ path: "galaxy.n", message: "galaxy.n must lie in [0.5, 8], got 9" }]);
    await nextFrame();
    const alert = one("[role=alert]");
    expect(alert.textContent).toBe("galaxy.n must lie in [0.5, 8], got 9");
    expect(alert.closest(".sl-row")).toBe(one(box("galaxy.n")).closest(".sl-row"));
    expect(one(box("galaxy.n")).getAttribute("aria-invalid")).toBe("true");
    push("problems", []);
    await nextFrame();
    expect(el.querySelector("[role=alert]")).toBeNull();
    expect(one(box("galaxy.n")).hasAttribute("aria-invalid")).toBe(false);
  });

  it("that belong to no row are shown as notices", async () => {
    const { one, push } = await open();
    push("problems", [{ path: "galaxy", message: "galaxy can't be switched off" }]);
    await nextFrame();
    expect(one("[role=alert]").closest(".sl-notices")).not.toBeNull();
  });
});

describe("cards", () => {
  it("have one switch each, which removes the component from the model", async () => {
    const { check, el, named, state } = await open();
    expect(el.querySelectorAll("[role=switch]")).toHaveLength(3);
    const disk = named<HTMLInputElement>("[role=switch]", "disk");
    expect(disk.checked).toBe(true);
    await check(disk);
    expect(sessionOf(state).off).toEqual(["disk"]);
    expect(disk.checked).toBe(false);
    await check(disk);
    expect(sessionOf(state).off).toEqual([]);
  });

  it("follow the components that Python sets", async () => {
    const { el, push } = await open();
    const { sky } = SESSION.model.components;
    push("session", { ...SESSION, model: { ...SESSION.model, components: { background: sky } } });
    await nextFrame();
    expect([...el.querySelectorAll(".sl-card strong")].map((name) => name.textContent)).toEqual([
      "background",
    ]);
  });

  it("can be folded", async () => {
    const { named } = await open();
    const fold = named("button", "rows of galaxy");
    fold.click();
    expect(fold.getAttribute("aria-expanded")).toBe("false");
    expect(fold.closest(".sl-card")?.querySelector<HTMLElement>(".sl-rows")?.hidden).toBe(true);
  });
});

describe("the rows of a nested component", () => {
  it("are those of both, and write to the owner of the parameter", async () => {
    const { change, el, one, state } = await open({ session: NESTED });
    const card = one(slider("galaxy.c0")).closest(".sl-card") as HTMLElement;
    expect(card.querySelector(".sl-type")?.textContent).toBe("Boxy Sérsic");
    expect(card.querySelectorAll(".sl-row")).toHaveLength(8);
    await change(one<HTMLInputElement>(slider("galaxy.n")), "4");
    await change(one<HTMLInputElement>(slider("galaxy.c0")), "0.25");
    const galaxy = sessionOf(state).model.components.galaxy;
    expect(galaxy).toMatchObject({ type: "Boxy", profile: { n: { init: 4 } }, c0: { init: 0.25 } });
    expect(el.querySelectorAll(".sl-problem")).toHaveLength(0);
  });
});
