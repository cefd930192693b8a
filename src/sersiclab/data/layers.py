"""Images of which parts are read without the rest, such as mosaics of gigabytes."""

import contextlib
import dataclasses
import os
import threading
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sersiclab.data.astrometry import celestial_of_header
from sersiclab.data.fits import Extension, bands_of, place_in_cube, spans_in
from sersiclab.data.headers import Header, kept
from sersiclab.data.integrity import extensions, least_size_decompressed, open_whole
from sersiclab.data.opening import File, named, unsigned_blank
from sersiclab.data.panstarrs import linear, softening
from sersiclab.data.sections import Section, Span, part_of_wcs
from sersiclab.runtime.errors import InputError
from sersiclab.runtime.memory import check_memory


DTYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # by BITPIX
SCALING = ("BSCALE", "BZERO", "BLANK")  # the cards of pixels that differ from the file's numbers


class RowsOfFile:
    """The pixels of an image in a file, of which rectangles are read row by row.

    A memory map would do, but what it has read counts as memory of this process, by which clusters judge it.
    """

    def __init__(self, path: Path, offset: int, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        self._file = path.open("rb", buffering=0)
        self._offset, self._dtype, self._shape = offset, dtype, shape
        self._one_at_a_time = threading.Lock()
        weakref.finalize(self, self._file.close)

    def __getitem__(self, key: tuple[Any, ...]) -> Shaped[np.ndarray, "y x"]:
        """Return these rows and columns, as slices, of the plane with the leading indices; rows may be skipped."""
        *leading, rows, columns = key
        ny, nx = self._shape[-2:]
        plane = int(np.ravel_multi_index(leading, self._shape[:-2])) if leading else 0
        numbers = range(rows.start, rows.stop, rows.step or 1)
        result = np.empty((len(numbers), columns.stop - columns.start), self._dtype)
        with self._one_at_a_time:
            for row, pixels in zip(numbers, result.view(np.uint8), strict=True):
                self._file.seek(self._offset + ((plane * ny + row) * nx + columns.start) * self._dtype.itemsize)
                if self._file.readinto(pixels.data) != pixels.size:
                    raise InputError("the file ends early")
        return result


@dataclasses.dataclass(frozen=True)
class Layer:
    """A 2-d image of which any part can be read.

    `pixels` is anything that can be sliced: an array, the rows of a file, or a section of astropy. `leading` are the
    indices along the axes before y and x, and `spans` the pixels, along x and y, that the image has in these. `soft`
    are the parameters of Pan-STARRS's compression, and `blank` is the value of pixels without data. The `file` stays
    open while it is referred to.
    """

    pixels: Any
    shape: tuple[int, int]
    source: str
    argument: str = ""
    wcs: Any = None
    header: Header = dataclasses.field(default_factory=Header)
    leading: tuple[int, ...] = ()
    spans: tuple[Span, Span] | None = None
    soft: tuple[float, float] | None = None
    blank: float | None = None
    file: File | None = None

    def part(self, spans: tuple[Span, Span]) -> Extension:
        """Read these pixels, along x and y, which must lie in the image. The part has no WCS."""
        if self.spans is not None:
            spans = (_within(spans[0], self.spans[0]), _within(spans[1], self.spans[1]))
        try:
            array = np.asarray(self.pixels[(*self.leading, spans[1].slice, spans[0].slice)])
        except Exception as error:  # astropy's errors of damaged data have no common class
            raise InputError(f"{self.argument}: the pixels of {self.source} can't be read ({error})") from error
        if self.blank is not None and array.dtype.kind == "u":
            array = np.where(array == self.blank, np.nan, array.astype(float))
        if self.soft is not None:
            array = linear(array, *self.soft)
        return Extension(array, self.source, None, self.header, spans)

    def every(self, step: int, spans: tuple[Span, Span]) -> Shaped[np.ndarray, "row x"]:
        """Read every `step`-th row of these pixels, the first after half a step."""
        x, y = spans
        rows = range(y.first + step // 2, y.first + y.count, step)
        if isinstance(self.pixels, RowsOfFile | np.ndarray):
            return self.part((x, Span(rows.start, step, len(rows)))).array
        # Astropy would read, or decompress, what lies between them.
        return np.concatenate([self.part((x, Span(row, 1, 1))).array for row in rows])

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes to the pixels of the file."""
        return () if self.soft is None else (f"{self.source}: asinh compression undone (BSOFTEN, BOFFSET)",)


def mapped(argument: str, source: str | os.PathLike[str]) -> File:
    """Open a file of which parts can be read; it stays open while it is referred to.

    Checksums are not verified, since that would read everything. Files that are compressed as a whole (.gz) are read
    whole. Raises `FileNotFoundError` and `InputError`.
    """
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    name = named(argument, source)
    label = str(name.path)
    if not name.path.is_file():
        raise FileNotFoundError(f"{argument}: there is no file {label!r}")
    size = least_size_decompressed(name.path)
    if size is not None:
        check_memory(f"{argument}: the compressed file {label!r}", size, "decompress it, so that parts can be read")
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore", VerifyWarning)
        warnings.filterwarnings("ignore", message="File may have been truncated")  # `layer_of` raises for that
        try:
            stream: Any = open_whole(name.path)
            if size is None:
                stack.enter_context(stream)
            structure = tuple(extensions(stream))
        except InputError as error:
            raise InputError(f"{argument}: {label!r} {error}") from error
        except MemoryError as error:
            raise InputError(f"{argument}: {label!r} can't be read: it needs more memory than there is") from error
        try:
            stream.seek(0)
            with fits.conf.set_temp("use_memmap", value=size is None):  # memmap=True would refuse scaled pixels
                hdus: Any = fits.open(name.path, mode="denywrite") if size is None else fits.open(stream)
            len([hdu.is_image for hdu in hdus])  # reads all headers
        except Exception as error:  # astropy's errors of damaged headers have no common class
            raise InputError(f"{argument}: {label!r} is not a FITS file ({error})") from error
    plain = name.path if size is None else None
    file = File(argument, label, hdus, name.extension, name.section, None, structure, plain)
    weakref.finalize(file, hdus.close)
    return file


def layer_of(file: File, index: int, band: str | None = None, bands: Sequence[str] = ()) -> Layer:
    """Return the 2-d image of an extension, or the plane of a band from a cube; see `fits.plane`.

    Raises `InputError` if it is no 2-d image, or if the file is truncated.
    """
    hdu, label = file.hdus[index], file.where(index)
    if not hdu.is_image or not hdu.shape:
        what = "has no pixels" if hdu.is_image else "is a table"
        raise InputError(f"{file.argument}: {label} {what}; expected a 2-d image")
    if index < len(file.structure) and file.structure[index].available < file.structure[index].size:
        held, size = file.structure[index].available, file.structure[index].size
        raise InputError(
            f"{file.argument}: {label} is truncated: its header claims {size} bytes, the file holds {held}"
        )
    header = Header((hdu.header,))
    leading = place_in_cube(file, index, hdu.shape, band, bands_of(hdu) or bands)
    shape, spans = hdu.shape[-2:], None
    wcs = celestial_of_header(file.argument, label, hdu.header, file.hdus)
    blank, soft = unsigned_blank(header), softening(header)
    if file.section is not None:
        x, y = spans = _section(file, label, file.section, shape)
        label, shape = f"{label}[{file.section.text}]", (y.count, x.count)
        wcs = None if wcs is None else part_of_wcs(wcs, spans)
    pixels, inherited = _sliceable(hdu, file.path), kept(file.header(index))
    return Layer(pixels, shape, label, file.argument, wcs, inherited, leading, spans, soft, blank, file)


def layer_of_numpy(argument: str, source: str | os.PathLike[str]) -> Layer:
    """Return the 2-d image in a `.npy` file, whose name may end in a section."""
    name = named(argument, source)
    label = str(name.path)
    if not name.path.is_file():
        raise FileNotFoundError(f"{argument}: there is no file {label!r}")
    try:
        pixels = np.load(name.path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{argument}: {label!r} is not a file of a numpy array ({error})") from error
    if pixels.ndim != 2 or name.extension is not None or name.section is not None:
        raise InputError(f"{argument}: {str(source)!r} must be the name of a file of one 2-d array, without brackets")
    return Layer(pixels, pixels.shape, label, argument)


def _sliceable(hdu: Any, path: Path | None) -> Any:
    """Return the pixels of an extension, of which parts can be read; `path` is that of a file with plain bytes."""
    from astropy.io import fits

    if path is None or hdu.fileinfo() is None:
        return hdu.data
    if isinstance(hdu, fits.CompImageHDU) or any(name in hdu.header for name in SCALING):
        return hdu.section
    return RowsOfFile(path, hdu.fileinfo()["datLoc"], np.dtype(DTYPES[hdu.header["BITPIX"]]), hdu.shape)


def _section(file: File, label: str, section: Section, shape: tuple[int, int]) -> tuple[Span, Span]:
    if len(section.ranges) != 2:
        raise InputError(f"{file.argument}: {label}: the section [{section.text}] must have two axes, x and y")
    x, y = spans_in(file.argument, label, section, shape)
    if x.step != 1 or y.step != 1:
        raise InputError(
            f"{file.argument}: {label}: the section [{section.text}] of a mosaic can't flip or skip pixels"
        )
    return x, y


def _within(part: Span, whole: Span) -> Span:
    return Span(part.first + whole.first - 1, part.step, part.count)
