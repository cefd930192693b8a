"""One HTML file that shows an editor without Python and without a network."""

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any

from sersiclab.documents import storage
from sersiclab.widget import bundle
from sersiclab.widget.editor import Editor
from sersiclab.widget.frame_messages import frames_of, pushed
from sersiclab.widget.rasters import is_large


TRAITS = ("schema", "session", "display", "progress", "summary", "recovery", "problems", "kept")
REFUSED = ("run", "show", "recover", "predict", "preset", "neighbours", "keep", "restore", "forget", "load", "regions")
FILES = ("python", "regions", "sky regions")
TITLE = "sersiclab: "
NOTE = """<p>Pictures are at the resolution of the screen, not at that of the image, which is too large for a page.</p>
"""
MARK = f"<title>{TITLE}".encode()  # every page has it near its beginning
# The browser may load only the page's own script, the bundle as a blob, and pictures that the page itself makes.
# Nothing is loaded from a network or sent to one.
POLICY = Template(
    "default-src 'none'; script-src 'sha256-$script' blob:; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
# A minimal host of an anywidget: it answers `hello`, and requests for small files, from the record. A request for a
# picture gets an empty answer, so that the page does not wait and moves its last picture instead.
SCRIPT = Template("""
const text = (id) => document.getElementById(id).textContent;
const record = JSON.parse(text("record"));
const bytes = (base64) => new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
const listeners = {};
const emit = (event, ...what) => [...(listeners[event] ?? [])].forEach((listener) => listener(...what));
const refuse = ({ t, request } = {}) => emit("msg:custom", { t: "error", title: "No Python here",
  detail: "This page is a record: its pictures and tables can be viewed, but nothing new can be computed.",
  ...(t === "export" && { request }) }, []);
const give = (message) => {
  const [file, content] = record.files[message.kind] ?? [];
  if (file) emit("msg:custom", { t: "file", request: message.request, ...file }, [bytes(content)]);
  else refuse(message);
};
const noPicture = (seq) => emit("msg:custom", { t: "frame", seq, components: [], dof: 0 }, []);
const answers = {
  export: give,
  render: ({ seq }) => noPicture(seq),
  hello: () => record.messages.forEach(([content, buffers]) => emit("msg:custom", content, buffers.map(bytes))),
  ...Object.fromEntries($refused.map((kind) => [kind, refuse])),
};
const model = {
  get: (name) => record.traits[name],
  set: (name, value) => { record.traits[name] = value; },
  save_changes: () => queueMicrotask(() => noPicture(null)),
  on: (event, listener) => { (listeners[event] ??= new Set()).add(listener); },
  off: (event, listener) => listeners[event]?.delete(listener),
  send: (message) => queueMicrotask(() => answers[message.t]?.(message)),
};
const source = URL.createObjectURL(new Blob([text("bundle")], { type: "text/javascript" }));
const { default: widget } = await import(source);
widget.render({ model, el: document.getElementById("widget"), signal: new AbortController().signal });
""")
PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; margin: 1rem auto; max-width: 1200px; }
$css
</style>
$note<div id="widget"></div>
<script type="application/json" id="record">$record</script>
<script type="text/plain" id="bundle">$bundle</script>
<script type="module">$script</script>
</html>
""")


def write_page(path: str | Path, editor: Editor, *, overwrite: bool = False) -> Path:
    """Write the editor as it is now to an HTML file, and return its path; see `Workbench.to_html`."""
    title = f"{TITLE}{', '.join(editor.model.components)}"
    script = SCRIPT.substitute(refused=json.dumps(REFUSED))
    digest = hashlib.sha256(script.encode()).digest()
    text = PAGE.substitute(
        policy=html.escape(POLICY.substitute(script=base64.b64encode(digest).decode())),
        script=script,
        title=html.escape(title),
        note=NOTE if is_large(editor.image) else "",
        css=(bundle.STATIC / "widget.css").read_text(encoding="utf-8"),
        record=_within_script(json.dumps(_record(editor))),
        bundle=(bundle.STATIC / "widget.js").read_text(encoding="utf-8").replace("</script", "<\\/script"),
    )
    return storage.write_text(path, text, overwrite=overwrite, mark=MARK)


def _within_script(text: str) -> str:
    """Escape JSON so that it can't end the script element that contains it."""
    return text.replace("<", "\\u003c")


def _record(editor: Editor) -> dict[str, Any]:
    """Return the traits, and the messages that answer a new view."""
    image = editor.image
    frames = frames_of(image)
    answers = [*editor.greeting(), *pushed(frames, editor.shown)]
    return {
        "traits": {**{name: getattr(editor, name) for name in TRAITS}, "control": None},
        "messages": [[content, [base64.b64encode(data).decode() for data in buffers]] for content, buffers in answers],
        "files": {kind: _file(editor, kind) for kind in FILES if kind != "sky regions" or image.wcs is not None},
    }


def _file(editor: Editor, kind: str) -> list[Any]:
    name, mime, content = editor.files.export(kind)
    return [{"name": name, "type": mime}, base64.b64encode(content).decode()]
