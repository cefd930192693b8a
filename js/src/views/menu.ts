/** A small menu on a picture, to choose the type of source to add there. */

import { h } from "./dom";

export interface Menu {
  element: HTMLElement;
  /** Offer the choices at a position of the element that holds the menu; `back` gets the focus afterwards. */
  open(x: number, y: number, choices: [value: string, label: string][], back: HTMLElement): void;
}

export function createMenu(title: string, chosen: (value: string) => void): Menu {
  const list = h("div", { class: "sl-menu-list", role: "menu", "aria-label": title });
  const element = h("div", { class: "sl-menu", hidden: true }, h("div", { class: "sl-label" }, title), list);
  let returnTo: HTMLElement | null = null;

  function close(): void {
    if (element.hidden) return;
    element.hidden = true;
    returnTo?.focus();
  }

  function item(value: string, label: string): HTMLElement {
    const button = h("button", { type: "button", role: "menuitem", tabindex: -1 }, label);
    button.addEventListener("click", () => {
      close();
      chosen(value);
    });
    return button;
  }

  element.addEventListener("keydown", (event) => {
    const items = [...list.children] as HTMLElement[];
    const at = items.indexOf(event.target as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items[(at + step + items.length) % items.length]?.focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (!element.contains(relatedTarget as Node | null)) element.hidden = true;
  });

  return {
    element,
    open(x, y, choices, back) {
      returnTo = back;
      list.replaceChildren(...choices.map(([value, label]) => item(value, label)));
      element.hidden = false;
      const room = element.parentElement;
      // Keep the menu within the pictures if possible.
      const left = Math.max(Math.min(x, (room?.clientWidth ?? 0) - element.offsetWidth - 4), 0);
      const top = Math.max(Math.min(y, (room?.clientHeight ?? 0) - element.offsetHeight - 4), 0);
      element.style.left = `${left}px`;
      element.style.top = `${top}px`;
      (list.firstElementChild as HTMLElement | null)?.focus();
    },
  };
}
