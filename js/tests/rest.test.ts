import { describe, expect, it } from "vitest";
import { remove } from "../src/arranging";
import { setValue } from "../src/edits";
import { sharings } from "../src/sharing";
import {
  type Component,
  changedValues,
  paths,
  type Schema,
  type Session,
  settingAt,
  valueAt,
} from "../src/spec";
import { targetsFor, withoutTie } from "../src/ties";
import { SCHEMA, SESSION } from "./fixtures";
import { box, nextFrame, open } from "./page";

const parameter = (name: string, low: number | null, high: number | null) => ({
  ...{ name, low, high },
  ...{ unit: "", doc: "" },
});
const kind = (title: string, parameters: ReturnType<typeof parameter>[], document: Component) => ({
  ...{ title, doc: "", kind: "noise" },
  ...{ parameters, document },
});
const schema: Schema = {
  ...SCHEMA,
  noises: {
    GaussianNoise: kind("Gaussian", [], { type: "GaussianNoise" }),
    StudentTNoise: kind("Student T", [parameter("nu", 2, null)], { type: "StudentTNoise", nu: 5 }),
    InflatedNoise: kind("Inflated", [parameter("inflation", 0, null)], {
      type: "InflatedNoise",
      base: { type: "StudentTNoise", nu: 7 },
      inflation: { type: "LogNormal", loc: 0, scale: 0.5, init: 1 },
    }),
  },
  links: {
    TotalFlux: {
      ...{ title: "Total Flux", doc: "", kind: "link" },
      parameters: [parameter("flux", null, null), parameter("fraction", 0, 1)],
    },
  },
};
const { components } = SESSION.model;
const by = (scale: number, offset: number) => ({
  ...{ type: "Tied" as const, to: "total.flux", scale: 1, offset: 0 },
  by: { type: "Tied" as const, to: "total.fraction", scale, offset },
});
const session: Session = {
  ...SESSION,
  model: {
    ...SESSION.model,
    components: {
      ...components,
      galaxy: { ...(components.galaxy as Component), flux: by(1, 0) as never },
      disk: { ...(components.disk as Component), flux: by(-1, 1) as never },
    },
    links: {
      total: {
        type: "TotalFlux",
        flux: { type: "LogUniform", low: 20, high: 2000, init: 200 },
        fraction: { type: "Uniform", low: 0, high: 1, init: 0.25 },
      },
    },
    noise: { type: "GaussianNoise" },
  },
};
const sessionOf = (state: Record<string, unknown>) => state.session as Session;

describe("links between components", () => {
  it("have values, and so have parameters that follow two others", () => {
    expect(valueAt(session, "total.fraction")).toBe(0.25);
    expect(valueAt(session, "galaxy.flux")).toBe(50);
    expect(valueAt(session, "disk.flux")).toBe(150);
    const changed = setValue(schema, session, "total.fraction", 0.5);
    expect(valueAt(changed, "disk.flux")).toBe(100);
    expect(changedValues(schema, session, changed)).toEqual({ "total.fraction": 0.5 });
    expect(paths(schema, session)).toContain("total.flux");
  });

  it("are not set through a parameter that follows two others", () => {
    expect(setValue(schema, session, "galaxy.flux", 3)).toBe(session);
  });

  it("have a card with their rows", async () => {
    const { change, one, state } = await open({ schema, session });
    expect(one<HTMLInputElement>(box("disk.flux")).value).toBe("150");
    expect(one<HTMLInputElement>(box("disk.flux")).disabled).toBe(true);
    await change(one(box("total.fraction")), "0.1", ["change"]);
    expect(one<HTMLInputElement>(box("galaxy.flux")).value).toBe("20");
    expect(valueAt(sessionOf(state), "total.fraction")).toBe(0.1);
  });
});

describe("sharing", () => {
  const ratio = { title: "Ratio", doc: "", kind: "link", parameters: [parameter("ratio", 0, 1)] };
  // Sizes begin at zero, as Python declares them.
  const sized = Object.entries(schema.profiles).map(([type, profile]) => {
    const declared = profile.parameters.map((each) => (each.name === "r_eff" ? { ...each, low: 0 } : each));
    return [type, { ...profile, parameters: declared }];
  });
  const both: Schema = {
    ...schema,
    profiles: Object.fromEntries(sized),
    links: { ...schema.links, Ratio: ratio },
  };
  const offered = (from: Session, label: string) =>
    sharings(both, from)
      .find((each) => each.label === label)
      ?.make() as Session;
  const ordered: Session = { ...SESSION, model: { ...SESSION.model } };
  ordered.model.components = { ...components, disk: { ...(components.disk as Component), r_eff: 8 } };

  it("a total keeps the fluxes", () => {
    const total = offered(SESSION, "total flux of galaxy and disk");
    expect(valueAt(total, "galaxy.flux")).toBeCloseTo(100);
    expect(valueAt(total, "disk.flux")).toBeCloseTo(50);
    expect(settingAt(total, "total.fraction")).toMatchObject({ type: "Uniform", low: 0, high: 1 });
    expect(sharings(both, total).map(({ label }) => label)).not.toContain("total flux of galaxy and disk");
  });

  it("an order keeps the sizes", () => {
    const order = offered(ordered, "galaxy no larger than disk");
    expect(valueAt(order, "galaxy.r_eff")).toBeCloseTo(4);
    expect(settingAt(order, "galaxy.r_eff")).toMatchObject({ to: "disk.r_eff", by: { to: "order.ratio" } });
  });

  it("is removed when only one parameter still shares it", () => {
    const total = offered(SESSION, "total flux of galaxy and disk");
    const alone = remove(both, total, "disk");
    expect(alone.model.links).toEqual({});
    expect(valueAt(alone, "galaxy.flux")).toBeCloseTo(100);
    const untied = withoutTie(both, offered(ordered, "galaxy no larger than disk"), "galaxy.r_eff");
    expect(untied.model.links).toEqual({});
  });

  it("is offered in the list, as a step to undo", async () => {
    const { change, named, state, press, one } = await open({ schema: both });
    const choice = named<HTMLSelectElement>("select", "share between components");
    await change(choice, "0", ["change"]);
    expect(sessionOf(state).model.links).toHaveProperty("total");
    expect(one<HTMLInputElement>(box("total.flux")).value).toBe("150");
    await press(one(".sl-root"), "z", { ctrlKey: true });
    expect(state.session).toBe(SESSION);
  });
});

describe("the noise", () => {
  it("is chosen from the schema's noise models, and its parameters are rows", async () => {
    const { change, el, named, one, state } = await open({ schema, session });
    expect(el.querySelectorAll(box("noise.nu"))).toHaveLength(0);
    const choice = named<HTMLSelectElement>("select", "noise model");
    expect(choice.value).toBe("GaussianNoise");
    await change(choice, "StudentTNoise", ["change"]);
    expect(sessionOf(state).model.noise).toEqual({ type: "StudentTNoise", nu: 5 });
    await change(one(box("noise.nu")), "4", ["change"]);
    expect(settingAt(sessionOf(state), "noise.nu")).toBe(4);
    one<HTMLInputElement>('[aria-label="free, nu of noise"]').click();
    await nextFrame();
    expect(settingAt(sessionOf(state), "noise.nu")).toMatchObject({ init: 4 });
  });

  it("can contain another noise model", async () => {
    const { change, one, named, state } = await open({ schema, session });
    await change(named("select", "noise model"), "InflatedNoise", ["change"]);
    await change(one(box("noise.nu")), "9", ["change"]);
    await change(one(box("noise.inflation")), "1.5", ["change"]);
    expect(sessionOf(state).model.noise).toMatchObject({ base: { nu: 9 }, inflation: { init: 1.5 } });
  });

  it("changes no picture, and nothing is tied to it", () => {
    const noise = (nu: number): Session => ({
      ...session,
      model: { ...session.model, noise: { type: "StudentTNoise", nu } },
    });
    expect(changedValues(schema, noise(3), noise(4))).toEqual({});
    expect(targetsFor(schema, noise(3), "galaxy.n")).not.toContain("noise.nu");
  });

  it("that was measured is kept until another is chosen", async () => {
    const correlated = { type: "CorrelatedNoise", correlation: [[0.5]] } as unknown as Component;
    const measured = { ...session, model: { ...session.model, noise: correlated } };
    const { named, one } = await open({ schema, session: measured });
    const choice = named<HTMLSelectElement>("select", "noise model");
    expect(choice.value).toBe("CorrelatedNoise");
    expect(one(".sl-rest:last-child .sl-rows").children).toHaveLength(0);
  });

  it("that is correlated is requested from Python, which measures it", async () => {
    const measured = { ...kind("Correlated", [], { type: "" }), document: null };
    const noises = { ...schema.noises, CorrelatedNoise: measured };
    const page = await open({ schema: { ...schema, noises }, session });
    const choice = page.named<HTMLSelectElement>("select", "noise model");
    await page.change(choice, "CorrelatedNoise", ["change"]);
    expect(page.of("noise")).toEqual([{ t: "noise" }]);
    expect(choice.value).toBe("GaussianNoise");
  });

  it("has no card without noise models to choose from", async () => {
    const { el } = await open({ session });
    expect(el.querySelectorAll('[aria-label="noise model"]')).toHaveLength(0);
  });
});
