"""The guess: its priors contain the truth, for any unit, frame and neighbours of the image."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import fftconvolve

from sersiclab import datasets
from sersiclab.data.image import Image
from sersiclab.guess import guess
from sersiclab.model import Model
from sersiclab.parameters import Parameter, Tied, parameter, parameter_info
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import (
    PROFILES,
    AbstractElliptical,
    AbstractExtended,
    AbstractSky,
    Boxy,
    DeVaucouleurs,
    Exponential,
    FlatSky,
    PointSource,
    Sersic,
    TiltedSky,
)


class Shelf(AbstractSky):
    """A sky that the guess has never heard of."""

    depth: Parameter = parameter(doc="no bounds")

    def brightness(self, x, y):
        return self.depth + 0 * x


@pytest.fixture(scope="module")
def example():
    return datasets.example()


def elliptical_gaussian(shape, xc, yc, flux, major, minor, theta):
    """A Gaussian whose half-light radius along the major axis is 1.1774 `major`."""
    y, x = np.indices(shape)
    along = -(x - xc) * np.sin(theta) + (y - yc) * np.cos(theta)
    across = (x - xc) * np.cos(theta) + (y - yc) * np.sin(theta)
    return flux / (2 * np.pi * major * minor) * np.exp(-0.5 * ((along / major) ** 2 + (across / minor) ** 2))


def with_changes(image, data=None, **changes):
    planes = {"sigma": image.sigma, "psf": image.psf, "mask": image.mask, **changes}
    return Image(image.data if data is None else data, **planes)


def scaled(image, factor):
    factor = image.data.dtype.type(factor)
    return with_changes(image, image.data * factor, sigma=image.sigma * factor)


def assert_holds(model, truth, widths=3.0):
    """Every prior has density at the truth, and its init is no worse than `widths` of a Normal."""
    for path, prior in model.free.items():
        value = truth[path]
        if isinstance(prior, Normal):
            assert abs(value - prior.loc) < widths * prior.scale, path
        elif not isinstance(prior, Angle):
            assert prior.low < value < prior.high, path


def difference(theta, other):
    return abs((theta - other + math.pi / 2) % math.pi - math.pi / 2)


@pytest.mark.parametrize("name", datasets.names())
def test_the_priors_hold_the_truth(name):
    what = {"example": {"galaxy": "sersic", "sky": "flat_sky"}, "bulge_disk": {"bulge": "sersic", "disk": "exp"}}[name]
    model = guess(datasets.example(name), what)
    truth = datasets.truth(name)
    assert_holds(model, truth)
    assert all(prior.init is not None for prior in model.free.values())


def test_the_start_is_near_the_truth(example):
    start, truth = guess(example).initial, datasets.truth()
    assert start["galaxy.xc"] == pytest.approx(truth["galaxy.xc"], abs=0.3)
    assert start["galaxy.yc"] == pytest.approx(truth["galaxy.yc"], abs=0.3)
    assert start["galaxy.flux"] == pytest.approx(truth["galaxy.flux"], rel=0.2)
    assert start["galaxy.r_eff"] == pytest.approx(truth["galaxy.r_eff"], rel=0.2)
    assert start["galaxy.ellip"] == pytest.approx(truth["galaxy.ellip"], abs=0.1)
    assert difference(start["galaxy.theta"], truth["galaxy.theta"]) < 0.1


@pytest.mark.parametrize("theta", [0.0, 0.6, 1.5, 2.5, 3.1])
def test_a_gaussian_is_measured(rng, theta):
    galaxy = elliptical_gaussian((70, 50), 22.3, 31.6, 4000.0, 5.0, 3.0, theta)
    start = guess(Image(galaxy + rng.normal(size=galaxy.shape), sigma=1.0)).initial
    assert start["galaxy.xc"] == pytest.approx(22.3, abs=0.3)
    assert start["galaxy.yc"] == pytest.approx(31.6, abs=0.3)
    assert start["galaxy.flux"] == pytest.approx(4000, rel=0.15)
    assert start["galaxy.r_eff"] == pytest.approx(5.0 * 1.1774, rel=0.15)
    assert start["galaxy.ellip"] == pytest.approx(0.4, abs=0.1)
    assert difference(start["galaxy.theta"], theta) < 0.15


def test_the_psf_is_taken_off_the_size(rng):
    y, x = np.indices((25, 25)) - 12
    psf = np.exp(-0.5 * (x**2 + y**2) / 2.5**2)
    blurred = elliptical_gaussian((61, 71), 33, 29, 1e5, math.hypot(2.0, 2.5), math.hypot(2.0, 2.5), 0.0)
    image = Image(blurred + rng.normal(size=blurred.shape), sigma=1.0, psf=psf / psf.sum())
    without = Image(image.data, sigma=1.0)
    assert guess(image).initial["galaxy.r_eff"] < 0.8 * guess(without).initial["galaxy.r_eff"]
    assert guess(image).free["galaxy.r_eff"].low < 2.0 * 1.1774 < guess(image).free["galaxy.r_eff"].high


@pytest.mark.parametrize("factor", [1e-9, 1e-3, 1e9])
def test_the_unit_of_the_image_does_not_matter(example, factor):
    what = {"bulge": "sersic", "disk": "sersic", "star": "pointsource", "sky": "tilted_sky"}
    model, other = guess(example, what), guess(scaled(example, factor), what)
    for path, prior in model.free.items():
        in_flux_units = path.split(".")[1] in ("flux", "level", "slope_x", "slope_y")
        unit = factor if in_flux_units else 1.0
        for name, value in vars(prior).items():
            # The data are single precision; a sky level near zero knows only its scale.
            tolerance = 1e-5 * abs(value) + (1e-5 * prior.scale if isinstance(prior, Normal) else 0.0)
            assert getattr(other.free[path], name) / unit == pytest.approx(value, abs=tolerance), (path, name)


def test_scaling_by_a_power_of_two_is_exact(example):
    model, other = guess(example), guess(scaled(example, 2.0**-40))
    flux = model.free["galaxy.flux"]
    expected = LogUniform(flux.low * 2.0**-40, flux.high * 2.0**-40, init=flux.init * 2.0**-40)
    assert other == model.replace({"galaxy.flux": expected})


def test_transposing_swaps_the_axes(example):
    turned = with_changes(example, example.data.T, sigma=example.sigma.T, psf=example.psf.T, mask=example.mask.T)
    model, other = guess(example).initial, guess(turned).initial
    assert other["galaxy.xc"] == pytest.approx(model["galaxy.yc"], rel=1e-6)
    assert other["galaxy.yc"] == pytest.approx(model["galaxy.xc"], rel=1e-6)
    assert difference(other["galaxy.theta"], math.pi / 2 - model["galaxy.theta"]) < 1e-6
    for name in ("flux", "r_eff", "ellip"):
        assert other[f"galaxy.{name}"] == pytest.approx(model[f"galaxy.{name}"], rel=1e-6)


def test_cropping_shifts_the_centre(example):
    window = np.s_[8:80, 14:92]
    cropped = with_changes(example, example.data[window], sigma=example.sigma[window], mask=example.mask[window])
    model, other = guess(example).initial, guess(cropped).initial
    assert other["galaxy.xc"] + 14 == pytest.approx(model["galaxy.xc"], abs=0.05)
    assert other["galaxy.yc"] + 8 == pytest.approx(model["galaxy.yc"], abs=0.05)
    assert difference(other["galaxy.theta"], model["galaxy.theta"]) < 0.05
    for name in ("flux", "r_eff", "ellip"):
        assert other[f"galaxy.{name}"] == pytest.approx(model[f"galaxy.{name}"], rel=0.1)


def test_a_sky_level_does_not_matter_to_the_galaxy(example):
    lifted = with_changes(example, example.data + np.float32(3.0))
    what = {"galaxy": "sersic", "sky": "flat_sky"}
    model, other = guess(example, what), guess(lifted, what)
    for path, value in model.initial.items():
        assert other.initial[path] - (3.0 if path == "sky.level" else 0.0) == pytest.approx(value, rel=1e-3, abs=1e-4)


def test_what_the_mask_hides_does_not_matter(example):
    data = np.where(example.mask, np.nan, example.data)
    assert guess(with_changes(example, data)) == guess(example)


def test_a_masked_core_keeps_the_galaxy(rng):
    galaxy = elliptical_gaussian((61, 71), 33, 29, 1e4, 6.0, 5.0, 0.0)
    mask = np.zeros(galaxy.shape, bool)
    mask[27:32, 31:36] = True
    start = guess(Image(galaxy + rng.normal(size=galaxy.shape), sigma=1.0, mask=mask)).initial
    assert math.hypot(start["galaxy.xc"] - 33, start["galaxy.yc"] - 29) < 3


def test_an_unmasked_neighbour_is_left_out(rng):
    galaxy = elliptical_gaussian((80, 80), 38, 41, 5000.0, 4.0, 3.0, 0.5)
    neighbour = elliptical_gaussian((80, 80), 60, 52, 20000.0, 3.0, 3.0, 0.0)
    noise = rng.normal(size=galaxy.shape)
    alone = guess(Image(galaxy + noise, sigma=1.0)).initial
    both = guess(Image(galaxy + neighbour + noise, sigma=1.0)).initial
    assert both["galaxy.xc"] == pytest.approx(alone["galaxy.xc"], abs=0.5)
    assert both["galaxy.flux"] == pytest.approx(alone["galaxy.flux"], rel=0.15)
    assert both["galaxy.r_eff"] == pytest.approx(alone["galaxy.r_eff"], rel=0.15)


def test_a_galaxy_larger_than_the_image_is_found(rng):
    galaxy = elliptical_gaussian((50, 60), 30, 25, 1e6, 30.0, 20.0, 0.4)
    with pytest.warns(UserWarning, match=r"^sources fill the image, so its sky can't be measured, and the model has"):
        start = guess(Image(galaxy + rng.normal(size=galaxy.shape), sigma=1.0)).initial
    assert math.hypot(start["galaxy.xc"] - 30, start["galaxy.yc"] - 25) < 3
    assert start["galaxy.r_eff"] > 8


@pytest.mark.parametrize("shape", [(40, 50), (3, 4), (1, 1)])
def test_an_empty_image_gets_broad_priors_and_a_warning(rng, shape):
    image = Image(rng.normal(size=shape), sigma=1.0)
    with pytest.warns(UserWarning, match=r"^no source is detected above the noise: the priors are those of a"):
        model = guess(image)
    assert model.initial["galaxy.xc"] == (shape[1] - 1) / 2
    assert model.initial["galaxy.yc"] == (shape[0] - 1) / 2


def test_an_empty_image_has_a_sky_without_a_warning(rng):
    image = Image(rng.normal(5.0, 2.0, size=(40, 50)), sigma=1.0)
    prior = guess(image, "flat_sky").free["sky.level"]
    assert prior.loc == pytest.approx(5.0, abs=0.3)
    assert prior.scale == pytest.approx(2.0, rel=0.2)


# what -> the components' names and classes
PRESETS = {
    "sersic": {"galaxy": Sersic},
    "exponential": {"galaxy": Exponential},
    "exp": {"galaxy": Exponential},
    "devaucouleurs": {"galaxy": DeVaucouleurs},
    "dev": {"galaxy": DeVaucouleurs},
    "pointsource": {"star": PointSource},
    "flat_sky": {"sky": FlatSky},
    "doublesersic": {"bulge": Sersic, "disk": Sersic},
    "sersic_exp": {"bulge": Sersic, "disk": Exponential},
    "sersic_pointsource": {"galaxy": Sersic, "nucleus": PointSource},
}


@pytest.mark.parametrize("what", PRESETS)
def test_presets(example, what):
    model = guess(example, what)
    assert {name: type(component) for name, component in model.components.items()} == PRESETS[what]
    first, *others = model.components
    for name in others:
        assert model.components[name].xc == Tied(f"{first}.xc")
        assert model.components[name].yc == Tied(f"{first}.yc")


@pytest.mark.parametrize("cls", PROFILES)
def test_every_profile_by_class_and_by_name(example, cls):
    by_class = guess(example, {"part": cls})
    assert type(by_class.components["part"]) is cls
    assert guess(example, {"part": cls.__name__}) == by_class
    assert guess(example, {"part": cls.__name__.lower()}) == by_class
    assert len(by_class.free) == len(parameter_info(cls))


@pytest.mark.parametrize("cls", [cls for cls in PROFILES if issubclass(cls, AbstractExtended)])
def test_every_profile_starts_near_the_data(example, cls):
    """A start explains half of the light's square, a ring a little less."""
    model = guess(example, cls)
    source = model.at(model.initial).components["galaxy"]
    points = [(np.arange(4 * side) + 0.5) / 4 - 0.5 for side in example.shape]
    y, x = (jnp.asarray(axis) for axis in np.meshgrid(*points, indexing="ij"))
    light = jax.jit(lambda x, y: source.brightness(x - source.xc, y - source.yc))(x, y)
    pixels = np.asarray(light, float).reshape(example.shape[0], 4, example.shape[1], 4).mean((1, 3))
    light = fftconvolve(pixels, example.psf, mode="same")
    assert np.isfinite(light).all()
    rest, data = ((image / example.sigma)[~example.mask] for image in (example.data - light, example.data))
    assert np.sum(rest**2) < 0.6 * np.sum(data**2)
    for path, prior in model.free.items():
        if isinstance(prior, Uniform | LogUniform):
            assert prior.low < prior.init < prior.high, path


class Shell(AbstractElliptical):
    """A user's own: a shell, whose edges the class says something of."""

    xc: Parameter = parameter(unit="pixel", doc="x")
    yc: Parameter = parameter(unit="pixel", doc="y")
    flux: Parameter = parameter(doc="flux")
    radius: Parameter = parameter(low=0.0, open_low=True, unit="pixel", doc="radius")
    edge: Parameter = parameter(low=2.0, high=3.0, unit="pixel", start=0.1, doc="width")
    rate: Parameter = parameter(low=0.0, open_low=True, unit="1/pixel", start=2.0, doc="rate")
    power: Parameter = parameter(low=0.0, usual=(1.0, 4.0), start=1.5, doc="power")
    share: Parameter = parameter(low=0.0, high=1.0, doc="share")
    n: Parameter = parameter(low=3.0, high=9.0, doc="not a Sérsic index")
    ellip: Parameter = parameter(low=0.0, high=0.9, doc="ellipticity")
    theta: Parameter = parameter(unit="rad", doc="angle")

    def radial(self, m):
        return jnp.exp(-m / self.radius)


def test_a_class_of_the_users_own_says_where_to_start(example):
    free = guess(example, Shell).free
    r = guess(example).initial["galaxy.r_eff"]
    assert free["galaxy.radius"] == LogUniform(0.1 * r, 10 * r, init=r)
    assert free["galaxy.edge"] == LogUniform(2.0, 3.0, init=2.0)
    assert free["galaxy.rate"].init == pytest.approx(2.0 / r)
    assert free["galaxy.power"] == Uniform(1.0, 4.0, init=1.5)
    assert free["galaxy.share"] == Uniform(0.0, 1.0, init=0.5)
    assert free["galaxy.n"] == Uniform(3.0, 9.0, init=3.0)
    assert isinstance(free["galaxy.theta"], Angle)
    inner, outer = (guess(example, {"a": Shell, "b": Shell}).free[f"{name}.radius"] for name in "ab")
    assert inner.init < outer.init


def test_a_guess_is_put_inside_of_a_modifier(example):
    model = guess(example)
    boxy = model.with_component("galaxy", Boxy(model.components["galaxy"], c0=Uniform(-0.5, 1.0)))
    assert list(boxy.free) == [*model.free, "galaxy.c0"]
    assert boxy.initial == {**model.initial, "galaxy.c0": 0.25}


def test_a_mapping_names_its_components(example):
    model = guess(example, {"bulge": "sersic", "disk": "exponential", "sky": "flat_sky"})
    assert list(model.components) == ["bulge", "disk", "sky"]
    assert model.components["disk"].xc == Tied("bulge.xc")
    start = model.initial
    assert start["bulge.r_eff"] < start["disk.r_eff"]
    assert start["bulge.flux"] + start["disk.flux"] == pytest.approx(guess(example).initial["galaxy.flux"])
    # Two components of one kind are distinguished by their radii.
    double = guess(example, "doublesersic")
    assert double.free["bulge.r_eff"].high < double.free["disk.r_eff"].high
    assert double.free["bulge.r_eff"].low < double.free["disk.r_eff"].low


def test_the_families_of_the_priors(example):
    free = guess(example, {"galaxy": Sersic, "sky": TiltedSky}).free
    families = {path: type(prior) for path, prior in free.items()}
    assert families["galaxy.xc"] is Normal
    assert families["galaxy.flux"] is LogUniform
    assert families["galaxy.theta"] is Angle
    assert families["sky.slope_x"] is Normal
    assert families["galaxy.n"] is LogUniform
    assert (free["galaxy.n"].low, free["galaxy.n"].high) == (0.5, 8.0)
    assert families["galaxy.ellip"] is Uniform


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("sersik", r"^what must be a profile: sersic, .*tilted_sky, or a preset: doublesersic, .*; got 'sersik'$"),
        ("s", r"got 's'$"),
        (3, r"got 3$"),
        ({}, r"^what must name at least one component, got an empty mapping$"),
        ({"disk": "spiral"}, r"^what\['disk'\] must be a profile: sersic, .*tilted_sky; got 'spiral'$"),
        ({"a b": "sersic"}, r"^a component's name must be an identifier .*, got 'a b'$"),
        (Boxy, r'^what is Boxy, which modifies another profile: .* as in model.with_component\("galaxy", Boxy\('),
        ({"sky": Shelf}, r"^guess can't choose a prior for sky.depth: it is not measured and has no bounds; build"),
    ],
)
def test_an_invalid_request_is_reported(example, what, message):
    with pytest.raises(ValueError, match=message):
        guess(example, what)


# README of ../shared/data: published fits, 0-based
HSC = {
    "gal1": {"xc": 60.033, "yc": 60.049, "flux": 1845.3, "r_eff": 3.185, "n": 2.799, "ellip": 0.276, "theta": 0.564},
    "gal2": {"xc": 60.442, "yc": 59.253, "flux": 3720.5, "r_eff": 6.193, "n": 3.493, "ellip": 0.324, "theta": 2.441},
}


@pytest.mark.parametrize("name", HSC)
def test_hsc_galaxies(shared_data, name):
    planes = {key: np.load(shared_data / "hsc" / f"{name}_{key}.npy") for key in ("im", "sig", "psf", "mask")}
    image = Image(planes["im"], sigma=planes["sig"], psf=planes["psf"], mask=planes["mask"])
    model = Model({"galaxy": guess(image).components["galaxy"]})  # the published fits have no sky
    truth = {f"galaxy.{key}": value for key, value in HSC[name].items()}
    assert_holds(model, truth, widths=1.0)
    start = model.initial
    assert start["galaxy.flux"] == pytest.approx(truth["galaxy.flux"], rel=0.15)
    assert start["galaxy.r_eff"] == pytest.approx(truth["galaxy.r_eff"], rel=0.25)
    assert difference(start["galaxy.theta"], truth["galaxy.theta"]) < 0.15


def test_the_galfit_example(shared_data):
    folder = shared_data / "galfit_example"
    with pytest.warns(UserWarning, match="psf sums to 12507"):
        image = Image.read(folder / "gal.fits", psf=folder / "psf.fits", gain=1.0, read_noise=5.0)
    flux = 1040 * 10 ** (-0.4 * (23.0 - 26.563))
    truth = {"xc": 45.53, "yc": 47.27, "flux": flux, "r_eff": 2.55, "n": 4.1, "ellip": 0.15, "theta": 1.9}
    sky = {"sky.level": 0.76}
    model = guess(image, {"galaxy": "sersic", "sky": "flat_sky"})
    assert_holds(model, {f"galaxy.{key}": value for key, value in truth.items()} | sky, widths=1.0)


@pytest.mark.parametrize(("name", "xc", "yc"), [("G265940", 79.5, 51.5), ("G267199", 99.0, 106.5)])
def test_kids_galaxies_in_maggies(shared_data, name, xc, yc):
    """The brightest pixel's neighbourhood is the centre; most of the positive light is the galaxy's."""
    files = {key: shared_data / "kids" / f"{name}{key}.fits" for key in ("fitim", "sigma", "psfim", "mskim")}
    with pytest.warns(UserWarning, match="psf sums to"):
        image = Image.read(files["fitim"], sigma=files["sigma"], psf=files["psfim"], mask=files["mskim"])
    start = guess(image).initial
    assert math.hypot(start["galaxy.xc"] - xc, start["galaxy.yc"] - yc) < 2
    assert 1e-8 < start["galaxy.flux"] < 1e-6


def test_panstarrs_without_psf(shared_data):
    file = shared_data / "panstarrs" / "slice.fits"
    image = Image.read(file, sigma=150.9, mask=f"{file}[2]")
    segment = np.asarray(Image.read(f"{file}[1]", sigma=1.0).data) == 1
    y, x = np.indices(image.shape)
    light = np.where(segment, image.data, 0.0)
    start = guess(image).initial
    assert start["galaxy.xc"] == pytest.approx((x * light).sum() / light.sum(), abs=3)
    assert start["galaxy.yc"] == pytest.approx((y * light).sum() / light.sum(), abs=3)
    assert start["galaxy.flux"] == pytest.approx(light.sum(), rel=0.2)
