import { describe, expect, it } from "vitest";
import { carryCentre, setByGesture, setFree, setIncluded, setValue } from "../src/edits";
import { shapeOf, shapeValues } from "../src/shapes";
import {
  type Component,
  changedValues,
  isSession,
  parameterAt,
  paths,
  rootOf,
  type Session,
  settingAt,
  titleOf,
  typeOf,
  valueAt,
  withSetting,
} from "../src/spec";
import { NESTED, SCHEMA, SESSION } from "./fixtures";

const set = (path: string, value: number, session = SESSION) => setValue(SCHEMA, session, path, value);

describe("values and ties", () => {
  it("reads numbers, priors and ties", () => {
    expect(valueAt(SESSION, "galaxy.flux")).toBe(100);
    expect(valueAt(SESSION, "galaxy.xc")).toBe(60.2);
    expect(valueAt(SESSION, "disk.r_eff")).toBe(2 * 4 + 1);
  });

  it("composes chains of ties", () => {
    const chained = withSetting(SESSION, "disk.flux", {
      type: "Tied",
      to: "disk.r_eff",
      scale: 3,
      offset: -1,
    });
    expect(rootOf(chained, "disk.flux")).toEqual({ path: "galaxy.r_eff", scale: 6, offset: 2 });
    expect(valueAt(chained, "disk.flux")).toBe(26);
    const changed = set("disk.flux", 32, chained);
    expect(valueAt(changed, "galaxy.r_eff")).toBeCloseTo(5);
    expect(valueAt(changed, "disk.flux")).toBeCloseTo(32);
  });

  it("does not hang on circles or dangling ties", () => {
    const circle = withSetting(
      withSetting(SESSION, "galaxy.flux", { type: "Tied", to: "disk.flux" }),
      "disk.flux",
      { type: "Tied", to: "galaxy.flux" },
    );
    expect(valueAt(circle, "disk.flux")).toBeNaN();
    expect(set("disk.flux", 3, circle)).toBe(circle);
    const dangling = withSetting(SESSION, "disk.flux", { type: "Tied", to: "bar.flux" });
    expect(valueAt(dangling, "disk.flux")).toBeNaN();
  });

  it("setting a tied value sets its target and leaves the tie", () => {
    const next = set("disk.r_eff", 21);
    expect(settingAt(next, "galaxy.r_eff")).toEqual({ type: "LogUniform", low: 0.5, high: 20, init: 10 });
    expect(settingAt(next, "disk.r_eff")).toBe(settingAt(SESSION, "disk.r_eff"));
  });

  it("clamps free values to the family's and the schema's bounds, and leaves fixed ones alone", () => {
    expect(valueAt(set("galaxy.n", 99), "galaxy.n")).toBe(8);
    expect(valueAt(set("galaxy.r_eff", 0.1), "galaxy.r_eff")).toBe(0.5);
    expect(valueAt(set("galaxy.ellip", 1.4), "galaxy.ellip")).toBe(1.4);
    expect(valueAt(set("galaxy.theta", Math.PI + 0.25), "galaxy.theta")).toBeCloseTo(0.25);
  });

  it("does not touch the old session, and keeps the order of the keys", () => {
    const before = JSON.stringify(SESSION);
    const next = set("galaxy.n", 3);
    expect(JSON.stringify(SESSION)).toBe(before);
    expect(Object.keys(next.model.components.galaxy ?? {})).toEqual(
      Object.keys(SESSION.model.components.galaxy ?? {}),
    );
    expect(next.model.components.sky).toBe(SESSION.model.components.sky);
  });

  it("lists the parameters that differ, without tied ones", () => {
    const next = set("disk.r_eff", 21, set("galaxy.flux", 7));
    expect(changedValues(SCHEMA, SESSION, next)).toEqual({ "galaxy.flux": 7, "galaxy.r_eff": 10 });
    expect(changedValues(SCHEMA, SESSION, SESSION)).toEqual({});
  });

  it("lists paths in the order of components and schema", () => {
    expect(paths(SCHEMA, SESSION).slice(5, 9)).toEqual([
      "galaxy.ellip",
      "galaxy.theta",
      "disk.xc",
      "disk.yc",
    ]);
    expect(paths(SCHEMA, SESSION).at(-1)).toBe("sky.level");
  });
});

describe("edits", () => {
  it("a gesture keeps fixed values within the schema's bounds, too", () => {
    const next = setByGesture(SCHEMA, SESSION, { "galaxy.ellip": 2, "galaxy.theta": -0.5 });
    expect(valueAt(next, "galaxy.ellip")).toBe(0.95);
    expect(valueAt(next, "galaxy.theta")).toBeCloseTo(Math.PI - 0.5);
  });

  it("dragging the centre moves the loc of normal priors, through ties as well", () => {
    const move = (component: string): Session =>
      carryCentre(SESSION, set(`${component}.xc`, 70.2, set(`${component}.yc`, 51)), component);
    for (const component of ["galaxy", "disk"]) {
      const next = move(component);
      expect(settingAt(next, "galaxy.xc")).toEqual({ type: "Normal", loc: 70, scale: 1, init: 70.2 });
      expect(settingAt(next, "galaxy.yc")).toMatchObject({ loc: 51, init: 51, low: 40, high: 60 });
    }
  });

  it("fixing keeps the value, freeing restores the old prior at the present value", () => {
    const old = settingAt(SESSION, "galaxy.n") as never;
    const fixed = setFree(SCHEMA, SESSION, "galaxy.n", false);
    expect(settingAt(fixed, "galaxy.n")).toBe(2);
    const freed = setFree(SCHEMA, set("galaxy.n", 3, fixed), "galaxy.n", true, old);
    expect(settingAt(freed, "galaxy.n")).toEqual({ type: "Uniform", low: 0.5, high: 8, init: 3 });
  });

  it("a tied parameter can be neither fixed nor freed", () => {
    expect(setFree(SCHEMA, SESSION, "disk.xc", true)).toBe(SESSION);
  });

  it("switches remove components from the model and add them again", () => {
    const off = setIncluded(setIncluded(SESSION, "disk", false), "sky", false);
    expect(off.off).toEqual(["disk", "sky"]);
    expect(setIncluded(off, "disk", true).off).toEqual(["sky"]);
    expect(off.model).toBe(SESSION.model);
  });
});

describe("a nested component", () => {
  const galaxy = NESTED.model.components.galaxy as Component;

  it("has the parameters of both, under one name", () => {
    const own = ["xc", "yc", "flux", "r_eff", "n", "ellip", "theta", "c0"].map((name) => `galaxy.${name}`);
    expect(paths(SCHEMA, NESTED).filter((path) => path.startsWith("galaxy"))).toEqual(own);
    expect(valueAt(NESTED, "galaxy.n")).toBe(2);
    expect(valueAt(NESTED, "galaxy.c0")).toBe(0.1);
    expect(settingAt(NESTED, "galaxy.profile")).toBeUndefined();
    expect(parameterAt(SCHEMA, NESTED, "galaxy.n")).toEqual(parameterAt(SCHEMA, SESSION, "galaxy.n"));
    expect([titleOf(SCHEMA, galaxy), typeOf(galaxy)]).toEqual(["Boxy Sérsic", "Sersic<Boxy"]);
  });

  it("is edited at the owner of the parameter", () => {
    const next = set("galaxy.n", 3, set("galaxy.c0", 0.3, NESTED));
    expect(next.model.components.galaxy).toEqual({
      ...galaxy,
      profile: { ...(galaxy.profile as object), n: { type: "Uniform", low: 0.5, high: 8, init: 3 } },
      c0: { type: "Uniform", low: -0.5, high: 0.5, init: 0.3 },
    });
    expect(changedValues(SCHEMA, NESTED, next)).toEqual({ "galaxy.n": 3, "galaxy.c0": 0.3 });
    const fixed = setFree(SCHEMA, next, "galaxy.r_eff", false);
    expect(settingAt(fixed, "galaxy.r_eff")).toBe(4);
  });

  it("can be tied to and is drawn like any other", () => {
    expect(valueAt(NESTED, "disk.r_eff")).toBe(9);
    expect(valueAt(set("disk.r_eff", 21, NESTED), "galaxy.r_eff")).toBe(10);
    expect(shapeOf(SCHEMA, NESTED, "galaxy")).toEqual(shapeOf(SCHEMA, SESSION, "galaxy"));
    expect(shapeValues(SCHEMA, NESTED, "galaxy", { size: 7 })).toEqual({ "galaxy.r_eff": 7 });
  });
});

describe("a session from elsewhere", () => {
  const withComponents = (components: unknown) => ({ ...SESSION, model: { ...SESSION.model, components } });
  const deep = (depth: number): object =>
    depth === 0 ? { type: "Normal" } : { type: "Normal", loc: deep(depth - 1) };

  it("is shown if it has the structure of one, whatever its numbers", () => {
    expect(isSession(SESSION)).toBe(true);
    expect(isSession(withComponents({ x: { type: "Nope", xc: null, yc: [1, 2], n: true } }))).toBe(true);
  });

  it("is not shown if it is anything else", () => {
    for (const other of [null, 3, "x", [], {}, { model: {} }]) expect(isSession(other)).toBe(false);
    expect(isSession({ ...SESSION, off: "galaxy" })).toBe(false);
    for (const components of [null, [1], { x: null }, { x: "y" }, { x: { type: [1] } }, { x: deep(5000) }])
      expect(isSession(withComponents(components))).toBe(false);
  });
});
