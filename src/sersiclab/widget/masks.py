"""Masks by name: how an edited mask travels, and where it is kept.

The session is JSON, is compared, is stepped through by undo and will be saved: it holds a mask's name alone, `"mask"`,
or nothing for the mask that the image came with. The bits lie here, one mask per name, and travel in messages of their
own, `{"t": "mask", "name"}` with eight pixels to a byte. Whoever makes a mask sends its bits before the session that
names it. A name is the CRC-32 of the bits, so that the same mask has the same name on both sides.
"""

import zlib
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.runtime.errors import InputError
from sersiclab.widget.incoming import short


KEPT = 128  # more than the steps that the front end can undo


class Masks:
    """The masks that a session may name, for an image as it was given."""

    def __init__(self, given: Image) -> None:
        self.given = given
        self._bits: dict[str, bytes] = {}  # compressed: those of a large image are many, and nearly all alike
        self._last: tuple[bytes, Image] | None = None

    def put(self, name: str, bits: bytes) -> None:
        """Keep the bits of a mask. Raises `ValueError` if they are not as many as the image has pixels."""
        self._check_length(bits)
        self._bits.pop(name, None)
        self._bits[name] = zlib.compress(bits, 1)
        while len(self._bits) > KEPT:
            self._bits.pop(next(iter(self._bits)))

    def add(self, mask: Any) -> str:
        """Keep a mask, True where a pixel is excluded, and return its name. Raises what `Image` raises of a mask."""
        return self.add_bits(self.packed(mask))

    def packed(self, mask: Any) -> bytes:
        """The bits of a mask, True where a pixel is excluded. Raises what `Image` raises of a mask."""
        return np.packbits(self.given.with_mask(mask).mask, bitorder="little").tobytes()

    def add_bits(self, bits: bytes) -> str:
        """Keep the bits of a mask, and return its name."""
        name = f"{zlib.crc32(bits):08x}"
        self.put(name, bits)
        return name

    def check(self, bits: bytes) -> None:
        """Raise `ValueError` unless these are the bits of a mask that leaves something of the image."""
        self._check_length(bits)
        self._masked(bits)

    def bits(self, name: str) -> bytes:
        """Raises `ValueError` for a name that is not here."""
        if not isinstance(name, str) or name not in self._bits:
            raise InputError(f"the session names the mask {short(name)}, which is not here; the last mask is kept")
        return zlib.decompress(self._bits[name])

    def message(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        """The message that tells the front end of a mask."""
        return {"t": "mask", "name": name}, [self.bits(name)]

    def image(self, name: str | None) -> Image:
        """The image with the mask of this name, or as it was given. Raises `ValueError` if it excludes all."""
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
