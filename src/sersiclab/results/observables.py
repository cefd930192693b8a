"""Observables that follow from the parameters: axis ratios, fractions, surface brightness, and sky coordinates."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sersiclab.data.astrometry import celestial
from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.parameters import at, own_parameters, parameter_info, with_parameters
from sersiclab.profiles import AbstractElliptical, AbstractModifier, AbstractSource
from sersiclab.results import circular
from sersiclab.results.base import AbstractFit
from sersiclab.results.derived import parameter_sds
from sersiclab.results.draws import Derived


ValuesByPath = Mapping[str, Any]
Jacobian = Float[np.ndarray, "2 2"]

UNITS = {
    "axis_ratio": "",
    "fraction": "",
    "r_circ": "pixel",
    "mag": "mag",
    "mean_sb": "mag / arcsec2",
    "central_sb": "mag / arcsec2",
    "break_sb": "mag / arcsec2",
    "ra": "deg",
    "dec": "deg",
    "pa": "deg",
}
ACROSS = ("h_z",)  # lengths across the major axis, of sources as thin as a line on the sky
SQUARE = 1e-3  # deviation from square pixels, in units of their side, that is ignored, as distortions are
STEP = 0.1  # of a standard deviation, for derivatives at the best value


def observables(fit: AbstractFit) -> dict[str, Derived]:
    """Return every observable (`observe`) of a fit, for every draw, or at `best` with its sd to first order."""
    model, image = fit.model, fit.image
    best = {name: float(value) for name, value in observe(model, image, fit.best).items()}
    units = {name: unit_of(name) for name in best}
    if fit.draws:
        drawn = observe(model, image, fit.draws)
        shape = next(iter(fit.draws.values())).shape
        values = {name: _near(name, np.broadcast_to(array, shape), best[name]) for name, array in drawn.items()}
        return {name: Derived(values[name], best[name], _spread(name, values[name]), units[name]) for name in best}
    sds = _first_order(fit, best)
    return {name: Derived(np.empty((0, 0)), best[name], sds[name], units[name]) for name in best}


def unit_of(name: str) -> str:
    """Return the unit of an observable, as astropy writes it."""
    return UNITS.get(name.rpartition(".")[2], "arcsec")


def is_angle(name: str) -> bool:
    """Whether an observable is an angle that is defined modulo 180 degrees."""
    return name.endswith(".pa")


def observe(model: Model, image: Image, values: ValuesByPath) -> dict[str, Any]:
    """Return what follows from the parameters and the image's zero-point, pixel scale and WCS, by path.

    `values` holds numbers or arrays of one shape. `galaxy.axis_ratio` is 1 - ellip, `galaxy.r_circ` the
    circularised half-light radius, r_eff sqrt(axis ratio); `bulge.fraction` is the flux over that of all sources
    together (B/T, of a bulge), if there are several and all have one. `galaxy.mag` is zeropoint - 2.5 log10(flux),
    NaN where the flux is not positive, `galaxy.mean_sb` the mean surface brightness within r_eff, flux / (2 pi r_eff²
    axis ratio), in mag / arcsec², `galaxy.central_sb` that at the centre, before the PSF, where it is finite
    (Graham & Driver 2005, arXiv:astro-ph/0503176), and `galaxy.break_sb` that of `i_b`. Lengths in pixels become
    `galaxy.r_eff_arcsec`; `galaxy.ra` and `galaxy.dec` are ICRS degrees; `galaxy.pa` is the major axis east of north in
    degrees, in [0, 180), by the WCS at the component's median position, parity included. Where pixels are not square
    there, lengths in arcsec are those along the major axis on the sky, and `pa` and `axis_ratio` are those of the
    ellipse there. Observables that need a missing zero-point, pixel scale or WCS are left out.
    """
    found: dict[str, Any] = {}
    sky, owners = _Sky.of(image), at(model.owners, values)
    held = [own_parameters(owner) for owner in owners.values() if isinstance(owner, AbstractSource)]
    fluxes = [own["flux"] for own in held if "flux" in own]
    total = sum((np.asarray(flux, dtype=float) for flux in fluxes), np.zeros(()))
    for name, component in owners.items():
        # The pixel of a sky coordinate needs more digits than single precision has.
        own = {key: np.asarray(value, dtype=float) for key, value in own_parameters(component).items()}
        ellipse = _Ellipse.of(own, sky)
        shape = _shape(own)
        found |= {f"{name}.{key}": value for key, value in shape.items()}
        if ellipse is not None and "ellip" in own and not ellipse.square:
            found[f"{name}.axis_ratio"] = ellipse.axis_ratio
        if isinstance(component, AbstractSource) and len(fluxes) == len(held) > 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                found[f"{name}.fraction"] = own["flux"] / total
        if "flux" in own and image.zeropoint is not None:
            found[f"{name}.mag"] = _magnitude(own["flux"], image.zeropoint)
        if isinstance(component, AbstractSource):
            found |= {f"{name}.{key}": value for key, value in _surface_brightness(component, own, image).items()}
        if image.pixel_scale is not None and "r_circ" in shape:
            found[f"{name}.r_circ_arcsec"] = shape["r_circ"] * image.pixel_scale
        if image.pixel_scale is not None:
            for key, info in parameter_info(component).items():
                if info.unit == "pixel" and key not in ("xc", "yc"):
                    stretch = 1.0 if ellipse is None else ellipse.stretch
                    stretch = 1.0 / stretch if key in ACROSS else stretch
                    found[f"{name}.{key}_arcsec"] = own[key] * stretch * image.pixel_scale
        if sky is not None and "xc" in own and "yc" in own:
            found[f"{name}.ra"], found[f"{name}.dec"] = sky.coordinates(own["xc"], own["yc"])
            if "theta" in own and ellipse is not None:
                found[f"{name}.pa"] = ellipse.position_angle
    return found


def _shape(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the axis ratio and the circularised radius of a component that has them."""
    if "ellip" not in own:
        return {}
    ratio = 1.0 - own["ellip"]
    return {"axis_ratio": ratio} | ({"r_circ": own["r_eff"] * np.sqrt(ratio)} if "r_eff" in own else {})


def _magnitude(flux: Any, zeropoint: float) -> Any:
    """zeropoint - 2.5 log10(flux), NaN where the flux is not positive and finite."""
    good = (flux > 0) & np.isfinite(flux)
    return zeropoint - 2.5 * np.log10(np.where(good, flux, 1.0)) + np.where(good, 0.0, np.nan)


def _surface_brightness(component: Any, own: Mapping[str, Any], image: Image) -> dict[str, Any]:
    """The mean within r_eff and the central one, in mag / arcsec²."""
    if image.zeropoint is None or image.pixel_scale is None or not isinstance(component, AbstractElliptical):
        return {}
    if isinstance(component, AbstractModifier):  # which changes an isophote's area, and the centre
        return {}
    pixel, found = image.pixel_scale**2, {}
    if "r_eff" in own:
        mean = own["flux"] / (2 * np.pi * own["r_eff"] ** 2 * (1.0 - own["ellip"]))
        found["mean_sb"] = _magnitude(mean / pixel, image.zeropoint)
    if "i_b" in own:
        found["break_sb"] = _magnitude(own["i_b"] / pixel, image.zeropoint)
    found["central_sb"] = _magnitude(_central(component, own) / pixel, image.zeropoint)
    return found


def _central(component: AbstractElliptical, own: Mapping[str, Any]) -> Any:
    """The brightness per pixel at the centre, for each draw."""
    shape = np.broadcast_shapes(*(value.shape for value in own.values()))
    rows = {key: np.broadcast_to(value, shape).ravel() for key, value in own.items()}
    return np.asarray(_central_brightness(component, rows), dtype=float).reshape(shape)


@eqx.filter_jit
def _central_brightness(component: AbstractElliptical, rows: dict[str, Any]) -> Any:
    def one(row: dict[str, Any]) -> Any:
        drawn = with_parameters(component, row)
        return drawn.scale(1.0) * drawn.radial(jnp.zeros(()))

    return jax.vmap(one)({key: jnp.asarray(value, dtype=float) for key, value in rows.items()})


class _Sky:
    """The celestial WCS of an image."""

    def __init__(self, wcs: Any) -> None:
        self.wcs = wcs

    @classmethod
    def of(cls, image: Image) -> "_Sky | None":
        wcs = celestial(image.wcs)
        return None if wcs is None else cls(wcs)

    def coordinates(self, x: Any, y: Any) -> tuple[Any, Any]:
        """Right ascension and declination in degrees (ICRS)."""
        icrs = self.wcs.pixel_to_world(x, y).icrs
        return icrs.ra.deg, icrs.dec.deg

    def east_north(self, x: float, y: float) -> Jacobian:
        """Return the offsets east and north of one pixel along x and y, in arcsec: [[E_x, E_y], [N_x, N_y]]."""
        points = self.wcs.pixel_to_world([x, x + 0.5, x - 0.5, x, x], [y, y, y, y + 0.5, y - 0.5]).icrs
        east, north = points[0].spherical_offsets_to(points)
        return np.array([[o[1] - o[2], o[3] - o[4]] for o in (east.arcsec, north.arcsec)])


@dataclasses.dataclass(frozen=True)
class _Ellipse:
    """A component's isophote on the sky.

    `stretch` is its major axis over that in pixels, in units of the root of the pixel's area; `position_angle` is east
    of north in degrees.
    """

    stretch: Any
    axis_ratio: Any
    position_angle: Any
    square: bool

    @classmethod
    def of(cls, own: Mapping[str, Any], sky: _Sky | None) -> "_Ellipse | None":
        """Return the ellipse; None for a component without a position, or an image without a WCS."""
        if sky is None or "xc" not in own or "yc" not in own:
            return None
        jacobian = sky.east_north(float(np.median(own["xc"])), float(np.median(own["yc"])))
        unit = jacobian / np.sqrt(abs(np.linalg.det(jacobian)))
        # A component with a direction but no ellipticity is an edge-on disk: its length is that of a line.
        ellip = own.get("ellip", np.ones(()) if "theta" in own else np.zeros(()))
        theta, ratio = np.broadcast_arrays(own.get("theta", np.zeros(())), 1.0 - ellip)
        (major_e, major_n), (minor_e, minor_n) = (
            np.tensordot(unit, np.stack([-np.sin(angle), np.cos(angle)]), 1) for angle in (theta, theta + np.pi / 2)
        )
        square = bool(np.abs(unit @ unit.T - np.eye(2)).max() < SQUARE)
        if square:
            one = np.ones_like(ratio)
            return cls(one, ratio, np.degrees(np.arctan2(major_e, major_n)) % 180.0, square)
        # The squares of the axes are the eigenvalues of the matrix of second moments.
        ee, nn = (a**2 + (ratio * b) ** 2 for a, b in ((major_e, minor_e), (major_n, minor_n)))
        en = major_e * major_n + ratio**2 * minor_e * minor_n
        half, split = 0.5 * (ee + nn), np.hypot(0.5 * (nn - ee), en)
        angle = np.degrees(0.5 * np.arctan2(2.0 * en, nn - ee)) % 180.0
        return cls(np.sqrt(half + split), np.sqrt(np.maximum(half - split, 0.0) / (half + split)), angle, square)


def _near(name: str, values: Any, best: float) -> Any:
    """Return unwrapped draws: angles within 90 degrees of their mean, right ascensions within 180 of the best."""
    if is_angle(name):
        return np.degrees(circular.unwrap(np.radians(values)))
    if name.endswith(".ra"):
        return best + (values - best + 180.0) % 360.0 - 180.0
    return np.array(values)


def _spread(name: str, values: Any) -> float:
    if is_angle(name):
        return float(np.degrees(circular.sd(np.radians(values))))
    return float(np.std(values, ddof=1))


def _first_order(fit: AbstractFit, best: Mapping[str, float]) -> dict[str, float]:
    """sqrt(g C g), with g the observable's derivatives by the parameters; NaN without a covariance."""
    if fit.covariance is None:
        return dict.fromkeys(best, float("nan"))
    sds = parameter_sds(fit)
    correlation = fit.covariance / np.sqrt(np.outer(np.diag(fit.covariance), np.diag(fit.covariance)))
    slopes: dict[str, list[float]] = {name: [] for name in best}
    for path, sd in sds.items():
        steps = fit.best[path] + STEP * sd * np.array([-1.0, 1.0])
        ends = observe(fit.model, fit.image, {**fit.best, path: steps})
        for name, value in best.items():
            low, high = (_near_one(name, float(end), value) for end in np.broadcast_to(ends[name], 2))
            slopes[name].append((high - low) / (2 * STEP))
    return {name: float(np.sqrt(np.array(g) @ correlation @ np.array(g))) for name, g in slopes.items()}


def _near_one(name: str, value: float, best: float) -> float:
    period = 180.0 if is_angle(name) else 360.0 if name.endswith(".ra") else None
    return value if period is None else best + (value - best + period / 2) % period - period / 2
