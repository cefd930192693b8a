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
  row: "M1.5 5.5h3.400v5H1.5zM6.300 5.5h3.400v5H6.300zM11.100 5.5h3.400v5h-3.400z",
  grid: "M2.5 2.5h4.700v4.700H2.5zM8.800 2.5h4.700v4.700H8.800zM2.5 8.8h4.700v4.700H2.5zM8.800 8.8h4.700v4.700H8.800z",
  single: "M2.5 2.5h11v11h-11z",
  cross: "M8 1.5v4.5M8 10v4.5M1.5 8H6M10 8h4.5",
  profile: "M2 2v12h12M4 4.5c1.5 0 2 5 9.5 7",
  cuts: "M1.5 11h2.5l1.5-7 2 9 2-8 1.5 6h3.5",
  mask: "M2.5 2.5h11v11h-11zM2.5 8l5.5-5.5M2.5 13l10.5-10.5M8 13.5l5.5-5.5",
  brush: "M13.5 2.5L7 9M7.5 8.5c-2-.5-3.5 1-3.5 2.5 0 1-.5 2-1.5 2.5 3 .5 5.5-1 5-4",
  eraser: "M6 13.5L2.5 10 9 3.5l4 4-6 6zM5.5 7l4 4M7 13.5h6.5",
  rectangle: "M2.5 4.5h11v7h-11z",
  lasso:
    "M8 10.5c-3.5 0-6-1.5-6-3.700S4.5 3 8 3s6 1.600 6 3.800-2.5 3.700-6 3.700c-2 0-3.5.8-3.5 2s1 1.5 2 1",
  pick: "M3 13l6.5-6.5M11 2v2.5M11 8.5V6.5M8.5 5h-1M14.5 5h-2M13 3l-1 1M9 3l1 1M13 7l-1-1",
  fold: "M4 6l4 4 4-4",
  eye: "M1.500 8c3-5.300 10-5.300 13 0-3 5.300-10 5.300-13 0ZM8 6a2 2 0 1 0 .01 0Z",
  closed: "M1.500 7.500c3 4.500 10 4.500 13 0M4 10l-1 1.800M8 11v2M12 10l1 1.800",
  solo: "M8 2.500v2M8 11.500v2M2.500 8h2M11.500 8h2M8 6.500a1.500 1.500 0 1 0 .01 0Z",
  lock: "M3.500 7.500h9v6h-9zM5.500 7.500V5a2.500 2.500 0 0 1 5 0v2.500",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  settings:
    "M2 4.500h6M11.500 4.500H14M2 11.500h2.500M8 11.500h6M9.800 2.800a1.700 1.700 0 1 0 .01 0ZM6.200 9.800a1.700 1.700 0 1 0 .01 0Z",
  help: "M6 6a2 2 0 1 1 2.800 1.900c-.6.3-.8.7-.8 1.600M8 12.500h.01",
  prior: "M1.5 13.5h13M2 13c4 0 3.500-10 6-10s2 10 6 10",
  link: "M6.500 9.500l3-3M7 5l1.500-1.500a2.800 2.800 0 0 1 4 4L11 9M9 11l-1.500 1.500a2.800 2.800 0 0 1-4-4L5 7",
} as const;

export function icon(name: keyof typeof PATHS): SVGSVGElement {
  return svg(
    "svg",
    { class: "sl-icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
}
