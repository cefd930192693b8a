import { describe, expect, it } from "vitest";
import { setValue } from "../src/edits";
import { type Session, settingAt, valueAt } from "../src/spec";
import { DISPLAY, type Drawing, INITIAL, type State, selectedOf, shown } from "../src/state";
import { type Action, createStore, reduce } from "../src/store";
import { SCHEMA, SESSION } from "./fixtures";

const START: State = { ...INITIAL, schema: SCHEMA, session: SESSION };
const n = (value: number, session: Session = SESSION) => setValue(SCHEMA, session, "galaxy.n", value);
const reduced = (...actions: Action[]) => actions.reduce(reduce, START);
const nOf = (state: State) => valueAt(shown(state), "galaxy.n");

describe("history", () => {
  it("undoes and redoes", () => {
    let state = reduced({ type: "edit", session: n(3) }, { type: "edit", session: n(4) });
    state = reduce(state, { type: "undo" });
    expect(nOf(state)).toBe(3);
    state = reduce(state, { type: "undo" });
    expect(state.session).toBe(SESSION);
    expect(reduce(state, { type: "undo" })).toBe(state);
    state = reduce(reduce(state, { type: "redo" }), { type: "redo" });
    expect(nOf(state)).toBe(4);
    expect(reduce(state, { type: "redo" })).toBe(state);
  });

  it("drops redo steps at an edit", () => {
    const state = reduced({ type: "edit", session: n(3) }, { type: "undo" }, { type: "edit", session: n(5) });
    expect(state.future).toEqual([]);
    expect(nOf(reduce(state, { type: "redo" }))).toBe(5);
  });

  it("makes one step of a gesture", () => {
    const state = reduced(
      { type: "draft", session: n(3) },
      { type: "draft", session: n(4) },
      { type: "draft", session: n(5) },
      { type: "commit" },
    );
    expect(state.past).toEqual([{ session: SESSION }]);
    expect(state.draft).toBeNull();
    expect(nOf(state)).toBe(5);
  });

  it("shows the draft, and discards it", () => {
    const state = reduced({ type: "draft", session: n(3) });
    expect(nOf(state)).toBe(3);
    expect(state.session).toBe(SESSION);
    expect(nOf(reduce(state, { type: "discard" }))).toBe(2);
  });

  it("makes no step of a gesture that changes nothing", () => {
    const state = reduced({ type: "draft", session: n(2) }, { type: "commit" });
    expect(state.past).toEqual([]);
    expect(state.session).toBe(SESSION);
  });

  it("merges quick edits by the same control, and no others", () => {
    const merged = reduced(
      { type: "edit", session: n(3), merge: "slider", time: 1000 },
      { type: "edit", session: n(4), merge: "slider", time: 1300 },
    );
    expect(merged.past).toEqual([{ session: SESSION }]);
    const slow = reduce(merged, { type: "edit", session: n(5), merge: "slider", time: 9000 });
    expect(slow.past).toHaveLength(2);
    const other = reduce(merged, { type: "edit", session: n(5), merge: "box", time: 1400 });
    expect(other.past).toHaveLength(2);
  });

  it("keeps a hundred steps", () => {
    const edits = Array.from({ length: 150 }, (_, i): Action => ({ type: "edit", session: n(1 + i / 100) }));
    expect(reduced(...edits).past).toHaveLength(100);
  });
});

describe("sessions from Python", () => {
  it("can be undone", () => {
    const state = reduced({ type: "hostSession", session: n(6) });
    expect(nOf(state)).toBe(6);
    expect(reduce(state, { type: "undo" }).session).toBe(SESSION);
  });

  it("are not steps if they are unchanged, or the first", () => {
    expect(reduced({ type: "hostSession", session: structuredClone(SESSION) }).past).toEqual([]);
    expect(reduce(INITIAL, { type: "hostSession", session: SESSION }).past).toEqual([]);
  });
});

describe("a session that was loaded with display settings", () => {
  const look = { ...DISPLAY, stretch: "log" };

  it("is one step, which includes the display settings", () => {
    let state = reduced({ type: "hostSession", session: n(6), display: look }, { type: "undo" });
    expect([nOf(state), state.display.stretch]).toEqual([2, "asinh"]);
    state = reduce(state, { type: "redo" });
    expect([nOf(state), state.display.stretch]).toEqual([6, "log"]);
    expect(reduce(state, { type: "undo" }).past).toEqual([]);
  });

  it("does not include later changes, which are separate steps", () => {
    let state = reduced(
      { type: "hostSession", session: n(6), display: look },
      { type: "edit", session: n(7) },
      { type: "display", change: { stretch: "sqrt" } },
    );
    state = reduce(state, { type: "undo" });
    expect([nOf(state), state.display.stretch]).toEqual([6, "sqrt"]);
    state = reduce(state, { type: "undo" });
    expect([nOf(state), state.display.stretch]).toEqual([2, "asinh"]);
    state = reduce(state, { type: "redo" });
    expect([nOf(state), state.display.stretch]).toEqual([6, "sqrt"]);
  });

  it("is a step for its display settings alone, and none if nothing is new", () => {
    const same = structuredClone(SESSION);
    const state = reduced({ type: "hostSession", session: same, display: look });
    expect(state.past).toHaveLength(1);
    expect(reduce(state, { type: "undo" }).display).toEqual(DISPLAY);
    expect(reduced({ type: "hostSession", session: same, display: DISPLAY }).past).toEqual([]);
  });
});

describe("the rest of the state", () => {
  it("remembers the prior of a parameter that was fixed", () => {
    const components = { ...SESSION.model.components };
    components.galaxy = { ...components.galaxy, type: "Sersic", n: 2 };
    const session = { ...SESSION, model: { ...SESSION.model, components } };
    const state = reduced({ type: "edit", session });
    expect(state.retired["galaxy.n"]).toEqual(settingAt(SESSION, "galaxy.n"));
  });

  it("keeps the display settings out of the history", () => {
    const state = reduced({ type: "display", change: { stretch: "log" } });
    expect(state.display).toEqual({ ...DISPLAY, stretch: "log" });
    expect(state.past).toEqual([]);
  });

  it("keeps the images of components that a frame does not name", () => {
    const [a, b] = [1, 2].map((value) => ({ pixels: Float32Array.of(value), session: null })) as [
      Drawing,
      Drawing,
    ];
    const state = reduced(
      { type: "frame", frames: { galaxy: a, disk: a }, dof: 10 },
      { type: "frame", frames: { disk: b }, dof: null },
    );
    expect(state.frames).toEqual({ galaxy: a, disk: b });
    expect(state.dof).toBe(10);
  });

  it("selects the first component until another is chosen", () => {
    expect(selectedOf(START)).toBe("galaxy");
    expect(selectedOf(reduced({ type: "display", change: { selected: "disk" } }))).toBe("disk");
    expect(selectedOf(reduced({ type: "display", change: { selected: "gone" } }))).toBe("galaxy");
  });

  it("shows three notices at most, and drops the dismissed one", () => {
    const notices = [1, 2, 3, 4].map((i) => ({ title: `notice ${i}`, detail: "" }));
    const state = reduced(...notices.map((notice): Action => ({ type: "notice", notice })));
    expect(state.notices).toEqual(notices.slice(1));
    const [, , third] = notices as [object, object, (typeof notices)[0], object];
    expect(reduce(state, { type: "dismiss", notice: third }).notices).not.toContain(third);
  });
});

describe("store", () => {
  it("notifies its listeners of changes only, with the previous state", () => {
    const store = createStore(START);
    const heard: [State, State][] = [];
    const stop = store.subscribe((state, before) => heard.push([state, before]));
    store.dispatch({ type: "undo" });
    expect(heard).toEqual([]);
    store.dispatch({ type: "edit", session: n(3) });
    expect(heard).toEqual([[store.state, START]]);
    stop();
    store.dispatch({ type: "undo" });
    expect(heard).toHaveLength(1);
  });
});
