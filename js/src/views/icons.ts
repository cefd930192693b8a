/** Line icons, drawn for this widget; each is decoration of a control that has a name of its own. */

import { svg } from "./dom";

const PATHS = {
  undo: "M6 3 2.5 6.5 6 10M3 6.5h6.5a4 4 0 0 1 0 8H7",
  redo: "M10 3l3.5 3.5L10 10M13 6.5H6.5a4 4 0 0 0 0 8H9",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  ellipse: "M3.2 12.8C1.4 11 3 6.8 6 4s7-4.200 8.200-2.200-.4 6-3.400 8.700-6.200 3.700-7.600 2.300Z",
  fold: "M4 6l4 4 4-4",
} as const;

export function icon(name: keyof typeof PATHS): SVGSVGElement {
  return svg(
    "svg",
    { class: "sl-icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
}
