/** Keys in the widget's controls, as a user means them and not as the host does. */

/**
 * Lab takes the arrow keys of whatever has the focus in a notebook, a slider too. Its shortcuts look for this attribute
 * on the element itself before they look for it above.
 */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** Keeps the host's shortcuts off the controls, and makes Enter commit what was typed into a number box. */
export function ownKeys(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "focusin",
    ({ target }) => {
      if (target instanceof Element) target.setAttribute(SUPPRESS, "true");
    },
    { signal },
  );
  root.addEventListener(
    "keydown",
    ({ key, target }) => {
      if (key !== "Enter" || !(target instanceof HTMLInputElement) || target.type !== "number") return;
      // Outside a form, Enter alone is no change to Chromium.
      target.blur();
      target.focus();
    },
    { signal },
  );
}
