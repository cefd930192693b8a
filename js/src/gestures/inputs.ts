/** Keys in the widget's controls, protected from the shortcuts of the host. */

/**
 * JupyterLab captures the arrow keys of any focused element in a notebook, including sliders. Its shortcuts look for
 * this attribute on the element itself before they look at its ancestors.
 */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** Keep the host's shortcuts away from the controls, and let Enter commit the value of a number box. */
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
      // Outside a form, Chromium does not treat Enter as a change.
      target.blur();
      target.focus();
    },
    { signal },
  );
}
