import { describe, expect, it, vi } from "vitest";
import { version } from "../src/index";
import { type Session, settingAt, valueAt } from "../src/spec";
import { SESSION, view } from "./fixtures";
import { box, nextFrame, open, STAGE } from "./page";

const sessionOf = (state: Record<string, unknown>) => state.session as Session;
describe("the widget", () => {
  it("carries the version of the package", async () => {
    const { one } = await open();
    expect(version).toBe("0.0.0-test");
    expect(one(".sl-root").dataset.version).toBe(version);
  });

  it("has one picture each of data, model and residual", async () => {
    const { el } = await open();
    const names = [...el.querySelectorAll("figure:not([hidden]) [role=img]")].map((image) =>
      image.getAttribute("aria-label"),
    );
    expect(names).toEqual(["data", "model", "residual"]);
  });

  it("is removed without a trace", async () => {
    const { cleanup, el, listenerCount } = await open();
    const clear = vi.spyOn(globalThis, "clearInterval");
    cleanup();
    expect(el.children).toHaveLength(0);
    expect(listenerCount()).toBe(0);
    expect(clear).toHaveBeenCalled();
    clear.mockRestore();
  });

  it("is removed when the host aborts it", async () => {
    const { controller, el, listenerCount } = await open();
    controller.abort();
    expect(el.children).toHaveLength(0);
    expect(listenerCount()).toBe(0);
  });
});

describe("the display settings", () => {
  it.each([
    ["the focus goes", (el: HTMLElement) => new FocusEvent("focusout", { bubbles: true, relatedTarget: el })],
    ["the pointer leaves", () => new MouseEvent("pointerleave")],
  ])("is kept when %s", async (_, leave) => {
    const { change, el, named, one, saves } = await open();
    await change(named<HTMLSelectElement>("select", "stretch"), "log");
    expect(saves()).toBe(0);
    one(".sl-root").dispatchEvent(leave(el));
    expect(saves()).toBe(1);
  });

  it.each(["pointerdown", "keydown"])("are saved at a %s elsewhere, but not at one inside", async (event) => {
    const { change, el, named, saves } = await open();
    const stretch = named<HTMLSelectElement>("select", "stretch");
    await change(stretch, "log");
    stretch.dispatchEvent(new Event(event, { bubbles: true }));
    expect(saves()).toBe(0);
    el.dispatchEvent(new Event(event, { bubbles: true }));
    el.dispatchEvent(new Event(event, { bubbles: true }));
    expect(saves()).toBe(1);
  });
});

describe("keys", () => {
  it("undo and redo from anywhere in the widget", async () => {
    const { change, one, press, state } = await open();
    await change(one(box("galaxy.n")), "3", ["change"]);
    const undo = await press(one(".sl-root"), "z", { ctrlKey: true });
    expect(undo.defaultPrevented).toBe(true);
    expect(state.session).toBe(SESSION);
    await press(one(box("galaxy.n")), "Z", { metaKey: true, shiftKey: true });
    expect(valueAt(sessionOf(state), "galaxy.n")).toBe(3);
  });

  it("leave undo to unfinished text", async () => {
    const { change, one, press, state } = await open();
    const input = one<HTMLInputElement>(box("galaxy.n"));
    await change(input, "3", ["change"]);
    input.value = "31";
    const event = await press(input, "z", { ctrlKey: true });
    expect(event.defaultPrevented).toBe(false);
    expect(valueAt(sessionOf(state), "galaxy.n")).toBe(3);
  });

  it("zoom and fit the pictures", async () => {
    const { named, press, showImage, state } = await open();
    await showImage();
    const stage = named("div", "data panel");
    const zoomOf = async () => {
      await vi.waitFor(() => expect(state.display).toHaveProperty("view"));
      await new Promise((resolve) => setTimeout(resolve, 350));
      return (state.display as { view: { zoom: number } | null }).view;
    };
    await press(stage, "+");
    expect((await zoomOf())?.zoom).toBeCloseTo(1.25);
    await press(stage, "0");
    expect(await zoomOf()).toBeNull();
  });

  it("move, rotate and reshape the ellipse by its handles", async () => {
    const { named, press, showImage, state } = await open();
    await showImage();
    await press(named("button", "centre of galaxy"), "ArrowRight");
    expect(settingAt(sessionOf(state), "galaxy.xc")).toEqual({
      type: "Normal",
      loc: 60.5,
      scale: 1,
      init: 60.7,
    });
    await press(named("button", "angle of galaxy"), "ArrowLeft");
    expect(valueAt(sessionOf(state), "galaxy.theta")).toBeCloseTo(0.3 + Math.PI / 180);
    await press(named("button", "shape of galaxy"), "ArrowUp");
    expect(valueAt(sessionOf(state), "galaxy.ellip")).toBeCloseTo(0.49);
    await press(named("button", "size of galaxy"), "ArrowUp", { shiftKey: true });
    expect(valueAt(sessionOf(state), "galaxy.r_eff")).toBeCloseTo(6.5);
  });
});

describe("handles", () => {
  it("are named in one panel only, the centre of every ellipse and all of the selected one", async () => {
    const { el, showImage } = await open();
    await showImage();
    const shown = [...el.querySelectorAll<HTMLElement>("button[data-handle]")].filter(
      (handle) => !handle.hidden,
    );
    expect(shown.map((handle) => handle.getAttribute("aria-label"))).toEqual([
      "centre of galaxy",
      "size of galaxy",
      "shape of galaxy",
      "angle of galaxy",
      "centre of disk",
    ]);
  });

  it("send values during a drag, and the session once at the end", async () => {
    const { named, of, pointer, saves, showImage, state } = await open();
    await showImage();
    const centre = named("button", "centre of galaxy");
    const scale = STAGE / 3;
    pointer(centre, "pointerdown", 100, 100);
    pointer(centre, "pointermove", 100 + scale, 100);
    pointer(centre, "pointermove", 100 + 2 * scale, 100 - scale);
    expect(of("render")[0]?.values).toEqual({ "galaxy.xc": expect.closeTo(61.2) });
    expect(saves()).toBe(0);
    pointer(centre, "pointerup", 100 + 2 * scale, 100 - scale);
    expect(saves()).toBe(1);
    expect(valueAt(sessionOf(state), "galaxy.xc")).toBeCloseTo(62.2);
    expect(valueAt(sessionOf(state), "galaxy.yc")).toBeCloseTo(51);
    expect(valueAt(sessionOf(state), "disk.xc")).toBeCloseTo(62.2);
  });

  it("cancel a drag at Escape", async () => {
    const { named, pointer, press, saves, showImage, state } = await open();
    await showImage();
    const size = named("button", "size of galaxy");
    pointer(size, "pointerdown", 100, 100);
    pointer(size, "pointermove", 100, 20);
    await press(size, "Escape");
    pointer(size, "pointerup", 100, 20);
    expect(saves()).toBe(0);
    expect(state.session).toBe(SESSION);
  });
});

describe("the readout", () => {
  it("shows the pixel's values without the kernel", async () => {
    const { named, one, pointer, receive, showImage } = await open();
    await showImage();
    receive({ t: "frame", seq: null, components: ["galaxy", "disk", "sky"], dof: 5 }, [
      view([1, 1, 1, 1, 1, 1]),
      view([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
      view([0, 0, 0, 0, 0, 0]),
    ]);
    await nextFrame();
    const read = () =>
      [...one(".sl-readout").querySelectorAll(".sl-reading")].map((value) => value.textContent);
    const scale = STAGE / 3;
    // The pixel x = 0, y = 1: the image is 3 x 2 and fills the width.
    pointer(named("div", "model panel"), "pointermove", scale / 2, STAGE / 2 - scale / 2);
    expect(read().slice(0, 7)).toEqual(["0", "1", "3.000", "1.500", "1.500", "2.000", "1.50"]);
    pointer(named("div", "model panel"), "pointermove", 2.5 * scale, STAGE / 2 - scale / 2);
    expect(read().slice(0, 4)).toEqual(["2", "1", "masked", "–"]);
  });

  it("follows the switches, down to no component and back", async () => {
    const { check, named, one, receive, showImage } = await open();
    await showImage();
    receive({ t: "frame", seq: null, components: ["galaxy"], dof: 5 }, [view([1, 1, 1, 1, 1, 1])]);
    await nextFrame();
    const note = () => one(".sl-panel:nth-child(3) .sl-note").textContent;
    // χ² of data 0..4 (one pixel is masked) with sigma 1, 1, 1, 2, 2
    const withModel = `in σ · χ²/ν ${((1 + 0 + 1 + 1 + 2.25) / 5).toPrecision(4)}`;
    expect(note()).toBe(withModel);
    const galaxy = named<HTMLInputElement>("[role=switch]", "galaxy");
    await check(galaxy);
    expect(note()).toBe(`in σ · χ²/ν ${((0 + 1 + 4 + 2.25 + 4) / 5).toPrecision(4)}`);
    await check(galaxy);
    expect(note()).toBe(withModel);
  });
});

describe("errors", () => {
  it("are shown until they are dismissed", async () => {
    const { el, named, one, receive } = await open();
    receive({ t: "error", title: "The run failed", detail: "no memory" });
    await nextFrame();
    expect(one("[role=alert]").textContent).toContain("The run failed");
    expect(one("[role=alert] pre").textContent).toBe("no memory");
    named("button", "Dismiss").click();
    await nextFrame();
    expect(el.querySelector("[role=alert]")).toBeNull();
  });
});

describe("the theme", () => {
  it("follows the host", async () => {
    const { one } = await open();
    document.body.dataset.jpThemeLight = "false";
    await vi.waitFor(() => expect(one(".sl-root").dataset.theme).toBe("dark"));
    document.body.dataset.jpThemeLight = "true";
    await vi.waitFor(() => expect(one(".sl-root").dataset.theme).toBe("light"));
    delete document.body.dataset.jpThemeLight;
  });
});
