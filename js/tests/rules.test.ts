/** Rules that Python and the page share, tested by the tables that tests/widget/rules.py writes. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { priorFor, type Source, withSky } from "../src/adding";
import { nameProblem, remove } from "../src/arranging";
import type { Image, Limits } from "../src/image";
import { limitsBy, sortedSample } from "../src/limits";
import { polygon } from "../src/masking";
import { errorIn, meanIn, ringsOf } from "../src/profile";
import { sizeName } from "../src/shapes";
import { withOrder, withTotalFlux } from "../src/sharing";
import {
  type Component,
  isFree,
  paths,
  type Schema,
  type Session,
  type Setting,
  settingAt,
  valueAt,
} from "../src/spec";
import { colourTable, paint, STRETCHES } from "../src/stretch";

const table = <T>(name: string): T =>
  JSON.parse(readFileSync(`${import.meta.dirname}/tables/${name}.json`, "utf8")) as T;
const SCHEMA = { ...table<Schema>("schema"), methods: {} };

/** Equal, except for the digits that the page rounds off. */
function expectNear(found: unknown, expected: unknown, place: string): void {
  if (typeof expected === "number") expect(Math.abs(Number(found) / expected - 1), place).toBeLessThan(1e-6);
  else if (typeof expected !== "object" || expected === null) expect(found, place).toBe(expected);
  else {
    expect(Object.keys(found as object).sort(), place).toEqual(Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected)) {
      const of = (found as Record<string, unknown>)[key];
      if (value === 0) expect(of, `${place}.${key}`).toBe(0);
      else expectNear(of, value, `${place}.${key}`);
    }
  }
}

describe("names of components", () => {
  const { session, cases } = table<{ session: Session; cases: { name: string; allowed: boolean }[] }>(
    "names",
  );
  it.each(cases)("$name: $allowed", ({ name, allowed }) => {
    expect(nameProblem(session, "another", name) === null).toBe(allowed);
  });
});

describe("a component that is removed", () => {
  const cases = Object.entries(
    table<Record<string, { session: Session; left: Record<string, Component> | null }>>("ties"),
  );
  it.each(cases)("%s", (_title, { session, left }) => {
    const made = remove(SCHEMA, session, "a");
    if (left) expectNear(made.model.components, left, "components");
    for (const path of paths(SCHEMA, made)) {
      const value = valueAt(session, path);
      expect(Math.abs(valueAt(made, path) / value - 1), path).toBeLessThan(1e-6);
      // Where Python asks for a separate prior, the page makes one.
      if (!left && path === "b.r_eff") expect(isFree(settingAt(made, path)), path).toBe(true);
    }
  });
});

describe("components that share", () => {
  interface Row {
    session: Session;
    shared: { components: Record<string, Component>; links: Record<string, Component> };
  }
  const { totals, orders, above } = table<{ totals: Row[]; orders: Row[]; above: Row[] }>("sharings");
  const expectShared = ({ model }: Session, { shared }: Row) => {
    expectNear(model.components.a, shared.components.a, "a");
    expectNear(model.components.b, shared.components.b, "b");
    expectNear(model.links, shared.links, "links");
  };

  it.each(totals)("have a total flux", (row) => {
    expectShared(withTotalFlux(SCHEMA, row.session, "a", "b"), row);
  });

  it.each(orders)("keep an order", (row) => {
    expectShared(withOrder(SCHEMA, row.session, "a.r_eff", "b.r_eff"), row);
  });

  it.each(above)("are left to Python if the smaller can't be zero", ({ session, shared }) => {
    expect(Object.values(shared.links).map(({ type }) => type)).toEqual(["RatioAbove"]);
    expect(withOrder(SCHEMA, session, "a.n", "b.n")).toBe(session);
  });
});

it("names the size of every profile", () => {
  for (const { component, size } of table<{ component: Component; size: string | null }[]>("sizes"))
    expect(sizeName(SCHEMA, component), component.type).toBe(size);
});

describe("limits", () => {
  interface Row {
    title: string;
    values: number[];
    percentile: number[];
    minmax: number[];
    zscale: number[] | null;
  }
  it.each(table<Row[]>("limits"))("of $title", ({ values, percentile, minmax, zscale }) => {
    const sorted = sortedSample(Float32Array.from(values), null);
    const by = (name: string) => [...limitsBy({ name, percent: 99, sigmas: 5 }, sorted)];
    expectNear(by("percentile"), percentile, "percentile");
    expectNear(by("minmax"), minmax, "minmax");
    if (zscale)
      for (const [k, end] of by("zscale").entries()) expect(end).toBeCloseTo(zscale[k] as number, 4);
  });
});

describe("stretches", () => {
  const { levels, curves, still } = table<{
    levels: number[];
    curves: Record<string, number[]>;
    still: { values: number[]; limits: Limits; grey: number[] };
  }>("stretches");

  it.each(Object.entries(curves))("%s is astropy's", (name, expected) => {
    for (const [k, level] of levels.entries())
      expect(STRETCHES[name]?.(level)).toBeCloseTo(expected[k] as number, 10);
  });

  it("asinh gives the greys of the still picture", () => {
    const greys = Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3));
    const values = Float32Array.from(still.values);
    const shown = paint(values, values.length, still.limits, colourTable(greys, STRETCHES.asinh));
    for (const [k, grey] of still.grey.entries())
      expect(Math.abs((shown[4 * k] as number) - grey), `${still.values[k]}`).toBeLessThanOrEqual(1);
    expect(STRETCHES.asinh?.(0.1)).toBeCloseTo(Math.asinh(1) / Math.asinh(10), 12);
  });
});

describe("annuli", () => {
  interface Row {
    shape: { xc: number; yc: number; ellip: number; theta: number };
    number: number[];
    radius: number[];
    mean: number[];
    error: number[];
  }
  const { nx, ny, cases } = table<{ nx: number; ny: number; cases: Row[] }>("rings");
  const data = new Float32Array(nx * ny);
  const sigma = new Float32Array(nx * ny);
  const mask = new Uint8Array(nx * ny);
  for (let i = 0; i < nx * ny; i++) {
    const [x, y] = [i % nx, Math.floor(i / nx)];
    data[i] = (7 * x + 5 * y) % 23;
    sigma[i] = 1 + ((3 * x + y) % 4);
    mask[i] = Number((5 * x + 3 * y) % 11 === 0 || (x > 20 && y < 5));
  }

  it.each(cases)("about $shape", ({ shape, number, radius, mean, error }) => {
    const rings = ringsOf({ nx, ny, mask }, { ...shape, size: 4 });
    expect([...rings.number]).toEqual(number);
    const near = (found: Float64Array, expected: number[]) => {
      for (const [k, value] of expected.entries()) expect(found[k]).toBeCloseTo(value, 4);
    };
    near(rings.radius, radius);
    near(meanIn(rings, data), mean);
    near(errorIn(rings, sigma), error);
  });
});

describe("polygons", () => {
  interface Row {
    title: string;
    points: [number, number][];
    inside: number[];
  }
  const { nx, ny, cases } = table<{ nx: number; ny: number; cases: Row[] }>("polygons");

  it.each(cases)("contain the pixels whose centres are inside: $title", ({ points, inside }) => {
    const corners = points.map(([x, y]) => ({ x, y }));
    const mask = polygon(new Uint8Array(nx * ny), { nx, ny }, corners, 1);
    expect([...mask.keys()].filter((i) => mask[i])).toEqual(inside);
  });
});

describe("default priors of a source that was measured", () => {
  interface Row {
    profile: string;
    parameter: string;
    prior: Setting | null;
  }
  // Written by tables/defaults.py.
  const { source, rows, skies } = table<{
    source: Source;
    rows: Row[];
    skies: { noise: number; shape: [ny: number, nx: number]; components: Component[] };
  }>("defaults");

  it.each(skies.components)("a sky of the type $type", (expected) => {
    const [ny, nx] = skies.shape;
    const sigma = new Float32Array(nx * ny).fill(skies.noise);
    const image = { nx, ny, sigma, mask: new Uint8Array(nx * ny) } as Partial<Image> as Image;
    const { session, name } = withSky(
      SCHEMA,
      table<{ session: Session }>("names").session,
      expected.type,
      image,
    );
    expectNear(session.model.components[name], expected, name);
  });

  it.each(rows.map((row) => ({ path: `${row.profile} ${row.parameter}`, ...row })))(
    "$path",
    ({ profile, parameter: name, prior }) => {
      const parameter = SCHEMA.profiles[profile]?.parameters.find((each) => each.name === name);
      if (!parameter) throw new Error(`the schema lacks ${profile}.${name}`);
      if (prior !== null) expectNear(priorFor(SCHEMA, parameter, source), prior, name);
    },
  );
});
