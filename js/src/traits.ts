/** The traits that Python writes, read into the store. */

import { listen, type Model } from "./host";
import type { Recovery, Run } from "./running";
import { displayFrom } from "./saved";
import { isSession, type Schema, sameDocument } from "./spec";
import type { KeptFit, Problem, Summary } from "./state";
import type { Store } from "./store";

/** The summary before the progress: a view that opens during a run must attribute it to the previous run. */
const TRAITS = [
  "schema",
  "session",
  "display",
  "summary",
  "progress",
  "recovery",
  "kept",
  "problems",
] as const;
type TraitName = (typeof TRAITS)[number];

/** Read all traits now, and each again when it changes. */
export function followTraits(model: Model, store: Store, signal: AbortSignal): void {
  for (const name of TRAITS) {
    const read = () => readTrait(model, store, name);
    read();
    listen(model, `change:${name}`, read, signal);
  }
}

/** Python writes {} until a trait has a value: such a trait is ignored. */
function readTrait(model: Model, store: Store, name: TraitName): void {
  const value = model.get(name) ?? {};
  switch (name) {
    case "schema":
      if (isSchema(value)) store.dispatch({ type: "schema", schema: value });
      break;
    case "session":
      if (isSession(value)) store.dispatch({ type: "hostSession", session: value });
      break;
    case "display":
      if (!sameDocument(displayFrom(value), store.state.display))
        store.dispatch({ type: "display", change: displayFrom(value) });
      break;
    case "progress":
      store.dispatch({ type: "run", run: value as Partial<Run>, time: performance.now() });
      break;
    case "summary":
      store.dispatch({ type: "summary", summary: isSummary(value) ? value : null });
      break;
    case "recovery":
      store.dispatch({ type: "recovery", recovery: value as Partial<Recovery>, time: performance.now() });
      break;
    case "kept":
      store.dispatch({ type: "kept", kept: Array.isArray(value) ? (value as KeptFit[]) : [] });
      break;
    case "problems":
      store.dispatch({ type: "problems", problems: Array.isArray(value) ? (value as Problem[]) : [] });
  }
}

const isSchema = (value: object): value is Schema => "profiles" in value && "priors" in value;
const isSummary = (value: object): value is Summary => "rows" in value;
