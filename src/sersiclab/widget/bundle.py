"""The front end's bundle, built from `js/` into `static/`."""

import os
from pathlib import Path


STATIC = Path(__file__).parents[1] / "static"


def read(name: str) -> str | Path:
    """A file of the bundle as text, or "" where it was not built.

    It is a path, which anywidget watches, only with ANYWIDGET_HMR=1: a widget made from a path is never freed.
    """
    path = STATIC / name
    if not path.is_file():
        return ""
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")


def require() -> None:
    """Raise `FileNotFoundError` unless the bundle was built."""
    missing = [name for name in ("widget.js", "widget.css") if not (STATIC / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"the widget's front end is not built: {STATIC} lacks {' and '.join(missing)}; "
            "run `npm --prefix js ci && npm --prefix js run build` in the source tree and import sersiclab again"
        )
