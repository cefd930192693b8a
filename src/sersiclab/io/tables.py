"""The functions of GALFIT and imfit and their counterparts here, in one table for both reading and writing.

GALFIT: Peng et al. 2010, AJ 139, 2097 (arXiv:0912.0731). imfit: Erwin 2015, ApJ 799, 226 (arXiv:1408.1097).
"""

import math
from collections.abc import Mapping

from scipy.special import gammaincinv

from sersiclab.io.functions import Equivalent, Linear, Link, Magnitude, Modifier, PerArcsec2, SurfaceBrightness
from sersiclab.profiles import (
    Bent,
    Boxy,
    BrokenExponential,
    CoreSersic,
    DeVaucouleurs,
    EdgeOnDisk,
    Exponential,
    Ferrers,
    FlatSky,
    FourierModes,
    Gaussian,
    GaussianRing,
    King,
    Moffat,
    Nuker,
    NukerBrightness,
    PointSource,
    Sersic,
    TiltedSky,
)


HALF_LIGHT = float(gammaincinv(2.0, 0.5))  # of an exponential disk, in scale lengths
FWHM = math.sqrt(8.0 * math.log(2.0))  # of a Gaussian, in sigma
DEGREES = Linear(scale=math.pi / 180.0)
MODES = (1, 3, 4, 5, 6)

_X = Link("x", "xc", Linear(axis="x"), "x")
_Y = Link("y", "yc", Linear(axis="y"), "y")
_MAGNITUDE = Link("3", "flux", Magnitude(), "mag")
_CENTRAL = Link("3", "flux", SurfaceBrightness(magnitudes=True), "mag")
_RATIO = Link("9", "ellip", Linear(scale=-1.0, offset=1.0), "q")
_ANGLE = Link("10", "theta", DEGREES, "pa")


_NUKER = (
    Link("4", "r_b", alias="re"),
    Link("5", "alpha", alias="alpha"),
    Link("6", "beta", alias="beta"),
    Link("7", "gamma", alias="gamma"),
)


def _galfit(name: str, cls: type, flux: Link, *links: Link, constants: Mapping[str, float] | None = None) -> Equivalent:
    return Equivalent(name, cls, (_X, _Y, flux, *links), constants or {})


GALFIT: tuple[Equivalent, ...] = (
    _galfit("sersic", Sersic, _MAGNITUDE, Link("4", "r_eff", alias="re"), Link("5", "n", alias="n"), _RATIO, _ANGLE),
    _galfit("expdisk", Exponential, _MAGNITUDE, Link("4", "r_eff", Linear(scale=HALF_LIGHT), "rs"), _RATIO, _ANGLE),
    _galfit("devauc", DeVaucouleurs, _MAGNITUDE, Link("4", "r_eff", alias="re"), _RATIO, _ANGLE),
    _galfit("gaussian", Gaussian, _MAGNITUDE, Link("4", "fwhm", alias="re"), _RATIO, _ANGLE),
    _galfit("moffat", Moffat, _MAGNITUDE, Link("4", "fwhm", alias="re"), Link("5", "beta", alias="n"), _RATIO, _ANGLE),
    _galfit(
        "king",
        King,
        _CENTRAL,
        Link("4", "r_core", alias="re"),
        Link("5", "r_tidal"),
        Link("6", "alpha", alias="alpha"),
        _RATIO,
        _ANGLE,
    ),
    _galfit(
        "ferrer",
        Ferrers,
        _CENTRAL,
        Link("4", "r_out", alias="re"),
        Link("5", "alpha", alias="alpha"),
        Link("6", "beta", alias="beta"),
        _RATIO,
        _ANGLE,
    ),
    # Files are read as the first, which allows any outer slope. The second, which has a flux, is for writing.
    _galfit("nuker", NukerBrightness, Link("3", "i_b", PerArcsec2(), "mag"), *_NUKER, _RATIO, _ANGLE),
    _galfit(
        "nuker", Nuker, Link("3", "flux", SurfaceBrightness(at="r_b", magnitudes=True), "mag"), *_NUKER, _RATIO, _ANGLE
    ),
    # A function of GALFIT-CORSAIR (Bonfini 2014, PASP 126, 935); its constraints use the parameters' numbers.
    _galfit(
        "corser",
        CoreSersic,
        Link("3", "flux", SurfaceBrightness(at="r_b", magnitudes=True), "mag"),
        Link("4", "r_b"),
        Link("5", "alpha", alias="alpha"),
        Link("6", "gamma", alias="gamma"),
        Link("7", "r_eff"),
        Link("8", "n"),
        _RATIO,
        _ANGLE,
    ),
    # sech²(z / h) there, sech²(z / (2 h_z)) here.
    _galfit(
        "edgedisk",
        EdgeOnDisk,
        _CENTRAL,
        Link("4", "h_z", Linear(scale=0.5)),
        Link("5", "h_r", alias="rs"),
        _ANGLE,
        constants={"n": 1.0},
    ),
    _galfit("psf", PointSource, _MAGNITUDE),
    Equivalent("sky", FlatSky, (Link("1", "level", alias="sky"),)),
    Equivalent("sky", TiltedSky, (Link("1", "level", alias="sky"), Link("2", "slope_x"), Link("3", "slope_y"))),
)

GALFIT_MODIFIERS: tuple[Modifier, ...] = (
    Modifier(Boxy, (Link("C0", "c0", alias="c0"),)),
    Modifier(
        FourierModes,
        tuple(
            link
            for m in MODES
            for link in (Link(f"F{m}a", f"a{m}", alias=f"f{m}a"), Link(f"F{m}p", f"phi{m}", DEGREES, f"f{m}p"))
        ),
    ),
    Modifier(Bent, tuple(Link(f"B{m}", f"b{m}", alias=f"b{m}") for m in (1, 2, 3))),
)


_PLACE = (Link("X0", "xc", Linear(axis="x")), Link("Y0", "yc", Linear(axis="y")))
_PA, _ELL = Link("PA", "theta", DEGREES), Link("ell", "ellip")
_BOXY = Modifier(Boxy, (Link("c0", "c0"),))


def _imfit(name: str, cls: type, *links: Link, boxy: bool = False) -> Equivalent:
    """Return a function of imfit, whose parameters have this order in its files; `c0` comes after `ell`."""
    return Equivalent(name, cls, (*_PLACE, _PA, _ELL, *links), modifiers=(_BOXY,) if boxy else ())


def _peak(key: str = "I_0", at: str | None = None) -> Link:
    return Link(key, "flux", SurfaceBrightness(at=at))


_SLOPES = ("r_b", "alpha", "beta", "gamma")
_SERSIC = (Link("n", "n"), _peak("I_e", "r_eff"), Link("r_e", "r_eff"))
_EXPONENTIAL = (_peak(), Link("h", "r_eff", Linear(scale=HALF_LIGHT)))

IMFIT: tuple[Equivalent, ...] = (
    _imfit("Sersic", Sersic, *_SERSIC),
    _imfit("Sersic_GenEllipse", Sersic, *_SERSIC, boxy=True),
    _imfit("Exponential", Exponential, *_EXPONENTIAL),
    _imfit("Exponential_GenEllipse", Exponential, *_EXPONENTIAL, boxy=True),
    _imfit("Gaussian", Gaussian, _peak(), Link("sigma", "fwhm", Linear(scale=FWHM))),
    _imfit("Moffat", Moffat, _peak(), Link("fwhm", "fwhm"), Link("beta", "beta")),
    _imfit(
        "Core-Sersic",
        CoreSersic,
        Link("n", "n"),
        _peak("I_b", "r_b"),
        Link("r_e", "r_eff"),
        Link("r_b", "r_b"),
        Link("alpha", "alpha"),
        Link("gamma", "gamma"),
    ),
    _imfit(
        "BrokenExponential",
        BrokenExponential,
        _peak(),
        Link("h1", "h_in"),
        Link("h2", "h_out"),
        Link("r_break", "r_break"),
        Link("alpha", "alpha"),
    ),
    _imfit("ModifiedKing", King, _peak(), Link("r_c", "r_core"), Link("r_t", "r_tidal"), Link("alpha", "alpha")),
    _imfit("NukerLaw", NukerBrightness, Link("I_b", "i_b"), *(Link(name, name) for name in _SLOPES)),
    _imfit("NukerLaw", Nuker, _peak("I_b", "r_b"), *(Link(name, name) for name in _SLOPES)),
    _imfit("GaussianRing", GaussianRing, _peak("A", "r_ring"), Link("R_ring", "r_ring"), Link("sigma_r", "sigma")),
    Equivalent(
        "EdgeOnDisk",
        EdgeOnDisk,
        (
            *_PLACE,
            _PA,
            Link("L_0", "flux", SurfaceBrightness(twice="h_r")),
            Link("h", "h_r"),
            Link("n", "n"),
            Link("z_0", "h_z"),
        ),
    ),
    Equivalent("PointSource", PointSource, (*_PLACE, Link("I_tot", "flux"))),
    Equivalent("FlatSky", FlatSky, (Link("I_sky", "level"),)),
    # The level refers to X0, Y0 there and to the image's centre here; `imfit.py` converts it.
    Equivalent("TiltedSkyPlane", TiltedSky, (Link("I_0", "level"), Link("m_x", "slope_x"), Link("m_y", "slope_y"))),
)
