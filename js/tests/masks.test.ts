import { describe, expect, it } from "vitest";
import { nameOf, packed } from "../src/masking";
import type { Session } from "../src/spec";
import { n, setUp } from "./connected";
import { SESSION } from "./fixtures";
import { nextFrame, open, STAGE } from "./page";

const drawn = Uint8Array.from([1, 0, 0, 0, 0, 1]);
const own = [0, 0, 0, 0, 0, 1];

describe("a mask that is drawn", () => {
  it("is sent once as bits, before the session names it", () => {
    const { buffers, sent, state, store } = setUp();
    const before = sent.length;
    store.dispatch({ type: "mask", mask: drawn });
    const name = nameOf(drawn);
    expect(sent.slice(before)).toEqual([{ t: "mask", name }]);
    expect(Array.from(buffers[before]?.[0] as Uint8Array)).toEqual(Array.from(packed(drawn)));
    expect((state.session as Session).mask).toBe(name);
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(Array.from(drawn));
    store.dispatch({ type: "undo" });
    expect(state.session).toEqual(SESSION);
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(own);
    store.dispatch({ type: "redo" });
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(Array.from(drawn));
    expect(sent).toHaveLength(before + 1);
  });

  it("is the image's original mask again when the change is reverted", () => {
    const { state, store } = setUp();
    store.dispatch({ type: "mask", mask: drawn });
    store.dispatch({ type: "mask", mask: Uint8Array.from(own) });
    expect(state.session).not.toHaveProperty("mask");
  });

  it("survives edits of the model, and is forgotten when no step names it", () => {
    const { store } = setUp();
    store.dispatch({ type: "mask", mask: drawn });
    store.dispatch({ type: "edit", session: { ...n(5), mask: nameOf(drawn) } });
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(Array.from(drawn));
    store.dispatch({ type: "undo" });
    store.dispatch({ type: "undo" });
    store.dispatch({ type: "mask", mask: new Uint8Array(6) });
    expect(Object.keys(store.state.masks).sort()).toEqual(["", nameOf(new Uint8Array(6))].sort());
  });
});

describe("a mask from Python", () => {
  it("is shown as soon as the session names it, and not sent back", () => {
    const { of, push, receive, store } = setUp();
    const bits = new DataView(packed(drawn).buffer);
    push("session", { ...SESSION, mask: "theirs" });
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(own);
    receive({ t: "mask", name: "theirs" }, [bits]);
    expect(Array.from(store.state.image?.mask ?? [])).toEqual(Array.from(drawn));
    store.dispatch({ type: "undo" });
    store.dispatch({ type: "redo" });
    expect(of("mask")).toEqual([]);
  });

  it("of another size is reported as an error", () => {
    const { receive, store } = setUp();
    receive({ t: "mask", name: "theirs" }, [new DataView(new ArrayBuffer(9))]);
    expect(store.state.notices[0]?.detail).toContain("expected 1 bytes, got 9");
  });
});

describe("the tools", () => {
  // The image is 3 x 2 and fills the width of the panel.
  const at = (x: number, y: number): [number, number] => {
    const scale = STAGE / 3;
    return [(x + 0.5) * scale, STAGE / 2 - (y - 0.5) * scale];
  };

  async function masking(tool: string) {
    const page = await open();
    await page.showImage();
    page.named("button", "Edit the mask").click();
    await nextFrame();
    page.named("button", tool).click();
    await nextFrame();
    const size = page.named<HTMLInputElement>("input", "brush size");
    await page.change(size, "1", ["change"]);
    const stage = page.named("div", "model panel");
    const drag = async (...places: [number, number][]) => {
      const [first, ...others] = places.map(([x, y]) => at(x, y)) as [
        [number, number],
        ...[number, number][],
      ];
      page.pointer(stage, "pointerdown", ...first);
      for (const place of others) page.pointer(stage, "pointermove", ...place);
      page.pointer(stage, "pointerup", ...(others.at(-1) ?? first));
      await nextFrame();
    };
    const mask = () => {
      const bits = page.buffers.at(-1)?.[0] as Uint8Array;
      return Array.from({ length: 6 }, (_, i) => ((bits[0] as number) >> i) & 1);
    };
    return { ...page, stage, drag, mask };
  }

  it("brush, erase and undo", async () => {
    const { drag, mask, named, of, one, state } = await masking("Brush");
    await drag([0, 0], [2, 0]);
    expect(mask()).toEqual([1, 1, 1, 0, 0, 1]);
    expect(one(`[aria-label="mask"] [aria-live]`).textContent).toBe("4 pixels masked, 67 %");
    named("button", "Eraser").click();
    await drag([1, 0]);
    expect(mask()).toEqual([1, 0, 1, 0, 0, 1]);
    // The last pixel has no error, so it can't be unmasked.
    await drag([2, 1]);
    expect(of("mask")).toHaveLength(2);
    named("button", "Undo").click();
    named("button", "Undo").click();
    await nextFrame();
    expect(state.session).toEqual(SESSION);
  });

  it("rectangle, grow, invert, clear and reset", async () => {
    const { drag, mask, named } = await masking("Rectangle");
    await drag([0, 0], [0, 1]);
    expect(mask()).toEqual([1, 0, 0, 1, 0, 1]);
    named("button", "Invert mask").click();
    expect(mask()).toEqual([0, 1, 1, 0, 1, 1]);
    named("button", "Grow mask").click();
    expect(mask()).toEqual([1, 1, 1, 1, 1, 1]);
    named("button", "Reset mask").click();
    await drag([0, 0], [0, 0]);
    expect(mask()).toEqual([1, 0, 0, 0, 0, 1]);
  });

  it("work by keyboard at the crosshair, without panning or pinning", async () => {
    const { mask, named, pointer, press, stage, state } = await masking("Brush");
    const [x, y] = at(0, 1);
    pointer(stage, "pointerdown", x, y);
    pointer(stage, "pointermove", x + 40, y);
    await press(stage, "Escape");
    pointer(stage, "pointerup", x + 40, y);
    expect(state.session).toEqual(SESSION);
    await press(stage, "ArrowLeft", { shiftKey: true });
    await press(stage, "Enter");
    expect(mask().reduce((sum, flag) => sum + flag, 0)).toBe(2);
    await press(stage, "]");
    expect(named<HTMLInputElement>("input", "brush size").value).toBe("2");
    await press(stage, "m");
    expect(named("div", "mask").hidden).toBe(true);
  });

  it("ask Python which sources are neighbours", async () => {
    const { named, of } = await masking("Brush");
    named("button", "Mask neighbours").click();
    expect(of("neighbours")).toEqual([{ t: "neighbours" }]);
  });

  it("report when there is no source to pick", async () => {
    const { change, drag, named, of, one } = await masking("Pick a source");
    await change(named<HTMLInputElement>("input", "source threshold"), "100", ["change"]);
    await drag([0, 0]);
    expect(of("mask")).toEqual([]);
    expect(one(`[aria-label="mask"] [aria-live]`).textContent).toContain("no source above 100 σ here");
  });
});
