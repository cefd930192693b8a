/** The documents shared with Python (schema, session) and the reading and writing of parameters by path. */

export interface Parameter {
  name: string;
  low: number | null;
  high: number | null;
  unit: string;
  doc: string;
}
export interface Profile {
  title: string;
  doc: string;
  kind: string;
  parameters: Parameter[];
}
export interface PriorField {
  name: string;
  low: number | null;
  high: number | null;
  default: number | null;
}
export interface Schema {
  version: number;
  profiles: Record<string, Profile>;
  priors: Record<string, { doc: string; fields: PriorField[] }>;
  methods: Record<string, { doc: string }>;
}

/** A prior: its family, the fields of that family, and the value that is shown and rendered. */
export type Prior = { type: string; init: number } & { [field: string]: unknown };
export interface Tied {
  type: "Tied";
  to: string;
  scale?: number;
  offset?: number;
}
/** A number is fixed, a prior free, a tie linked to another parameter. */
export type Setting = number | Prior | Tied;
export type Component = { type: string } & { [name: string]: Setting | string };
export interface Model {
  components: Record<string, Component>;
  [key: string]: unknown;
}
export interface Session {
  version: number;
  model: Model;
  off: string[];
  /** The name of an edited mask; without one, the image has its own. */
  mask?: string;
}

export const EMPTY_SCHEMA: Schema = { version: 1, profiles: {}, priors: {}, methods: {} };
export const EMPTY_SESSION: Session = { version: 1, model: { components: {} }, off: [] };

export function isTied(setting: Setting | undefined): setting is Tied {
  return typeof setting === "object" && setting.type === "Tied";
}

export function isFree(setting: Setting | undefined): setting is Prior {
  return typeof setting === "object" && setting.type !== "Tied";
}

/** Split "galaxy.n" at its last dot: parameters have plain names, components may not. */
export function splitPath(path: string): [component: string, name: string] {
  const dot = path.lastIndexOf(".");
  return [path.slice(0, dot), path.slice(dot + 1)];
}

export function settingAt(session: Session, path: string): Setting | undefined {
  const [component, name] = splitPath(path);
  const setting = session.model.components[component]?.[name];
  return typeof setting === "string" ? undefined : setting;
}

export function withSetting(session: Session, path: string, setting: Setting): Session {
  const [component, name] = splitPath(path);
  const old = session.model.components[component];
  if (!old) return session;
  const components = { ...session.model.components, [component]: { ...old, [name]: setting } };
  return { ...session, model: { ...session.model, components } };
}

export function parametersOf(schema: Schema, component: Component): Parameter[] {
  return schema.profiles[component.type]?.parameters ?? [];
}

export function parameterAt(schema: Schema, session: Session, path: string): Parameter | undefined {
  const [name, key] = splitPath(path);
  const component = session.model.components[name];
  return component && parametersOf(schema, component).find((parameter) => parameter.name === key);
}

/** Every path of the model that the schema knows, in the order of the rows. */
export function paths(schema: Schema, session: Session): string[] {
  return Object.entries(session.model.components).flatMap(([name, component]) =>
    parametersOf(schema, component)
      .filter((parameter) => parameter.name in component)
      .map((parameter) => `${name}.${parameter.name}`),
  );
}

/** The parameter at the end of a chain of ties, with value = scale * value(root) + offset. */
export interface Root {
  path: string;
  scale: number;
  offset: number;
}

/** Follow ties to their end; null when they run in a circle or to nothing. */
export function rootOf(session: Session, path: string): Root | null {
  const root: Root = { path, scale: 1, offset: 0 };
  const seen = new Set<string>();
  for (let setting = settingAt(session, path); ; setting = settingAt(session, root.path)) {
    if (setting === undefined || seen.has(root.path)) return null;
    if (!isTied(setting)) return root;
    seen.add(root.path);
    root.offset += root.scale * (setting.offset ?? 0);
    root.scale *= setting.scale ?? 1;
    root.path = setting.to;
  }
}

/** The value that is shown and rendered; NaN when a tie leads nowhere. */
export function valueAt(session: Session, path: string): number {
  const root = rootOf(session, path);
  const setting = root ? settingAt(session, root.path) : undefined;
  if (!root || setting === undefined) return Number.NaN;
  const value = isFree(setting) ? Number(setting.init) : Number(setting);
  return root.scale * value + root.offset;
}

/** The values of own (not tied) parameters that differ between two sessions: what a render request carries. */
export function changedValues(schema: Schema, before: Session, after: Session): Record<string, number> {
  const values: Record<string, number> = {};
  for (const path of paths(schema, after)) {
    if (isTied(settingAt(after, path))) continue;
    const value = valueAt(after, path);
    if (value !== valueAt(before, path) && Number.isFinite(value)) values[path] = value;
  }
  return values;
}

export function sameDocument(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
