"""Files of an editor: sessions, FITS images, DS9 regions and Python code, from Python and from the page.

Messages to Python: {"t": "load" | "regions", "name", "selected"} with a file; {"t": "export", "request", "kind"}.
Messages to the page: {"t": "file", "request", "name", "type"} with the bytes, in answer to an export; {"t": "taken",
"session", "display"} for a session that was loaded, as one step to undo; {"t": "said", "text"} to report a result.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from sersiclab.documents import storage
from sersiclab.io.ds9 import DIGITS, read_regions
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
from sersiclab.widget.saved import LARGEST, MARK
from sersiclab.widget.session import read


LARGEST_DOWNLOAD = 256 * 2**20  # bytes; larger files are better written by Python


class Files:
    """Reads and writes the files of an editor. Reading a file is one step to undo."""

    def __init__(self, desk: Desk, current: Current) -> None:
        self._desk = desk
        self._current = current

    @property
    def _model(self) -> Model:
        return self._current.shown.model

    # -- sessions ------------------------------------------------------------------------------------

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write model, priors, switches, mask and display settings to a JSON file, which `load` reads.

        It does not include the fit, which `fit.save(path)` saves with its draws.

        Arguments:
            path: the file. An earlier session in it is replaced.
            overwrite: replace any other file too.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: if the file exists and is not a session, unless `overwrite`.
        """
        return storage.write_text(path, self._session(), overwrite=overwrite, mark=MARK)

    def _session(self) -> str:
        with self._desk.turn:
            document = self._desk.subject.document(self._desk.session, self._desk.display)
        return json.dumps(document, indent=1)

    def load(self, path: str | Path) -> None:
        """Load a session that was saved from an image of the same shape.

        Raises:
            ValueError: if the file is not such a session; nothing is changed then.
        """
        path = storage.user_path(path)
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: it has more than {LARGEST / 2**20:.0f} MB, too large for a session")
        self._load(str(path), path.read_bytes())

    def _load(self, name: str, text: bytes) -> None:
        try:
            saved = self._desk.subject.saved(text, self._desk.types)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        with self._desk.turn:
            self._desk.subject.turn_to(saved.session)
            self._desk.take(saved.session, saved.mask, saved.display)

    # -- images and code -----------------------------------------------------------------------------

    def write_fits(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write data, model, residual, sigma, mask, every component and the PSF to a FITS file, with the WCS.

        The model is that of the pictures. `fit.write_fits(path)` writes a fit, with its errors.

        Arguments:
            path: the file.
            overwrite: replace an existing file.

        Returns:
            The path of the file.

        Raises:
            OSError: if the file exists, unless `overwrite`.
        """
        path = storage.user_path(path)
        with storage.writing(path, overwrite=overwrite) as temporary:
            write_model_fits(self._model, self._current.image, temporary)
        return path

    def to_python(self) -> str:
        """Return Python code that builds the model, and the mask if it was edited."""
        return python_code(self._current.shown.fitted, self._current.image, masked="mask" in self._desk.session)

    # -- regions -------------------------------------------------------------------------------------

    def write_regions(
        self, path: str | Path, *, frame: Literal["image", "icrs"] = "image", overwrite: bool = False
    ) -> Path:
        """Write the components as DS9 regions.

        Arguments:
            path: the file.
            frame: the coordinates of the ellipses: "image" for pixels, "icrs" for the sky.
            overwrite: replace an existing file.

        Returns:
            The path of the file.

        Raises:
            FileExistsError: if the file exists, unless `overwrite`.
            ValueError: if `frame` is "icrs" and the image has no WCS.
        """
        return storage.write_text(path, self._regions(frame), overwrite=overwrite)

    def _regions(self, frame: Literal["image", "icrs"]) -> str:
        model = self._model
        return ds9_regions(at(model.owners, model.initial), self._current.image.wcs, frame=frame)

    def read_regions(self, path: Any, *, selected: str = "") -> str:
        """Apply the regions of a DS9 file, or of the `regions` package.

        An ellipse whose text begins with the name of a component sets its shape. A single ellipse without text sets
        that of the selected component. Other ellipses and points become components. Circles, boxes, polygons and
        ellipses with a minus sign are masked.

        Arguments:
            path: the file.
            selected: the name of the selected component; by default, the one selected in the page.

        Returns:
            A message that lists the changes.

        Raises:
            ValueError: if no region can be used; nothing is changed then.
        """
        if hasattr(path, "serialize"):
            return self._read_regions("regions", path.serialize(format="ds9", precision=DIGITS).encode(), selected)
        path = storage.user_path(path)
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: it has more than {LARGEST / 2**20:.0f} MB, too large for a region file")
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
            self._desk.transmit(error_message(f"Some regions of {name} were not used", "\n".join(change.notes)))
        return f"{name}: {', '.join(change.done) or 'no region was used'}"

    # -- the front end -------------------------------------------------------------------------------

    def answer(self, content: dict[str, Any], data: bytes) -> None:
        """Handle a message of the page."""
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
        """Return name, media type and bytes of a file; `EXPORTS` has the kinds.

        Raises:
            ValueError: for an unknown kind, or a file that is too large to send.
        """
        if kind not in EXPORTS:
            raise InputError(f"kind must be one of {', '.join(EXPORTS)}, got {kind!r}")
        name, mime, content = EXPORTS[kind]
        return name, mime, content(self)

    def _fits(self) -> bytes:
        size = self._current.image.data.nbytes * (4 + len(self._model.components))
        if size > LARGEST_DOWNLOAD:
            raise InputError(f"the file would have {size / 2**20:.0f} MB: write it with wb.write_fits(path)")
        buffer = io.BytesIO()
        write_model_fits(self._model, self._current.image, buffer)
        return buffer.getvalue()

    def _say(self, text: str) -> None:
        self._desk.transmit(({"t": "said", "text": text}, []))


EXPORTS: dict[str, tuple[str, str, Callable[[Files], bytes]]] = {
    "session": ("session.json", "application/json", lambda files: files._session().encode()),
    "python": ("model.py", "text/x-python", lambda files: files.to_python().encode()),
    "fits": ("model.fits", "application/fits", Files._fits),
    "regions": ("model.reg", "text/plain", lambda files: files._regions("image").encode()),
    "sky regions": ("model.reg", "text/plain", lambda files: files._regions("icrs").encode()),
}
"""Name, media type and content of each kind of file that the page can request."""
