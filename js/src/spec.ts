/** The documents shared with Python (schema, session) and the reading and writing of parameters by path. */

import { at, has } from "./names";

export interface Parameter {
  name: string;
  low: number | null;
  high: number | null;
  unit: string;
  doc: string;
  /** The range and start of a new prior, if the declared range is too wide; the start of a length is in half-light radii. */
  usual?: [low: number, high: number] | null;
  start?: number | null;
  /** Whether a new prior is uniform in the logarithm, however narrow its range. */
  logarithmic?: boolean;
}
export interface Profile {
  title: string;
  doc: string;
  /** "source", "sky" or "modifier"; the component nested in a modifier has its own parameters. */
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
  /** `support` is that of every prior of the family; null if the fields of the prior bound it. */
  priors: Record<string, { doc: string; fields: PriorField[]; support?: Support | null }>;
  methods: Record<string, { doc: string; options?: MethodOption[] }>;
  /** Noise models and their initial documents; null if Python must measure it. */
  noises?: Record<string, Profile & { document: Component | null }>;
  /** Links between components, such as a total flux. */
  links?: Record<string, Profile>;
  /** Presets, which Python guesses from the image. */
  presets?: string[];
}

/** A prior: its family, the fields of that family, and the value that is shown and rendered. */
export type Prior = { type: string; init: number } & { [field: string]: unknown };
export interface Tied {
  type: "Tied";
  to: string;
  scale?: number;
  offset?: number;
  /** A second factor; a parameter that follows a product can't be set through its own value. */
  by?: Tied;
}
/** A number is fixed, a prior free, a tie linked to another parameter. */
export type Setting = number | Prior | Tied;
/** A component of the model; a modifier contains the component that it modifies. */
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
  /** The names of the components in the order that the user has given them. */
  order?: string[];
  /** Of several images: the name of the one on the screen, and what the page need not understand. */
  image?: string;
  joint?: unknown;
  masks?: Record<string, string>;
  /** The parameters that are functions of the image, by path. */
  varying?: Record<string, Varying>;
}
/** A smooth function of wavelength: the weights of its nodes, the range of its values, and the values of tied nodes. */
export interface Curve {
  weights: Record<string, number>;
  low: number | null;
  high: number | null;
  tied: Record<string, number>;
}
/** The band or the image whose value is shown, or a smooth function. */
export type Varying = { node: string } | Curve;

export const EMPTY_SCHEMA: Schema = { version: 1, profiles: {}, priors: {}, methods: {} };
export const EMPTY_SESSION: Session = { version: 1, model: { components: {} }, off: [] };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a session can be shown. Python reports problems with its contents. */
export function isSession(value: unknown): value is Session {
  if (!isRecord(value) || !isRecord(value.model) || !isRecord(value.model.components)) return false;
  const { off, order = [], mask = "", varying = {} } = value;
  const components = Object.values(value.model.components);
  if (!isRecord(varying) || !Object.values(varying).every(isVarying)) return false;
  return isNames(off) && isNames(order) && typeof mask === "string" && components.every(isPart);
}

const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.every((name) => typeof name === "string");

const isVarying = (value: unknown): boolean =>
  isRecord(value) && (typeof value.node === "string" || (isRecord(value.weights) && isRecord(value.tied)));

/** A depth that no model needs and every call stack can handle. */
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

/**
 * Split "galaxy.n" at its last dot: names of parameters have no dots, names of components may. That of a node is
 * "r_eff.at_0.47".
 */
export function splitPath(path: string): [component: string, name: string] {
  const node = path.search(NODE);
  const dot = path.lastIndexOf(".", node < 0 ? path.length : node - 1);
  return [path.slice(0, dot), path.slice(dot + 1)];
}

const NODE = /\.at_\d+\.\d+$/;

/** The name of the parameter to which a node belongs; any other name is returned unchanged. */
export const baseName = (name: string): string => name.replace(NODE, "");

/** Whether a value is a nested component, that is neither a prior, which has an `init`, nor a tie. */
export function isComponent(value: unknown): value is Component {
  return isRecord(value) && typeof value.type === "string" && value.type !== "Tied" && !("init" in value);
}

/** The owner of parameters with this name: a component, a link, or the noise. */
export function ownerOf({ model }: Session, name: string): Component | undefined {
  return at(model.components, name) ?? at(model.links, name) ?? (name === NOISE ? model.noise : undefined);
}

export const NOISE = "noise";

/** Whether a component or a link has this name. */
export const isTaken = ({ model }: Session, name: string): boolean =>
  has(model.components, name) || has(model.links ?? {}, name);

function nestedIn(component: Component): [key: string, inner: Component][] {
  return Object.entries(component).filter((entry): entry is [string, Component] => isComponent(entry[1]));
}

/** The component and those nested in it, the innermost first. */
function layers(component: Component): Component[] {
  return [...nestedIn(component).flatMap(([, inner]) => layers(inner)), component];
}

/** Whether a component has a parameter, its own or that of a nested component. */
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

/** The declared parameters of a component, those of nested components first. */
export function parametersOf(schema: Schema, component: Component): Parameter[] {
  return layers(component).flatMap((layer) => describe(schema, layer.type)?.parameters ?? []);
}

const describe = (schema: Schema, type: string): Profile | undefined =>
  at(schema.profiles, type) ?? at(schema.noises, type) ?? at(schema.links, type);

/** The title of a component, such as "Boxy Sérsic". */
export function titleOf(schema: Schema, component: Component): string {
  return layers(component)
    .map((layer) => describe(schema, layer.type)?.title ?? layer.type)
    .reverse()
    .join(" ");
}

/** The types of a component, from the outermost inwards, and the nodes, which determine its card. */
export function typeOf(component: Component): string {
  return layers(component)
    .map((layer) => [layer.type, ...Object.keys(layer).filter((key) => baseName(key) !== key)].join(" "))
    .join("<");
}

export function parameterAt(schema: Schema, session: Session, path: string): Parameter | undefined {
  const [name, key] = splitPath(path);
  const component = ownerOf(session, name);
  const declared = component && parametersOf(schema, component).find(({ name }) => name === baseName(key));
  return declared && { ...declared, name: key };
}

/** The parameters of a component that have a row: in place of a smooth function, its nodes. */
export function rowsOf(schema: Schema, component: Component): Parameter[] {
  return parametersOf(schema, component).flatMap((parameter) => {
    const nodes = nodesOf(component, parameter.name);
    if (nodes.length > 0) return nodes.map((name) => ({ ...parameter, name }));
    return hasParameter(component, parameter.name) ? [parameter] : [];
  });
}

/** The names of the nodes of a parameter. */
export const nodesOf = (component: Component, name: string): string[] =>
  layers(component).flatMap((layer) =>
    Object.keys(layer).filter((key) => key !== name && baseName(key) === name),
  );

/** The paths that have a row, and those of smooth functions. */
export function rowPaths(schema: Schema, session: Session): string[] {
  const known = paths(schema, session);
  const nodes = known.flatMap((path) => {
    const [owner, name] = splitPath(path);
    return nodesOf(ownerOf(session, owner) as Component, name).map((node) => `${owner}.${node}`);
  });
  return [...known, ...nodes];
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

/** Follow ties to their end; null if they form a circle, lead nowhere, or follow a product. */
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

/** The value that is shown and rendered; NaN if its tie leads nowhere or forms a circle. */
export function valueAt(session: Session, path: string, depth = 0): number {
  const setting = settingAt(session, path);
  if (setting === undefined || depth > DEEPEST) return Number.NaN;
  if (!isTied(setting)) return isFree(setting) ? Number(setting.init) : Number(setting);
  const follow = ({ to, scale = 1, offset = 0 }: Tied) => scale * valueAt(session, to, depth + 1) + offset;
  return follow(setting) * (setting.by ? follow(setting.by) : 1);
}

/** The values of parameters that are not tied and differ between two sessions, for a render request. */
export function changedValues(schema: Schema, before: Session, after: Session): Record<string, number> {
  const values: Record<string, number> = {};
  for (const path of paths(schema, after)) {
    // The noise does not change the pictures.
    if (isTied(settingAt(after, path)) || splitPath(path)[0] === NOISE) continue;
    const value = valueAt(after, path);
    if (value !== valueAt(before, path) && Number.isFinite(value)) values[path] = value;
  }
  return values;
}

export function sameDocument(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
