/** A store that is connected to a stand-in for the anywidget model. */

import { setValue } from "../src/edits";
import { createStore } from "../src/store";
import { connect } from "../src/sync";
import { fakeModel, IMAGE_BUFFERS, IMAGE_MESSAGE, SCHEMA, SESSION, view } from "./fixtures";

export const n = (value: number) => setValue(SCHEMA, SESSION, "galaxy.n", value);
const PICTURE = [1, 1, 1, 1, 1, 1];

export function setUp(traits = {}, host?: object) {
  const fake = fakeModel(traits);
  const store = createStore();
  const controller = new AbortController();
  const kernel = connect(fake.model, host as never, controller.signal, store);
  fake.receive(IMAGE_MESSAGE, IMAGE_BUFFERS);
  const move = (x: number) =>
    store.dispatch({ type: "draft", session: setValue(SCHEMA, SESSION, "galaxy.xc", x) });
  const drag = (value: number) => store.dispatch({ type: "draft", session: n(value) });
  const frame = (seq: number | null, value = 1) =>
    fake.receive({ t: "frame", seq, components: ["galaxy"], dof: 5 }, [view(PICTURE.map(() => value))]);
  const drawn = () => store.state.frames.galaxy?.pixels[0];
  const seqs = () => fake.of("render").map((message) => message.seq as number);
  return { ...fake, store, kernel, controller, drag, move, frame, drawn, seqs };
}
