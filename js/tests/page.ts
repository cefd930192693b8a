/** The whole widget in a page of jsdom, which has neither canvas nor layout. */

import { setMaxListeners } from "node:events";
import { onTestFinished } from "vitest";
import type { Traits } from "../src/host";
import widget from "../src/index";
import { fakeModel, IMAGE_BUFFERS, IMAGE_MESSAGE } from "./fixtures";

/** The size of the panels' stages; the image of the messages is stretched to 120 x 100 pixels. */
export const STAGE = 240;

class NoResizeObserver {
  observe(): void {}
  disconnect(): void {}
}

function stubBrowser(): void {
  // Node warns of many listeners on one signal; the widget has one signal for all its listeners.
  setMaxListeners(0);
  Object.assign(globalThis, { ResizeObserver: NoResizeObserver });
  HTMLCanvasElement.prototype.getContext = (() => null) as never;
  for (const side of ["clientWidth", "clientHeight"])
    Object.defineProperty(HTMLElement.prototype, side, { configurable: true, get: () => STAGE });
}

export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => resolve(null)));

export async function open(traits: Partial<Traits> = {}) {
  stubBrowser();
  const fake = fakeModel(traits);
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  const controller = new AbortController();
  onTestFinished(() => controller.abort()); // its timers must not outlive the page
  const cleanup = await (widget.render as (props: object) => () => void)({
    model: fake.model,
    el,
    signal: controller.signal,
  });
  const one = <E extends HTMLElement>(selector: string): E => {
    const found = el.querySelectorAll<E>(selector);
    if (found.length !== 1) throw new Error(`${selector} matches ${found.length} elements`);
    return found[0] as E;
  };
  const named = <E extends HTMLElement>(tag: string, name: string) => one<E>(`${tag}[aria-label="${name}"]`);
  const change = async (
    input: HTMLInputElement | HTMLSelectElement,
    value: string,
    events = ["input", "change"],
  ) => {
    input.value = value;
    for (const event of events) input.dispatchEvent(new Event(event, { bubbles: true }));
    await nextFrame();
  };
  const check = async (box: HTMLInputElement) => {
    box.click();
    await nextFrame();
  };
  const press = async (target: HTMLElement, key: string, modifiers: KeyboardEventInit = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers });
    target.dispatchEvent(event);
    await nextFrame();
    return event;
  };
  const pointer = (target: HTMLElement, type: string, x: number, y: number) =>
    target.dispatchEvent(
      Object.assign(new MouseEvent(type, { bubbles: true, clientX: x, clientY: y, button: 0 }), {
        pointerId: 1,
      }),
    );
  const showImage = async () => {
    fake.receive(IMAGE_MESSAGE, IMAGE_BUFFERS);
    await nextFrame();
  };
  return { ...fake, el, controller, cleanup, one, named, change, check, press, pointer, showImage };
}

export const slider = (path: string) => `input[type=range][aria-label="${path}"]`;
export const box = (path: string) => `input[type=number][aria-label="${path}"]`;
