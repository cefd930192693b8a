import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { valueAt } from "../src/spec";
import { shown } from "../src/state";
import type { Store } from "../src/store";
import { n, setUp } from "./connected";
import { SCHEMA, SESSION, view } from "./fixtures";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("start", () => {
  it("says hello once and reads the traits", () => {
    const { of, store, saves } = setUp({
      progress: { state: "running", step: 3 },
      display: { stretch: "log" },
    });
    expect(of("hello")).toHaveLength(1);
    expect(store.state.schema).toBe(SCHEMA);
    expect(store.state.session).toBe(SESSION);
    expect(store.state.run).toMatchObject({ state: "running", step: 3, eta: null });
    expect(store.state.display).toMatchObject({ stretch: "log", colormap: "gray" });
    expect(saves()).toBe(0);
  });

  it("reads the image's layers by name", () => {
    const { store } = setUp();
    const { image } = store.state;
    expect([image?.nx, image?.ny]).toEqual([3, 2]);
    expect(Array.from(image?.data ?? [])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(Array.from(image?.mask ?? [])).toEqual([0, 0, 0, 0, 0, 1]);
    expect(image?.limits.zscale).toEqual([1, 4]);
  });

  it("reads buffers that start at an odd offset", () => {
    const { receive, drawn } = setUp();
    const shifted = new Uint8Array(25);
    shifted.set(new Uint8Array(Float32Array.from([7, 7, 7, 7, 7, 7]).buffer), 1);
    receive({ t: "frame", seq: null, components: ["galaxy"], dof: 1 }, [new DataView(shifted.buffer, 1)]);
    expect(drawn()).toBe(7);
  });

  it("accepts traits that Python has not written yet", () => {
    const { store } = setUp({ schema: {}, session: {}, summary: {} } as never);
    expect(store.state.session.model.components).toEqual({});
    expect(store.state.summary).toBeNull();
  });
});

describe("the session", () => {
  it("is written once per gesture, at its end", () => {
    const { drag, saves, state, store } = setUp();
    for (const value of [3, 4, 5]) drag(value);
    expect(saves()).toBe(0);
    store.dispatch({ type: "commit" });
    expect(saves()).toBe(1);
    expect(valueAt(state.session as never, "galaxy.n")).toBe(5);
  });

  it("is written by undo and redo", () => {
    const { saves, state, store } = setUp();
    store.dispatch({ type: "edit", session: n(3) });
    store.dispatch({ type: "undo" });
    expect(state.session).toBe(SESSION);
    expect(saves()).toBe(2);
  });

  it("from Python is accepted and not written back", () => {
    const { push, saves, store } = setUp();
    push("session", n(6));
    expect(valueAt(shown(store.state), "galaxy.n")).toBe(6);
    expect(store.state.past).toHaveLength(1);
    expect(saves()).toBe(0);
  });

  it("echoed by Python is not a change", () => {
    const { push, saves, store } = setUp();
    store.dispatch({ type: "edit", session: n(3) });
    push("session", structuredClone(n(3)));
    expect(store.state.past).toHaveLength(1);
    expect(saves()).toBe(1);
  });
});

describe("display", () => {
  const look = (store: Store) => {
    for (const zoom of [1, 2, 3]) store.dispatch({ type: "display", change: { view: { x: 0, y: 0, zoom } } });
  };

  it("is not a message, and other views see it when the user pauses", () => {
    const { saves, state, store } = setUp();
    look(store);
    expect(state.display).toEqual({});
    vi.advanceTimersByTime(1000);
    expect(state.display).toMatchObject({ view: { zoom: 3 } });
    expect(saves()).toBe(0);
  });

  it("is saved once when the user leaves the widget", () => {
    const { kernel, saves, store } = setUp();
    look(store);
    kernel.saveDisplay();
    kernel.saveDisplay();
    expect(saves()).toBe(1);
  });

  it("is sent with requests to Python, but not with those of a drag", () => {
    const { drag, kernel, saves, store } = setUp();
    look(store);
    drag(3);
    expect(saves()).toBe(0);
    kernel.preset("AGN + host");
    expect(saves()).toBe(1);
  });

  it("is not written back when another view wrote it", () => {
    const { push, saves, store } = setUp();
    push("display", { stretch: "sqrt" });
    vi.advanceTimersByTime(1000);
    expect(store.state.display.stretch).toBe("sqrt");
    expect(saves()).toBe(0);
  });
});

describe("a session that was loaded", () => {
  it("arrives with its display settings as one step, and the traits that follow are none", () => {
    const { push, receive, store } = setUp();
    receive({ t: "taken", session: n(3), display: { stretch: "log" } });
    push("session", n(3));
    push("display", { stretch: "log" });
    expect(store.state.display.stretch).toBe("log");
    expect(store.state.past).toHaveLength(1);
    store.dispatch({ type: "undo" });
    expect(store.state.display.stretch).toBe("asinh");
    expect(store.state.session).toEqual(SESSION);
  });

  it("is ignored if it is not a session", () => {
    const { receive, store } = setUp();
    receive({ t: "taken", session: { version: 1 }, display: { stretch: "log" } });
    expect(store.state.past).toEqual([]);
    expect(store.state.display.stretch).toBe("asinh");
  });
});

describe("errors", () => {
  it("shows Python's errors", () => {
    const { receive, store } = setUp();
    receive({ t: "error", title: "No", detail: "because" });
    expect(store.state.notices).toMatchObject([{ title: "No", detail: "because" }]);
  });

  it("rejects the promise of a file that Python can't make", async () => {
    const { kernel, of, receive } = setUp();
    const made = kernel.exported("fits");
    receive({ t: "error", title: "No", detail: "because", request: of("export")[0]?.request });
    await expect(made).rejects.toMatchObject({ title: "No", message: "because" });
  });

  it("logs changes that Python refused, and shows nothing", () => {
    const log = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { receive, store } = setUp();
    receive({ t: "refused", detail: "only Python may write progress" });
    expect(store.state.notices).toEqual([]);
    expect(log).toHaveBeenCalledWith("sersiclab: only Python may write progress");
    log.mockRestore();
  });

  it("reports a buffer of the wrong size, and draws nothing", () => {
    const { receive, store, drawn } = setUp();
    receive({ t: "frame", seq: null, components: ["galaxy"], dof: 1 }, [view([1, 2])]);
    expect(store.state.notices[0]?.detail).toContain("expected 24 bytes, got 8");
    expect(drawn()).toBeUndefined();
  });

  it("accepts an empty answer", () => {
    const { drag, of, receive, seqs, store } = setUp();
    store.dispatch({ type: "frame", frames: {}, dof: 7 });
    drag(3);
    drag(4);
    receive({ t: "frame", seq: seqs()[0], components: [], dof: 0 });
    expect(of("render")).toHaveLength(2);
    expect(store.state.dof).toBe(7);
  });
});

describe("the control channel", () => {
  const tick = () => vi.advanceTimersByTimeAsync(0);

  it("is the model that Python names, pinged at the start and before a run", async () => {
    const control: { t: string }[] = [];
    const asked: string[] = [];
    const host = {
      getModel: async (reference: string) => {
        asked.push(reference);
        return { send: (message: { t: string }) => control.push(message), on: () => {}, off: () => {} };
      },
    };
    const { kernel, of } = setUp({ control: "anywidget:abc" }, host);
    await tick();
    expect(asked).toEqual(["anywidget:abc"]);
    kernel.run("NUTS");
    expect(of("run")).toEqual([]);
    await tick();
    kernel.pause();
    kernel.resume();
    kernel.cancel();
    await tick();
    expect(control.map((message) => message.t)).toEqual(["ping", "ping", "pause", "resume", "cancel"]);
    expect(of("run")).toEqual([{ t: "run", method: "NUTS", options: {} }]);
  });

  it.each([
    ["there is no host", undefined],
    ["the host knows no models", {}],
    [
      "the host fails at once",
      {
        getModel: () => {
          throw new Error("no");
        },
      },
    ],
    ["the model is not found", { getModel: () => Promise.reject(new Error("no")) }],
  ])("is the Editor's own model when %s", async (_why, host) => {
    const { kernel, of } = setUp({ control: "anywidget:abc" }, host);
    kernel.cancel();
    await tick();
    expect(of("cancel")).toHaveLength(1);
  });

  it("does not wait forever", async () => {
    const { kernel, of } = setUp({ control: "anywidget:abc" }, { getModel: () => new Promise(() => {}) });
    kernel.run("MAP");
    await vi.advanceTimersByTimeAsync(4000);
    expect(of("run")).toHaveLength(1);
  });
});

describe("the end", () => {
  it("leaves no listener and no timer", () => {
    const { controller, listenerCount, saves, store } = setUp();
    expect(listenerCount()).toBeGreaterThan(0);
    store.dispatch({ type: "display", change: { stretch: "log" } });
    controller.abort();
    expect(listenerCount()).toBe(0);
    vi.advanceTimersByTime(1000);
    store.dispatch({ type: "edit", session: n(3) });
    expect(saves()).toBe(0);
  });
});
