import { describe, expect, it } from "vitest";
import {
  changeKind,
  duplicate,
  freshName,
  kindsFor,
  move,
  nameProblem,
  remove,
  rename,
} from "../src/arranging";
import { type Component, type Session, settingAt, valueAt, withSetting } from "../src/spec";
import { DISPLAY, INITIAL } from "../src/state";
import { displayAfter, fluxParts, isSeen, seenNames } from "../src/visibility";
import { NESTED, SCHEMA, SESSION } from "./fixtures";

const names = (session: Session) => Object.keys(session.model.components);

describe("names", () => {
  it("are unique identifiers", () => {
    expect(nameProblem(SESSION, "disk", "thin_disk")).toBeNull();
    expect(nameProblem(SESSION, "disk", "disk")).toBeNull();
    expect(nameProblem(SESSION, "disk", "scheibe_ä")).toBeNull();
    for (const wrong of ["", "2disk", "a b", "a.b", "<script>"])
      expect(nameProblem(SESSION, "disk", wrong)).toMatch("letters");
    expect(nameProblem(SESSION, "disk", "galaxy")).toMatch("already");
    expect(nameProblem(SESSION, "disk", "noise")).toMatch("taken");
    expect(freshName(SESSION, "disk")).toBe("disk2");
  });

  it("change in place, together with the ties that refer to them", () => {
    const made = rename({ ...SESSION, off: ["galaxy"] }, "galaxy", "bulge");
    expect(names(made)).toEqual(["bulge", "disk", "sky"]);
    expect(made.off).toEqual(["bulge"]);
    expect(settingAt(made, "disk.r_eff")).toEqual({ type: "Tied", to: "bulge.r_eff", scale: 2, offset: 1 });
    expect(rename(SESSION, "galaxy", "disk")).toBe(SESSION);
    expect(rename(NESTED, "galaxy", "bulge").model.components.bulge).toMatchObject({ type: "Boxy" });
  });
});

describe("copies", () => {
  it("follow the original in the list, with the same ties", () => {
    const { session, name } = duplicate(SESSION, "disk");
    expect(name).toBe("disk2");
    expect(names(session)).toEqual(["galaxy", "disk", "disk2", "sky"]);
    expect(settingAt(session, "disk2.xc")).toEqual(settingAt(SESSION, "disk.xc"));
    const inner = withSetting(SESSION, "galaxy.yc", { type: "Tied", to: "galaxy.xc" });
    expect(settingAt(duplicate(inner, "galaxy").session, "galaxy2.yc")).toMatchObject({ to: "galaxy2.xc" });
  });
});

describe("the order", () => {
  it("changes by one position, and not beyond the ends", () => {
    expect(names(move(SESSION, "disk", -1))).toEqual(["disk", "galaxy", "sky"]);
    expect(names(move(SESSION, "galaxy", 1))).toEqual(["disk", "galaxy", "sky"]);
    expect(move(SESSION, "galaxy", -1)).toBe(SESSION);
    expect(move(SESSION, "sky", 1)).toBe(SESSION);
  });
});

describe("a component that is removed", () => {
  it("passes its priors on to its followers", () => {
    const made = remove(SCHEMA, { ...SESSION, off: ["galaxy"] }, "galaxy");
    expect(names(made)).toEqual(["disk", "sky"]);
    expect(made.off).toEqual([]);
    expect(settingAt(made, "disk.xc")).toEqual(settingAt(SESSION, "galaxy.xc"));
    // No prior is inherited through a factor: a new one is made at the same value.
    expect(settingAt(made, "disk.r_eff")).toMatchObject({ type: "LogUniform", init: 9 });
  });

  it("leaves the other followers tied to the first", () => {
    const two = duplicate(SESSION, "disk").session;
    const made = remove(SCHEMA, two, "galaxy");
    expect(settingAt(made, "disk2.xc")).toMatchObject({ type: "Tied", to: "disk.xc", scale: 1, offset: 0 });
    expect(valueAt(made, "disk2.r_eff")).toBe(9);
  });

  it("is never the last", () => {
    const alone = remove(SCHEMA, remove(SCHEMA, SESSION, "galaxy"), "disk");
    expect(remove(SCHEMA, alone, "sky")).toBe(alone);
  });
});

describe("another type", () => {
  it("keeps shared parameters", () => {
    const made = changeKind(SCHEMA, SESSION, "galaxy", "Exponential");
    const { type, n, ...kept } = made.model.components.galaxy as Component;
    expect(type).toBe("Exponential");
    expect(n).toBeUndefined();
    expect(kept).toMatchObject({ xc: { loc: 60 }, r_eff: { init: 4 }, ellip: 0.5 });
    const back = changeKind(SCHEMA, made, "galaxy", "Sersic");
    expect(settingAt(back, "galaxy.n")).toMatchObject({ type: "Uniform", init: 2 });
  });

  it("frees followers of parameters that are gone, and starts lengths from the flux and the size", () => {
    const point = changeKind(SCHEMA, SESSION, "galaxy", "PointSource");
    expect(settingAt(point, "disk.xc")).toMatchObject({ type: "Tied" });
    expect(settingAt(point, "disk.r_eff")).toMatchObject({ type: "LogUniform", init: 9 });
    const again = changeKind(SCHEMA, point, "galaxy", "Sersic");
    expect(settingAt(again, "galaxy.r_eff")).toMatchObject({ type: "LogUniform" });
  });

  it("changes the modified component, not the modifier", () => {
    const made = changeKind(SCHEMA, NESTED, "galaxy", "Exponential");
    expect(made.model.components.galaxy).toMatchObject({ type: "Boxy", profile: { type: "Exponential" } });
    expect(kindsFor(SCHEMA, NESTED.model.components.galaxy as Component).map(([type]) => type)).toEqual([
      "Sersic",
      "Exponential",
      "PointSource",
    ]);
    expect(kindsFor(SCHEMA, SESSION.model.components.sky as Component)).toEqual([["FlatSky", "Flat sky"]]);
  });
});

describe("visibility", () => {
  const state = { ...INITIAL, schema: SCHEMA, session: { ...SESSION, off: ["sky"] } };
  const see = (display: object) => seenNames({ ...state, display: { ...DISPLAY, ...display } });
  it("includes components in the model whose eye is open, or the one shown alone", () => {
    expect(see({})).toEqual(["galaxy", "disk"]);
    expect(see({ hidden: ["disk"] })).toEqual(["galaxy"]);
    expect(see({ hidden: ["disk"], solo: "disk" })).toEqual(["disk"]);
    expect(see({ solo: "gone" })).toEqual(["galaxy", "disk"]);
    expect(isSeen({ hidden: [], solo: "disk" }, "galaxy")).toBe(false);
  });

  it("is kept when a component is renamed, and dropped when it is removed", () => {
    const display = { ...DISPLAY, hidden: ["disk"], locked: ["disk", "sky"], solo: "disk", selected: "disk" };
    expect(displayAfter(display, "disk", "thin")).toEqual({
      hidden: ["thin"],
      locked: ["thin", "sky"],
      solo: "thin",
      selected: "thin",
    });
    expect(displayAfter(display, "disk", null)).toEqual({
      hidden: [],
      locked: ["sky"],
      solo: "",
      selected: "",
    });
  });

  it("the light is divided among the sources", () => {
    expect(fluxParts(SESSION)).toEqual({ galaxy: 100 / 150, disk: 50 / 150 });
    expect(fluxParts({ ...SESSION, off: ["disk"] })).toBeNull();
    expect(fluxParts(withSetting(SESSION, "disk.flux", -1))).toBeNull();
  });
});
