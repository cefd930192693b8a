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

  it("numbers its requests upwards", () => {
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

  it("is free again after a commit was answered, though the request was not", () => {
    const { drag, frame, of, store } = setUp();
    drag(3);
    drag(4);
    store.dispatch({ type: "commit" });
    frame(null);
    expect(of("render")).toHaveLength(1);
    drag(5);
    expect(of("render").at(-1)?.values).toEqual({ "galaxy.n": 5 });
  });

  it("does not take a frame pushed during a gesture for its answer", () => {
    const { drag, frame, of } = setUp();
    drag(3);
    drag(4);
    frame(null);
    expect(of("render")).toHaveLength(1);
  });

  it("loses patience with a request that is never answered", () => {
    const { drag, of } = setUp();
    drag(3);
    vi.advanceTimersByTime(5000);
    drag(4);
    expect(of("render")).toHaveLength(2);
  });

  it("asks for the committed picture when a gesture is given up", () => {
    const { drag, frame, of, seqs, store } = setUp();
    drag(3);
    frame(seqs()[0] as number);
    store.dispatch({ type: "discard" });
    expect(of("render").at(-1)?.values).toEqual({});
  });
});
