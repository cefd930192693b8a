import { expect, it, vi } from "vitest";
import { freeWhenClosed } from "../src/freeing";

/** A model as ipywidgets has it: a comm that calls back, and what happens as it closes. */
function hostModel() {
  const comm = { on_close: vi.fn(), on_msg: vi.fn() };
  const destroyed: (() => void)[] = [];
  const on = (_event: string, callback: () => void) => void destroyed.push(callback);
  return { comm, on, close: () => destroyed.forEach((callback) => void callback()) };
}

function setUp(models: Record<string, object>) {
  let tell = (_content: object) => {};
  const get_model = async (id: string) => {
    const found = models[id];
    if (!found) throw new Error(id);
    return found;
  };
  freeWhenClosed({
    on: (_event: string, callback: typeof tell) => {
      tell = callback;
    },
    widget_manager: { get_model },
  });
  return { tell: (content: object) => tell(content) };
}

it("takes their callbacks from the comms of the models that close, once they have", async () => {
  const [one, other, third] = [hostModel(), hostModel(), hostModel()];
  const { tell } = setUp({ one, other, third });
  tell({ t: "closing", models: ["one", "gone", "other"] });
  await Promise.resolve().then(() => {});
  for (const model of [one, other]) expect(model.comm.on_close).not.toHaveBeenCalled();
  for (const model of [one, other, third]) model.close();
  for (const { comm } of [one, other]) {
    expect(comm.on_close).toHaveBeenCalledOnce();
    expect(comm.on_msg).toHaveBeenCalledOnce();
  }
  expect(third.comm.on_close).not.toHaveBeenCalled();
});

it("leaves models alone of which it knows too little, and other messages", async () => {
  const model = hostModel();
  const { tell } = setUp({ model, bare: {}, strange: { comm: {}, on: model.on } });
  tell({ t: "frame" });
  tell({ t: "closing", models: ["bare", "strange"] });
  await Promise.resolve().then(() => {});
  model.close();
  expect(model.comm.on_close).not.toHaveBeenCalled();
});
