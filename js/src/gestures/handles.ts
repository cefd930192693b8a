/** Dragging and nudging the handles of an ellipse. */

import { carryCentre, setByGesture } from "../edits";
import {
  dragHandle,
  type HandleKind,
  nudgeHandle,
  type Point,
  type Shape,
  type ShapeChange,
} from "../geometry";
import { shapeOf, shapeValues } from "../shapes";
import type { Session } from "../spec";
import type { Store } from "../store";

/** The handle that an event concerns, if any. */
function handleOf(event: Event): { kind: HandleKind; component: string; element: HTMLElement } | null {
  const element = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-handle]") : null;
  const { handle, component } = element?.dataset ?? {};
  return element && handle && component ? { kind: handle as HandleKind, component, element } : null;
}

function withShape(store: Store, component: string, kind: HandleKind, change: ShapeChange): Session {
  const { schema, session } = store.state;
  const next = setByGesture(schema, session, shapeValues(schema, session, component, change));
  return kind === "centre" ? carryCentre(session, next, component) : next;
}

export function dragHandles(
  stage: HTMLElement,
  store: Store,
  imagePoint: (event: PointerEvent) => Point,
  signal: AbortSignal,
): void {
  let grab: { kind: HandleKind; component: string; from: Point; start: Shape; pointer: number } | null = null;

  const down = (event: PointerEvent) => {
    const handle = handleOf(event);
    if (!handle || event.button !== 0 || grab) return;
    select(store, handle.component);
    const start = shapeOf(store.state.schema, store.state.session, handle.component);
    if (!start) return;
    event.stopPropagation();
    handle.element.setPointerCapture?.(event.pointerId);
    grab = {
      kind: handle.kind,
      component: handle.component,
      from: imagePoint(event),
      start,
      pointer: event.pointerId,
    };
  };
  const move = (event: PointerEvent) => {
    if (!grab || event.pointerId !== grab.pointer) return;
    const change = dragHandle(grab.start, grab.kind, grab.from, imagePoint(event));
    store.dispatch({ type: "draft", session: withShape(store, grab.component, grab.kind, change) });
  };
  const end = (type: "commit" | "discard") => () => {
    if (!grab) return;
    grab = null;
    store.dispatch({ type });
  };
  stage.addEventListener("pointerdown", down, { signal });
  stage.addEventListener("pointermove", move, { signal });
  stage.addEventListener("pointerup", end("commit"), { signal });
  stage.addEventListener("pointercancel", end("discard"), { signal });
  const giveUp = (event: KeyboardEvent) => event.key === "Escape" && end("discard")();
  stage.addEventListener("keydown", giveUp, { signal });
}

const ARROWS: Record<string, Point> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: 1 },
  ArrowDown: { x: 0, y: -1 },
};

/** Arrow keys on a focused handle; with Shift, ten times as far. */
export function nudgeHandles(stage: HTMLElement, store: Store, signal: AbortSignal): void {
  const focus = (event: FocusEvent) => {
    const handle = handleOf(event);
    if (handle) select(store, handle.component);
  };
  const key = (event: KeyboardEvent) => {
    const handle = handleOf(event);
    const arrow = ARROWS[event.key];
    if (!handle || !arrow) return;
    event.preventDefault();
    const shape = shapeOf(store.state.schema, store.state.session, handle.component);
    if (!shape) return;
    const change = nudgeHandle(shape, handle.kind, arrow, event.shiftKey ? 10 : 1);
    const session = withShape(store, handle.component, handle.kind, change);
    const merge = `${handle.kind} of ${handle.component}`;
    store.dispatch({ type: "edit", session, merge, time: performance.now() });
  };
  stage.addEventListener("focusin", focus, { signal });
  stage.addEventListener("keydown", key, { signal });
}

export function select(store: Store, component: string): void {
  if (store.state.display.selected !== component)
    store.dispatch({ type: "display", change: { selected: component } });
}
