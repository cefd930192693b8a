/** Panning and zooming a panel, by pointer, wheel and keys. */

import { type Point, panBy, toImage, type View, type Viewport, zoomAt } from "../geometry";
import { type Display, MASKING } from "../state";
import type { Store } from "../store";
import type { Panel } from "../views/panel";
import { viewOf } from "../views/panel";
import { select } from "./handles";

const WHEEL_RATE = 0.0018;
const KEY_PAN = 24;
/** A press that moves less than this is a click. */
const CLICK_PX = 3;

export function zoomBy(store: Store, panel: Panel, factor: number | null, at?: Point): void {
  const frame = panel.frame(store.state.image);
  const centre = { x: frame.width / 2, y: frame.height / 2 };
  const view = factor === null ? null : zoomAt(viewOf(store.state, frame), frame, at ?? centre, factor);
  store.dispatch({ type: "display", change: { view } });
}

export function pointOn(panel: Panel, event: MouseEvent): Point {
  const box = panel.stage.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** Pin the crosshair to this pixel, or unpin it if it is there already. */
function pinAt(store: Store, at: Point): void {
  const { image, display } = store.state;
  const pin = { x: Math.round(at.x), y: Math.round(at.y) };
  if (!image || pin.x < 0 || pin.y < 0 || pin.x >= image.nx || pin.y >= image.ny) return;
  const again = display.pin?.x === pin.x && display.pin.y === pin.y;
  store.dispatch({ type: "display", change: { pin: again ? null : pin } });
}

export function panPanel(panel: Panel, store: Store, signal: AbortSignal): void {
  const { stage } = panel;
  let grab: { pointer: number; at: Point; view: View; frame: Viewport; moved: boolean } | null = null;

  const down = (event: PointerEvent) => {
    if (event.button > 1 || (event.target as Element).closest("[data-handle]")) return;
    const frame = panel.frame(store.state.image);
    grab = {
      pointer: event.pointerId,
      at: pointOn(panel, event),
      view: viewOf(store.state, frame),
      frame,
      moved: false,
    };
  };
  const move = (event: PointerEvent) => {
    if (!grab || event.pointerId !== grab.pointer) return;
    const at = pointOn(panel, event);
    const [dx, dy] = [at.x - grab.at.x, at.y - grab.at.y];
    if (!grab.moved && Math.hypot(dx, dy) < CLICK_PX) return;
    // Captured only now, because a click must reach the ellipse under it.
    if (!grab.moved) stage.setPointerCapture?.(event.pointerId);
    grab.moved = true;
    stage.classList.add("sl-panning");
    store.dispatch({ type: "display", change: { view: panBy(grab.view, grab.frame, dx, dy) } });
  };
  const up = (event: PointerEvent) => {
    const name = (event.target as Element).closest<SVGGElement>("g[data-component]")?.dataset.component;
    if (grab && !grab.moved && name) select(store, name);
    else if (grab && !grab.moved) pinAt(store, toImage(grab.at, grab.view, grab.frame));
    grab = null;
    stage.classList.remove("sl-panning");
  };
  stage.addEventListener("pointerdown", down, { signal });
  stage.addEventListener("pointermove", move, { signal });
  stage.addEventListener("pointerup", up, { signal });
  stage.addEventListener("pointercancel", up, { signal });
}

export function zoomPanel(panel: Panel, store: Store, signal: AbortSignal): void {
  const { stage } = panel;
  const wheel = (event: WheelEvent) => {
    // The page keeps scrolling unless the panel is used deliberately.
    const wanted = event.ctrlKey || event.metaKey || stage.matches(":focus-within");
    if (!wanted) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 * event.deltaY : event.deltaY;
    zoomBy(store, panel, Math.exp(-WHEEL_RATE * pixels), pointOn(panel, event));
  };
  stage.addEventListener("wheel", wheel, { signal, passive: false });
  stage.addEventListener("keydown", (event) => panelKey(event, panel, store), { signal });
}

function panelKey(event: KeyboardEvent, panel: Panel, store: Store): void {
  // A handle may have handled the key already.
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const pans: Record<string, [number, number]> = {
    ArrowLeft: [KEY_PAN, 0],
    ArrowRight: [-KEY_PAN, 0],
    ArrowUp: [0, KEY_PAN],
    ArrowDown: [0, -KEY_PAN],
  };
  const zooms: Record<string, number | null> = { "+": 1.25, "=": 1.25, "-": 1 / 1.25, "0": null };
  const pan = pans[event.key];
  const zoom = zooms[event.key];
  const frame = panel.frame(store.state.image);
  const { display } = store.state;
  const change = (next: Partial<Display>) => store.dispatch({ type: "display", change: next });
  const flag = FLAGS[event.key];
  if (pan && event.shiftKey) {
    const from = display.pin ?? viewOf(store.state, frame);
    pinAt(store, { x: from.x - Math.sign(pan[0]), y: from.y + Math.sign(pan[1]) });
  } else if (pan) change({ view: panBy(viewOf(store.state, frame), frame, ...pan) });
  else if (zoom !== undefined) zoomBy(store, panel, zoom);
  else if (flag) change({ [flag]: !display[flag] });
  else if (event.key === "m")
    store.dispatch({ type: "masking", masking: store.state.masking ? null : MASKING });
  else if (event.key === "b" && display.layout === "single")
    change({ front: display.back, back: display.front });
  else if (event.key === "Escape" && display.pin) change({ pin: null });
  else return;
  event.preventDefault();
}

const FLAGS: Record<string, "ellipses" | "crosshair" | "profile" | "cuts" | "predictive"> = {
  e: "ellipses",
  x: "crosshair",
  p: "profile",
  c: "cuts",
  d: "predictive",
};
