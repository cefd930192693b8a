import { describe, expect, it } from "vitest";
import { bands, PARTS } from "../src/bands";
import { quantile } from "../src/limits";
import { view } from "./fixtures";
import { nextFrame, open } from "./page";

const prediction = (request: number, index: number, value: number) => ({
  message: { t: "prediction", request, index, number: 40, shape: [1, 2], radius: [1, 2, 3] },
  buffers: [view([value, value]), view([value, 2 * value, 3 * value])],
});

describe("bands", () => {
  it("are quantiles at each radius", () => {
    expect(quantile([0, 1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([0, 10], 0.16)).toBeCloseTo(1.6);
    expect(quantile([], 0.5)).toBeNaN();
    const draws = [1, 3, 2].map((k) => ({
      pixels: new Float32Array(1),
      nx: 1,
      profile: Float32Array.from([k, 10 * k]),
    }));
    const made = bands({ request: 1, number: 3, radius: [1, 2], draws });
    expect(made).toHaveLength(PARTS.length);
    expect([...(made[2] as Float64Array)]).toEqual([2, 20]);
    expect(made[0]?.[0]).toBeCloseTo(1.05);
  });
});

describe("the prior predictive", () => {
  it("sends a request when it is opened, and shows the answers", async () => {
    const { el, named, of, receive, showImage } = await open();
    await showImage();
    expect(of("predict")).toEqual([]);
    named("button", "Prior predictive").click();
    await nextFrame();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [asked] = of("predict");
    expect(asked).toMatchObject({ number: 40 });
    const request = asked?.request as number;
    for (const [index, value] of [1, 2].entries()) {
      const { message, buffers } = prediction(request, index, value);
      receive(message, buffers);
    }
    // A draw of an older request arrives late.
    const late = prediction(request - 1, 5, 9);
    receive(late.message, late.buffers);
    await nextFrame();
    expect(el.querySelector(".sl-predictive .sl-note")?.textContent).toBe("2 of 40 draws");
    expect(el.querySelectorAll(".sl-thumbnail:not(.sl-empty)")).toHaveLength(2);
    named("button", "Prior predictive").click();
    await nextFrame();
    expect(el.querySelector<HTMLElement>(".sl-predictive")?.hidden).toBe(true);
  });

  it("draws again with another seed", async () => {
    const { el, of, showImage } = await open({ display: { predictive: true } });
    await showImage();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const button = [...el.querySelectorAll("button")].find((each) => each.textContent === "Draw again");
    button?.click();
    const [first, second] = of("predict");
    expect(second?.seed).not.toBe(first?.seed);
    expect(second?.request).toBeGreaterThan(first?.request as number);
  });
});
