import { describe, expect, it } from "vitest";
import { changeKind, duplicate, rename } from "../src/arranging";
import { setByGesture, setValue } from "../src/edits";
import { type Component, isSession, rowsOf, type Session, settingAt, splitPath, valueAt } from "../src/spec";
import { createStore } from "../src/store";
import { alongCurves, jointPath, scaleOf } from "../src/varying";
import { IMAGE_BUFFERS, IMAGE_MESSAGE, SCHEMA, SESSION } from "./fixtures";
import { nextFrame, open } from "./page";

const NODES = ["galaxy.r_eff.at_0.47", "galaxy.r_eff.at_0.96"] as const;
const prior = (init: number) => ({ type: "LogUniform", low: 0.5, high: 20, init });

/** The session of the band r of two: the size is a line of wavelength, the flux has a value for each band. */
const JOINT: Session = {
  ...SESSION,
  image: "r",
  joint: { what: "Python knows" },
  varying: {
    "galaxy.flux": { node: "r" },
    "galaxy.r_eff": { weights: { "at_0.47": 0.75, "at_0.96": 0.25 }, low: 0, high: null, tied: {} },
  },
  model: {
    ...SESSION.model,
    components: {
      ...SESSION.model.components,
      galaxy: {
        ...(SESSION.model.components.galaxy as Component),
        "r_eff.at_0.47": prior(4),
        "r_eff.at_0.96": prior(4),
      },
    },
  },
};
const along = (next: Session): Session => alongCurves(SCHEMA, JOINT, next);
const valuesOf = (session: Session) => NODES.map((path) => valueAt(session, path));

describe("paths of nodes", () => {
  it.each([
    ["galaxy.r_eff.at_0.47", ["galaxy", "r_eff.at_0.47"]],
    ["my.galaxy.n", ["my.galaxy", "n"]],
    ["galaxy.at_rest", ["galaxy", "at_rest"]],
  ])("%s", (path, parts) => expect(splitPath(path)).toEqual(parts));

  it("are those of settings", () => {
    expect(settingAt(JOINT, NODES[0])).toEqual(prior(4));
    expect(valueAt(setValue(SCHEMA, JOINT, NODES[1], 6), NODES[1])).toBe(6);
  });

  it("have rows in place of their function", () => {
    const names = rowsOf(SCHEMA, JOINT.model.components.galaxy as Component).map(({ name }) => name);
    expect(names).toEqual(["xc", "yc", "flux", "r_eff.at_0.47", "r_eff.at_0.96", "n", "ellip", "theta"]);
  });

  it("of a band end in its name", () => {
    expect(jointPath(JOINT, "galaxy.flux")).toBe("galaxy.flux.r");
    expect(jointPath(JOINT, "galaxy.n")).toBe("galaxy.n");
    expect(jointPath(SESSION, "galaxy.flux")).toBe("galaxy.flux");
  });
});

describe("a smooth function", () => {
  it("follows its nodes", () => {
    const next = along(setValue(SCHEMA, JOINT, NODES[1], 8));
    expect(valuesOf(next)).toEqual([4, 8]);
    expect(valueAt(next, "galaxy.r_eff")).toBeCloseTo(4 ** 0.75 * 8 ** 0.25, 8);
  });

  it("moves its nodes along on the scale of the interpolation", () => {
    const bent = along(setValue(SCHEMA, JOINT, NODES[1], 8));
    const size = valueAt(bent, "galaxy.r_eff");
    const next = alongCurves(SCHEMA, bent, setByGesture(SCHEMA, bent, { "galaxy.r_eff": 1.5 * size }));
    expect(valueAt(next, "galaxy.r_eff") / size).toBeCloseTo(1.5, 5);
    for (const path of NODES) expect(valueAt(next, path) / valueAt(bent, path)).toBeCloseTo(1.5, 5);
  });

  it("moves only its free nodes", () => {
    const fixed = { ...JOINT.model.components.galaxy, "r_eff.at_0.47": 4 } as Component;
    const components = { ...JOINT.model.components, galaxy: fixed };
    const before = { ...JOINT, model: { ...JOINT.model, components } };
    const next = alongCurves(SCHEMA, before, setByGesture(SCHEMA, before, { "galaxy.r_eff": 5 }));
    expect(valueAt(next, NODES[0])).toBe(4);
    expect(valueAt(next, NODES[1])).toBeCloseTo(4 * (5 / 4) ** 4, 4);
    expect(valueAt(next, "galaxy.r_eff")).toBeCloseTo(5, 5);
  });

  it("stops where its nodes stop", () => {
    const next = along(setByGesture(SCHEMA, JOINT, { "galaxy.r_eff": 500 }));
    expect(valuesOf(next)).toEqual([20, 20]);
    expect(valueAt(next, "galaxy.r_eff")).toBeCloseTo(20, 8);
  });

  it("is not touched by other edits", () => {
    const next = setValue(SCHEMA, JOINT, "galaxy.n", 3);
    expect(along(next)).toBe(next);
    expect(alongCurves(SCHEMA, SESSION, SESSION)).toBe(SESSION);
  });

  it.each([
    { low: 0, high: null },
    { low: null, high: 2 },
    { low: 0.1, high: 10 },
    { low: null, high: null },
  ])("has a scale from $low to $high with an inverse", (ends) => {
    const scale = scaleOf(ends);
    for (const x of [0.5, 1, 1.7]) expect(scale.inverse(scale.of(x))).toBeCloseTo(x, 10);
  });
});

describe("a component with functions of the image", () => {
  it("takes them along when it is renamed", () => {
    const next = rename(JOINT, "galaxy", "bulge");
    expect(Object.keys(next.varying ?? {})).toEqual(["bulge.flux", "bulge.r_eff"]);
    expect(isSession(next)).toBe(true);
  });

  it("keeps its nodes when its profile changes, and gives its copy none", () => {
    const changed = changeKind(SCHEMA, JOINT, "galaxy", "Exponential").model.components.galaxy as Component;
    expect(changed["r_eff.at_0.96"]).toEqual(prior(4));
    const { session, name } = duplicate(JOINT, "galaxy");
    expect(rowsOf(SCHEMA, session.model.components[name] as Component).map((row) => row.name)).toContain(
      "r_eff",
    );
  });
});

describe("a session", () => {
  it.each([{ a: 1 }, { a: { weights: 2, tied: {} } }, { a: null }, 3])(
    "with the functions %j is none",
    (varying) => expect(isSession({ ...JOINT, varying })).toBe(false),
  );
});

const several = (name: string) => ({ ...IMAGE_MESSAGE, name, names: ["g", "r"] });

describe("several images", () => {
  it("are offered in a menu, which asks Python for another", async () => {
    const { named, receive, of, change } = await open({ session: JOINT });
    receive(several("r"), IMAGE_BUFFERS);
    await nextFrame();
    const menu = named<HTMLSelectElement>("select", "image");
    expect([...menu.options].map(({ value }) => value)).toEqual(["g", "r"]);
    expect(menu.value).toBe("r");
    await change(menu, "g", ["change"]);
    expect(of("show")).toEqual([{ t: "show", name: "g" }]);
  });

  it("have no menu if there is one", async () => {
    const { named, receive } = await open();
    receive(IMAGE_MESSAGE, IMAGE_BUFFERS);
    await nextFrame();
    expect(named("select", "image").parentElement?.hidden).toBe(true);
  });

  it("name the band in a row, and the nodes of a function", async () => {
    const { el, receive } = await open({ session: JOINT });
    receive(several("r"), IMAGE_BUFFERS);
    await nextFrame();
    const sliders = [...el.querySelectorAll(".sl-slider")].map((each) => each.getAttribute("aria-label"));
    expect(sliders).toEqual(expect.arrayContaining(["galaxy.flux.r", ...NODES, "galaxy.n"]));
    expect(sliders).not.toContain("galaxy.r_eff");
    expect(el.querySelector(".sl-band")?.textContent).toBe("");
    expect([...el.querySelectorAll(".sl-band")].map((each) => each.textContent)).toContain("r");
  });
});

describe("another image", () => {
  const image = (name: string, nx = 2) => ({
    ...{ name, names: ["g", "r"], nx, ny: 1 },
    data: new Float32Array(nx),
    sigma: new Float32Array(nx).fill(1),
    mask: new Uint8Array(nx),
    limits: {},
    psf: null,
    ...{ zeropoint: null, unit: null, pixelScale: null, plane: null },
  });

  it("begins without the pictures of the last one", () => {
    const store = createStore();
    store.dispatch({ type: "image", image: image("g") });
    const pixels = Float32Array.from([1, 2]);
    store.dispatch({ type: "frame", frames: { galaxy: { pixels, session: null } }, dof: 3 });
    store.dispatch({ type: "display", change: { view: { x: 1, y: 1, zoom: 2 } } });
    store.dispatch({ type: "image", image: image("g") });
    expect(Object.keys(store.state.frames)).toEqual(["galaxy"]);
    store.dispatch({ type: "image", image: image("r") });
    expect(store.state.frames).toEqual({});
    expect(store.state.dof).toBe(null);
    expect(store.state.display.view).toEqual({ x: 1, y: 1, zoom: 2 });
  });

  it("of another shape is shown as a whole, and without masks of the last one", () => {
    const store = createStore();
    store.dispatch({ type: "image", image: image("g") });
    store.dispatch({ type: "knownMask", name: "abc", mask: new Uint8Array(2).fill(1) });
    store.dispatch({ type: "display", change: { view: { x: 1, y: 1, zoom: 2 } } });
    store.dispatch({ type: "image", image: image("r", 3) });
    expect(store.state.display.view).toBe(null);
    store.dispatch({ type: "hostSession", session: { ...JOINT, mask: "abc" } });
    expect(store.state.image?.mask).toHaveLength(3);
  });
});
