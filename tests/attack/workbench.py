"""Bad and odd inputs of the widgets, from Python."""

import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

import sersiclab as sl

from .case import Case, named, right
from .images import DATA, MASK, image
from .nonsense import NONSENSE, refused
from .runs import IMAGES, MODELS, flat


@cache
def workbench() -> sl.Workbench:
    return sl.Workbench(image(), flat())


def cases(folder: Path) -> Iterator[Case]:
    for cls in (sl.Workbench, sl.Editor):
        for kind, given in IMAGES.items():
            yield named(cls.__name__, f"image is {kind}", lambda c=cls, g=given: c(g), "image must be an Image")
        for kind, given in MODELS.items():
            if given is not None:
                yield named(
                    cls.__name__, f"model is {kind}", lambda c=cls, g=given: c(image(), g), "model must be a Model"
                )
    yield named("Workbench", "a model of one's own renderer", lambda: sl.Workbench(image(), 3), "model must be a Model")
    wb, editor = workbench(), workbench().editor
    for kind, given in MODELS.items():
        yield named(
            "Workbench.model", f"model is {kind}", lambda g=given: setattr(wb, "model", g), "model must be a Model"
        )
    for name, target in {"Workbench": wb, "Editor": editor}.items():
        for kind, make in NONSENSE.items():
            call = lambda t=target, m=make: t.run(m())  # noqa: E731
            yield named(f"{name}.run", f"method = {kind}", call, "method must be a method such as NUTS()")
        for kind in ("None", "text", "NaN", "list", "True", "object"):
            call = lambda t=target, m=NONSENSE[kind]: t.run(sl.MAP(), wait=True, seed=m())  # noqa: E731
            yield named(f"{name}.run", f"seed = {kind}", call, "seed must be")
        yield right(f"{name}.cancel", "nothing runs", lambda t=target: t.cancel(), lambda found: found is None)
        yield named(f"{name}.keep", "nothing to keep", lambda t=target: t.keep("a"), "fit")
        for kind in ("None", "text", "True", "NaN", "list", "object", "empty text"):
            call = lambda t=target, m=NONSENSE[kind]: t.restore(m())  # noqa: E731
            yield named(f"{name}.restore", f"name = {kind}", call, "no kept fit")
    for kind in ("None", "text", "list", "object"):
        call = lambda m=NONSENSE[kind]: editor.forget(m())  # noqa: E731
        yield right("Editor.forget", f"name = {kind}, which is not kept", call, lambda found: found is None)
    yield named("Workbench.posterior", "before a fit", lambda: wb.posterior, "there is no posterior yet")
    yield right("Workbench.recovery", "before one", lambda: wb.recovery, lambda found: found is None)
    yield named("Editor.recoveries", "before a fit", lambda: editor.recoveries.begin(), "Fit the galaxy first")
    yield right("Editor.recoveries", "nothing runs", lambda: editor.recoveries.cancel(), lambda found: found is None)
    yield right("Workbench.fit", "before a fit", lambda: wb.fit, lambda found: found is None)
    yield right("Workbench.fits", "before a fit", lambda: dict(wb.fits), lambda found: found == {})
    for kind in ("None", "text", "list", "object", "True", "NaN"):
        call = lambda m=NONSENSE[kind]: wb.show_image(m())  # noqa: E731
        yield named("Workbench.show_image", f"name = {kind}, of one image", call, "there is no image")
    yield right("Workbench.images", "of one image", lambda: wb.images, lambda found: found is None)
    yield right("Workbench.editor", "the editor", lambda: wb.editor, lambda found: found is editor)
    yield right("Workbench.image", "the image", lambda: wb.image.shape, lambda shape: shape == (12, 14))
    yield right("Workbench.to_python", "the code", wb.to_python, lambda code: "sl.FlatSky" in code)
    yield right("Workbench.snapshot", "a picture", wb.snapshot, lambda png: png.startswith(b"\x89PNG"))
    for name in ("pause", "resume"):
        yield right(f"Editor.{name}", "nothing runs", lambda n=name: getattr(editor, n)(), lambda found: found is None)
    yield right("Editor.mask_neighbours", "of a sky", lambda: editor.mask_neighbours(), lambda found: found is None)
    for kind in ("None", "text", "True", "NaN", "list", "object"):
        call = lambda m=NONSENSE[kind]: editor.on_draws(m())  # noqa: E731
        yield named("Editor.on_draws", f"callback = {kind}", call, "callback must be a function")
        call = lambda m=NONSENSE[kind]: editor.on_model(m())  # noqa: E731
        yield named("Editor.on_model", f"callback = {kind}", call, "callback must be a function")
        yield named("Editor.start_from", f"preset = {kind}", lambda m=NONSENSE[kind]: editor.start_from(m()), "preset")
        yield named("Editor.show", f"fit = {kind}", lambda m=NONSENSE[kind]: editor.show(m()), "fit must be a Fit")
        yield named("Workbench.of", f"fit = {kind}", lambda m=NONSENSE[kind]: sl.Workbench.of(m()), "fit must be a Fit")
    error = ArithmeticError("an internal error")
    call = lambda: editor.report_failure("run", error)  # noqa: E731
    yield right("Editor.report_failure", "an internal error", call, lambda found: found is None)
    yield right("Editor.report", "an error", lambda: editor.report("title", "detail"), lambda found: found is None)
    yield right("Editor.flush", "all is sent", lambda: editor.flush(20.0), bool)
    noise = lambda: (editor.measure_noise(), editor.flush(20.0))[1]  # noqa: E731
    yield named("Editor.measure_noise", "an image too small", noise, "too few")
    yield from masks(editor)
    yield from sessions(folder, wb)
    yield from files(folder, wb)
    yield right(
        "Workbench.close",
        "twice",
        lambda: (extra := sl.Workbench(image(), flat())) and (extra.close(), extra.close()),
        bool,
    )
    yield right(
        "Editor.close", "twice", lambda: (extra := sl.Editor(image(), flat())) and (extra.close(), extra.close()), bool
    )


def masks(editor: sl.Editor) -> Iterator[Case]:
    wrong = {"of another shape": np.zeros((3, 4)), "of NaN": np.full(DATA.shape, math.nan)}
    call = lambda v: setattr(editor, "mask", v)  # noqa: E731
    yield from refused("Editor", "mask", call, "mask", also=wrong)
    yield named("Editor", "mask = everything", lambda: setattr(editor, "mask", ~MASK), "mask")


def sessions(folder: Path, wb: sl.Workbench) -> Iterator[Case]:
    """Files that are no session: they are refused by name, and change nothing."""
    whole = wb.save(folder / "whole.json")
    document = json.loads(whole.read_text())
    texts: dict[str, bytes] = {
        "empty": b"",
        "prose": b"It was a dark and stormy night.",
        "zeros": bytes(999),
        "null": b"null",
        "a number": b"3",
        "a list": b"[]",
        "an empty mapping": b"{}",
        "cut": whole.read_bytes()[: whole.stat().st_size // 2],
        "brackets": b"[" * 100_000,
        "braces": b'{"a":' * 100_000,
        "digits": b'{"version": ' + b"9" * 5000 + b"}",
        "UTF-16": whole.read_text().encode("utf-16"),
        "a FITS file": b"SIMPLE  =                    T".ljust(2880),
    }
    for key in document.keys() - {"made_by"}:  # which is for people to read
        for kind, value in {
            "null": None,
            "a text": "x",
            "a number": 3,
            "a list": [1],
            "a mapping": {"a": 1},
            "NaN": math.nan,
        }.items():
            if (key, kind) not in {("mask", "null"), ("display", "a mapping")}:
                texts[f"{key} is {kind}"] = json.dumps(document | {key: value}).encode()
        if key not in ("mask", "display"):
            texts[f"{key} is absent"] = json.dumps({k: v for k, v in document.items() if k != key}).encode()
    before = dict(wb.editor.session)
    for number, (kind, text) in enumerate(texts.items()):
        path = folder / f"session_{number}.json"
        path.write_bytes(text)
        yield named("Workbench.load", kind, lambda p=path: wb.load(p), path.name)
    yield right("Workbench.load", "nothing has changed", lambda: dict(wb.editor.session), lambda now: now == before)
    yield right("Workbench.load", "a whole one", lambda: wb.load(whole), lambda found: found is None)
    yield named("Workbench.load", "nothing there", lambda: wb.load(folder / "none.json"), "none.json")
    for kind in ("None", "True", "NaN", "list", "object", "bytes"):
        yield named("Workbench.load", f"path = {kind}", lambda m=NONSENSE[kind]: wb.load(m()), "path must be")


def files(folder: Path, wb: sl.Workbench) -> Iterator[Case]:
    for name, suffix in {"save": ".json", "write_fits": ".fits", "write_regions": ".reg", "to_html": ".html"}.items():
        call = getattr(wb, name)
        own = folder / f"own_{name}{suffix}"
        own.write_text("mine")
        yield named(f"Workbench.{name}", "a file of another", lambda c=call, p=own: c(p), own.name, "overwrite=True")
        yield named(
            f"Workbench.{name}", "a missing folder", lambda c=call, s=suffix: c(folder / f"none/a{s}"), "does not exist"
        )
        for kind in ("None", "True", "NaN", "list", "object", "bytes"):
            yield named(f"Workbench.{name}", f"path = {kind}", lambda c=call, m=NONSENSE[kind]: c(m()), "path must be")
    for frame in ("fk5", 3, None):
        call = lambda f=frame: wb.write_regions(folder / "a.reg", frame=f)  # noqa: E731
        yield named("Workbench.write_regions", f"frame = {frame!r}", call, "frame must be")
    yield named(
        "Workbench.write_regions",
        "a sky without a WCS",
        lambda: wb.write_regions(folder / "a.reg", frame="icrs"),
        "WCS",
    )
    for kind, text in {"empty": "", "prose": "hello", "too few": "ellipse(1,2)", "NaN": "ellipse(nan,2,3,4,5)"}.items():
        path = folder / f"bad_{kind.replace(' ', '_')}.reg"
        path.write_text(text)
        yield named("Workbench.read_regions", kind, lambda p=path: wb.read_regions(p), path.name)
    yield named("Workbench.read_regions", "nothing there", lambda: wb.read_regions(folder / "none.reg"), "none.reg")
    yield named("Workbench.read_regions", "path = None", lambda: wb.read_regions(None), "path must be")
