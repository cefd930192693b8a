import { describe, expect, it } from "vitest";
import type { Session } from "../src/spec";
import { SCHEMA, SESSION } from "./fixtures";
import { nextFrame, open, slider } from "./page";

const names = (state: Record<string, unknown>) => Object.keys((state.session as Session).model.components);
type Page = Awaited<ReturnType<typeof open>>;

async function choose({ el, named }: Page, component: string, action: string) {
  named("button", `more actions for ${component}`).click();
  const item = [...el.querySelectorAll<HTMLElement>(".sl-menu:not([hidden]) [role=menuitem]")].find((each) =>
    each.textContent?.startsWith(action),
  );
  item?.click();
  await nextFrame();
}

describe("the menu of a component", () => {
  it("duplicates, moves and removes, each as a step to undo", async () => {
    const page = await open();
    await choose(page, "disk", "Duplicate");
    expect(names(page.state)).toEqual(["galaxy", "disk", "disk2", "sky"]);
    await choose(page, "disk2", "Move up");
    expect(names(page.state)).toEqual(["galaxy", "disk2", "disk", "sky"]);
    expect([...page.el.querySelectorAll(".sl-card strong")].map((each) => each.textContent)).toEqual(
      names(page.state),
    );
    await choose(page, "galaxy", "Remove");
    expect(names(page.state)).toEqual(["disk2", "disk", "sky"]);
    for (let k = 0; k < 3; k++) page.named("button", "Undo").click();
    expect(page.state.session).toEqual(SESSION);
  });

  it("renames in place, and explains why a name is invalid", async () => {
    const page = await open();
    await choose(page, "disk", "Rename");
    const input = page.named<HTMLInputElement>("input", "name of disk");
    input.value = "galaxy";
    await page.press(input, "Enter");
    expect(page.el.querySelector(".sl-card [role=alert]")?.textContent).toMatch("already");
    input.value = "outskirts";
    await page.press(input, "Enter");
    expect(names(page.state)).toEqual(["galaxy", "outskirts", "sky"]);
    page.one(slider("outskirts.ellip"));
  });

  it("can be used by keyboard: Alt and arrows move the component", async () => {
    const page = await open();
    const fold = page.named("button", "rows of disk");
    fold.focus();
    await page.press(fold, "ArrowUp", { altKey: true });
    expect(names(page.state)).toEqual(["disk", "galaxy", "sky"]);
    expect(document.activeElement).toBe(page.named("button", "rows of disk"));
  });
});

describe("eye, solo and lock", () => {
  it("affect only the display: nothing is sent to Python", async () => {
    const { el, named, saves, sent } = await open();
    const before = sent.length;
    named("button", "show disk").click();
    named("button", "solo galaxy").click();
    named("button", "lock galaxy").click();
    await nextFrame();
    expect(named("button", "show disk").getAttribute("aria-pressed")).toBe("false");
    expect(named("button", "solo galaxy").getAttribute("aria-pressed")).toBe("true");
    const locked = el.querySelector<HTMLElement>(".sl-card .sl-rows");
    expect(locked?.inert).toBe(true);
    expect(saves()).toBe(0);
    expect(sent).toHaveLength(before);
  });
});

describe("types, fractions of light and new components", () => {
  it("changes the type and keeps the shared rows", async () => {
    const { change, named, el, state } = await open();
    await change(named<HTMLSelectElement>("select", "profile of galaxy"), "Exponential");
    expect((state.session as Session).model.components.galaxy?.type).toBe("Exponential");
    expect(el.querySelector(slider("galaxy.n"))).toBeNull();
    expect(el.querySelector(".sl-share")?.textContent).toBe("67 %");
  });

  it("adds a component in the middle, and requests presets from Python", async () => {
    const page = await open({ schema: { ...SCHEMA, presets: ["bulge + disk"] } });
    await page.showImage();
    page.receive({ t: "frame", seq: null, components: [], dof: 5 }, []);
    await page.change(page.named<HTMLSelectElement>("select", "add a component"), "PointSource");
    expect(names(page.state)).toContain("pointsource");
    await page.change(page.named<HTMLSelectElement>("select", "add a component"), "FlatSky");
    expect((page.state.session as Session).model.components.sky2).toMatchObject({
      level: { type: "Normal", loc: 0 },
    });
    await page.change(page.named<HTMLSelectElement>("select", "start from a preset"), "bulge + disk");
    expect(page.of("preset")).toEqual([{ t: "preset", name: "bulge + disk" }]);
  });
});
