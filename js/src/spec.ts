/** The documents shared with Python (schema, session) and the reading and writing of parameters by path. */

import { at, has } from "./names";

export interface Parameter {
  name: string;
  low: number | null;
  high: number | null;
  unit: string;
  doc: string;
  /** Where a new prior lies and starts, if the range says too little; a length's start is in half-light radii. */
  usual?: [low: number, high: number] | null;
  start?: number | null;
  /** Whether a new prior is uniform in the logarithm, however narrow its range. */
  logarithmic?: boolean;
}
export interface Profile {
  title: string;
  doc: string;
  /** "source", "sky", or "modifier": what is nested in that brings its own parameters. */
  kind: string;
  parameters: Parameter[];
}
export interface PriorField {
  name: string;
  low: number | null;
  high: number | null;
  default: number | null;
}
export type Support = [low: number | null, high: number | null];
/** A setting of a method that a form can show. */
export interface MethodOption {
  name: string;
  kind: "int" | "float" | "bool" | "choice";
  default: OptionValue;
  choices: string[];
}
export type OptionValue = number | boolean | string;
export interface Schema {
  version: number;
  profiles: Record<string, Profile>;
  /** `support` is where every prior of the family reaches; null where its own fields bound it. */
  priors: Record<string, { doc: string; fields: PriorField[]; support?: Support | null }>;
  methods: Record<string, { doc: string; options?: MethodOption[] }>;
  /** Kinds of noise, and how each begins; null where Python must measure it. */
  noises?: Record<string, Profile & { document: Component | null }>;
  /** What components may share, such as a total flux. */
  links?: Record<string, Profile>;
  /** Models to start from, which Python guesses. */
  presets?: string[];
}

/** A prior: its family, the fields of that family, and the value that is shown and rendered. */
export type Prior = { type: string; init: number } & { [field: string]: unknown };
export interface Tied {
  type: "Tied";
  to: string;
  scale?: number;
  offset?: number;
  /** Times what this follows, which makes it no parameter that can be set by another's value. */
  by?: Tied;
}
/** A number is fixed, a prior free, a tie linked to another parameter. */
export type Setting = number | Prior | Tied;
/** A component of the model; what it modifies, if anything, is nested in it. */
export type Component = { type: string } & { [name: string]: Setting | Component | string };
export interface Model {
  components: Record<string, Component>;
  links?: Record<string, Component>;
  noise?: Component;
  [key: string]: unknown;
}
export interface Session {
  version: number;
  model: Model;
  off: string[];
  /** The name of an edited mask; without one, the image has its own. */
  mask?: string;
  /** The names of the components after they were arranged here. */
  order?: string[];
}

export const EMPTY_SCHEMA: Schema = { version: 1, profiles: {}, priors: {}, methods: {} };
export const EMPTY_SESSION: Session = { version: 1, model: { components: {} }, off: [] };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a session can be shown; what is wrong with one that can, Python tells. */
export function isSession(value: unknown): value is Session {
  if (!isRecord(value) || !isRecord(value.model) || !isRecord(value.model.components)) return false;
  const { off, order = [], mask = "" } = value;
  const components = Object.values(value.model.components);
  return isNames(off) && isNames(order) && typeof mask === "string" && components.every(isPart);
}

const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.every((name) => typeof name === "string");

/** More than any model needs, and far from what a stack can bear. */
const DEEPEST = 20;

const isPart = (value: unknown): boolean =>
  isRecord(value) && typeof value.type === "string" && hasParts(value, 0);

const hasParts = (value: object, depth: number): boolean =>
  depth < DEEPEST &&
  Object.values(value).every(
    (part) => typeof part !== "object" || part === null || hasParts(part, depth + 1),
  );

export function isTied(setting: Setting | undefined): setting is Tied {
  return typeof setting === "object" && setting?.type === "Tied";
}

export function isFree(setting: Setting | undefined): setting is Prior {
  return isRecord(setting) && setting.type !== "Tied";
}

/** Split "galaxy.n" at its last dot: parameters have plain names, components may not. */
export function splitPath(path: string): [component: string, name: string] {
  const dot = path.lastIndexOf(".");
  return [path.slice(0, dot), path.slice(dot + 1)];
}

/** What is nested in a component, and is neither a prior, which has a start, nor a tie. */
export function isComponent(value: unknown): value is Component {
  return isRecord(value) && typeof value.type === "string" && value.type !== "Tied" && !("init" in value);
}

/** What has parameters of that name: a component, something that components share, or the noise. */
export function ownerOf({ model }: Session, name: string): Component | undefined {
  return at(model.components, name) ?? at(model.links, name) ?? (name === NOISE ? model.noise : undefined);
}

export const NOISE = "noise";

/** Whether a component, or something that components share, has this name. */
export const isTaken = ({ model }: Session, name: string): boolean =>
  has(model.components, name) || has(model.links ?? {}, name);

function nestedIn(component: Component): [key: string, inner: Component][] {
  return Object.entries(component).filter((entry): entry is [string, Component] => isComponent(entry[1]));
}

/** The component itself and those nested in it, the innermost first. */
function layers(component: Component): Component[] {
  return [...nestedIn(component).flatMap(([, inner]) => layers(inner)), component];
}

/** Whether a component has a parameter, its own or a nested one. */
export function hasParameter(component: Component, name: string): boolean {
  return layers(component).some((layer) => has(layer, name));
}

export function settingAt(session: Session, path: string): Setting | undefined {
  const [name, key] = splitPath(path);
  const component = ownerOf(session, name);
  const setting = at(component && layers(component).find((layer) => has(layer, key)), key);
  if (typeof setting === "number") return setting;
  return isRecord(setting) && !isComponent(setting) ? (setting as Prior | Tied) : undefined;
}

export function withSetting(session: Session, path: string, setting: Setting): Session {
  const [name, key] = splitPath(path);
  const old = ownerOf(session, name);
  if (!old) return session;
  const { model } = session;
  const next = withOwn(old, key, setting);
  if (has(model.components, name))
    return { ...session, model: { ...model, components: { ...model.components, [name]: next } } };
  if (name === NOISE) return { ...session, model: { ...model, noise: next } };
  return { ...session, model: { ...model, links: { ...model.links, [name]: next } } };
}

function withOwn(component: Component, key: string, setting: Setting): Component {
  const inner = nestedIn(component).find(([, nested]) => hasParameter(nested, key));
  return inner
    ? { ...component, [inner[0]]: withOwn(inner[1], key, setting) }
    : { ...component, [key]: setting };
}

/** The declared parameters of a component, those of what is nested in it first. */
export function parametersOf(schema: Schema, component: Component): Parameter[] {
  return layers(component).flatMap((layer) => describe(schema, layer.type)?.parameters ?? []);
}

const describe = (schema: Schema, type: string): Profile | undefined =>
  at(schema.profiles, type) ?? at(schema.noises, type) ?? at(schema.links, type);

/** What a component is, in words: "Boxy Sérsic". */
export function titleOf(schema: Schema, component: Component): string {
  return layers(component)
    .map((layer) => describe(schema, layer.type)?.title ?? layer.type)
    .reverse()
    .join(" ");
}

/** Its types, from the outermost in: what its card is made for. */
export function typeOf(component: Component): string {
  return layers(component)
    .map((layer) => layer.type)
    .join("<");
}

export function parameterAt(schema: Schema, session: Session, path: string): Parameter | undefined {
  const [name, key] = splitPath(path);
  const component = ownerOf(session, name);
  return component && parametersOf(schema, component).find((parameter) => parameter.name === key);
}

/** Every path of the model that the schema knows, in the order of the rows. */
export function paths(schema: Schema, session: Session): string[] {
  const { components, links, noise } = session.model;
  const owners = Object.entries({ ...components, ...links, ...(noise && { [NOISE]: noise }) });
  return owners.flatMap(([name, component]) =>
    parametersOf(schema, component)
      .filter((parameter) => hasParameter(component, parameter.name))
      .map((parameter) => `${name}.${parameter.name}`),
  );
}

/** The parameter at the end of a chain of ties, with value = scale * value(root) + offset. */
export interface Root {
  path: string;
  scale: number;
  offset: number;
}

/** Follow ties to their end; null when they run in a circle, to nothing, or to two ends. */
export function rootOf(session: Session, path: string): Root | null {
  const root: Root = { path, scale: 1, offset: 0 };
  const seen = new Set<string>();
  for (let setting = settingAt(session, path); ; setting = settingAt(session, root.path)) {
    if (setting === undefined || seen.has(root.path)) return null;
    if (!isTied(setting)) return root;
    if (setting.by) return null;
    seen.add(root.path);
    root.offset += root.scale * (setting.offset ?? 0);
    root.scale *= setting.scale ?? 1;
    root.path = setting.to;
  }
}

/** The value that is shown and rendered; NaN when a tie leads nowhere, or in a circle. */
export function valueAt(session: Session, path: string, depth = 0): number {
  const setting = settingAt(session, path);
  if (setting === undefined || depth > DEEPEST) return Number.NaN;
  if (!isTied(setting)) return isFree(setting) ? Number(setting.init) : Number(setting);
  const follow = ({ to, scale = 1, offset = 0 }: Tied) => scale * valueAt(session, to, depth + 1) + offset;
  return follow(setting) * (setting.by ? follow(setting.by) : 1);
}

/** The values of own (not tied) parameters that differ between two sessions: what a render request carries. */
export function changedValues(schema: Schema, before: Session, after: Session): Record<string, number> {
  const values: Record<string, number> = {};
  for (const path of paths(schema, after)) {
    // The noise changes no picture.
    if (isTied(settingAt(after, path)) || splitPath(path)[0] === NOISE) continue;
    const value = valueAt(after, path);
    if (value !== valueAt(before, path) && Number.isFinite(value)) values[path] = value;
  }
  return values;
}

export function sameDocument(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
