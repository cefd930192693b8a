/** Data, model and residual side by side, and the values under the cursor. */

import { colormap, DIVERGING } from "../colormaps";
import type { Point } from "../geometry";
import { compare, type Maps, medianSigma } from "../pixels";
import { type Image, type Pixels, type State, shown } from "../state";
import { colourTable, paint } from "../stretch";
import { format, h, whenChanged } from "./dom";
import { createPanel, type Panel, type Scale, setNote } from "./panel";
import { createReadout } from "./readout";

export interface Panels {
  element: HTMLElement;
  panels: Panel[];
  update(state: State): void;
  /** The cursor is over this point of the image, or over none. */
  hover(state: State, at: Point | null): void;
}

export function dataLimits(state: State): [number, number] {
  const { limits } = state.display;
  if (typeof limits !== "string") return limits;
  return state.image?.limits[limits] ?? state.image?.limits.minmax ?? [0, 1];
}

export function createPanels(): Panels {
  const data = createPanel("data");
  const model = createPanel("model");
  const residual = createPanel("residual");
  const panels = [data, model, residual];
  const readout = createReadout();
  const figures = panels.map((panel) => panel.element);
  const element = h(
    "section",
    { class: "sl-pictures", "aria-label": "pictures" },
    ...figures,
    readout.element,
  );
  let maps: Maps | null = null;
  let noise = 1;
  let sequential: Scale = scale("linear", "gray", [0, 1]);
  let diverging: Scale = scale("linear", DIVERGING, [-1, 1]);
  let cursor: Point | null = null;

  const measure = whenChanged((image: Image | null) => {
    noise = image ? medianSigma(image) : 1;
    element.style.setProperty("--sl-aspect", String(image ? clamp(image.nx / image.ny, 0.7, 1.8) : 1));
  });
  const combine = whenChanged((image: Image | null, ...parts: Pixels[]) => {
    maps = image && compare(image, parts);
  });
  const rescale = whenChanged((stretch: string, name: string, low: number, high: number) => {
    sequential = scale(stretch, name, [low, high]);
    data.rescale(sequential);
    model.rescale(sequential);
  });
  const rescaleResidual = whenChanged((half: number) => {
    diverging = scale("linear", DIVERGING, [-half, half]);
    residual.rescale(diverging);
  });
  const paintPanel = (panel: Panel) =>
    whenChanged((values: Pixels | null, image: Image | null, { table, limits }: Scale) => {
      const shows = image && values;
      panel.repaint(shows ? paint(values, image.mask, image.nx, limits, table) : null, image?.nx ?? 1);
    });
  const paintData = paintPanel(data);
  const paintModel = paintPanel(model);
  const paintResidual = paintPanel(residual);

  function update(state: State): void {
    const { image, display } = state;
    const [low, high] = dataLimits(state);
    const inSigmas = display.residual === "sigma";
    measure(image);
    combine(Object.keys(state.frames).length > 0 ? image : null, ...partsOf(state));
    rescale(display.stretch, display.colormap, low, high);
    rescaleResidual(display.residualRange * (inSigmas ? 1 : noise));
    paintData(image?.data ?? null, image, sequential);
    paintModel(maps?.model ?? null, image, sequential);
    paintResidual((inSigmas ? maps?.significance : maps?.residual) ?? null, image, diverging);
    setNote(residual, residualNote(state, maps));
    for (const panel of panels) panel.update(state);
    hover(state, cursor);
  }

  function hover(state: State, at: Point | null): void {
    cursor = at;
    const pixel = at && state.image ? pixelAt(state.image, at) : null;
    for (const panel of panels) panel.mark(state, pixel);
    readout.update(state, maps, pixel);
  }

  return { element, panels, update, hover };
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

const scale = (stretch: string, name: string, limits: [number, number]): Scale => ({
  table: colourTable(stretch, colormap(name)),
  limits,
  stretch,
});

/** The images of the components that are in the model. */
function partsOf(state: State): Pixels[] {
  const session = shown(state);
  return Object.keys(session.model.components)
    .filter((name) => !session.off.includes(name))
    .flatMap((name) => state.frames[name] ?? []);
}

function pixelAt(image: Image, at: Point): Point | null {
  const pixel = { x: Math.round(at.x), y: Math.round(at.y) };
  const inside = pixel.x >= 0 && pixel.y >= 0 && pixel.x < image.nx && pixel.y < image.ny;
  return inside ? pixel : null;
}

function residualNote(state: State, maps: Maps | null): string {
  const unit = state.display.residual === "sigma" ? "in σ" : "in flux";
  return maps && state.dof ? `${unit} · χ²/ν ${format(maps.chi2 / state.dof, 4)}` : unit;
}
