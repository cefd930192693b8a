import { describe, expect, it } from "vitest";
import { freshName, rename } from "../src/arranging";
import { brightnessMaker } from "../src/brightness";
import { pictureMaker } from "../src/pictures";
import { sharings } from "../src/sharing";
import type { Schema, Session } from "../src/spec";
import { changedValues, parameterAt, paths, valueAt } from "../src/spec";
import { createStore } from "../src/store";
import { fluxParts } from "../src/visibility";
import { setUp } from "./connected";
import { IMAGE_BUFFERS, IMAGE_MESSAGE, SCHEMA, SESSION, view } from "./fixtures";
import { box, nextFrame, open } from "./page";

/** Properties that every object of JavaScript has, and an ordinary name; the results must be the same for all. */
const PLAIN = "plainname";
const NAMES = Object.getOwnPropertyNames(Object.prototype);
const LINKS: Schema["links"] = {
  TotalFlux: {
    title: "Total flux",
    doc: "",
    kind: "link",
    parameters: ["flux", "fraction"].map((name) => ({ name, low: 0, high: null, unit: "", doc: "" })),
  },
};
const WITH_LINKS: Schema = { ...SCHEMA, links: LINKS };

/** A value as it arrives from Python, by way of JSON. */
const named = <T>(value: T, name: string): T =>
  JSON.parse(JSON.stringify(value).replaceAll("galaxy", name)) as T;
const text = (value: unknown, name: string): string => JSON.stringify(value).replaceAll(name, PLAIN);

const FRAME = { t: "frame", seq: null, components: ["galaxy", "disk", "sky"], dof: 5 };
const PIXELS = [1, 2, 3].map((value) => view([value, 1, 1, 1, 1, value]));
const POSTERIOR = {
  t: "posterior",
  shapes: { galaxy: [[1, 1, 4, 0.5, 0.3]] },
  marginals: { "galaxy.n": [1, 3, [0, 1, 0]] },
};

/** Longer than the views, including the plots, take to draw. */
const SETTLED_MS = 250;

/** The documents after some steps with a component of this name, and the page at the end. */
async function everything(name: string): Promise<string[]> {
  const session: Session = named(SESSION, name);
  const page = await open({ schema: WITH_LINKS, session });
  const found: string[] = [];
  const note = () => found.push(text(page.state.session, name));
  page.receive(IMAGE_MESSAGE, IMAGE_BUFFERS);
  page.receive(named(FRAME, name), PIXELS);
  page.receive(named(POSTERIOR, name));
  await page.change(page.one(box(`${name}.n`)), "3.5");
  await page.check(page.named("input", `free, flux of ${name}`));
  note();
  const choose = async (action: string) => {
    page.named("button", `more actions for ${name}`).click();
    const items = [...page.el.querySelectorAll<HTMLElement>(".sl-menu:not([hidden]) [role=menuitem]")];
    items.find((each) => each.textContent?.startsWith(action))?.click();
    await nextFrame();
    note();
  };
  await choose("Duplicate");
  await choose("Move");
  await choose("Remove");
  page.named("button", "Undo").click();
  note();
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  // The number of drawings, the age of χ² and a late Python depend on timing.
  const html = page.el.innerHTML.replaceAll(/ sl-turned| · Python is drawing …| · χ²[^<]*/g, "");
  return [...found, html.replaceAll(name, PLAIN)];
}

/** The place where two long texts begin to differ; null if they are equal. */
function difference(expected: string, actual: string): string | null {
  if (expected === actual) return null;
  const at = [...actual].findIndex((letter, i) => letter !== expected[i]);
  return `${expected.slice(at - 60, at + 60)} | ${actual.slice(at - 60, at + 60)}`;
}

describe("a component can have a name that JavaScript uses", () => {
  let usual: Promise<string[]> | undefined;

  it.each(NAMES)("%s: the page is the same as with any other name", async (name) => {
    usual ??= everything(PLAIN);
    const expected = await usual;
    const actual = await everything(name);
    expect(expected.join()).toContain("sl-card");
    expect(actual).toHaveLength(expected.length);
    for (const [i, each] of actual.entries()) expect(difference(expected[i] ?? "", each)).toBeNull();
  });
  it.each(NAMES)("%s: documents, paths and values", (name) => {
    const session = named(SESSION, name);
    const renamed = rename(SESSION, "galaxy", name);
    expect(JSON.stringify(renamed.model)).toBe(JSON.stringify(session.model));
    expect(valueAt(session, "disk.r_eff")).toBe(9);
    expect(paths(SCHEMA, session)).toEqual(
      paths(SCHEMA, SESSION).map((path) => path.replace("galaxy", name)),
    );
    expect(parameterAt(SCHEMA, session, `${name}.n`)?.high).toBe(8);
    expect(fluxParts(session)).toEqual(fluxParts(renamed));
    expect(Object.values(fluxParts(session) ?? {})).toEqual([100 / 150, 50 / 150]);
    expect(freshName(SESSION, name)).toBe(name);
    expect(freshName(session, name)).toBe(`${name}2`);
    const shared = sharings(WITH_LINKS, session).map(
      ({ label, make }) => label + JSON.stringify(make().model),
    );
    const plain = sharings(WITH_LINKS, named(SESSION, PLAIN)).map(
      ({ label, make }) => label + JSON.stringify(make().model),
    );
    expect(shared.map((each) => each.replaceAll(name, PLAIN))).toEqual(plain);
    expect(changedValues(SCHEMA, named(SESSION, "galaxy"), SESSION)).toEqual({});
  });

  it.each(NAMES)("%s: a missing component is not found", (name) => {
    expect(valueAt(SESSION, `${name}.n`)).toBeNaN();
    expect(valueAt(SESSION, `galaxy.${name}`)).toBeNaN();
    expect(parameterAt(SCHEMA, SESSION, `${name}.length`)).toBeUndefined();
  });

  it.each(NAMES)("%s: the pictures and the profile contain its light", (name) => {
    const session = named(SESSION, name);
    const { store, receive } = setUp({ session });
    receive(named(FRAME, name), PIXELS);
    receive(named(POSTERIOR, name));
    const made = pictureMaker()(store.state);
    expect([...(made.model.values ?? [])]).toEqual([6, 3, 3, 3, 3, 6]);
    expect(Object.keys(made.parts)).toEqual([name, "disk", "sky"]);
    expect(brightnessMaker()(store.state, made)?.sources.map((source) => source.name)).toEqual([
      name,
      "disk",
    ]);
    expect(Object.keys(store.state.posterior)).toEqual([name]);
    const other = createStore(store.state);
    other.dispatch({ type: "edit", session: rename(session, name, "galaxy") });
    other.dispatch({ type: "undo" });
    expect(other.state.session).toBe(session);
    expect(({} as Record<string, unknown>).pixels).toBeUndefined();
  });
});
