/** The pictures in their layout, and the values under the cursor. */

import { isCells, maskOn, wantedSight } from "../cells";
import type { Point } from "../geometry";
import type { Image, Raster } from "../image";
import type { Mask, Sketch } from "../masking";
import { type Picture, type Pictures, pictureMaker } from "../pictures";
import { inSight, sampled, whole } from "../raster";
import { type PanelName, type State, selectedOf, shown } from "../state";
import type { Store } from "../store";
import { seenNames } from "../visibility";
import type { Adjust } from "./bar";
import { picture } from "./canvas";
import { format, h, option, setValue, show, whenChanged } from "./dom";
import { type Content, createPanel, type MaskLayer, type Panel, viewOf } from "./panel";
import { createReadout } from "./readout";
import { createSwipe } from "./swipe";

export interface Panels {
  element: HTMLElement;
  panels: Panel[];
  update(state: State): void;
  /** The cursor is over this point of the image, or outside. */
  hover(state: State, at: Point | null): void;
  /** Show an uncommitted edit of the mask. */
  sketch(state: State, sketch: Sketch): void;
  /** The last drawing. */
  readonly shown: { pictures: Pictures | null; pixel: Point | null };
  /** The cells needed to show the visible part of a large image at screen resolution; null if the page has them. */
  readonly wanted: Raster | null;
}

const BLINK_MS = 700;
const FOURTH_LABELS: Record<string, string> = {
  component: "one component",
  sigma: "σ map",
  mask: "mask",
  psf: "PSF",
};
const UNITS = { sigma: "in σ", flux: "in flux", percent: "in % of the model" };

/** The pictures on the screen, the front one first. */
export function visiblePanels({ display }: State): PanelName[] {
  if (display.layout === "row") return ["data", "model", "residual"];
  if (display.layout === "grid") return ["data", "model", "residual", "fourth"];
  return display.compare === "off" || display.front === display.back
    ? [display.front]
    : [display.front, display.back];
}

export function createPanels(store: Store, signal: AbortSignal): Panels {
  const chooser = fourthChooser(store);
  const panels = [
    createPanel("data"),
    createPanel("model"),
    createPanel("residual"),
    createPanel("fourth", chooser),
  ];
  const readout = createReadout();
  const swipe = createSwipe(store);
  const figures = panels.map((panel) => panel.element);
  const element = h(
    "section",
    { class: "sl-pictures", "aria-label": "pictures" },
    ...figures,
    swipe.element,
    readout.element,
  );
  const makePictures = pictureMaker();
  const maskCanvas = h("canvas");
  const change = (display: Partial<State["display"]>) => store.dispatch({ type: "display", change: display });
  const setData: Adjust = ([low, high]) => change({ limits: [rounded(low), rounded(high)] });
  const setResidual: Adjust = ([low, high]) =>
    change(residualChange(store.state, (high - low) / 2, pictures?.noise ?? 1));
  let pictures: Pictures | null = null;
  let wanted: Raster | null = null;
  let cursor: Point | null = null;
  let pixel: Point | null = null;

  const measure = whenChanged((image: Image | null) => {
    element.style.setProperty("--sl-aspect", String(image ? clamp(image.nx / image.ny, 0.7, 1.8) : 1));
  });
  /** A stroke continues in the same array, so a number marks its changes. */
  const paintMask = whenChanged((mask: Mask | undefined, nx: number, raster: Raster, _stroke: number) => {
    if (mask) picture(maskPicture(maskIn(mask, nx, raster), raster.nx), raster.nx, maskCanvas);
    maskPainted += 1;
  });
  const maskIn = (mask: Mask, nx: number, raster: Raster) =>
    isCells(store.state.image)
      ? maskOn(mask, { nx, ny: mask.length / nx }, raster)
      : sampled(mask, nx, raster);
  let strokes = 0;
  let maskPainted = 0;

  function contents(state: State, made: Pictures): Record<PanelName, Content> {
    const { image, display } = state;
    const content = (label: string, shows: Picture, note: string, adjust: Adjust | null): Content => ({
      label,
      note,
      adjust: image ? adjust : null,
      raster: made.raster,
      ...shows,
    });
    const own = display.match || typeof display.limits !== "string";
    return {
      data: content("data", made.data, cellNote(state, made.raster), setData),
      model: content("model", made.model, own ? "" : "own limits", setData),
      residual: content("residual", made.residual, residualNote(state, made), setResidual),
      fourth: {
        ...content(fourthName(state), made.fourth, "", null),
        raster: display.fourth === "psf" ? null : made.raster,
      },
    };
  }

  function update(state: State): void {
    const { image, display } = state;
    measure(image);
    chooser.update(state);
    const visible = visiblePanels(state);
    const sight = image ? rasterOf(state, image, visible) : undefined;
    wanted = image && sight ? wantedSight(image, sight) : null;
    pictures = makePictures(state, sight);
    paintMask(image?.mask, image?.nx ?? 1, pictures.raster, 0);
    const mask = maskLayer(state);
    const all = contents(state, pictures);
    element.dataset.layout = display.layout;
    element.dataset.compare = visible.length === 2 ? display.compare : "off";
    for (const panel of panels) {
      const at = visible.indexOf(panel.name);
      show(panel.element, at >= 0);
      panel.element.classList.toggle("sl-back", display.layout === "single" && at === 1);
      if (at < 0) continue;
      panel.show(all[panel.name]);
      panel.update(state, mask, at === 0);
    }
    const front = panels.find((panel) => panel.name === visible[0]);
    swipe.update(state, front?.stage ?? null);
    drawCursor(state);
  }

  /** The visible pixels, on the panels that use the image's view. */
  function rasterOf(state: State, image: Image, visible: PanelName[]): Raster {
    const { display } = state;
    const linked = panels.filter(
      ({ name }) => visible.includes(name) && !(name === "fourth" && display.fourth === "psf"),
    );
    const sights = linked.map((panel) => {
      const frame = panel.frame(image);
      return { frame, view: viewOf(state, frame) };
    });
    return inSight(image, sights, devicePixelRatio || 1);
  }

  const maskLayer = ({ masking }: State): MaskLayer => ({
    canvas: maskCanvas,
    painted: maskPainted,
    veiled: masking !== null,
  });

  function sketch(state: State, { mask, outline }: Sketch): void {
    const { image } = state;
    const raster = pictures?.raster ?? whole({ nx: image?.nx ?? 1, ny: image?.ny ?? 1 });
    paintMask(mask ?? image?.mask, image?.nx ?? 1, raster, mask ? ++strokes : 0);
    for (const panel of panels) if (!panel.element.hidden) panel.sketch(state, maskLayer(state), outline);
  }

  /** During a drag, the next drawing updates it. */
  function hover(state: State, at: Point | null): void {
    cursor = at;
    if (!state.draft) drawCursor(state);
  }

  function drawCursor(state: State): void {
    const point = cursor ?? state.display.pin;
    pixel = point && state.image ? pixelAt(state.image, point) : null;
    for (const panel of panels) if (!panel.element.hidden) panel.mark(state, pixel);
    readout.update(state, pictures, pixel);
  }

  // Blink the pictures for comparison; users who prefer reduced motion swap them by key.
  const blink = setInterval(() => {
    const still = matches("(prefers-reduced-motion: reduce)");
    element.classList.toggle("sl-turned", !still && !element.classList.contains("sl-turned"));
  }, BLINK_MS);
  signal.addEventListener("abort", () => clearInterval(blink));

  return {
    element,
    panels,
    update,
    hover,
    sketch,
    get shown() {
      return { pictures, pixel };
    },
    get wanted() {
      return wanted;
    },
  };
}

const matches = (query: string): boolean => globalThis.matchMedia?.(query).matches ?? false;
const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
/** As many digits as a pointer can set. */
const rounded = (value: number): number => Number(value.toPrecision(5));

function fourthName(state: State): string {
  const { fourth } = state.display;
  if (fourth === "component") return `component ${selectedOf(state)}`;
  return fourth === "sigma" ? "sigma map" : fourth === "psf" ? "PSF" : fourth;
}

/** The chooser in the caption of the fourth picture. */
function fourthChooser(store: Store): HTMLSelectElement & { update(state: State): void } {
  const options = Object.entries(FOURTH_LABELS).map(([value, label]) => option(value, label));
  const select = h("select", { class: "sl-select", "aria-label": "fourth picture" }, ...options);
  select.addEventListener("change", () =>
    store.dispatch({ type: "display", change: { fourth: select.value } }),
  );
  const [first] = options;
  const update = (state: State) => {
    if (first) first.textContent = selectedOf(state) || "one component";
    const psf = options.find(({ value }) => value === "psf");
    if (psf) psf.disabled = !state.image?.psf;
    setValue(select, state.display.fourth);
  };
  return Object.assign(select, { update });
}

function residualChange({ display }: State, half: number, noise: number): Partial<State["display"]> {
  if (display.residual === "percent") return { percentRange: rounded(half) };
  return { residualRange: rounded(display.residual === "sigma" ? half : half / noise) };
}

function residualNote(state: State, { chi2, preview }: Pictures): string {
  const unit = UNITS[state.display.residual];
  if (state.late) return `${unit} · Python is drawing …`;
  const names = Object.keys(shown(state).model.components).length - shown(state).off.length;
  // The χ² of a part of the model would be misleading.
  if (seenNames(state).length < names) return `${unit} · not all components are shown`;
  const total = state.dof ? chi2() : null;
  if (total === null || !state.dof) return unit;
  return `${unit} · χ²/ν ${preview ? "≈ " : ""}${format(total / state.dof, 4)}`;
}

/** The size of the cells of a large image. */
const cellNote = ({ image }: State, { step }: Raster): string =>
  isCells(image) && step > 1 ? `means of ${step} × ${step} pixels` : "";

function pixelAt(image: Image, at: Point): Point | null {
  const pixel = { x: Math.round(at.x), y: Math.round(at.y) };
  const inside = pixel.x >= 0 && pixel.y >= 0 && pixel.x < image.nx && pixel.y < image.ny;
  return inside ? pixel : null;
}

/** Opaque where a pixel is masked; the colour is not used. */
export function maskPicture(mask: Uint8Array, nx: number): Uint8ClampedArray<ArrayBuffer> {
  const ny = mask.length / nx;
  const words = new Uint32Array(mask.length);
  for (let y = 0; y < ny; y++)
    for (let x = 0; x < nx; x++) if (mask[y * nx + x]) words[(ny - 1 - y) * nx + x] = 0xff000000;
  return new Uint8ClampedArray(words.buffer);
}
