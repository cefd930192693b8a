import { describe, expect, it } from "vitest";
import { measure, sourceKinds, withSource } from "../src/adding";
import type { Image } from "../src/image";
import { priorInterval, priorMarks } from "../src/intervals";
import { smoothed } from "../src/masking";
import type { Component, Parameter, Prior, Session, Setting } from "../src/spec";

import { SCHEMA, SESSION } from "./fixtures";
import { nextFrame, open, STAGE } from "./page";

const [nx, ny] = [48, 40];
const light = Float32Array.from({ length: nx * ny }, (_, i) => {
  const [x, y] = [i % nx, Math.floor(i / nx)];
  return 50 * Math.exp(-0.5 * (((x - 30.3) ** 2 + (y - 14.6) ** 2) / 9));
});
const image = {
  nx,
  ny,
  data: light,
  sigma: new Float32Array(nx * ny).fill(1),
  mask: new Uint8Array(nx * ny),
} as unknown as Image;
const map = smoothed(light, image.mask, image);

describe("a source under the pointer", () => {
  it("is measured from its pixels: a Gaussian of known flux, centre and half-light radius", () => {
    const source = measure(image, light, map, { x: 31, y: 15 });
    expect(source.x).toBeCloseTo(30.3, 1);
    expect(source.y).toBeCloseTo(14.6, 1);
    expect(source.flux / (50 * 2 * Math.PI * 9)).toBeCloseTo(1, 1);
    expect(Math.abs(source.size - 3 * Math.sqrt(2 * Math.log(2)))).toBeLessThan(0.3);
  });

  it("is assumed small and faint where there is none", () => {
    const source = measure(image, light, map, { x: 5, y: 35 });
    expect([source.x, source.y, source.size]).toEqual([5, 35, 3]);
    expect(source.flux).toBeGreaterThan(0);
  });
});

describe("a new component", () => {
  const source = { x: 10.5, y: 20.25, flux: 80, size: 4 };

  it("has a prior around each value, and a unique name", () => {
    const once = withSource(SCHEMA, SESSION, "Sersic", source);
    expect(once.name).toBe("sersic");
    expect(withSource(SCHEMA, once.session, "Sersic", source).name).toBe("sersic2");
    const component = once.session.model.components.sersic as Component;
    expect(component.xc).toMatchObject({ type: "Normal", loc: 10.5, init: 10.5 });
    expect(component.flux).toMatchObject({ type: "LogUniform", init: 80, low: 0.8, high: 800 });
    expect(component.r_eff).toEqual({ type: "LogUniform", low: 0.4, high: 40, init: 4 });
    expect(component.n).toMatchObject({ init: 2 });
    expect(component.theta).toMatchObject({ type: "Angle", init: 0 });
    expect(Object.keys(once.session.model.components).at(-1)).toBe("sersic");
  });

  it("can be any type of source that Python has", () => {
    expect(sourceKinds(SCHEMA).map(([type]) => type)).toEqual(["Sersic", "Exponential", "PointSource"]);
    const { session } = withSource(SCHEMA, SESSION, "PointSource", source);
    expect(Object.keys(session.model.components.pointsource as Component)).toEqual([
      "type",
      "xc",
      "yc",
      "flux",
    ]);
  });
});

describe("a new component of a profile that declares starting values", () => {
  const own = (name: string, rest: Partial<Parameter>): Parameter => ({
    name,
    low: null,
    high: null,
    unit: "",
    doc: "",
    ...rest,
  });
  const ring = [
    own("r_ring", { low: 0, unit: "pixel" }),
    own("sigma", { low: 0, unit: "pixel", start: 0.25 }),
    own("cut", { low: 0, unit: "1/pixel", start: 2 }),
    own("slope", { low: 0.1, high: 100, usual: [1, 9], start: 3 }),
  ];
  const schema = {
    ...SCHEMA,
    profiles: { ...SCHEMA.profiles, Ring: { title: "Ring", doc: "", kind: "source", parameters: ring } },
  };

  it("starts at these values, within the usual range", () => {
    const source = { x: 10, y: 20, flux: 80, size: 4 };
    const { session } = withSource(schema, SESSION, "Ring", source);
    expect(session.model.components.ring).toMatchObject({
      r_ring: { type: "LogUniform", low: 0.4, init: 4, high: 40 },
      sigma: { init: 1 },
      cut: { init: 0.5 },
      slope: { type: "Uniform", low: 1, high: 9, init: 3 },
    });
  });
});

describe("the central interval of a prior", () => {
  const ask = (setting: Setting, name = "r_eff"): number[] => {
    const galaxy = { ...(SESSION.model.components.galaxy as Component), [name]: setting };
    const session: Session = { ...SESSION, model: { ...SESSION.model, components: { galaxy } } };
    const { low, middle, high } = priorInterval(SCHEMA, session, `galaxy.${name}`) ?? {
      low: Number.NaN,
      middle: Number.NaN,
      high: Number.NaN,
    };
    return [low, middle, high];
  };
  // The ppf of scipy.stats at -1, 0 and 1 sigma of the normal distribution.
  it.each([
    ["Normal", { loc: 3, scale: 0.5 }, [2.5, 3, 3.5]],
    ["LogNormal", { loc: 1.2, scale: 0.3 }, [2.4596, 3.32012, 4.48169]],
    ["Uniform", { low: 0.5, high: 8 }, [1.68991, 4.25, 6.81009]],
    ["LogUniform", { low: 0.5, high: 20 }, [0.89773, 3.16228, 11.13922]],
    ["TruncatedNormal", { loc: 50, scale: 8, low: 40, high: 52 }, [42.79446, 46.96443, 50.41087]],
  ])("%s", (type, fields, expected) => {
    const got = ask({ type, init: 1, ...fields });
    for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 3);
  });

  it("is undefined for a number, and follows ties", () => {
    expect(ask(3)[0]).toBeNaN();
    const marks = priorMarks(SCHEMA, SESSION, "disk", "r_eff");
    expect(marks.centre?.x).toEqual({ low: 59, middle: 60, high: 61 });
    const own = priorInterval(SCHEMA, SESSION, "galaxy.r_eff");
    expect(marks.size?.low).toBeCloseTo(2 * (own?.low ?? 0) + 1);
  });
});

describe("on the page", () => {
  async function page() {
    const opened = await open();
    await opened.showImage();
    const stage = opened.named("div", "data panel");
    const menu = () => [...opened.el.querySelectorAll<HTMLElement>(".sl-menu:not([hidden]) [role=menuitem]")];
    return { ...opened, stage, menu };
  }

  it("a double click offers types to add, and adds the chosen one", async () => {
    const { menu, one, stage, state } = await page();
    stage.dispatchEvent(
      new MouseEvent("dblclick", { bubbles: true, clientX: STAGE / 2, clientY: STAGE / 2 }),
    );
    expect(menu().map((item) => item.textContent)).toEqual(["Sérsic", "Exponential", "Point source"]);
    expect(document.activeElement).toBe(menu()[0]);
    menu()[2]?.click();
    await nextFrame();
    expect(menu()).toEqual([]);
    const added = (state.session as Session).model.components.pointsource;
    // The centre of light of a picture of 3 x 2 pixels.
    expect(added?.xc).toMatchObject({ init: 0.9 });
    expect(one('[aria-label="pointsource"]')).toBeTruthy();
  });

  it("the menu adds a small, faint source at the selected one, or at the crosshair if there is one", async () => {
    const centred = (x: number, y: number): Session => {
      const { galaxy, ...others } = SESSION.model.components;
      const moved = { ...(galaxy as Component), xc: x, yc: y };
      return { ...SESSION, model: { ...SESSION.model, components: { galaxy: moved, ...others } } };
    };
    const added = async (session: Session, display = {}) => {
      const opened = await open({ session, display: { selected: "galaxy", ...display } });
      await opened.showImage();
      await opened.change(opened.named<HTMLSelectElement>("select", "add a component"), "Sersic");
      return (opened.state.session as Session).model.components.sersic as Record<string, Setting>;
    };
    const place = ({ xc, yc }: Record<string, Setting>) => [xc, yc].map((each) => (each as Prior).init);
    const own = await added(centred(2.25, 0.25));
    expect(place(own)).toEqual([2.25, 0.25]);
    expect((own.r_eff as Prior).init).toBeLessThanOrEqual(3);
    const middle = place(await added(centred(2.25, 0.25), { selected: "sky" }));
    // If the selected one lies outside the image or is a sky, as if nothing were selected.
    expect(place(await added(centred(60, 50)))).toEqual(middle);
    expect(middle).not.toEqual([2.25, 0.25]);
    const pinned = { pin: { x: 0, y: 1 } };
    expect(place(await added(centred(2.25, 0.25), pinned))).not.toEqual([2.25, 0.25]);
  });

  it("A does the same at the crosshair; Escape cancels", async () => {
    const { menu, press, stage, state } = await page();
    await press(stage, "a");
    expect(menu()).toEqual([]);
    await press(stage, "ArrowRight", { shiftKey: true });
    await press(stage, "a");
    await press(menu()[0] as HTMLElement, "ArrowDown");
    expect(document.activeElement).toBe(menu()[1]);
    await press(menu()[1] as HTMLElement, "Escape");
    expect(menu()).toEqual([]);
    expect(document.activeElement).toBe(stage);
    expect(state.session).toBe(SESSION);
  });

  it("a message brings the posterior's ellipses, a selection shows the prior's marks", async () => {
    const { el, receive } = await page();
    const galaxy = () => el.querySelector('.sl-panel-data g[data-component="galaxy"]');
    expect(galaxy()?.querySelector(".sl-draws")?.getAttribute("d")).toBe("");
    const shapes = {
      galaxy: [
        [60, 50, 4, 0.5, 0.3],
        [60.1, 50, 4.2, 0.5, 0.3],
      ],
    };
    receive({ t: "posterior", shapes });
    await nextFrame();
    expect(galaxy()?.querySelector(".sl-draws")?.getAttribute("d")?.match(/Z/g)).toHaveLength(2);
    expect(galaxy()?.querySelector(".sl-band")?.getAttribute("d")?.match(/Z/g)).toHaveLength(2);
    const disk = el.querySelector('.sl-panel-data g[data-component="disk"] .sl-band');
    expect(disk?.getAttribute("d")).toBe("");
  });
});
