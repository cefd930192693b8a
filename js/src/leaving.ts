/** Detect that the user leaves the widget, by focus, pointer or key. */

export function whenLeft(root: HTMLElement, left: () => void, signal: AbortSignal): void {
  const outside = (target: EventTarget | null) => !(target instanceof Node && root.contains(target));
  root.addEventListener("focusout", ({ relatedTarget }) => outside(relatedTarget) && left(), { signal });
  root.addEventListener("pointerleave", left, { signal });
  // Not every browser focuses a button that is pressed, so its focus can't be lost either.
  for (const event of ["pointerdown", "keydown"])
    document.addEventListener(event, ({ target }) => outside(target) && left(), { capture: true, signal });
}
