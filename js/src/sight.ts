/** Requests for a large image: finer cells of the visible part, and the values of a pixel. */

import { isCells } from "./cells";
import type { Point } from "./geometry";
import type { Raster } from "./image";
import { numbersOf, type Outgoing, type RasterNumbers } from "./messages";
import { isSame } from "./raster";
import type { Store } from "./store";

/** Requests are sent when the view, or the cursor, has stopped moving. */
const REST_MS = 120;
/** After this time a request counts as lost and is repeated. */
const PATIENCE_MS = 6000;

export interface Sight {
  look(cells: Raster | null): void;
  pixel(at: Point): void;
  /** The cells in which a picture of a gesture is requested. */
  inRender(): { sight?: RasterNumbers };
}

export function createSight(store: Store, send: (message: Outgoing) => void, signal: AbortSignal): Sight {
  let wanted: Raster | null = null;
  let asked: { raster: Raster; time: number } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pixelTimer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    clearTimeout(pixelTimer);
  });

  const ask = () => {
    timer = undefined;
    const { image } = store.state;
    if (!wanted || !isCells(image) || isSame(image.patch?.raster, wanted)) return;
    const waits = asked && performance.now() - asked.time < PATIENCE_MS;
    if (waits && isSame(asked?.raster, wanted)) return;
    asked = { raster: wanted, time: performance.now() };
    send({ t: "sight", raster: numbersOf(wanted) });
  };
  return {
    look(cells) {
      if (isSame(cells ?? undefined, wanted ?? undefined)) return;
      wanted = cells;
      clearTimeout(timer);
      if (cells) timer = setTimeout(ask, REST_MS);
    },
    pixel(at) {
      clearTimeout(pixelTimer);
      pixelTimer = setTimeout(() => send({ t: "pixel", x: at.x, y: at.y }), REST_MS);
    },
    inRender() {
      const patch = store.state.image?.patch;
      return wanted && patch ? { sight: numbersOf(patch.raster) } : {};
    },
  };
}
