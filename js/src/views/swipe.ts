/** The line between two stacked pictures: the front one is visible to its left, the other to its right. */

import type { State } from "../state";
import type { Store } from "../store";
import { h, show } from "./dom";

export interface Swipe {
  element: HTMLElement;
  update(state: State, stage: HTMLElement | null): void;
}

const KEY_STEP = 0.02;

export function createSwipe(store: Store): Swipe {
  const element = h("div", {
    class: "sl-swipe",
    role: "slider",
    tabindex: 0,
    "aria-label": "swipe",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    title: "drag, or arrow keys",
  });
  let left = 0;
  let width = 0;
  let grabbed = false;
  const moveTo = (swipe: number) =>
    store.dispatch({ type: "display", change: { swipe: Math.min(Math.max(swipe, 0), 1) } });

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    grabbed = true;
    element.setPointerCapture?.(event.pointerId);
  });
  element.addEventListener("pointermove", ({ clientX }) => {
    const origin = element.offsetParent?.getBoundingClientRect().left ?? 0;
    if (grabbed && width > 0) moveTo((clientX - origin - left) / width);
  });
  for (const end of ["pointerup", "pointercancel"])
    element.addEventListener(end, () => {
      grabbed = false;
    });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    moveTo(store.state.display.swipe + step * (event.shiftKey ? 5 : 1) * KEY_STEP);
  });

  return {
    element,
    update({ display }, stage) {
      const active =
        display.layout === "single" && display.compare === "swipe" && display.front !== display.back;
      show(element, active);
      if (!active || !stage) return;
      left = stage.offsetLeft;
      width = stage.offsetWidth;
      element.parentElement?.style.setProperty("--sl-swipe", `${100 * display.swipe}%`);
      element.style.left = `${left + display.swipe * width}px`;
      element.style.top = `${stage.offsetTop}px`;
      element.style.height = `${stage.offsetHeight}px`;
      element.setAttribute("aria-valuenow", String(Math.round(100 * display.swipe)));
    },
  };
}
