/** Which components are seen in the pictures, and how the light is shared among them: nothing that Python need know. */

import { hasParameter, type Session, valueAt } from "./spec";
import type { Display, State } from "./state";
import { shown } from "./state";

/** Whether a component's eye is open; one that stands alone closes all others. */
export function isSeen({ hidden, solo }: Pick<Display, "hidden" | "solo">, name: string): boolean {
  return solo === "" ? !hidden.includes(name) : solo === name;
}

export const isLocked = (state: State, name: string): boolean => state.display.locked.includes(name);

/** The names of those that are in the model and in the pictures. */
export function seenNames(state: State): string[] {
  const session = shown(state);
  const names = Object.keys(session.model.components);
  // A name that is gone hides nothing.
  const solo = names.includes(state.display.solo) ? state.display.solo : "";
  return names.filter((name) => !session.off.includes(name) && isSeen({ ...state.display, solo }, name));
}

/** Of the light of all sources in the model, the part of each; null where the fluxes make no parts. */
export function fluxParts(session: Session): Record<string, number> | null {
  const sources = Object.entries(session.model.components).filter(
    ([name, component]) => hasParameter(component, "flux") && !session.off.includes(name),
  );
  const fluxes = sources.map(([name]) => valueAt(session, `${name}.flux`));
  const total = fluxes.reduce((sum, flux) => sum + flux, 0);
  if (sources.length < 2 || !fluxes.every((flux) => flux >= 0) || !(total > 0)) return null;
  return Object.fromEntries(sources.map(([name], i) => [name, (fluxes[i] as number) / total]));
}

/** The display after a component has got another name, or none. */
export function displayAfter(display: Display, old: string, name: string | null): Partial<Display> {
  const list = (names: readonly string[]) => names.flatMap((each) => (each === old ? (name ?? []) : each));
  const one = (each: string) => (each === old ? (name ?? "") : each);
  return {
    hidden: list(display.hidden),
    locked: list(display.locked),
    solo: one(display.solo),
    selected: one(display.selected),
  };
}
