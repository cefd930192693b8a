"""Tables of sources, as programs write them: which column holds what."""

import dataclasses
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from sersiclab.detection import Detection
from sersiclab.runtime.errors import InputError, InputTypeError


# The usual names, in the order of preference, without regard to case and underscores. SExtractor's pixels count from 1.
PIXELS = (("xwinimage", "ywinimage"), ("ximagedbl", "yimagedbl"), ("ximage", "yimage"), ("xcentroid", "ycentroid"))
PIXELS += (("xc", "yc"), ("xcen", "ycen"), ("x", "y"))
SKY = (("alphawinj2000", "deltawinj2000"), ("alphaj2000", "deltaj2000"), ("alphasky", "deltasky"), ("ra", "dec"))
SKY += (("raj2000", "dej2000"), ("raj2000", "decj2000"), ("raicrs", "deicrs"), ("radeg", "decdeg"), ("radeg", "dedeg"))
NAMES = ("id", "number", "label", "objectid", "sourceid", "name")
LABELS = ("label", "number")
SIZES = ("stampsize",)
FROM_ONE = re.compile(r"[xy].*_image(?:_dbl)?", re.IGNORECASE)  # SExtractor's
SAME_PLACE = 1e-6  # radians, 0.2 arcsec
BINARY = (".fits", ".fit", ".fz", ".gz", ".parquet", ".hdf5", ".h5", ".npy")  # which are never columns of text
LDAC = "LDAC_OBJECTS"
SHOWN = 5  # names in a message
MOST_APART = 1.0  # pixels, between the two positions of most sources


@dataclasses.dataclass(frozen=True)
class ColumnNames:
    """The names of columns that the user gives; None for the usual ones, and `label` False for none."""

    id: str | None = None
    x: str | None = None
    y: str | None = None
    ra: str | None = None
    dec: str | None = None
    label: str | Literal[False] | None = None
    origin: int | None = None


@dataclasses.dataclass(frozen=True)
class SourceTable:
    """A table of sources and its columns."""

    table: Any
    columns: ColumnNames

    def __len__(self) -> int:
        return len(self.table)

    def ids(self) -> list[str]:
        """Return the names: those of the table, else the numbers of the rows from 0; raises unless they differ."""
        name = self._named("id", self.columns.id, NAMES)
        rows = [str(row) for row in range(len(self))]
        found = (
            rows if name is None else [_text(value) or row for value, row in zip(self.table[name], rows, strict=True)]
        )
        values, counts = np.unique(found, return_counts=True)
        twice = values[counts > 1].tolist()
        if twice:
            more = f" and {len(twice) - SHOWN} more" if len(twice) > SHOWN else ""
            raise InputError(
                f"id: each galaxy must have its own name, and column {name!r} has "
                f"{', '.join(map(repr, twice[:SHOWN]))}{more} more than once; id= chooses another column"
            )
        return found

    def labels(self) -> list[int | None]:
        """Return the labels of the sources in a segmentation map; None where the table has none."""
        wanted = self.columns.label
        name = None if wanted is False else self._named("label", wanted, LABELS)
        if name is None:
            return [None] * len(self)
        values = self._numbers("label", name)
        if (np.isfinite(values) & (values % 1 != 0)).any():
            raise InputError(f"label: column {name!r} must hold whole numbers")
        return [int(value) if np.isfinite(value) and value > 0 else None for value in values]

    def sizes(self, size: Any, scale: float | None) -> list[tuple[int, int] | None] | None:
        """Return the shape (ny, nx) of each stamp from a column: a name, or None for the usual one, if there is one.

        Angles are converted by the pixel scale, in arcsec.
        """
        name = self._named("size", size, SIZES)
        if name is None:
            return None
        unit = self._unit(name)
        values = self._numbers("size", name) * (1.0 if unit is None else _pixels_in("size", name, unit, scale))
        good = np.isfinite(values) & (values >= 1)
        if not good.all():
            row = int(np.argmin(good))
            raise InputError(f"size: column {name!r} must hold numbers of pixels, got {values[row]} in row {row}")
        # Rounding in the conversion of an angle must not add a pixel.
        return [(side, side) for side in np.ceil(values - 1e-9).astype(int).tolist()]

    def positions(self, wcs: Any) -> Float[np.ndarray, "n 2"]:
        """Return x and y in pixels from 0, by the WCS if the table has positions on the sky; NaN where it has none."""
        pixels, sky = self._pixel_columns(), self._sky_columns()
        given = [self.columns.x is not None, self.columns.ra is not None]
        if all(given):
            raise InputError("give x= and y=, or ra= and dec=, not both")
        if pixels is None and sky is None:
            raise InputError(
                "table has no columns of positions, such as x and y or ra and dec; name them by x= and y=, or ra= and "
                f"dec=; it has {', '.join(self.table.colnames)}"
            )
        if pixels is not None and not given[1]:
            found = self._from_pixels(pixels)
            if sky is not None and wcs is not None and not given[0]:
                self._check_agreement(found - self._from_sky(sky, wcs), pixels, sky)
            return found
        if wcs is None:
            raise InputError("table has positions on the sky, and image has no WCS; give wcs=, or x and y in pixels")
        return self._from_sky(sky, wcs)

    @property
    def uses_sky(self) -> bool:
        """Whether positions are those on the sky, rather than in pixels."""
        return self._pixel_columns() is None or self.columns.ra is not None

    def _check_agreement(self, difference: Float[np.ndarray, "n 2"], pixels: tuple[str, str], sky: Any) -> None:
        apart = np.hypot(*difference.T)
        apart = apart[np.isfinite(apart)]
        if apart.size and np.median(apart) > MOST_APART:
            names = sky if isinstance(sky, str) else ", ".join(sky)
            raise InputError(
                f"table has positions in pixels ({', '.join(pixels)}) and on the sky ({names}), which are "
                f"{np.median(apart):.3g} pixels apart in image: choose by x= and y=, or by ra= and dec="
            )

    def _pixel_columns(self) -> tuple[str, str] | None:
        return self._pair(("x", self.columns.x), ("y", self.columns.y), PIXELS)

    def _sky_columns(self) -> Any:
        """Return the columns of right ascension and declination, or that of coordinates; None if there are none."""
        found = self._pair(("ra", self.columns.ra), ("dec", self.columns.dec), SKY)
        return found or next((name for name in self.table.colnames if _is_sky(self.table[name])), None)

    def _pair(self, x: tuple[str, str | None], y: tuple[str, str | None], usual: Any) -> tuple[str, str] | None:
        if (x[1] is None) != (y[1] is None):
            raise InputError(f"give both {x[0]} and {y[0]}, or neither")
        if x[1] is not None and y[1] is not None:
            return self._checked(*x), self._checked(*y)
        plain = {_plain(name): name for name in reversed(self.table.colnames)}
        return next(((plain[a], plain[b]) for a, b in usual if a in plain and b in plain), None)

    def _named(self, argument: str, name: str | None, usual: Sequence[str]) -> str | None:
        if name is not None:
            return self._checked(argument, name)
        plain = {_plain(name): name for name in reversed(self.table.colnames)}
        return next((plain[key] for key in usual if key in plain), None)

    def _checked(self, argument: str, name: Any) -> str:
        if not isinstance(name, str) or name not in self.table.colnames:
            raise InputError(
                f"{argument} must name a column of table, one of {', '.join(self.table.colnames)}; got {name!r}"
            )
        return name

    def _numbers(self, argument: str, name: str) -> Float[np.ndarray, " n"]:
        """Return a column as plain numbers, NaN where it is masked."""
        column = self.table[name]
        masked = np.ma.getmaskarray(column) if np.ma.isMaskedArray(column) else getattr(column, "mask", None)
        plain = getattr(column, "unmasked", column)
        try:
            result = np.array(np.ma.getdata(getattr(plain, "value", plain)), float)
        except (TypeError, ValueError) as error:
            raise InputError(f"{argument}: column {name!r} must hold numbers, got {column.dtype}") from error
        if result.ndim != 1:
            raise InputError(f"{argument}: column {name!r} must hold one number in each row, got shape {result.shape}")
        return result if masked is None else np.where(masked, np.nan, result)

    def _unit(self, name: str) -> Any:
        """Return the unit of a column; None for pixels and plain numbers."""
        import astropy.units as u

        unit = getattr(self.table[name], "unit", None)
        return None if unit in (None, u.pix, u.dimensionless_unscaled) else unit

    def _from_pixels(self, names: tuple[str, str]) -> Float[np.ndarray, "n 2"]:
        origin = self.columns.origin
        for axis, name in zip("xy", names, strict=True):
            if self._unit(name) is not None:
                raise InputError(f"{axis}: column {name!r} must be in pixels, got the unit {self._unit(name)}")
        if origin not in (None, 0, 1):
            raise InputError(f"origin must be 0 or 1, the number of the first pixel in x and y, got {origin!r}")
        first = [int(FROM_ONE.fullmatch(name) is not None) if origin is None else origin for name in names]
        return np.stack([self._numbers(axis, name) for axis, name in zip("xy", names, strict=True)], axis=1) - first

    def _from_sky(self, names: Any, wcs: Any) -> Float[np.ndarray, "n 2"]:
        from astropy.wcs.utils import wcs_to_celestial_frame

        sky = self.table[names] if isinstance(names, str) else self._coordinates(*names)
        sky = sky.transform_to(wcs_to_celestial_frame(wcs)).spherical
        return on_pixels(
            np.stack([np.ma.filled(axis.to_value("deg"), np.nan) for axis in (sky.lon, sky.lat)], axis=1), wcs
        )

    def _coordinates(self, ra: str, dec: str) -> Any:
        import astropy.units as u
        from astropy.coordinates import Angle, SkyCoord

        def angle(argument: str, name: str, text_unit: Any) -> Any:
            column = self.table[name]
            if getattr(column, "dtype", None) is not None and column.dtype.kind in "US":
                return Angle([str(value) for value in column], unit=text_unit)
            unit: Any = getattr(column, "unit", None) or u.deg
            if not u.Unit(unit).is_equivalent(u.deg):
                raise InputError(f"{argument}: column {name!r} must be an angle, got the unit {unit}")
            return Angle(self._numbers(argument, name), unit=unit)

        longitude, latitude = angle("ra", ra, u.hourangle), angle("dec", dec, u.deg)
        outside = np.abs(latitude.deg) > 90.0
        latitude[outside] = np.nan
        return SkyCoord(longitude, latitude, frame="icrs")


def source_table(table: Any, columns: ColumnNames) -> SourceTable:
    """Return a table of sources from a file, an astropy or pandas table, a `Detection`, or mappings."""
    return SourceTable(_table(table), columns)


def _table(value: Any) -> Any:
    from astropy.table import QTable, Table

    if isinstance(value, Table):
        return value
    if isinstance(value, str | os.PathLike):
        return _read(Path(os.path.expanduser(os.fspath(value))))
    if isinstance(value, Detection):
        places = np.array([(source.xc, source.yc) for source in value.sources])
        return Table({"label": np.arange(1, len(places) + 1), "x": places[:, 0], "y": places[:, 1]})
    if hasattr(value, "to_table"):  # photutils' SourceCatalog
        return value.to_table()
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return Table.from_pandas(value)
    try:
        if isinstance(value, Mapping) or getattr(getattr(value, "dtype", None), "names", None):
            return QTable(value)
        if isinstance(value, Sequence) and value and all(isinstance(row, Mapping) for row in value):
            return QTable(rows=[dict(row) for row in value])
    except Exception as error:  # astropy's errors of unsuitable columns have no common class
        raise InputError(f"table can't be made of this {type(value).__name__} ({error})") from error
    raise InputTypeError(
        "table must be an astropy Table, the path of a file, a pandas DataFrame, a Detection, or a list of mappings, "
        f"got {type(value).__name__}"
    )


def _read(path: Path) -> Any:
    from astropy.io.registry import IORegistryError
    from astropy.table import QTable

    if not path.is_file():
        raise FileNotFoundError(f"table: there is no file {str(path)!r}")
    try:
        try:
            return QTable.read(path, **({"format": "fits", "hdu": LDAC} if _is_ldac(path) else {}))
        except IORegistryError:  # neither the name nor the first bytes identify the format
            if path.suffix.lower() in BINARY:
                raise
            return QTable.read(path, format="ascii")  # which includes SExtractor's
    except Exception as error:  # astropy's errors of damaged tables have no common class
        text = str(error).strip().partition("\n")[0]
        raise InputError(f"table: {str(path)!r} can't be read as a table ({text})") from error


def _is_ldac(path: Path) -> bool:
    """Return whether this is a catalogue of SExtractor (FITS_LDAC), whose first table is the image's header."""
    from astropy.io import fits

    with path.open("rb") as file:
        if file.read(6) != b"SIMPLE":
            return False
    with fits.open(path) as hdus:
        return LDAC in hdus


def on_pixels(angles: Float[np.ndarray, "n 2"], wcs: Any) -> Float[np.ndarray, "n 2"]:
    """Return x and y, from 0, of longitudes and latitudes in degrees; NaN where the WCS does not reach."""
    result = np.full(angles.shape, np.nan)
    good = np.flatnonzero(np.isfinite(angles).all(axis=1))
    if good.size:
        with warnings.catch_warnings(), np.errstate(invalid="ignore"):
            warnings.simplefilter("ignore")
            found = wcs.all_world2pix(angles[good], 0, quiet=True, ra_dec_order=True)
            # Far from its centre a WCS with distortions gives pixels whose position is another one.
            back = np.radians(wcs.all_pix2world(found, 0, ra_dec_order=True))
            there = np.radians(angles[good])
            east = np.sin((back[:, 0] - there[:, 0]) / 2) * np.cos(there[:, 1])
            apart = np.hypot(east, np.sin((back[:, 1] - there[:, 1]) / 2))
            result[good] = np.where((apart < SAME_PLACE)[:, None], found, np.nan)
    return result


def _pixels_in(argument: str, name: str, unit: Any, scale: float | None) -> float:
    """Return the pixels in a unit of angle."""
    import astropy.units as u

    if not u.Unit(unit).is_equivalent(u.arcsec):
        raise InputError(f"{argument}: column {name!r} must be in pixels or an angle, got the unit {unit}")
    if scale is None:
        raise InputError(f"{argument}: column {name!r} is an angle, and image has no pixel scale; give pixel_scale=")
    angle: Any = u.Unit(unit).to(u.arcsec)
    return float(angle) / scale


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _is_sky(column: Any) -> bool:
    return hasattr(column, "transform_to") and hasattr(column, "spherical")


def _text(value: Any) -> str | None:
    """Return a name as text; None if it is missing."""
    if np.ma.is_masked(value) or value is None:
        return None
    value = getattr(value, "value", value)
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, float | np.floating):
        return str(int(value)) if value % 1 == 0 else None if np.isnan(value) else str(value)
    return str(value).strip() or None
