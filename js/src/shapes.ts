/** The ellipse of a component: its parameters, and their values after the ellipse was changed. */

import type { Shape, ShapeChange } from "./geometry";
import { at } from "./names";
import { type Component, hasParameter, parametersOf, type Schema, type Session, valueAt } from "./spec";

/** The parameter that is the ellipse's semi-major axis: r_eff, or the profile's first other length. */
export function sizeName(schema: Schema, component: Component): string | null {
  const lengths = parametersOf(schema, component).filter(
    (parameter) => parameter.unit === "pixel" && parameter.name !== "xc" && parameter.name !== "yc",
  );
  return (lengths.find((parameter) => parameter.name === "r_eff") ?? lengths[0])?.name ?? null;
}

/** Null for a component without a position on the image, such as a sky. */
export function shapeOf(schema: Schema, session: Session, name: string): Shape | null {
  const component = at(session.model.components, name);
  if (!component || !hasParameter(component, "xc") || !hasParameter(component, "yc")) return null;
  const read = (parameter: string) =>
    hasParameter(component, parameter) ? valueAt(session, `${name}.${parameter}`) : 0;
  const size = sizeName(schema, component);
  const shape = {
    xc: read("xc"),
    yc: read("yc"),
    size: size === null ? null : read(size),
    ellip: read("ellip"),
    theta: read("theta"),
  };
  return Object.values(shape).every((value) => value === null || Number.isFinite(value)) ? shape : null;
}

/** The parameter values, by path, for a change of the ellipse. */
export function shapeValues(
  schema: Schema,
  session: Session,
  name: string,
  change: ShapeChange,
): Record<string, number> {
  const component = at(session.model.components, name);
  if (!component) return {};
  const values: Record<string, number> = {};
  for (const [key, value] of Object.entries(change)) {
    const parameter: string | null = key === "size" ? sizeName(schema, component) : key;
    if (parameter !== null && hasParameter(component, parameter)) values[`${name}.${parameter}`] = value;
  }
  return values;
}
