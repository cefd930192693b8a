"""Files of an editor: sessions, FITS images, DS9 regions and Python code, from Python and from the page.

Messages to Python: {"t": "load" | "regions", "name", "selected"} with a file; {"t": "export", "request", "kind"}.
To the front end: {"t": "file", "request", "name", "type"} with the bytes, in answer to an export; {"t": "taken",
"session", "display"} of a session that was loaded, which is one step to undo; {"t": "said", "text"}, of what was taken.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from sersiclab.documents import storage
from sersiclab.io.regions import read_regions
from sersiclab.model import Model
from sersiclab.parameters import at
from sersiclab.results.files import write_model_fits
from sersiclab.results.regions import ds9_regions
from sersiclab.runtime.errors import InputError
from sersiclab.widget.code import python_code
from sersiclab.widget.current import Current
from sersiclab.widget.desk import Desk
from sersiclab.widget.messages import error_message
from sersiclab.widget.region_edits import with_regions
from sersiclab.widget.saved import LARGEST, MARK, Saved, from_text, to_document
from sersiclab.widget.session import read


LARGEST_DOWNLOAD = 256 * 2**20  # bytes; more is for a disk near the kernel


class Files:
    """What an editor writes to files and takes from them. What is read is one step to undo."""

    def __init__(self, desk: Desk, current: Current) -> None:
        self._desk = desk
        self._current = current

    @property
    def _model(self) -> Model:
        return self._current.shown.model

    # -- sessions ------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write model, priors, switches, mask and the look of the pictures to a JSON file, which `load` reads.

        It does not hold the fit: `fit.save(path)` keeps it with its draws. An earlier session in this file is
        replaced. Raises `FileExistsError` for any other file, unless `overwrite`.
        """
        with self._desk.turn:
            session = self._desk.session
            name = session.get("mask")
            mask = None if name is None else self._desk.masks.bits(name)
            saved = Saved(session, mask, dict(self._desk.display))
        text = json.dumps(to_document(saved, self._desk.masks.given.shape), indent=1)
        return storage.write_text(path, text, overwrite=overwrite, mark=MARK)

    def load(self, path: str | Path) -> None:
        """Take up a session that was saved from an image of the same shape.

        Raises `ValueError`, and changes nothing, if the file is no such session.
        """
        path = storage.user_path(path)
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: it has more than {LARGEST / 2**20:.0f} MB, which no session has")
        self._load(str(path), path.read_bytes())

    def _load(self, name: str, text: bytes) -> None:
        try:
            saved = from_text(text, self._desk.masks, self._desk.types)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        self._desk.take(saved.session, saved.mask, saved.display)

    # -- images and code -----------------------------------------------------------------------------

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write data, model, residual, sigma, mask, every component and the PSF to a FITS file, with the WCS.

        The model is as the pictures show it. `fit.write_fits(path)` writes a fit, with its errors. Raises `OSError`
        where the file exists.
        """
        path = storage.user_path(path)
        with storage.writing(path, overwrite=overwrite) as temporary:
            write_model_fits(self._model, self._current.image, temporary)
        return path

    def to_python(self) -> str:
        """Python code that builds the model, and the mask if it was edited."""
        return python_code(self._model, self._current.image, masked="mask" in self._desk.session)

    # -- regions -------------------------------------------------------------------------------------

    def write_regions(
        self, path: str | Path, *, frame: Literal["image", "icrs"] = "image", overwrite: bool = False
    ) -> Path:
        """Write the components as DS9 regions: ellipses in image pixels, or on the sky.

        Raises `FileExistsError` where the file exists.
        """
        return storage.write_text(path, self._regions(frame), overwrite=overwrite)

    def _regions(self, frame: Literal["image", "icrs"]) -> str:
        model = self._model
        return ds9_regions(at(model.owners, model.initial), self._current.image.wcs, frame=frame)

    def read_regions(self, path: str | Path, *, selected: str = "") -> str:
        """Take up the regions of a DS9 file, and say what was done.

        An ellipse whose text begins with the name of a component sets its shape; one without text, alone, that of
        the `selected` component, by default the one that the page shows; other ellipses and points become components.
        Circles, boxes, polygons, and ellipses with a minus, are masked. Raises `ValueError`, and changes nothing, if
        nothing can be taken.
        """
        path = storage.user_path(path)
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: it has more than {LARGEST / 2**20:.0f} MB, which no region file has")
        return self._read_regions(str(path), path.read_bytes(), selected)

    def _read_regions(self, name: str, text: bytes, selected: str) -> str:
        desk, image = self._desk, self._current.image
        try:
            regions = read_regions(text.decode("utf-8", "replace"), image.wcs)
            with desk.turn:
                session, everything, image = desk.session, self._current.shown.everything, self._current.image
                chosen = selected or desk.display.get("selected", "") or next(iter(everything.components))
                locked = desk.display.get("locked", [])
                change = with_regions(session, everything, image, regions, selected=chosen, locked=locked)
                problems = read(change.session, desk.types).problems
                if problems:
                    raise InputError("; ".join(problem["message"] for problem in problems))
                if change.done:
                    mask = change.mask if change.mask is not None else image.mask
                    kept = change.mask is None and "mask" not in session
                    desk.take(change.session, None if kept else desk.masks.packed(mask))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        if change.notes:
            self._desk.transmit(error_message(f"Not all of {name} was taken", "\n".join(change.notes)))
        return f"{name}: {', '.join(change.done) or 'nothing was taken'}"

    # -- the front end -------------------------------------------------------------------------------

    def answer(self, content: dict[str, Any], data: bytes) -> None:
        """Do what a message asks for."""
        match content:
            case {"t": "load", "name": name}:
                self._load(str(name), data)
                self._say(f"{name} loaded")
            case {"t": "regions", "name": name}:
                self._say(self._read_regions(str(name), data, str(content.get("selected", ""))))
            case {"t": "export", "request": request, "kind": kind}:
                name, mime, exported = self.export(kind)
                self._desk.transmit(({"t": "file", "request": request, "name": name, "type": mime}, [exported]))

    def export(self, kind: str) -> tuple[str, str, bytes]:
        """Name, media type and bytes of a file; `EXPORTS` has the kinds.

        Raises `ValueError` for a kind that is none, and for a file that is too large to send.
        """
        if kind not in EXPORTS:
            raise InputError(f"kind must be one of {', '.join(EXPORTS)}, got {kind!r}")
        name, mime, content = EXPORTS[kind]
        return name, mime, content(self)

    def _fits(self) -> bytes:
        size = self._current.image.data.nbytes * (4 + len(self._model.components))
        if size > LARGEST_DOWNLOAD:
            raise InputError(f"the file would have {size / 2**20:.0f} MB: write it by wb.write_fits(path)")
        buffer = io.BytesIO()
        write_model_fits(self._model, self._current.image, buffer)
        return buffer.getvalue()

    def _say(self, text: str) -> None:
        self._desk.transmit(({"t": "said", "text": text}, []))


EXPORTS: dict[str, tuple[str, str, Callable[[Files], bytes]]] = {
    "python": ("model.py", "text/x-python", lambda files: files.to_python().encode()),
    "fits": ("model.fits", "application/fits", Files._fits),
    "regions": ("model.reg", "text/plain", lambda files: files._regions("image").encode()),
    "sky regions": ("model.reg", "text/plain", lambda files: files._regions("icrs").encode()),
}
"""What the page may ask for: name, media type and content of each kind of file."""
