"""Masks by name: how an edited mask is sent and stored.

The session is JSON that is compared, undone and saved, so it holds only a mask's name, `"mask"`, or nothing for the
original mask of the image. The bits are stored here by name, and sent in separate messages, `{"t": "mask",
"name"}`, with eight pixels per byte. The bits of a new mask are sent before the session that names it. The name is the
CRC-32 of the bits, so that equal masks have equal names on both sides.
"""

import zlib
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputError
from sersiclab.widget.incoming import short


STORED = 128  # masks that are stored: more than the page has undo steps


class Masks:
    """The masks that a session may name, for an image as it was given."""

    def __init__(self, given: Image) -> None:
        self.given = given
        self._bits: dict[str, bytes] = {}  # compressed, because a large image has many bits, nearly all equal
        self._last: tuple[bytes, Image] | None = None

    def put(self, name: str, bits: bytes) -> None:
        """Store the bits of a mask. Raises `ValueError` if their number is not that of the image's pixels."""
        self._check_length(bits)
        self._bits.pop(name, None)
        self._bits[name] = zlib.compress(bits, 1)
        while len(self._bits) > STORED:
            self._bits.pop(next(iter(self._bits)))

    def add(self, mask: Any) -> str:
        """Store a mask, True where a pixel is excluded, and return its name. Raises as `Image` does."""
        return self.add_bits(self.packed(mask))

    def packed(self, mask: Any) -> bytes:
        """Return the bits of a mask, True where a pixel is excluded. Raises as `Image` does."""
        return np.packbits(self.given.with_mask(mask).mask, bitorder="little").tobytes()

    def add_bits(self, bits: bytes) -> str:
        """Store the bits of a mask, and return its name."""
        name = f"{zlib.crc32(bits):08x}"
        self.put(name, bits)
        return name

    def check(self, bits: bytes) -> None:
        """Raise `ValueError` unless these are the bits of a mask that leaves some pixels of the image."""
        self._check_length(bits)
        self._masked(bits)

    def bits(self, name: str) -> bytes:
        """Return the bits of a mask. Raises `ValueError` for an unknown name."""
        if not isinstance(name, str) or name not in self._bits:
            raise InputError(f"the session names an unknown mask, {short(name)}; the last mask is kept")
        return zlib.decompress(self._bits[name])

    def message(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        """Return the message that sends a mask to the page."""
        return {"t": "mask", "name": name}, [self.bits(name)]

    def image(self, name: str | None) -> Image:
        """Return the image with the mask of this name, or as it was given. Raises `ValueError` if no pixel is left."""
        if name is None:
            return self.given
        bits = self.bits(name)
        if self._last is None or self._last[0] != bits:
            self._last = bits, self._masked(bits)
        return self._last[1]

    def _masked(self, bits: bytes) -> Image:
        size, shape = self.given.data.size, self.given.shape
        flags = np.unpackbits(np.frombuffer(bits, np.uint8), count=size, bitorder="little")
        return self.given.with_mask(flags.reshape(shape))

    def _check_length(self, bits: bytes) -> None:
        expected = -(-self.given.data.size // 8)
        if len(bits) != expected:
            raise InputError(f"a mask of the image has {expected} bytes, got {len(bits)}")
