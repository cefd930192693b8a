import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setUp } from "./connected";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the live loop", () => {
  it("keeps one request in flight, and the latest values win", () => {
    const { drag, frame, of, seqs } = setUp();
    drag(3);
    drag(4);
    drag(5);
    expect(of("render").map((message) => message.values)).toEqual([{ "galaxy.n": 3 }]);
    frame(seqs()[0] as number);
    expect(of("render").map((message) => message.values)).toEqual([{ "galaxy.n": 3 }, { "galaxy.n": 5 }]);
    frame(seqs()[1] as number);
    expect(of("render")).toHaveLength(2);
  });

  it("asks less often while the last picture follows the pointer, and for the last position", () => {
    const { move, frame, of, seqs } = setUp();
    const asked = () =>
      of("render").map((message) => (message.values as Record<string, number>)["galaxy.xc"]);
    frame(null);
    for (let x = 61; x <= 75; x++) {
      move(x);
      if (seqs().length > 0) frame(seqs().at(-1) as number);
      vi.advanceTimersByTime(20);
    }
    expect(asked().length).toBeGreaterThan(2);
    expect(asked().length).toBeLessThan(6);
    vi.advanceTimersByTime(200);
    expect(asked().at(-1)).toBe(75);
  });

  it("sends no more requests after the gesture is committed", () => {
    const { move, frame, of, store } = setUp();
    frame(null);
    move(61);
    move(62);
    store.dispatch({ type: "commit" });
    const number = of("render").length;
    vi.advanceTimersByTime(500);
    expect(of("render")).toHaveLength(number);
  });

  it("numbers its requests in increasing order", () => {
    const { drag, frame, seqs } = setUp();
    for (const value of [3, 4, 5]) {
      drag(value);
      frame(seqs().at(-1) as number);
    }
    expect(seqs()).toEqual([...seqs()].sort((a, b) => a - b));
    expect(new Set(seqs()).size).toBe(3);
  });

  it("drops stale frames", () => {
    const { drag, frame, drawn, seqs } = setUp();
    drag(3);
    frame(seqs()[0] as number, 3);
    drag(4);
    frame(seqs()[1] as number, 4);
    frame(seqs()[0] as number, 99);
    expect(drawn()).toBe(4);
  });

  it("drops a gesture's late frame after the picture of its commit", () => {
    const { drag, frame, drawn, seqs, store } = setUp();
    drag(3);
    store.dispatch({ type: "commit" });
    frame(null, 10);
    frame(seqs()[0] as number, 3);
    expect(drawn()).toBe(10);
  });

  it("is free again when a commit is answered, even if the request is not", () => {
    const { drag, frame, of, store } = setUp();
    drag(3);
    drag(4);
    store.dispatch({ type: "commit" });
    frame(null);
    expect(of("render")).toHaveLength(1);
    drag(5);
    expect(of("render").at(-1)?.values).toEqual({ "galaxy.n": 5 });
  });

  it("does not mistake a frame pushed during a gesture for the answer", () => {
    const { drag, frame, of } = setUp();
    drag(3);
    drag(4);
    frame(null);
    expect(of("render")).toHaveLength(1);
  });

  it("gives up on a request that is never answered", () => {
    const { drag, of } = setUp();
    drag(3);
    vi.advanceTimersByTime(5000);
    drag(4);
    expect(of("render")).toHaveLength(2);
  });

  it("requests the committed picture when a gesture is cancelled", () => {
    const { drag, frame, of, seqs, store } = setUp();
    drag(3);
    frame(seqs()[0] as number);
    store.dispatch({ type: "discard" });
    expect(of("render").at(-1)?.values).toEqual({});
  });
});
