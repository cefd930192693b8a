import { afterEach, beforeEach, expect, it, vi } from "vitest";
import loader from "../src/loader";

const CODE = `
globalThis.imports = (globalThis.imports ?? 0) + 1;
export default { initialize: (props) => props.heard("initialize"), render: (props) => props.heard("render") };
`;
const [made, revoked] = [vi.fn(), vi.fn()];

beforeEach(() => {
  // Node can't import blob: URLs, and jsdom can't make them.
  URL.createObjectURL = (blob) => {
    made(blob);
    return `data:text/javascript,${encodeURIComponent(CODE)}`;
  };
  URL.revokeObjectURL = revoked;
});
afterEach(() => {
  for (const name of ["imports", "sersiclab test"]) Reflect.deleteProperty(globalThis, name);
  vi.clearAllMocks();
});

const props = (heard: (name: string) => void, signal = new AbortController().signal) =>
  ({ model: { get: () => CODE }, signal, heard }) as never;

it("imports the widget once for all widgets of a page", async () => {
  const heard = vi.fn();
  await Promise.all([loader.initialize(props(heard)), loader.initialize(props(heard))]);
  await loader.render(props(heard));
  expect(heard.mock.calls).toEqual([["initialize"], ["initialize"], ["render"]]);
  expect((globalThis as Record<string, unknown>).imports).toBe(1);
  expect(made).toHaveBeenCalledOnce();
  expect(revoked).toHaveBeenCalledOnce();
});

it("draws nothing for a host that has gone in the meantime", async () => {
  const [heard, controller] = [vi.fn(), new AbortController()];
  const drawn = loader.render(props(heard, controller.signal));
  controller.abort();
  await drawn;
  expect(heard).not.toHaveBeenCalled();
});
