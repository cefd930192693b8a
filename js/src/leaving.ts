/** Noticing that the user turns from the widget to something else, by focus, by the pointer or by a key. */

export function whenLeft(root: HTMLElement, left: () => void, signal: AbortSignal): void {
  const outside = (target: EventTarget | null) => !(target instanceof Node && root.contains(target));
  root.addEventListener("focusout", ({ relatedTarget }) => outside(relatedTarget) && left(), { signal });
  root.addEventListener("pointerleave", left, { signal });
  // Not every browser gives a button that is pressed the focus, which then is not lost either.
  for (const event of ["pointerdown", "keydown"])
    document.addEventListener(event, ({ target }) => outside(target) && left(), { capture: true, signal });
}
