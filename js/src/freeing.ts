/**
 * Freeing the models of a workbench that is closed: its own, and those of the figures beside it.
 *
 * JupyterLab (4.4 to 4.6) keeps the comm of each closed widget as long as the kernel connection exists, because the
 * comm's handler of the kernel status stays connected. The comm's callbacks would keep the model and its views alive.
 */

interface Comm {
  on_close(callback: () => void): void;
  on_msg(callback: () => void): void;
}
/** The parts of a host's model that anywidget's types lack. */
interface HostModel {
  comm?: Comm;
  on?(event: "destroy", callback: () => void): void;
}
interface Announcing {
  on(event: "msg:custom", callback: (content: { t?: string; models?: string[] }) => void): void;
  widget_manager?: { get_model(id: string): Promise<unknown> };
}

/** Python names the models in a message before it closes them. Models without a comm need no freeing. */
export function freeWhenClosed(model: Announcing): void {
  model.on("msg:custom", ({ t, models = [] }) => {
    if (t !== "closing") return;
    for (const id of models) model.widget_manager?.get_model(id).then(cut, () => {});
  });
}

function cut(found: unknown): void {
  const { comm } = (found ?? {}) as HostModel;
  if (!comm?.on_close || !comm.on_msg) return;
  (found as HostModel).on?.("destroy", () => {
    comm.on_close(() => {});
    comm.on_msg(() => {});
  });
}
