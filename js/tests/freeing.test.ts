import { expect, it, vi } from "vitest";
import { freeWhenClosed } from "../src/freeing";

/** A model as in ipywidgets: a comm with callbacks, which closes. */
function hostModel() {
  const comm = { on_close: vi.fn(), on_msg: vi.fn() };
  const destroyed: (() => void)[] = [];
  const on = (_event: string, callback: () => void) => void destroyed.push(callback);
  return { comm, on, close: () => destroyed.forEach((callback) => void callback()) };
}

function setUp(models: Record<string, object>) {
  let receive = (_content: object) => {};
  const get_model = async (id: string) => {
    const found = models[id];
    if (!found) throw new Error(id);
    return found;
  };
  freeWhenClosed({
    on: (_event: string, callback: typeof receive) => {
      receive = callback;
    },
    widget_manager: { get_model },
  });
  return { receive: (content: object) => receive(content) };
}

it("removes the callbacks from the comms of closed models, after they have closed", async () => {
  const [one, other, third] = [hostModel(), hostModel(), hostModel()];
  const { receive } = setUp({ one, other, third });
  receive({ t: "closing", models: ["one", "gone", "other"] });
  await Promise.resolve().then(() => {});
  for (const model of [one, other]) expect(model.comm.on_close).not.toHaveBeenCalled();
  for (const model of [one, other, third]) model.close();
  for (const { comm } of [one, other]) {
    expect(comm.on_close).toHaveBeenCalledOnce();
    expect(comm.on_msg).toHaveBeenCalledOnce();
  }
  expect(third.comm.on_close).not.toHaveBeenCalled();
});

it("ignores unknown models and other messages", async () => {
  const model = hostModel();
  const { receive } = setUp({ model, bare: {}, strange: { comm: {}, on: model.on } });
  receive({ t: "frame" });
  receive({ t: "closing", models: ["bare", "strange"] });
  await Promise.resolve().then(() => {});
  model.close();
  expect(model.comm.on_close).not.toHaveBeenCalled();
});
