/** A double click on a picture, or A at the crosshair, adds a source there. */

import { isOn, measure, type Source, selectedCentre, sourceKinds, withSky, withSource } from "../adding";
import { inCells, inPixels, isCells } from "../cells";
import type { Point } from "../geometry";
import { toScreen } from "../geometry";
import type { Image, Pixels, Raster } from "../image";
import type { Pictures } from "../pictures";

import type { Store } from "../store";
import { createMenu, type Menu } from "../views/menu";
import { type Panel, viewOf } from "../views/panel";
import { select } from "./handles";
import type { MaskEditor } from "./mask_drawing";

/** Measure a source in the cells of a large image, which hold means over their pixels. */
function measureInCells(image: Image, raster: Raster, light: Pixels, map: Float32Array, at: Point): Source {
  const near = inCells(at, raster);
  const within = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1);
  const cell = { x: within(near.x, raster.nx), y: within(near.y, raster.ny) };
  const { flux, size, ...place } = measure(image, light, map, cell);
  const isThere = place.x === cell.x && place.y === cell.y;
  const centre = isThere ? at : inPixels({ x: place.x, y: place.y }, raster);
  return { ...centre, flux: flux * raster.step ** 2, size: size * raster.step };
}

export interface Adder {
  menu: Menu;
  /** Ask for the type of source to add at an image point, next to it on this panel. */
  ask(panel: Panel, at: Point): void;
  /** Add a source of a type: at the pinned crosshair, the selected source's centre, or the image's centre. */
  add(type: string): void;
}

export function createAdder(store: Store, editor: MaskEditor, pictures: () => Pictures | null): Adder {
  let place: Point = { x: 0, y: 0 };
  const put = (type: string, centre: Point | null = null) => {
    const { image, schema, session } = store.state;
    const map = editor.map();
    const made = pictures();
    if (!image || !map) return;
    const light = made?.allMaps()?.residual() ?? image.data;
    const seen = isCells(image) ? made : null;
    const found = seen?.image ? measureInCells(seen.image, seen.raster, light, map, place) : null;
    const source = { ...(found ?? measure(image, light, map, place)), ...centre };
    const sky = schema.profiles[type]?.kind === "sky";
    const added = sky ? withSky(schema, session, type, image) : withSource(schema, session, type, source);
    store.dispatch({ type: "edit", session: added.session });
    select(store, added.name);
  };
  const menu = createMenu("add here", (type) => put(type));
  return {
    menu,
    add(type) {
      const { display, image } = store.state;
      if (!image) return;
      const centre = display.pin ? null : selectedCentre(store.state, image);
      place = display.pin ?? centre ?? { x: (image.nx - 1) / 2, y: (image.ny - 1) / 2 };
      put(type, centre);
    },
    ask(panel, at) {
      const { image, masking, schema } = store.state;
      if (!image || !isOn(image, at) || masking) return;
      place = at;
      const frame = panel.frame(image);
      const point = toScreen(at, viewOf(store.state, frame), frame);
      const { offsetLeft, offsetTop } = panel.stage;
      menu.open(offsetLeft + point.x + 8, offsetTop + point.y + 8, sourceKinds(schema), panel.stage);
    },
  };
}

export function addOnPanel(
  panel: Panel,
  store: Store,
  adder: Adder,
  imagePoint: (event: MouseEvent) => Point,
  signal: AbortSignal,
): void {
  const { stage } = panel;
  const double = (event: MouseEvent) => {
    if ((event.target as Element).closest("[data-handle]")) return;
    adder.ask(panel, imagePoint(event));
  };
  const key = (event: KeyboardEvent) => {
    const { pin } = store.state.display;
    if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || !pin) return;
    event.preventDefault();
    adder.ask(panel, pin);
  };
  stage.addEventListener("dblclick", double, { signal });
  stage.addEventListener("keydown", key, { signal });
}
