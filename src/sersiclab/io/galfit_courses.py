"""Parameters of GALFITM's menus that change with wavelength: values, Chebyshev coefficients and degrees of freedom.

Häußler et al. 2013, MNRAS 430, 330, and GALFITM's guide:
https://www.nottingham.ac.uk/astronomy/megamorph/exec/EXAMPLE.GALFITM.INPUT. The variable of the Chebyshev polynomials
is the wavelength, scaled so that the shortest of the bands is -1 and the longest 1.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev

from sersiclab.data.filters import wavelength_of
from sersiclab.data.image_set import path_name
from sersiclab.io.galfit_text import Menu, Value
from sersiclab.parameters.varying import ImageLabel
from sersiclab.runtime.errors import InputError


MICROMETRES = 100.0  # greater wavelengths are in ångström: no image in these bands is at 100 micrometres
UNITS = {"ångström": 1e-4, "nanometres": 1e-3}
NEAR = 1.4  # factor within which a wavelength is that of a known filter
ROUNDING = 2e-3  # relative and absolute; GALFITM writes three decimals


@dataclasses.dataclass(frozen=True)
class Bands:
    """The bands of a menu: their labels, their names in paths, and their wavelengths in micrometres, if known."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    wavelengths: tuple[float, ...] | None

    @property
    def number(self) -> int:
        """The number of bands."""
        return len(self.names)

    @property
    def image_labels(self) -> tuple[ImageLabel, ...]:
        """The bands as parameters know them."""
        lengths = self.wavelengths or (None,) * self.number
        return tuple(ImageLabel(name, name, length) for name, length in zip(self.names, lengths, strict=True))

    @property
    def lengths(self) -> Float[np.ndarray, " band"]:
        """The wavelengths as an array, which is empty if they are not known."""
        return np.array(self.wavelengths or (), float)

    def nodes(self, count: int) -> Float[np.ndarray, " node"]:
        """Return the wavelengths of the nodes of a `Polynomial` with `count` coefficients."""
        return np.linspace(self.lengths.min(), self.lengths.max(), count)

    def scaled(self, wavelength: Float[np.ndarray, " w"]) -> Float[np.ndarray, " w"]:
        """Return the variable of the Chebyshev polynomials."""
        low, high = self.lengths.min(), self.lengths.max()
        return (2.0 * wavelength - low - high) / (high - low) if high > low else np.zeros_like(wavelength)


@dataclasses.dataclass(frozen=True)
class Course:
    """A parameter of the menu: its value in each band, and the number of free coefficients, from order 0 on.

    A polynomial, which has more than one free coefficient but fewer than there are bands, has its values at the nodes.
    """

    line: int
    values: tuple[float, ...]
    free: int
    nodes: tuple[float, ...] = ()


def bands_of(menu: Menu, notes: list[str]) -> Bands:
    """Return the bands of a menu, of which A) names the images, A1) the bands and A2) the wavelengths."""
    images, labels = menu.names("A"), menu.names("A1")
    if not labels:
        labels = tuple(f"band_{i}" for i in range(1, len(images) + 1))
        notes.append(
            f"line {menu.fields['A'][0]}: A1), the names of the bands, is missing: they are {', '.join(labels)}"
        )
    if images and len(images) != len(labels):
        line, text = menu.fields["A1"]
        raise InputError(
            f"{menu.source}, line {line}: A1) must name {len(images)} bands, as many as images, got {text!r}"
        )
    names = tuple(path_name(label) or f"band_{i}" for i, label in enumerate(labels, start=1))
    if len({name.lower() for name in names}) < len(names):
        line, text = menu.fields["A1"]
        raise InputError(f"{menu.source}, line {line}: A1) must name different bands, got {text!r}")
    return Bands(labels, names, _wavelengths(menu, labels, notes))


def has_bands(menu: Menu) -> bool:
    """Return whether a menu has several bands."""
    return max(len(menu.names("A")), len(menu.names("A1"))) > 1


def course_of(menu: Menu, key: str, value: Value, bands: Bands, notes: list[str]) -> Course:
    """Return the course of a parameter. Raises `ValueError` with the line of a list that does not fit the bands."""
    values = band_values(menu, key, value, bands)
    free = _free(menu, key, value, bands, notes)
    if not 1 < free < bands.number:
        return Course(value.line, values, free)
    _check_wavelengths(menu, key, value, bands)
    if free > len(set(bands.lengths.tolist())):
        raise _mistake(menu, key, value, f"has {free} free coefficients for fewer different wavelengths")
    coefficients = chebyshev.chebfit(bands.scaled(bands.lengths), values, free - 1)
    fitted = chebyshev.chebval(bands.scaled(bands.lengths), coefficients)
    if len(value.toggles) > 1 and not np.allclose(fitted, values, rtol=ROUNDING, atol=ROUNDING):
        notes.append(
            f"line {value.line}: {_written(key)}) has fixed coefficients above its free ones; they are left out, and "
            f"the values are fitted by a polynomial of degree {free - 1}"
        )
    nodes = chebyshev.chebval(bands.scaled(bands.nodes(free)), coefficients)
    return Course(value.line, _clean(fitted), free, _clean(nodes))


def in_bands(menu: Menu) -> Menu:
    """Return the menu with a value for each band instead of every Chebyshev series, and one toggle for lists of them.

    The toggle is the number of coefficients up to the last free one.
    """
    if not has_bands(menu):
        return menu
    components = []
    for component in menu.components:
        changes = {}
        for key, value in component.parameters.items():
            values = band_values(menu, key, value, bands_of(menu, [])) if value.basis == "cheb" else value.values
            toggles = value.toggles if len(value.toggles) == 1 else (_last_free(value.toggles),)
            changes[key] = dataclasses.replace(value, values=values, toggles=toggles, basis=None)
        components.append(dataclasses.replace(component, parameters=changes))
    return dataclasses.replace(menu, components=tuple(components))


def band_values(menu: Menu, key: str, value: Value, bands: Bands) -> tuple[float, ...]:
    """Return the value of a parameter in every band, from one for all, a list of them, or a Chebyshev series."""
    given, number = value.values, bands.number
    if value.basis == "cheb":
        if len(given) > number:
            raise _mistake(menu, key, value, f"has {len(given)} coefficients for {number} bands")
        if not any(given[1:]):
            return (given[0],) * number
        _check_wavelengths(menu, key, value, bands)
        return _clean(chebyshev.chebval(bands.scaled(bands.lengths), given))
    if len(given) not in (1, number):
        raise _mistake(menu, key, value, f"has {len(given)} values for {number} bands")
    return given if len(given) == number else given * number


def coefficients_of(values: tuple[float, ...], bands: Bands) -> tuple[float, ...]:
    """Return the Chebyshev coefficients of the polynomial that has these values at its nodes."""
    at = bands.scaled(bands.nodes(len(values)))
    return _clean(chebyshev.chebfit(at, values, len(values) - 1))


def _free(menu: Menu, key: str, value: Value, bands: Bands, notes: list[str]) -> int:
    """Return the number of free coefficients, given by one number or by a toggle for each coefficient."""
    toggles = value.toggles
    if len(toggles) == 1:
        if toggles[0] > bands.number:
            raise _mistake(menu, key, value, f"has {toggles[0]} free coefficients for {bands.number} bands")
        return toggles[0]
    if len(toggles) > bands.number or max(toggles) > 1:
        listed = ",".join(map(str, toggles))
        expected = f"must have a toggle, 0 or 1, for each of at most {bands.number} coefficients"
        raise _mistake(menu, key, value, f"{expected}, got {listed}")
    free = _last_free(toggles)
    if not all(toggles[:free]):
        notes.append(
            f"line {value.line}: {_written(key)}) has fixed coefficients below a free one; all up to that of order "
            f"{free - 1} are free"
        )
    return free


def _last_free(toggles: tuple[int, ...]) -> int:
    return max((i + 1 for i, toggle in enumerate(toggles) if toggle), default=0)


def _wavelengths(menu: Menu, labels: tuple[str, ...], notes: list[str]) -> tuple[float, ...] | None:
    """Return the wavelengths in micrometres: those of A2), whose unit GALFITM leaves open, or of known filters."""
    known = [wavelength_of(label) for label in labels]
    if menu.text("A2") is None:
        found = [length for length in known if length is not None]
        return tuple(found) if len(found) == len(labels) else None
    line, text = menu.fields["A2"]
    given = menu.numbers("A2", len(labels))
    if not min(given) > 0.0:
        raise InputError(f"{menu.source}, line {line}: A2) must hold positive wavelengths, got {text!r}")
    unit, factor = "micrometres", 1.0
    if max(given) > MICROMETRES:
        pairs = [(length, filter_) for length, filter_ in zip(given, known, strict=True) if filter_ is not None]
        suitable = [name for name, scale in UNITS.items() if pairs and all(_near(a * scale, b) for a, b in pairs)]
        unit = next(iter(suitable), "ångström")
        factor = UNITS[unit]
    if unit != "ångström":
        notes.append(f"line {line}: A2) the wavelengths are read as {unit}")
    return _clean(np.array(given) * factor)


def _clean(numbers: Float[np.ndarray, " n"]) -> tuple[float, ...]:
    """Return numbers without rounding errors in their last digits."""
    least = 1e-12 * max(np.abs(numbers).max(), 1e-300)
    return tuple(0.0 if abs(number) < least else float(f"{number:.12g}") for number in numbers.tolist())


def _near(length: float, other: float) -> bool:
    return abs(math.log(length / other)) < math.log(NEAR)


def _check_wavelengths(menu: Menu, key: str, value: Value, bands: Bands) -> None:
    if bands.wavelengths is None:
        raise _mistake(menu, key, value, "changes with wavelength, and A2), the wavelengths of the bands, is missing")


def _mistake(menu: Menu, key: str, value: Value, what: str) -> InputError:
    return InputError(f"{menu.source}, line {value.line}: {_written(key)}) {what}")


def _written(key: str) -> str:
    """Return the key of a parameter as it is written in menus."""
    return {"x": "1", "y": "2"}.get(key, key.rstrip("ap") if key.startswith("F") else key.removesuffix("x"))
