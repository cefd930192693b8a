/** Galaxies drawn from the priors, beside the data, and the bands of their profiles. */

import { bands } from "../bands";
import { brightnessUnit } from "../brightness";
import { cellImage, isCells, shapeInCells } from "../cells";
import type { Shape } from "../geometry";
import type { Image, Raster } from "../image";
import { at } from "../names";
import { errorIn, meanIn, ringsOf } from "../profile";
import { ACTIVE } from "../running";
import { shapeOf } from "../shapes";
import type { Session } from "../spec";
import { type Drawing, type Predictions, type State, shown } from "../state";
import type { Store } from "../store";
import { paint } from "../stretch";
import type { Kernel } from "../sync";
import { picture } from "./canvas";
import { createChart, type Mark } from "./chart";
import { h, setText, whenChanged } from "./dom";
import type { Drawn } from "./plots";
import { profileAxes } from "./profile_axes";

export interface PredictiveView {
  element: HTMLElement;
  measure(): void;
  update(state: State, drawn: Drawn): void;
}

const THUMBNAILS = 12;
/** The number of draws; more than thumbnails, for the bands. */
const DRAWS = 40;
const REST_MS = 900;
const HEIGHT = 170;
/** The axis ends at this fraction of the smallest error. */
const UNDER = 0.1;

export function createPredictive(store: Store, kernel: Kernel, signal: AbortSignal): PredictiveView {
  const title = h("strong", {}, "Galaxies drawn from the priors");
  const said = h("span", { class: "sl-note", role: "note" });
  const again = h("button", { type: "button" }, "Draw again");
  const thumbnails = Array.from({ length: THUMBNAILS }, (_, i) =>
    h("canvas", {
      class: "sl-thumbnail",
      role: "img",
      "aria-label": `prior draw ${i + 1}`,
      width: 1,
      height: 1,
    }),
  );
  const strip = h("div", { class: "sl-thumbnails" }, ...thumbnails);
  const chart = createChart("profiles of prior draws", HEIGHT);
  const element = h(
    "section",
    { class: "sl-predictive", "aria-label": "prior predictive", hidden: true },
    h("div", { class: "sl-group" }, title, said, again),
    h("div", { class: "sl-predictive-body" }, strip, chart.element),
  );
  let seed = 1;
  let asked: Session["model"] | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  again.addEventListener("click", () => {
    seed += 1000;
    ask();
  });

  function ask(): void {
    clearTimeout(timer);
    asked = store.state.session.model;
    kernel.predict(DRAWS, seed);
  }

  /** Draw again when the model has stopped changing, but not during a run, which needs the machine. */
  function follow(state: State): void {
    if (state.session.model === asked || !state.image || ACTIVE.includes(state.run.state)) return;
    const first = asked === null;
    asked = state.session.model;
    clearTimeout(timer);
    timer = setTimeout(ask, first ? 0 : REST_MS);
  }

  const showDraw = whenChanged((of: Predictions | null, scale: Scale) => {
    for (const [i, canvas] of thumbnails.entries()) {
      const draw = of?.draws[i];
      canvas.classList.toggle("sl-empty", !draw);
      if (draw) picture(paint(draw.pixels, draw.nx, scale.limits, scale.table), draw.nx, canvas);
    }
  });
  const showBands = whenChanged((of: Predictions, image: Image, session: Session) =>
    chart.draw(plotOf(of, image, session, store.state)),
  );

  return {
    element,
    measure: () => chart.measure(),
    update(state, { pictures }) {
      element.hidden = !state.display.predictive;
      if (element.hidden) return;
      follow(state);
      const of = state.predictions;
      setText(said, noteOf(state));
      if (!pictures || !state.image) return;
      showDraw(of, pictures.data.scale);
      if (of && of.draws.length > 1 && of.radius.length > 1) showBands(of, state.image, state.session);
    },
  };
}

type Scale = NonNullable<Drawn["pictures"]>["data"]["scale"];

function noteOf({ predictions, run }: State): string {
  if (ACTIVE.includes(run.state)) return "waiting for the run to end";
  if (!predictions) return "drawing …";
  const { draws, number } = predictions;
  return draws.length < number ? `${draws.length} of ${number} draws` : `${number} draws, without noise`;
}

function plotOf(of: Predictions, image: Image, session: Session, state: State) {
  const unit = brightnessUnit(image);
  const [lowest, low, middle, high, highest] = bands(of) as [Values, Values, Values, Values, Values];
  const data = dataProfile(image, session, state);
  const errors = data ? data.error.filter((error) => error > 0 && Number.isFinite(error)) : [];
  const top = Math.max(...highest, ...(data?.mean ?? []), 1e-30);
  const faint = Math.max(UNDER * (errors.length > 0 ? Math.min(...errors) : 0), 1e-6 * top);
  const { x, y } = profileAxes(unit, of.radius.at(-1) ?? 1, faint, Math.max(1.6 * top, 2 * faint));
  const level = (flux: Values) => flux.map((value) => unit.of(Math.max(value, faint)));
  const band = (from: Values, to: Values, name: string): Mark => ({
    kind: "band",
    x: of.radius,
    y: level(from),
    to: level(to),
    class: name,
  });
  const marks: Mark[] = [
    band(lowest, highest, "sl-band-wide"),
    band(low, high, "sl-band-narrow"),
    { kind: "line", x: of.radius, y: level(middle), class: "sl-band-middle" },
  ];
  if (data)
    marks.push({
      kind: "dots",
      x: data.radius,
      y: data.mean.map((value) => unit.of(value)),
      class: "sl-data-dots",
    });
  const legend = [
    { label: "data", class: "sl-key-data" },
    { label: "68, 95 % of prior draws", class: "sl-key-band" },
  ];
  return { x, y, marks, legend };
}

type Values = Float64Array;

/** The same for a large image, in its cells. */
function cellProfile(image: Image & { raster: Raster }, shape: Shape, session: Session, state: State) {
  const { data, raster, sigma } = image;
  const seen = cellImage(image, { raster, data, sigma });
  const { raster: _, ...cells } = seen;
  const found = dataProfileOf(cells, shapeInCells(shape, raster), session, state);
  return { ...found, radius: found.radius.map((radius) => raster.step * radius) };
}

/** The data along the first source without the sky, in the same annuli as the draws. */
function dataProfile(image: Image, session: Session, state: State) {
  const names = Object.keys(session.model.components);
  const shape = names.map((name) => shapeOf(state.schema, session, name)).find((found) => found !== null);
  if (!shape) return null;
  return isCells(image)
    ? cellProfile(image, shape, session, state)
    : dataProfileOf(image, shape, session, state);
}

function dataProfileOf(image: Image, shape: Shape, session: Session, state: State) {
  const names = Object.keys(session.model.components);
  const rings = ringsOf(image, shape);
  const skies = names.filter((name) => !shapeOf(state.schema, shown(state), name) && at(state.frames, name));
  const sky = skies.map((name) => meanIn(rings, (at(state.frames, name) as Drawing).pixels));
  const mean = meanIn(rings, image.data).map(
    (value, i) => value - sky.reduce((sum, each) => sum + (each[i] ?? 0), 0),
  );
  return { radius: rings.radius, mean, error: errorIn(rings, image.sigma) };
}
