/** The components visible in the pictures, and their fractions of the light. Python does not need this. */

import { hasParameter, type Session, valueAt } from "./spec";
import type { Display, State } from "./state";
import { shown } from "./state";

/** Whether a component is visible; one shown alone hides all others. */
export function isSeen({ hidden, solo }: Pick<Display, "hidden" | "solo">, name: string): boolean {
  return solo === "" ? !hidden.includes(name) : solo === name;
}

export const isLocked = (state: State, name: string): boolean => state.display.locked.includes(name);

/** The names of the components that are in the model and visible. */
export function seenNames(state: State): string[] {
  const session = shown(state);
  const names = Object.keys(session.model.components);
  // A name that no longer exists hides nothing.
  const solo = names.includes(state.display.solo) ? state.display.solo : "";
  return names.filter((name) => !session.off.includes(name) && isSeen({ ...state.display, solo }, name));
}

/** The fraction of the light of each source in the model; null if the fluxes have no fractions. */
export function fluxParts(session: Session): Record<string, number> | null {
  const sources = Object.entries(session.model.components).filter(
    ([name, component]) => hasParameter(component, "flux") && !session.off.includes(name),
  );
  const fluxes = sources.map(([name]) => valueAt(session, `${name}.flux`));
  const total = fluxes.reduce((sum, flux) => sum + flux, 0);
  if (sources.length < 2 || !fluxes.every((flux) => flux >= 0) || !(total > 0)) return null;
  return Object.fromEntries(sources.map(([name], i) => [name, (fluxes[i] as number) / total]));
}

/** The display after a component was renamed or removed. */
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
