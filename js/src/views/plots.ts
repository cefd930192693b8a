/** The profile along the selected ellipse, and cuts through the pictures, updated during gestures without the kernel. */

import { type Brightness, brightnessMaker, brightnessUnit, radiusOf } from "../brightness";
import { isCells } from "../cells";
import type { Point } from "../geometry";
import type { Image, Raster } from "../image";
import type { Pictures } from "../pictures";
import { column, middleOf, row, sampledImage } from "../raster";
import { shapeOf } from "../shapes";
import { type State, selectedOf, shown } from "../state";
import { type Axis, type Chart, createChart, type Legend, type Mark } from "./chart";
import { colourOf } from "./colours";
import { h, setText, show, whenChanged } from "./dom";
import { profileAxes } from "./profile_axes";

export interface Plots {
  element: HTMLElement;
  measure(): void;
  update(state: State, drawn: Drawn): void;
  /** Only the cursor has moved. */
  cursor(state: State, drawn: Drawn): void;
}
/** The contents of the pictures, and the pixel under the cursor. */
export interface Drawn {
  pictures: Pictures | null;
  pixel: Point | null;
}

const HEIGHT = 190;
/** The axis ends at this fraction of the brightest ring, or of the smallest error. */
const FLOOR = 1e-5;
const UNDER_ERROR = 0.3;

export function createPlots(): Plots {
  const charts = {
    profile: createChart("profile", HEIGHT),
    row: createChart("row cut", HEIGHT),
    column: createChart("column cut", HEIGHT),
  };
  const titles = { profile: h("figcaption"), row: h("figcaption"), column: h("figcaption") };
  const figure = (name: keyof typeof charts) =>
    h("figure", { class: "sl-plot-figure" }, titles[name], charts[name].element);
  const [profile, ...cuts] = [figure("profile"), figure("row"), figure("column")];
  const element = h("section", { class: "sl-plots", "aria-label": "plots" }, profile, ...cuts);
  const makeBrightness = brightnessMaker();
  let brightness: Brightness | null = null;

  function update(state: State, drawn: Drawn): void {
    const { display, image } = state;
    show(profile, display.profile);
    for (const cut of cuts) show(cut, display.cuts);
    show(element, display.profile || display.cuts);
    if (display.profile && drawn.pictures && image) {
      brightness = makeBrightness(state, drawn.pictures);
      setText(titles.profile, brightness ? `profile along ${brightness.along}` : "profile: no source");
      drawProfile(charts.profile, image, brightness, colours(state));
    }
    cursor(state, drawn);
  }

  function cursor(state: State, { pictures, pixel }: Drawn): void {
    const { display, image } = state;
    if (display.profile) charts.profile.point(pixel && brightness ? radiusOf(brightness, pixel) : null);
    if (!display.cuts || !image || !pictures) return;
    const at = pixel ?? centre(state, image);
    setText(titles.row, `row y = ${at.y}`);
    setText(titles.column, `column x = ${at.x}`);
    drawRow(image, pictures, at.y);
    drawColumn(image, pictures, at.x);
    charts.row.point(pixel && at.x);
    charts.column.point(pixel && at.y);
  }

  const drawRow = whenChanged((image: Image, pictures: Pictures, y: number) =>
    drawCut(charts.row, image, pictures, row(image, y), "x [pixel]"),
  );
  const drawColumn = whenChanged((image: Image, pictures: Pictures, x: number) =>
    drawCut(charts.column, image, pictures, column(image, x), "y [pixel]"),
  );

  const measure = () => {
    for (const chart of Object.values(charts)) chart.measure();
  };
  return { element, measure, update, cursor };
}

const colours = (state: State): ((name: string) => string) => {
  const names = Object.keys(shown(state).model.components);
  return (name) => colourOf(names.indexOf(name));
};

/** The position of the cuts while the cursor is elsewhere: the selected component. */
function centre(state: State, { nx, ny }: Image): Point {
  const shape = shapeOf(state.schema, shown(state), selectedOf(state));
  const within = (value: number, size: number) => Math.min(Math.max(Math.round(value), 0), size - 1);
  return { x: within(shape?.xc ?? nx / 2, nx), y: within(shape?.yc ?? ny / 2, ny) };
}

function drawProfile(
  chart: Chart,
  image: Image,
  brightness: Brightness | null,
  colour: (name: string) => string,
): void {
  if (!brightness) {
    chart.draw({ x: axis(0, 1, ""), y: axis(0, 1, ""), marks: [] });
    return;
  }
  const { data, error, model, radius, sources } = brightness;
  const unit = brightnessUnit(image);
  const [faint, bright] = reach(data, error, model);
  const level = (flux: Float64Array) => flux.map((value) => unit.of(value));
  const ends = (sign: number) =>
    level(data.map((value, i) => Math.max(value + sign * (error[i] as number), 0.1 * faint)));
  const mark = (kind: Mark["kind"], y: Float64Array, name: string): Mark => ({
    kind,
    x: radius,
    y,
    class: name,
  });
  const many = sources.length > 1;
  const parts = many
    ? sources.map(
        (source): Mark => ({
          ...mark("line", level(source.mean), "sl-source-line"),
          colour: colour(source.name),
        }),
      )
    : [];
  const legend: Legend[] = [
    { label: "data", class: "sl-key-data" },
    { label: "model", class: "sl-key-model" },
    ...(many
      ? sources.map(({ name }) => ({ label: name, class: "sl-key-source", colour: colour(name) }))
      : []),
  ];
  const shape = brightness.shape;
  const marks: Mark[] = [
    { ...mark("errors", ends(-1), "sl-errors-line"), to: ends(1) },
    mark("dots", level(data), "sl-data-dots"),
    ...parts,
    mark("line", level(model), "sl-model-line"),
  ];
  const { x, y } = profileAxes(unit, radius.at(-1) ?? 1, faint, bright);
  if (shape.size !== null)
    marks.unshift({ kind: "rule", x: [shape.size, shape.size], y: [y.low, y.high], class: "sl-size-rule" });
  chart.draw({ x, y, marks, legend });
}

const NOTHING = new Float64Array(0);
const axis = (low: number, high: number, label: string): Axis => ({ low, high, label });

/** The faintest and the brightest flux that the chart shows. */
function reach(data: Float64Array, error: Float64Array, model: Float64Array): [number, number] {
  const top = Math.max(...data, ...model, 1e-30);
  const errors = error.filter((value) => value > 0 && Number.isFinite(value));
  const faint = Math.max(UNDER_ERROR * (errors.length > 0 ? Math.min(...errors) : 0), FLOOR * top);
  return [faint, Math.max(1.6 * top, 2 * faint)];
}

/** A cut through a large image: the visible cells on the line, at their centres. */
function cellCut({ image, maps, raster }: Pictures, line: Raster) {
  if (!image) return null;
  const { nx, ny, step } = raster;
  const isRow = line.ny === 1;
  const [along, across] = isRow ? [nx, ny] : [ny, nx];
  const at = Math.floor((isRow ? line.y - raster.y : line.x - raster.x) / step);
  if (at < 0 || at >= across) return null;
  const indices = Array.from({ length: along }, (_, i) => (isRow ? at * nx + i : i * nx + at));
  const first = (isRow ? raster.x : raster.y) + middleOf(raster);
  return {
    x: Float64Array.from(indices, (_, i) => first + i * step),
    seen: Float64Array.from(indices, (i) => (image.mask[i] ? Number.NaN : (image.data[i] as number))),
    drawn: Float64Array.from(indices, (i) => maps?.model[i] ?? Number.NaN),
  };
}

function pixelCut(image: Image, pictures: Pictures, line: Raster) {
  const length = line.nx * line.ny;
  const { data, mask } = sampledImage(image, line);
  const model = pictures.modelOn(line);
  const seen = Float64Array.from(data, (value, i) => (mask[i] ? Number.NaN : value));
  const drawn = Float64Array.from({ length }, (_, i) => model?.[i] ?? Number.NaN);
  return { x: Float64Array.from({ length }, (_, i) => i), seen, drawn };
}

function drawCut(chart: Chart, image: Image, pictures: Pictures, line: Raster, label: string): void {
  const cut = isCells(image) ? cellCut(pictures, line) : pixelCut(image, pictures, line);
  const { x, seen, drawn } = cut ?? { x: NOTHING, seen: NOTHING, drawn: NOTHING };
  const half = cut && x.length > 1 ? ((x[1] as number) - (x[0] as number)) / 2 : 0.5;
  const both = [...seen, ...drawn].filter(Number.isFinite);
  const [low, high] = both.length > 0 ? [Math.min(...both), Math.max(...both)] : [0, 1];
  const margin = 0.06 * (high - low || 1);
  chart.draw({
    x: axis((x[0] ?? 0) - half, (x.at(-1) ?? 1) + half, label),
    y: axis(low - margin, high + margin, "flux"),
    marks: [
      { kind: "steps", x, y: seen, class: "sl-data-steps" },
      { kind: "line", x, y: drawn, class: "sl-model-line" },
    ],
  });
}
