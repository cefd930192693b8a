"""Digests of the numbers and files that identify an image, whatever their names, dates and types of number are."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from sersiclab.catalogue.recipe_identity import described_value, digest
from sersiclab.data.opening import named


Parts = dict[str, str]

MARK = "#"  # begins a digest; other values can be read
NONE = "none"
SCALES = ("zeropoint", "pixel_scale", "unit", "gain")
# Bytes of a file that is read whole, and of the samples of a larger one.
WHOLE_FILE, SAMPLES, SAMPLE_BYTES = 2**18, 16, 2**12


def value_in_words(value: Any) -> str:
    """Return a value that is part of an identity, arrays as digests."""
    if isinstance(value, np.ndarray):
        return digest_of_pixels(value)
    return NONE if value is None else described_value(value)


def digest_of_pixels(array: Any, *about: str) -> str:
    """Return a digest of an array, whatever its type of number and its order of bytes are."""
    plain = np.ascontiguousarray(array, dtype="<f8")
    return MARK + digest(str(plain.shape), plain.tobytes(), *about)


def digest_of_file(argument: str, source: str | os.PathLike[str], *about: str) -> str:
    """Return a digest of a file's size and content, with what its name has in brackets.

    Of large files, the beginning, the end, and samples between them are read. Raises `OSError` if there is none.
    """
    name = named(argument, source)
    section = "" if name.section is None else name.section.text
    return MARK + digest(*_samples(name.path), str(name.extension), section, *about)


def _samples(path: Path) -> list[bytes]:
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= WHOLE_FILE:
            return [file.read()]
        found = [str(size).encode()]
        for place in np.linspace(0, size - SAMPLE_BYTES, SAMPLES).astype(np.int64).tolist():
            file.seek(place)
            found.append(file.read(SAMPLE_BYTES))
        return found
