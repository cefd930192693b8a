/** The anywidget model as its host gives it: its traits, its listeners, and the channel for cancel and pause. */

import type { AnyModel, Host } from "@anywidget/types";
import type { Control } from "./messages";
import type { Recovery, Run } from "./running";
import type { Schema, Session } from "./spec";
import type { Display, KeptFit, Problem, Summary } from "./state";

export interface Traits {
  schema: Partial<Schema>;
  session: Partial<Session>;
  display: Partial<Display>;
  progress: Partial<Run>;
  summary: Partial<Summary>;
  recovery: Partial<Recovery>;
  kept: KeptFit[];
  problems: Problem[];
  control: string | null;
}

export type Model = AnyModel<Traits>;
type Channel = Pick<Model, "send" | "on" | "off">;

const CONTROL_TIMEOUT_MS = 3000;

/** Call back on an event of a model until the signal aborts. */
export function listen(
  model: Pick<Model, "on" | "off">,
  event: string,
  callback: (...args: never[]) => void,
  signal: AbortSignal,
): void {
  const handler = callback as () => void;
  model.on(event, handler);
  signal.addEventListener("abort", () => model.off(event as `change:${keyof Traits}`, handler));
}

/**
 * Send cancel and pause on a separate model, which Python answers even while the kernel is busy. If the host does not
 * find that model, the editor's model is used instead.
 */
export function controlChannel(
  model: Model,
  host: Host | undefined,
  signal: AbortSignal,
  heard: () => void,
): (message: Control) => Promise<void> {
  const target = resolveControl(model, host);
  void target.then((channel) => channel !== model && listen(channel, "msg:custom", heard, signal));
  return async (message) => {
    const channel = await target;
    try {
      channel.send(message);
    } catch {} // a host throws when the kernel is gone, which the pulse reports
    if (channel === model) heard(); // this model does not answer a ping
  };
}

async function resolveControl(model: Model, host: Host | undefined): Promise<Channel> {
  const reference = model.get("control");
  if (!reference || !host?.getModel) return model;
  const late = new Promise<Channel>((resolve) => setTimeout(resolve, CONTROL_TIMEOUT_MS, model));
  try {
    return await Promise.race([host.getModel(reference), late]);
  } catch {
    return model;
  }
}
