/** A schema and a session as Python writes them, and a stand-in for the anywidget model. */

import type { AnyModel } from "@anywidget/types";
import type { Traits } from "../src/host";
import type { Component, Parameter, PriorField, Schema, Session } from "../src/spec";

const parameter = (
  name: string,
  low: number | null = null,
  high: number | null = null,
  unit = "",
): Parameter => ({ name, low, high, unit, doc: `what ${name} is` });
const field = (name: string): PriorField => ({ name, low: null, high: null, default: null });

const centre = [
  parameter("xc", null, null, "pixel"),
  parameter("yc", null, null, "pixel"),
  parameter("flux"),
];
const ellipse = [parameter("ellip", 0, 0.95), parameter("theta", null, null, "rad")];
const size = parameter("r_eff", 0.01, 1e5, "pixel");

export const SCHEMA: Schema = {
  version: 1,
  profiles: {
    Sersic: {
      title: "Sérsic",
      doc: "",
      kind: "source",
      parameters: [...centre, size, parameter("n", 0.5, 8), ...ellipse],
    },
    Exponential: { title: "Exponential", doc: "", kind: "source", parameters: [...centre, size, ...ellipse] },
    PointSource: { title: "Point source", doc: "", kind: "source", parameters: centre },
    Boxy: { title: "Boxy", doc: "", kind: "modifier", parameters: [parameter("c0", -1, 4)] },
    FlatSky: { title: "Flat sky", doc: "", kind: "sky", parameters: [parameter("level")] },
  },
  priors: {
    Normal: { doc: "", fields: [field("loc"), field("scale")] },
    TruncatedNormal: { doc: "", fields: [field("loc"), field("scale"), field("low"), field("high")] },
    LogNormal: { doc: "", fields: [field("loc"), field("scale")] },
    Uniform: { doc: "", fields: [field("low"), field("high")] },
    LogUniform: { doc: "", fields: [field("low"), field("high")] },
    Angle: { doc: "", fields: [] },
    Custom: { doc: "", fields: [] },
  },
  methods: { MAP: { doc: "" }, Laplace: { doc: "" }, NUTS: { doc: "" } },
};

export const SESSION: Session = {
  version: 1,
  model: {
    type: "Model",
    components: {
      galaxy: {
        type: "Sersic",
        xc: { type: "Normal", loc: 60, scale: 1, init: 60.2 },
        yc: { type: "TruncatedNormal", loc: 50, scale: 1, low: 40, high: 60, init: 50 },
        flux: 100,
        r_eff: { type: "LogUniform", low: 0.5, high: 20, init: 4 },
        n: { type: "Uniform", low: 0.5, high: 8, init: 2 },
        ellip: 0.5,
        theta: { type: "Angle", init: 0.3 },
      },
      disk: {
        type: "Exponential",
        xc: { type: "Tied", to: "galaxy.xc", scale: 1, offset: 0 },
        yc: { type: "Tied", to: "galaxy.yc", scale: 1, offset: 0 },
        flux: 50,
        r_eff: { type: "Tied", to: "galaxy.r_eff", scale: 2, offset: 1 },
        ellip: 0.2,
        theta: 0,
      },
      sky: { type: "FlatSky", level: 0 },
    },
  },
  off: [],
};

/** The session with its galaxy inside a modifier. */
export const NESTED: Session = {
  ...SESSION,
  model: {
    ...SESSION.model,
    components: {
      ...SESSION.model.components,
      galaxy: {
        type: "Boxy",
        profile: SESSION.model.components.galaxy as Component,
        c0: { type: "Uniform", low: -0.5, high: 0.5, init: 0.1 },
      },
    },
  },
};

export type Sent = { t: string; [key: string]: unknown };

/** An anywidget model whose Python side is the test. */
export function fakeModel(traits: Partial<Traits> = {}) {
  const state: Record<string, unknown> = {
    schema: SCHEMA,
    session: SESSION,
    display: {},
    progress: {},
    summary: {},
    recovery: {},
    problems: [],
    kept: [],
    control: null,
    ...traits,
  };
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  const emit = (event: string, ...args: unknown[]) => {
    for (const listener of [...(listeners.get(event) ?? [])]) listener(...args);
  };
  const sent: Sent[] = [];
  const buffers: ArrayBufferView[][] = [];
  let saves = 0;
  const model = {
    get: (name: string) => state[name],
    set(name: string, value: unknown) {
      state[name] = value;
      emit(`change:${name}`);
    },
    save_changes() {
      saves += 1;
    },
    send(message: Sent, _callbacks?: unknown, views: ArrayBufferView[] = []) {
      sent.push(message);
      buffers.push(views);
    },
    on(event: string, listener: () => void) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off: (event: string, listener: () => void) => void listeners.get(event)?.delete(listener),
  } as unknown as AnyModel<Traits>;
  return {
    model,
    sent,
    /** The buffers of each message. */
    buffers,
    state,
    /** Python sets a trait. */
    push: (name: keyof Traits, value: unknown) => model.set(name, value as never),
    /** Python sends a message. */
    receive: (message: object, buffers: ArrayBufferView[] = []) => emit("msg:custom", message, buffers),
    saves: () => saves,
    listenerCount: () => [...listeners.values()].reduce((count, set) => count + set.size, 0),
    of: (kind: string) => sent.filter((message) => message.t === kind),
  };
}

export const view = (values: ArrayLike<number>): DataView => new DataView(Float32Array.from(values).buffer);
export const bytes = (values: ArrayLike<number>): DataView => new DataView(Uint8Array.from(values).buffer);

/** An image of 3 x 2 pixels, one of them masked, as Python describes it. */
export const IMAGE_MESSAGE = {
  t: "image",
  shape: [2, 3],
  layers: ["data", "sigma", "mask"],
  limits: { data: { percentile: [0, 5], zscale: [1, 4], minmax: [-1, 6] } },
};
export const IMAGE_BUFFERS = [
  view([0, 1, 2, 3, 4, 5]),
  view([1, 1, 1, 2, 2, Number.NaN]),
  bytes([0, 0, 0, 0, 0, 1]),
];
