"""The front end's bundle, built from `js/` into `static/`."""

import os
from pathlib import Path


STATIC = Path(__file__).parents[1] / "static"


def read(name: str) -> str:
    """Return a file of the bundle, or "" if it has not been built."""
    path = STATIC / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def watched(name: str, *, source: str) -> str | Path:
    """Return a file of the bundle or, with ANYWIDGET_HMR=1, the path of its `source`, which anywidget watches.

    A widget made from a path is never freed.
    """
    return STATIC / source if os.environ.get("ANYWIDGET_HMR") == "1" else read(name)


def require() -> None:
    """Raise `FileNotFoundError` unless the bundle has been built."""
    missing = [name for name in ("loader.js", "widget.js", "widget.css") if not (STATIC / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"the widget's front end is not built: {STATIC} lacks {' and '.join(missing)}; "
            "run `npm --prefix js ci && npm --prefix js run build` in the source tree and import sersiclab again"
        )
