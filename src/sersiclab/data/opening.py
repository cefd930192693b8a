"""Opening and checking FITS files: an error or a warning names any damage."""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sersiclab.data.headers import Header
from sersiclab.data.integrity import Layout, disagreement, extensions, open_whole, without_rest
from sersiclab.data.sections import FileName, Section, parse_name
from sersiclab.runtime.errors import InputError


@dataclasses.dataclass(frozen=True)
class File:
    """An open FITS file; `argument` names what is being read in messages.

    `extension` and `section` are those in brackets after the name, if any. `stream` holds the bytes and `structure` the
    place of each extension in them; an HDU that the user opened has neither. `path` is that of a file that is read in
    parts, if it holds the bytes as they are.
    """

    argument: str
    label: str
    hdus: Any
    extension: str | None = None
    section: Section | None = None
    stream: BinaryIO | None = None
    structure: tuple[Layout, ...] = ()
    path: Path | None = None

    def header(self, index: int) -> Header:
        """Return the header of an extension, which inherits that of a primary extension without pixels."""
        own, primary = self.hdus[index].header, self.hdus[0].header
        return Header((own,) if index == 0 or self.hdus[0].shape else (own, primary))

    def where(self, index: int) -> str:
        """Return the name of an extension in messages."""
        return f"{self.label}[{index}]"

    def pixels(self, index: int) -> Any:
        """Return the pixels of an extension; warn if its checksums disagree with them."""
        hdu, label = self.hdus[index], self.where(index)
        if not hdu.is_image:
            raise InputError(f"{self.argument}: {label} is a table; expected a 2-d image")
        blank = unsigned_blank(Header((hdu.header,)))
        with self.reading(index):
            pixels = hdu.data
        if pixels is None:
            raise InputError(f"{self.argument}: {label} has no pixels; expected a 2-d image")
        if blank is not None and pixels.dtype.kind == "u":
            return np.where(pixels == blank, np.nan, pixels.astype(float))
        return pixels

    @contextlib.contextmanager
    def reading(self, index: int) -> Iterator[None]:
        """Check an extension's checksums, and name the extension in every error while its data are read."""
        label = self.where(index)
        found = self.structure[index] if index < len(self.structure) else None
        if found is not None and self.stream is not None and found.available == found.size:
            problem = disagreement(self.stream, found)
            if problem is not None:
                warnings.warn(f"{self.argument}: {label}: {problem}", stacklevel=6)
        try:
            yield
        except MemoryError as error:
            shape = " x ".join(map(str, self.hdus[index].shape))
            problem = f"an array of {shape} needs more memory than there is"
            raise InputError(f"{self.argument}: the pixels of {label} can't be read ({problem})") from error
        except Exception as error:  # astropy's errors of damaged data have no common class
            short = (
                ""
                if found is None or found.available == found.size
                else (f"its header claims {found.size} bytes of them, the file holds {found.available}; ")
            )
            raise InputError(f"{self.argument}: the pixels of {label} can't be read ({short}{error})") from error


def unsigned_blank(header: Header) -> float | None:
    """Return the value of BLANK in unsigned integers, where astropy does not apply it; None without BLANK."""
    blank, zero = header.number("BLANK", "ZBLANK"), header.number("BZERO")
    return None if blank is None or zero is None else blank + zero


def is_hdu(source: Any) -> bool:
    """Return whether this is an open FITS file of astropy, or one of its extensions."""
    from astropy.io import fits

    return isinstance(source, fits.HDUList | fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU)


@contextlib.contextmanager
def opened(argument: str, source: Any) -> Iterator[File]:
    """Open a FITS file, or use an open one; warnings about invalid cards are suppressed."""
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyError, VerifyWarning

    with warnings.catch_warnings():
        # Headers often violate the standard, which does not affect the pixels.
        warnings.simplefilter("ignore", VerifyWarning)
        warnings.filterwarnings("ignore", message="non-ASCII characters")
        label = source.__class__.__name__
        try:
            if is_hdu(source):
                yield File(argument, label, source if isinstance(source, fits.HDUList) else [source])
                return
            name = named(argument, source)
            label = str(name.path)
            if not name.path.is_file():
                raise FileNotFoundError(f"{argument}: there is no file {label!r}")
            with _whole(argument, name) as file:
                yield file
        except VerifyError as error:  # from a card that is parsed only when a table or an image is read
            raise InputError(f"{argument}: {label!r} has a damaged header ({error})") from error


@contextlib.contextmanager
def _whole(argument: str, name: FileName) -> Iterator[File]:
    """Open a file, and check its structure and checksums: raise `InputError` or warn."""
    from astropy.io import fits

    label = str(name.path)
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open_whole(name.path))
            structure = extensions(stream)
            stream, rest = without_rest(stream, structure[-1])
        except InputError as error:
            raise InputError(f"{argument}: {label!r} {error}") from error
        except MemoryError as error:
            raise InputError(f"{argument}: {label!r} can't be read: it needs more memory than there is") from error
        try:
            hdus: Any = stack.enter_context(fits.open(stream, memmap=False))
            number = len([hdu.is_image for hdu in hdus])  # reads all headers
        except Exception as error:  # astropy's errors of damaged headers have no common class
            raise InputError(f"{argument}: {label!r} is not a FITS file ({error})") from error
        if rest:
            warnings.warn(
                f"{argument}: {label!r} has {rest} bytes after [{len(structure) - 1}] that belong to no extension: "
                "they are ignored, or that extension's header is damaged",
                stacklevel=8,
            )
        if number < len(structure):
            warnings.warn(f"{argument}: {label!r} is damaged: [{number}] can't be read and is ignored", stacklevel=8)
        yield File(argument, label, hdus, name.extension, name.section, stream, tuple(structure))


def named(argument: str, source: str | os.PathLike[str]) -> FileName:
    """Return the parts of a file's name; errors name the argument."""
    try:
        return parse_name(source)
    except InputError as error:
        raise InputError(f"{argument}: {error}") from error
