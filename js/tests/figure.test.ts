import { describe, expect, it } from "vitest";
import { drawFigure, type FigurePanel, layoutOf, paintOf, standalone } from "../src/figure";
import { svg } from "../src/views/dom";

const panel = (change: Partial<FigurePanel> = {}): FigurePanel => ({
  title: "data",
  note: "in σ <b>",
  width: 200,
  height: 100,
  picture: null,
  overlay: null,
  x: [{ place: 50, label: "20" }],
  y: [{ place: 25, label: "40" }],
  bar: { stops: ["rgb(0,0,0)", "rgb(9,9,9)", "rgb(255,255,255)"], ticks: [{ place: 100, label: "0" }] },
  ...change,
});
const figure = { columns: 2, background: "rgb(255,255,255)", ink: "rgb(1,2,3)" };

describe("the layout of a figure", () => {
  it("consists of rows, without overlaps", () => {
    const panels = [panel(), panel({ height: 120 }), panel()];
    const { width, height, boxes } = layoutOf({ panels, columns: 2 });
    expect(boxes.map(({ width }) => width)).toEqual([200, 200, 200]);
    const [a, b, c] = boxes as [(typeof boxes)[0], (typeof boxes)[0], (typeof boxes)[0]];
    expect(b.x).toBeGreaterThan(a.x + a.width);
    expect(c.x).toBe(a.x);
    expect(c.y).toBeGreaterThan(b.y + b.height);
    for (const box of boxes) {
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
    }
  });
});

describe("a figure", () => {
  it("is a complete document, whose labels are text", () => {
    const drawn = drawFigure({
      ...figure,
      panels: [panel({ picture: "data:image/png;base64,AAAA" }), panel()],
    });
    const text = new XMLSerializer().serializeToString(drawn);
    const read = new DOMParser().parseFromString(text, "image/svg+xml");
    expect(read.querySelector("parsererror")).toBeNull();
    expect(read.documentElement.namespaceURI).toBe("http://www.w3.org/2000/svg");
    expect([...read.querySelectorAll("text")].map((each) => each.textContent)).toContain("in σ <b>");
    expect(read.querySelectorAll("image")).toHaveLength(1);
    expect(read.querySelectorAll("linearGradient")).toHaveLength(2);
    const offsets = [...read.querySelectorAll("#panel-1 stop")].map((stop) => stop.getAttribute("offset"));
    expect(offsets).toEqual(["0", "0.5", "1"]);
    expect(text).not.toContain("class=");
  });

  it("has no background if it is drawn over a picture", () => {
    const rects = (background: string | null) =>
      drawFigure({ ...figure, background, panels: [panel()] }).querySelectorAll(":scope > rect").length;
    expect([rects("#fff"), rects(null)]).toEqual([1, 0]);
  });
});

describe("colours", () => {
  it("have a separate opacity", () => {
    expect(paintOf("rgba(1, 2, 3, 0.5)")).toEqual({ colour: "rgb(1,2,3)", opacity: 0.5 });
    expect(paintOf("rgb(1, 2, 3)")).toEqual({ colour: "rgb(1,2,3)", opacity: 1 });
    expect(paintOf("none")).toEqual({ colour: "none", opacity: 1 });
  });
});

describe("an overlay", () => {
  it("keeps its style without the page, without hidden elements and those that serve interaction", () => {
    const ring = svg("ellipse", { class: "sl-ring", rx: 4, ry: 2 });
    ring.style.cssText = "stroke: rgba(10, 20, 30, 0.5); fill: none; stroke-width: 2px";
    const hidden = svg("ellipse", { rx: 9, ry: 9 });
    hidden.style.cssText = "visibility: hidden; stroke: red";
    const grip = svg("ellipse", { class: "sl-grip" });
    grip.style.cssText = "stroke: red";
    const drawing = svg("svg", {}, svg("g", { class: "sl-shape" }, ring, hidden, grip));
    document.body.replaceChildren(drawing);
    const copy = standalone(drawing);
    const shapes = [...copy.querySelectorAll("ellipse")];
    expect(shapes).toHaveLength(1);
    const [shape] = shapes as [SVGEllipseElement];
    expect(shape.getAttribute("stroke")).toBe("rgb(10,20,30)");
    expect(shape.getAttribute("stroke-opacity")).toBe("0.5");
    expect(shape.getAttribute("stroke-width")).toBe("2");
    expect(shape.getAttribute("fill")).toBe("none");
    expect(copy.outerHTML).not.toMatch(/class|style/);
  });
});
