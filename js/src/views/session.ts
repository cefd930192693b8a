/** The session bar: saving and opening, pictures, files for other programs, and code. */

import { KernelError } from "../file_requests";
import { MOST_BYTES, savedText } from "../saved";
import { type State, selectedOf } from "../state";
import type { Store } from "../store";
import type { Kernel } from "../sync";
import { chooseFile, copyText, download } from "../transfer";
import { h, setText } from "./dom";
import { icon } from "./icons";
import { field, type Section } from "./toolbar";

export interface SessionBar extends Section {
  /** The button that opens it. */
  toggle: HTMLButtonElement;
}

/** Renders the pictures to a file. */
export type PictureFile = (kind: "png" | "svg") => Promise<Blob>;

export function createSessionBar(store: Store, kernel: Kernel, picture: PictureFile): SessionBar {
  const said = h("span", { class: "sl-note", "aria-live": "polite" });
  const text = createText();
  const say = (words: string) => store.dispatch({ type: "said", text: words });
  const fail = (title: string, error: unknown) => {
    const detail = error instanceof Error ? error.message : String(error);
    const notice = error instanceof KernelError ? { ...error, detail } : { title, detail };
    store.dispatch({ type: "notice", notice });
  };

  function give(name: string, content: Blob): void {
    download(name, content, element);
    say(`${name} is in your downloads`);
  }
  const save = () => {
    // The page lacks the masks of other images.
    if (store.state.session.image !== undefined) return void exported("session");
    const fits = store.state.kept.length + (store.state.summary ? 1 : 0);
    give("session.json", new Blob([savedText(store.state)], { type: "application/json" }));
    if (fits > 0)
      say("session.json is in your downloads; it does not include fits: save one with wb.fit.save(path)");
  };
  async function open(kind: "load" | "regions", accept: string): Promise<void> {
    const file = await chooseFile(accept, element);
    if (!file) return;
    const title = kind === "load" ? "The session was not loaded" : "The regions were not read";
    if (file.size > MOST_BYTES)
      fail(title, `${file.name}: it has ${(file.size / 2 ** 20).toFixed(0)} MB; the limit is 64 MB`);
    else take(kind, file.name, new Uint8Array(await file.arrayBuffer()));
  }
  function take(kind: "load" | "regions", name: string, bytes: Uint8Array<ArrayBuffer>): void {
    if (kind === "load") kernel.load(name, bytes);
    else kernel.regions(name, bytes, selectedOf(store.state));
  }
  async function exported(kind: string): Promise<void> {
    say("preparing the file …");
    try {
      const { name, content } = await kernel.exported(kind);
      give(name, content);
    } catch (error) {
      fail("The file could not be created", error);
    }
  }
  async function draw(kind: "png" | "svg"): Promise<void> {
    try {
      give(`pictures.${kind}`, await picture(kind));
    } catch (error) {
      fail("The picture could not be created", error);
    }
  }
  async function copy(): Promise<void> {
    let code: string;
    try {
      code = await (await kernel.exported("python")).content.text();
    } catch (error) {
      return fail("The code could not be generated", error);
    }
    const copied = await copyText(code);
    text.show("Python code", code, null);
    say(copied ? "the code is on the clipboard" : "copy the code from the box below");
  }
  const paste = () =>
    text.show("a session, or DS9 regions", "", (pasted) => {
      const kind = pasted.trimStart().startsWith("{") ? "load" : "regions";
      take(kind, "the pasted text", new TextEncoder().encode(pasted));
    });

  const sky = button("RA, Dec", "DS9 regions on the sky", () => exported("sky regions"));
  const bar = h(
    "div",
    { class: "sl-toolbar sl-maskbar", role: "toolbar", "aria-label": "session" },
    field(
      "session",
      button("Save", "Save session", save, "model, mask and display settings, as a JSON file"),
      button("Open", "Open session", () => open("load", ".json,application/json")),
      button("Paste", "Paste", paste, "a session, or DS9 regions"),
    ),
    button("Copy as Python", "Copy as Python", copy, "Python code that builds this model"),
    field(
      "pictures",
      button("PNG", "PNG", () => draw("png")),
      button("SVG", "SVG", () => draw("svg")),
    ),
    button("FITS", "FITS", () => exported("fits"), "data, model, residual and components, with the WCS"),
    field(
      "DS9 regions",
      button("Pixels", "DS9 regions in pixels", () => exported("regions")),
      sky,
      button("Open", "Open DS9 regions", () => open("regions", ".reg,.txt,text/plain"), HINT),
    ),
    said,
  );
  const element = h("div", { class: "sl-session", hidden: true }, bar, text.element);
  const toggle = h(
    "button",
    { type: "button", class: "sl-tool", "aria-label": "Session", "aria-expanded": "false", title: TITLE },
    icon("session"),
  );
  toggle.addEventListener("click", () => {
    element.hidden = !element.hidden;
    toggle.setAttribute("aria-expanded", String(!element.hidden));
  });
  return {
    element,
    toggle,
    update(state: State) {
      setText(said, state.said);
      sky.disabled = !state.image?.plane;
    },
  };
}

const TITLE = "Session: save, open, copy as Python, export";
const HINT =
  "an ellipse sets the component named in its text; a single ellipse without text sets the selected one; circles, boxes and polygons are masked";

function button(label: string, name: string, action: () => unknown, title = name): HTMLButtonElement {
  const element = h("button", { type: "button", "aria-label": name, title }, label);
  element.addEventListener("click", () => void action());
  return element;
}

/** A text box to copy from or to paste into. */
function createText() {
  const area = h("textarea", { rows: 8, spellcheck: "false" });
  const use = h("button", { type: "button" }, "Apply");
  const close = h("button", { type: "button" }, "Close");
  const element = h(
    "div",
    { class: "sl-text", hidden: true },
    area,
    h("div", { class: "sl-group" }, use, close),
  );
  let taken: ((text: string) => void) | null = null;
  use.addEventListener("click", () => {
    element.hidden = true;
    taken?.(area.value);
  });
  close.addEventListener("click", () => {
    element.hidden = true;
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") element.hidden = true;
    event.stopPropagation();
  });
  return {
    element,
    /** With `take`, a box to paste into. */
    show(name: string, text: string, take: ((text: string) => void) | null) {
      taken = take;
      area.setAttribute("aria-label", name);
      area.placeholder = take ? name : "";
      area.value = text;
      area.readOnly = take === null;
      use.hidden = take === null;
      element.hidden = false;
      area.focus();
      area.select();
    },
  };
}
