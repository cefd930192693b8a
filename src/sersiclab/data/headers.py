"""Values of FITS headers, which break the standard more often than not."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Header:
    """The cards of an extension, then those that it inherits; unreadable cards count as missing."""

    layers: tuple[Any, ...] = ()

    def find(self, *names: str) -> tuple[str, Any] | None:
        """Return the first of these keywords that has a value, with the value; None if there is none."""
        for name in names:
            for layer in self.layers:
                value = _card(layer, name)
                if value is not None and value != "":
                    return name, value
        return None

    def text(self, *names: str) -> str | None:
        """Return the first value as text."""
        found = self.find(*names)
        return None if found is None else str(found[1]).strip() or None

    def number(self, *names: str) -> float | None:
        """Return the first value as a finite number, which some headers store as text."""
        found = self.find(*names)
        try:
            value = float("nan") if found is None or isinstance(found[1], bool) else float(found[1])
        except (TypeError, ValueError):
            return None
        return value if np.isfinite(value) else None


def kept(header: Header) -> Header:
    """Return a header whose values have been read, which is faster to look up."""
    return Header(
        tuple({key: value for key in layer if (value := _card(layer, key)) is not None} for layer in header.layers)
    )


def _card(layer: Any, name: str) -> Any:
    from astropy.io.fits.card import Undefined
    from astropy.io.fits.verify import VerifyError

    try:
        value = layer.get(name)
    except (VerifyError, ValueError):
        return None
    return None if isinstance(value, Undefined) else value
