"""Whether a FITS file is intact: the checksums of its compression, the structure in its headers, its own checksums.

The FITS standard, version 4.0: sections 3 (structure), 4.4.1 (mandatory keywords), 10 (compressed images) and
appendix J (CHECKSUM and DATASUM).
"""

import bz2
import dataclasses
import gzip
import io
import lzma
import math
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sersiclab.runtime.errors import InputError, MissingPackageError


BLOCK = 2880
CARD = 80
PIXELS = (8, 16, 32, 64, -32, -64)  # BITPIX
MOST_AXES = 999
LONGEST_HEADER = 20_000 * BLOCK  # real headers are far shorter
# The cards that determine where an extension ends.
STRUCTURE = re.compile(r"(?:XTENSION|SIMPLE|BITPIX|[PG]COUNT|GROUPS|NAXIS\d*|ZIMAGE|ZNAXIS\d*|ZTILE\d+)")
KINDS = ("IMAGE", "BINTABLE", "TABLE", "A3DTABLE", "IUEIMAGE", "FOREIGN", "DUMP")  # XTENSION, as registered
SUMS = ("CHECKSUM", "DATASUM")
ONES = 0xFFFFFFFF
MOST_MISSING = 2**40  # bytes: a truncated file lacks less than this
CHUNK = 5000 * BLOCK


@dataclasses.dataclass(frozen=True)
class Layout:
    """The place of an extension's header and data in a file, in bytes, and the cards that determine it.

    `available` is the number of bytes of data that the file contains.
    """

    start: int
    data: int
    size: int
    available: int
    cards: Mapping[str, str]

    @property
    def end(self) -> int:
        """The byte after its last block."""
        return self.data + -(-self.size // BLOCK) * BLOCK


def open_whole(path: Path) -> BinaryIO:
    """Open a file; a compressed file is read to its end, so that its checksums are verified.

    Raises `InputError` for a damaged file, and for a file that no installed package can decompress. The message
    is meant to follow the file's name.
    """
    with path.open("rb") as file:
        first = file.read(6)
    for magic, decompress in DECOMPRESS.items():
        if first.startswith(magic):
            try:
                return io.BytesIO(decompress(path))
            except ImportError as error:
                raise InputError(str(error)) from error
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
                raise InputError(f"is damaged: it can't be decompressed ({error})") from error
    return path.open("rb")


def least_size_decompressed(path: Path) -> int | None:
    """Return the bytes that a compressed file holds at least; None if it is not compressed as a whole."""
    with path.open("rb") as file:
        first = file.read(6)
        if not first.startswith(tuple(DECOMPRESS)):
            return None
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 4, 0))
        stated = int.from_bytes(file.read(4), "little") if first.startswith(GZIP) else 0  # modulo 2^32
    return max(size, stated)


def extensions(stream: BinaryIO) -> list[Layout]:
    """Return the extensions that the headers of a file declare, the primary one first.

    The last one may be truncated. Raises `InputError` if a header is truncated or impossible; the message is meant to
    follow the file's name.
    """
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    first = stream.read(CARD)
    if not first.startswith(b"SIMPLE  ="):
        what = f"it begins with {first[:20].decode('latin-1')!r}" if first else "it is empty"
        raise InputError(f"is not a FITS file ({what})")
    found: list[Layout] = []
    start = 0
    while start < length and (not found or _is_extension(stream, start)):
        try:
            extension = _extension(stream, start, length)
        except InputError as error:
            raise InputError(f"has a damaged header in [{len(found)}]: {error}") from error
        found.append(extension)
        start = extension.end
    return found


def without_rest(stream: BinaryIO, last: Layout) -> tuple[BinaryIO, int]:
    """Return the file without the bytes after its last extension, and how many of these are neither zero nor blank."""
    stream.seek(last.end)
    rest = stream.read()
    stream.seek(0)
    return (io.BytesIO(stream.read(last.end)) if rest else stream), len(rest.translate(None, b"\0 "))


def disagreement(stream: BinaryIO, extension: Layout) -> str | None:
    """Return how an extension's checksums disagree with it; None if they agree or are missing."""
    checksum, datasum = (extension.cards.get(name, "").strip("' ") for name in SUMS)
    if not checksum and not datasum:
        return None
    total = _sum(stream, extension.data, extension.end - extension.data)
    if datasum.isdecimal() and int(datasum) != total:
        return (
            f"the pixels do not have the sum in its card DATASUM ({total} instead of {datasum}): the file is damaged, "
            "or a program changed the pixels and left the card"
        )
    whole = _sum(stream, extension.start, extension.data - extension.start, total)
    if len(checksum) == 16 and checksum != "0" * 16 and whole not in (0, ONES):
        about = "; its pixels agree with DATASUM" if datasum.isdecimal() else ""
        return (
            f"it does not have the sum in its card CHECKSUM{about}: the file is damaged, or a program changed the "
            "header and left the card"
        )
    return None


def _unzipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(names) != 1:
            raise InputError(f"a zip archive must hold one file, got {len(names)}")
        return archive.read(names[0])


def _uncompressed(path: Path) -> bytes:
    try:
        import uncompresspy  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingPackageError(
            "was compressed by `compress` (.Z); decompress it with `gunzip`, or install the package that reads it: "
            "pip install uncompresspy"
        ) from error
    with uncompresspy.LZWFile(path) as file:
        return file.read()


GZIP = b"\x1f\x8b"
DECOMPRESS: Mapping[bytes, Callable[[Path], bytes]] = {
    GZIP: lambda path: gzip.decompress(path.read_bytes()),
    b"BZh": lambda path: bz2.decompress(path.read_bytes()),
    b"\xfd7zXZ\0": lambda path: lzma.decompress(path.read_bytes()),
    b"PK\3\4": _unzipped,
    b"\x1f\x9d": _uncompressed,
}


def _is_extension(stream: BinaryIO, start: int) -> bool:
    stream.seek(start)
    return stream.read(8) == b"XTENSION"


def _extension(stream: BinaryIO, start: int, length: int) -> Layout:
    stream.seek(start)
    cards: dict[str, str] = {}
    ended = False
    while not ended:
        block = stream.read(BLOCK)
        if not block or stream.tell() - start > LONGEST_HEADER:
            raise InputError("the header has no END card")
        for at in range(0, len(block), CARD):
            text = block[at : at + CARD].decode("latin-1")
            if text.rstrip(" \0") == "END":
                ended = True
                break
            key = text[:8].rstrip()
            if text[8:9] == "=" and (STRUCTURE.fullmatch(key) or key in SUMS):
                cards.setdefault(key, _value(text[9:]))
    data = start + -(-(stream.tell() - start) // BLOCK) * BLOCK
    kind = cards.get("XTENSION", "'IMAGE'").strip("' ")
    if kind not in KINDS or cards.get("SIMPLE", "T") not in ("T", "F"):
        raise InputError(f"XTENSION must be one of {', '.join(KINDS)}, and SIMPLE be T")
    size = _size(cards)
    if size > MOST_MISSING and size > length:
        raise InputError(f"it claims {size / 2**40:.3g} TiB of data; the file has {length} bytes")
    _check_tiles(cards)
    return Layout(start, data, size, max(min(size, length - data), 0), cards)


def _value(text: str) -> str:
    """Return the value of a card without its comment; a string keeps its quotes and may contain a slash."""
    match = re.match(r"\s*('[^']*')\s*(?:/|$)", text)
    return match[1] if match else text.partition("/")[0].strip()


def _size(cards: Mapping[str, str]) -> int:
    """Return the bytes of data that a header declares."""
    bits = _whole(cards, "BITPIX", least=None)
    if bits not in PIXELS:
        raise InputError(f"BITPIX must be one of {', '.join(map(str, PIXELS))}, got {bits}")
    axes = _whole(cards, "NAXIS")
    if axes > MOST_AXES:
        raise InputError(f"NAXIS must be at most {MOST_AXES}, got {axes}")
    sizes = [_whole(cards, f"NAXIS{axis}") for axis in range(1, axes + 1)]
    if sizes and sizes[0] == 0 and cards.get("GROUPS", "F") == "T":
        sizes = sizes[1:]
    count = math.prod(sizes) if sizes else 0
    extra, groups = _whole(cards, "PCOUNT", default=0), _whole(cards, "GCOUNT", default=1)
    return abs(bits) // 8 * groups * (extra + count)


def _check_tiles(cards: Mapping[str, str]) -> None:
    """Check that a compressed image has one row in its table for each tile."""
    if cards.get("ZIMAGE", "F") != "T":
        return
    sizes = [_whole(cards, f"ZNAXIS{axis}") for axis in range(1, _whole(cards, "ZNAXIS") + 1)]
    tiles = [
        _whole(cards, f"ZTILE{axis}", least=1, default=max(size, 1) if axis == 1 else 1)
        for axis, size in enumerate(sizes, start=1)
    ]
    expected = math.prod(-(-size // tile) for size, tile in zip(sizes, tiles, strict=True))
    if expected != _whole(cards, "NAXIS2"):
        shape = " x ".join(map(str, sizes))
        raise InputError(f"a compressed image of {shape} pixels has {expected} tiles, got {cards['NAXIS2']}")


def _whole(cards: Mapping[str, str], name: str, *, least: int | None = 0, default: int | None = None) -> int:
    text = cards.get(name, "" if default is None else str(default))
    expected = "a whole number" if least is None else f"a whole number from {least} on"
    if not text:
        raise InputError(f"the header lacks {name}, {expected}")
    if not re.fullmatch(r"[+-]?\d{1,18}", text) or (least is not None and int(text) < least):
        raise InputError(f"{name} must be {expected}, got {text}")
    return int(text)


def _sum(stream: BinaryIO, start: int, size: int, total: int = 0) -> int:
    """Return the ones' complement sum of the 32-bit words of this part of a file, added to `total`."""
    stream.seek(start)
    while size > 0 and (data := stream.read(min(size, CHUNK))):
        size -= len(data)
        total += int(np.frombuffer(data[: len(data) // 4 * 4], ">u4").sum(dtype=np.uint64))
        while total > ONES:
            total = (total & ONES) + (total >> 32)
    return total
