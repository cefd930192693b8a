/** A button that opens a section below it. */

import type { State } from "../state";
import { h } from "./dom";
import { icon } from "./icons";

export interface Drawer {
  button: HTMLButtonElement;
  element: HTMLElement;
  readonly open: boolean;
  update(state: State): void;
}

/** A section that opens below a row; it is made when first opened. */
export function createDrawer(
  name: string,
  shape: Parameters<typeof icon>[0],
  title: string,
  make: () => { element: HTMLElement; update(state: State): void },
): Drawer {
  const element = h("div", { class: "sl-drawer", hidden: true });
  const button = h(
    "button",
    { type: "button", class: "sl-tool", "aria-label": name, "aria-expanded": "false", title },
    icon(shape),
  );
  let content: ReturnType<typeof make> | null = null;
  let last: State | null = null;
  const update = (state: State) => {
    last = state;
    if (!element.hidden) content?.update(state);
  };
  button.addEventListener("click", () => {
    content ??= make();
    if (!content.element.isConnected) element.append(content.element);
    element.hidden = !element.hidden;
    button.setAttribute("aria-expanded", String(!element.hidden));
    if (last) update(last);
  });
  return {
    button,
    element,
    update,
    get open() {
      return !element.hidden;
    },
  };
}
