/** The tools of the mask, visible while it is edited. */

import { isCells } from "../cells";
import type { MaskEditor } from "../gestures/mask_drawing";
import type { Image } from "../image";
import { countOf, grown, inverted, unusable } from "../masking";
import { memo } from "../memo";
import { MASKING, type Masking, type State, TOOLS, type Tool } from "../state";
import type { Store } from "../store";
import { h, plain, setText, setValue } from "./dom";
import { field, iconButton, numberBox, type Section } from "./toolbar";

const NAMES: Record<Tool, [name: string, hint: string]> = {
  brush: ["Brush", "drag; with Alt it erases"],
  eraser: ["Eraser", "drag"],
  rectangle: ["Rectangle", "drag; with Alt it erases"],
  lasso: ["Lasso", "draw around pixels to mask them; hold Alt to erase"],
  pick: ["Pick a source", "click a source to mask it, or a masked region to unmask it"],
};

/** The mask of unusable pixels alone. */
const nothingIn = (image: Image): Uint8Array<ArrayBuffer> =>
  isCells(image) ? (image.unusable ?? new Uint8Array(image.mask.length)) : unusable(image);

export function createMaskBar(store: Store, editor: MaskEditor, maskNeighbours: () => void): Section {
  const change = (masking: Partial<Masking>) =>
    store.dispatch({
      type: "masking",
      masking: { ...(store.state.masking ?? MASKING), said: "", ...masking },
    });
  const tools = TOOLS.map((tool) => ({
    tool,
    button: iconButton(NAMES[tool][0], NAMES[tool][1], tool, () => change({ tool })),
  }));
  const size = numberBox("brush size", (value) => value > 0 && change({ size: Math.min(value, 500) }));
  size.title = "diameter in pixels; [ and ]";
  const threshold = numberBox("source threshold", (value) => value > 0 && change({ threshold: value }));
  threshold.title = "in σ of the smoothed residual";
  for (const box of [size, threshold]) box.classList.add("sl-short");
  const edit = (name: string, hint: string, make: (image: Image) => Uint8Array<ArrayBuffer> | null) =>
    h(
      "button",
      {
        type: "button",
        "aria-label": `${name} mask`,
        title: hint,
        onclick: () => {
          const mask = store.state.image && make(store.state.image);
          if (mask) editor.commit(mask);
        },
      },
      name,
    );
  const aboveThreshold = edit("Add to", "mask every pixel above the threshold", () =>
    editor.above(store.state.masking?.threshold ?? MASKING.threshold),
  );
  aboveThreshold.textContent = "Mask all above";
  const neighbours = h(
    "button",
    {
      type: "button",
      "aria-label": "Mask neighbours",
      title: "mask detected sources that are not in the model",
      onclick: maskNeighbours,
    },
    "Neighbours",
  );
  const count = h("span", { class: "sl-note", "aria-live": "polite" });
  const element = h(
    "div",
    { class: "sl-toolbar sl-maskbar", role: "toolbar", "aria-label": "mask" },
    h("div", { class: "sl-group sl-joined" }, ...tools.map(({ button }) => button)),
    field("size", size, "px"),
    neighbours,
    field("sources above", threshold, "σ", aboveThreshold),
    h(
      "div",
      { class: "sl-group" },
      edit("Grow", "by one pixel on every side", (image) => grown(image.mask, image)),
      edit("Invert", "swap masked and unmasked pixels", ({ mask }) => inverted(mask)),
      edit("Clear", "unmask everything except pixels without a value", (image) => nothingIn(image)),
      edit("Reset", "restore the mask of the image", () => store.state.masks[""] ?? null),
    ),
    count,
  );
  const number = memo((mask: Uint8Array | undefined) => (mask ? countOf(mask) : 0));

  function update({ image, masking }: State): void {
    element.hidden = masking === null;
    if (!masking) return;
    for (const { tool, button } of tools) button.setAttribute("aria-pressed", String(masking.tool === tool));
    setValue(size, plain(masking.size));
    setValue(threshold, plain(masking.threshold));
    const masked = number(image?.mask);
    const part = image ? (100 * masked) / image.mask.length : 0;
    const note = masking.said ? `; ${masking.said}` : "";
    setText(count, `${masked} pixels masked, ${part.toFixed(part < 10 ? 1 : 0)} %${note}`);
  }
  return { element, update };
}
