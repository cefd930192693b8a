import { describe, expect, it } from "vitest";
import { outlineBy } from "../src/gestures/mask_drawing";
import { bytes } from "./fixtures";
import { open } from "./page";

describe("the help", () => {
  it("opens with ? or its button, and closes", async () => {
    // The dialogs of jsdom lack their methods.
    HTMLDialogElement.prototype.showModal = function () {
      this.open = true;
    };
    HTMLDialogElement.prototype.close = function () {
      this.open = false;
    };
    const { named, one, press } = await open();
    const dialog = named<HTMLDialogElement>("dialog", "keys");
    await press(named("div", "data panel"), "?");
    expect(dialog.open).toBe(true);
    one<HTMLElement>(".sl-help-close").click();
    expect(dialog.open).toBe(false);
    named("button", "Help").click();
    expect(dialog.open).toBe(true);
    expect(dialog.textContent).toMatch("Ctrl-Z");
  });
});

describe("corners set by the keyboard", () => {
  const at = (x: number, y: number) => ({ x, y });
  it("make a rectangle of whole pixels from two, and a lasso that ends when one is set twice", () => {
    expect(outlineBy("rectangle", [], at(1, 1)).closed).toBe(false);
    const { closed, points } = outlineBy("rectangle", [at(3, 1)], at(1, 2));
    expect(closed).toBe(true);
    expect(Math.min(...points.map(({ x }) => x))).toBe(0.5);
    expect(Math.max(...points.map(({ y }) => y))).toBe(2.5);
    const three = [at(0, 0), at(4, 0), at(4, 4)];
    expect(outlineBy("lasso", three, at(0, 4)).closed).toBe(false);
    expect(outlineBy("lasso", three, at(4, 4))).toEqual({ closed: true, points: three });
    expect(outlineBy("lasso", three.slice(0, 2), at(4, 0)).closed).toBe(false);
  });

  it("mask the enclosed pixels, at the crosshair", async () => {
    const { named, of, press, showImage, buffers, sent } = await open({ display: { pin: { x: 0, y: 0 } } });
    await showImage();
    const stage = named("div", "data panel");
    await press(stage, "m");
    named("button", "Rectangle").click();
    await press(stage, "Enter");
    expect(of("mask")).toEqual([]);
    await press(stage, "ArrowRight", { shiftKey: true });
    await press(stage, "Enter");
    expect(of("mask")).toHaveLength(1);
    const packed = buffers[sent.findIndex((message) => message.t === "mask")]?.[0];
    // Pixels 0 and 1 of the first row, and the last, which can't be used.
    expect(new Uint8Array((packed as Uint8Array).buffer)[0]).toBe(
      new Uint8Array(bytes([0b100011]).buffer)[0],
    );
  });
});
