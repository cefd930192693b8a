import { Blob as NodeBlob, File as NodeFile } from "node:buffer";
import { describe, expect, it, vi } from "vitest";
import { DISPLAY } from "../src/state";
import { SESSION } from "./fixtures";
import { nextFrame, open } from "./page";

// The blobs of jsdom can't be read.
Object.assign(globalThis, { Blob: NodeBlob, File: NodeFile });

/** Catches what the page offers for download. */
function downloads() {
  const given: { name: string; content: Blob }[] = [];
  let last: Blob | null = null;
  URL.createObjectURL = (content: Blob | MediaSource) => {
    last = content as Blob;
    return "blob:1";
  };
  URL.revokeObjectURL = () => {};
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    given.push({ name: this.download, content: last as Blob });
  });
  return given;
}

const bytesOf = async (given: { content: Blob } | undefined): Promise<number[]> =>
  given ? [...new Uint8Array(await given.content.arrayBuffer())] : [];

/** The next file that the page asks for. */
function choose(file: File) {
  vi.spyOn(HTMLInputElement.prototype, "click").mockImplementationOnce(function (this: HTMLInputElement) {
    Object.defineProperty(this, "files", { value: [file] });
    this.dispatchEvent(new Event("change"));
  });
}

const textOf = (view: ArrayBufferView | undefined) => new TextDecoder().decode(view);

async function opened() {
  const page = await open();
  await page.showImage();
  const press = async (name: string) => {
    page.named("button", name).click();
    await nextFrame();
  };
  await press("Session");
  return { ...page, press };
}

describe("the session bar", () => {
  it("is opened and closed by its button", async () => {
    const { named, one, press } = await opened();
    expect(one(".sl-session").hidden).toBe(false);
    expect(named("button", "Session").getAttribute("aria-expanded")).toBe("true");
    await press("Session");
    expect(one(".sl-session").hidden).toBe(true);
  });

  it("saves without Python", async () => {
    const given = downloads();
    const { press, sent, one } = await opened();
    const before = sent.length;
    await press("Save session");
    expect(given.map(({ name }) => name)).toEqual(["session.json"]);
    expect(JSON.parse(new TextDecoder().decode(Uint8Array.from(await bytesOf(given[0]))))).toMatchObject({
      session: SESSION,
      display: DISPLAY,
    });
    expect(sent).toHaveLength(before);
    expect(one(".sl-session [aria-live]").textContent).toContain("session.json");
  });

  it("sends a file to Python, and changes nothing itself", async () => {
    const { press, of, buffers, sent, state } = await opened();
    choose(new File(['{"sersiclab": 1}'], "mine.json"));
    await press("Open session");
    await vi.waitFor(() => expect(of("load")).toEqual([{ t: "load", name: "mine.json" }]));
    expect(textOf(buffers[sent.findIndex(({ t }) => t === "load")]?.[0])).toBe('{"sersiclab": 1}');
    expect(state.session).toBe(SESSION);
  });

  it("does not read a huge file", async () => {
    const { press, of, one } = await opened();
    const file = new File([], "huge.json");
    Object.defineProperty(file, "size", { value: 300 * 2 ** 20 });
    choose(file);
    await press("Open session");
    await vi.waitFor(() => expect(one("[role=alert]").textContent).toContain("huge.json: it has 300 MB"));
    expect(of("load")).toHaveLength(0);
  });

  it("accepts pasted text, a session or regions", async () => {
    const { press, of, one, buffers, sent, el } = await opened();
    for (const [text, kind] of [
      ['  {"sersiclab": 1}', "load"],
      ["ellipse(1,2,3,4,5)", "regions"],
    ] as const) {
      await press("Paste");
      one<HTMLTextAreaElement>(".sl-text textarea").value = text;
      [...el.querySelectorAll<HTMLButtonElement>(".sl-text button")][0]?.click();
      expect(of(kind)).toHaveLength(1);
      expect(textOf(buffers[sent.findIndex(({ t }) => t === kind)]?.[0])).toBe(text);
      expect(one(".sl-text").hidden).toBe(true);
    }
    expect(of("regions")[0]).toMatchObject({ selected: "galaxy" });
  });

  it("downloads files that Python makes, and only those that this view requested", async () => {
    const given = downloads();
    const { press, of, receive } = await opened();
    await press("FITS");
    const [asked] = of("export");
    expect(asked).toMatchObject({ kind: "fits" });
    const file = { t: "file", name: "model.fits", type: "application/fits" };
    const bytes = [new DataView(Uint8Array.from([1, 2, 3]).buffer)];
    receive({ ...file, request: "another view's" }, bytes);
    receive({ ...file, request: asked?.request }, bytes);
    await vi.waitFor(() => expect(given).toHaveLength(1));
    expect(given[0]?.name).toBe("model.fits");
    expect(await bytesOf(given[0])).toEqual([1, 2, 3]);
  });

  it.each(["FITS", "Copy as Python"])("shows why %s failed, in the view that requested it", async (name) => {
    const { press, of, receive, one, el } = await opened();
    await press(name);
    const answer = { t: "error", title: "The file could not be created", detail: "it is too large" };
    receive({ ...answer, request: "another view's" });
    await nextFrame();
    expect(el.querySelector("[role=alert]")).toBeNull();
    receive({ ...answer, request: of("export")[0]?.request });
    await vi.waitFor(() => expect(one("[role=alert]").textContent).toContain("it is too large"));
    expect(one(".sl-session [aria-live]").textContent).toBe("");
    expect(el.querySelector("[role=alert] details")).toBeNull();
  });

  it("shows the code if there is no clipboard, and says so", async () => {
    const { press, of, receive, one } = await opened();
    await press("Copy as Python");
    const bytes = [new DataView(new TextEncoder().encode("model = 1").buffer)];
    receive({ t: "file", name: "model.py", type: "text/x-python", request: of("export")[0]?.request }, bytes);
    await vi.waitFor(() => expect(one<HTMLTextAreaElement>(".sl-text textarea").value).toBe("model = 1"));
    await nextFrame();
    expect(one(".sl-session [aria-live]").textContent).toContain("copy the code from the box");
  });

  it("reports the last result, until something fails", async () => {
    const { receive, one } = await opened();
    receive({ t: "said", text: "a.json loaded" });
    await nextFrame();
    expect(one(".sl-session [aria-live]").textContent).toBe("a.json loaded");
    receive({ t: "error", title: "no", detail: "" });
    await nextFrame();
    expect(one(".sl-session [aria-live]").textContent).toBe("");
  });

  it("offers sky coordinates only with a WCS", async () => {
    const { named } = await opened();
    expect(named<HTMLButtonElement>("button", "DS9 regions on the sky").disabled).toBe(true);
  });

  it("says why no picture was created", async () => {
    const { press, one } = await opened();
    await press("PNG");
    await vi.waitFor(() =>
      expect(one("[role=alert]").textContent).toContain("The picture could not be created"),
    );
  });
});
