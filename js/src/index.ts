/** The entry of the widget: creates the store, the views and the gestures, and connects them. */

import type { InitializeProps, RenderProps } from "@anywidget/types";
import { isCells } from "./cells";
import { moved, nowAndThen, oncePerFrame, onlyMoved } from "./drawing";
import { freeWhenClosed } from "./freeing";
import { type Point, toImage } from "./geometry";
import { dragHandles, nudgeHandles } from "./gestures/handles";
import { ownKeys } from "./gestures/inputs";
import { undoKeys } from "./gestures/keys";
import { createMaskEditor, maskPanel } from "./gestures/mask_drawing";
import { addOnPanel, createAdder } from "./gestures/placing";
import { panPanel, pointOn, zoomBy, zoomPanel } from "./gestures/view";
import type { Traits } from "./host";
import { whenLeft } from "./leaving";
import type { Sketch } from "./masking";
import { canFollow } from "./preview";
import { isOld, type State } from "./state";
import { createStore, type Store } from "./store";
import "./style.css";
import { connect } from "./sync";
import { followTheme } from "./theme";
import { createComponents } from "./views/components";
import { h } from "./views/dom";
import { createHelp } from "./views/help";
import { createMaskBar } from "./views/maskbar";
import { createNotices } from "./views/notices";
import { type Panel, viewOf } from "./views/panel";
import { createPanels } from "./views/panels";
import { pictureFile } from "./views/picture_files";
import { createPlots } from "./views/plots";
import { createPredictive } from "./views/predictive";
import { exactAt } from "./views/readout";
import { createRecovery } from "./views/recovery";
import { createRunPanel } from "./views/run";
import { createScales } from "./views/scales";
import { createSessionBar } from "./views/session";
import { createToolbar } from "./views/toolbar";

export const version = __VERSION__;

const initialize = ({ model }: InitializeProps<Traits>) => freeWhenClosed(model);

function render({ model, el, host, signal: hostSignal }: RenderProps<Traits>): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  hostSignal?.addEventListener("abort", () => controller.abort(), { signal });
  const store = createStore();
  const kernel = connect(model, host, signal, store);
  const pictures = createPanels(store, signal);
  const plots = createPlots();
  const predictive = createPredictive(store, kernel, signal);
  const zoom = (factor: number | null) => zoomBy(store, pictures.panels[0] as Panel, factor);
  const notices = createNotices(store);
  const help = createHelp(signal);
  const session = createSessionBar(store, kernel, (kind) => pictureFile(kind, pictures, store.state));
  const toolbar = createToolbar(store, zoom, session.toggle, help.open, kernel.show);
  const scales = createScales(store);
  const editor = createMaskEditor(store, () => pictures.shown.pictures);
  const adder = createAdder(store, editor, () => pictures.shown.pictures);
  pictures.element.append(adder.menu.element);
  const maskBar = createMaskBar(store, editor, kernel.neighbours);
  const components = createComponents(store, { add: adder.add, preset: kernel.preset, noise: kernel.noise });
  const run = createRunPanel(store, kernel, signal);
  const recovery = createRecovery(store, kernel, signal);
  const views = [toolbar, session, scales, maskBar, pictures, notices, run, recovery];
  const controls = h("div", { class: "sl-controls" }, components.element, run.element);
  // JupyterLab's shortcuts (0 0 restarts the kernel) must not receive keys meant for the widget.
  const root = h(
    "div",
    { class: "sl-root", "data-version": version, "data-lm-suppress-shortcuts": "true" },
    toolbar.element,
    session.element,
    scales.element,
    maskBar.element,
    h("div", { class: "sl-desk" }, pictures.element, plots.element),
    notices.element,
    predictive.element,
    controls,
    recovery.element,
    help.element,
  );
  el.append(root);
  help.listen(root);

  followTheme(root, signal);
  ownKeys(root, signal);
  undoKeys(root, store, signal);
  whenLeft(root, kernel.saveDisplay, signal);
  const hover = (at: Point | null) => {
    pictures.hover(store.state, at);
    const { pixel } = pictures.shown;
    if (pixel && isCells(store.state.image) && !exactAt(store.state, pixel)) kernel.pixel(pixel);
    if (!store.state.draft) plots.cursor(store.state, pictures.shown);
  };
  const sketch = (drawn: Sketch) => pictures.sketch(store.state, drawn);
  for (const panel of pictures.panels) {
    // First, because it captures the pointer while the mask is edited.
    maskPanel(panel.stage, store, editor, pointIn(panel, store), sketch, signal);
    addGestures(panel, store, hover, signal);
    addOnPanel(panel, store, adder, pointIn(panel, store), signal);
  }
  const drawRest = () => {
    components.update(store.state);
    plots.update(store.state, pictures.shown);
    predictive.update(store.state, pictures.shown);
  };
  const drawRestSoon = nowAndThen(drawRest, signal);
  let drawn: State | null = null;
  const drawAll = () => {
    draw();
    kernel.look(pictures.wanted);
  };
  const draw = () => {
    const { state } = store;
    const [before, light] = [drawn, drawn !== null && onlyMoved(drawn, state)];
    drawn = state;
    if (before && light) {
      pictures.update(state);
      if (state.frames !== before.frames || state.near !== before.near || moved(before, state))
        drawRestSoon();
      else drawRest();
      return;
    }
    for (const panel of pictures.panels) panel.measure();
    plots.measure();
    predictive.measure();
    root.dataset.ellipses = state.display.ellipses ? "shown" : "hidden";
    root.toggleAttribute("data-masking", state.masking !== null);
    root.toggleAttribute("data-old", isOld(state));
    root.dataset.layout = state.display.layout;
    for (const view of views) view.update(state);
    drawRest();
  };
  const pen = oncePerFrame(drawAll, signal);
  const stop = store.subscribe((state, before) => {
    const waits = onlyMoved(before, state) && state.frames === before.frames && moved(before, state);
    if (waits && !canFollow(state)) pen.withPicture();
    else pen.now();
  });
  const resized = new ResizeObserver(() => {
    drawn = null;
    pen.now();
  });
  for (const panel of pictures.panels) resized.observe(panel.stage);
  resized.observe(plots.element);
  signal.addEventListener("abort", () => {
    stop();
    resized.disconnect();
    root.remove();
  });
  drawAll();
  return () => controller.abort();
}

function addGestures(
  panel: Panel,
  store: Store,
  hover: (at: Point | null) => void,
  signal: AbortSignal,
): void {
  const imagePoint = pointIn(panel, store);
  dragHandles(panel.stage, store, imagePoint, signal);
  nudgeHandles(panel.stage, store, signal);
  panPanel(panel, store, signal);
  zoomPanel(panel, store, signal);
  panel.stage.addEventListener("pointermove", (event) => hover(imagePoint(event)), { signal });
  panel.stage.addEventListener("pointerleave", () => hover(null), { signal });
}

const pointIn =
  (panel: Panel, store: Store) =>
  (event: MouseEvent): Point => {
    const frame = panel.frame(store.state.image);
    return toImage(pointOn(panel, event), viewOf(store.state, frame), frame);
  };

export default { initialize, render };
