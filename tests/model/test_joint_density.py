"""The posterior density of a model given several images: against those of the images, sums and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sersiclab as sl
from sersiclab.inference.search.likelihood import about
from sersiclab.model.density import Density
from sersiclab.model.joint_density import JointDensity, joint_density
from sersiclab.model.joint_pictures import bound


WAVELENGTHS = {"g": 0.48, "r": 0.62, "i": 0.75}


def image(name, shape=(24, 27), fwhm=2.5, *, sigma=0.05, unit=1.0):
    rng = np.random.default_rng(len(name) + ord(name[0]))
    y, x = np.indices((11, 11)) - 5
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2)
    galaxy = sl.Sersic(xc=12.6, yc=11.2, flux=60.0, r_eff=3.2, n=1.4, ellip=0.3, theta=0.7)
    empty = sl.Image(np.zeros(shape), sigma=sigma, psf=psf / psf.sum(), mask=rng.random(shape) < 0.03)
    mock = sl.simulate(sl.Model({"galaxy": galaxy}), empty, seed=ord(name[0]))
    return sl.Image(unit * mock.data, sigma=unit * mock.sigma, psf=mock.psf, mask=mock.mask)


def scene(*, unit=1.0):
    named = {name: image(name, fwhm=2.2 + 0.2 * i, unit=unit) for i, name in enumerate("gri")}
    images = sl.Images(named, wavelengths=WAVELENGTHS)
    second_flux = {"g": 3.0 * unit, "r": sl.LogUniform(unit, 100 * unit), "i": sl.Tied("disk.flux.r", scale=2.0)}
    model = sl.Model(
        {
            "galaxy": sl.Sersic(
                xc=sl.Normal(12.5, 1),
                yc=sl.Normal(11.5, 1),
                flux=sl.PerBand(sl.LogUniform(unit, 1e3 * unit, init=50.0 * unit)),
                r_eff=sl.Polynomial(sl.LogUniform(0.5, 20, init=3.0)),
                n=sl.Spline(sl.Uniform(0.5, 8, init=1.7), knots=(0.45, 0.6, 0.8)),
                ellip=sl.Uniform(0, 0.9, init=0.25),
                theta=sl.Angle(init=0.6),
            ),
            "disk": sl.Exponential(
                xc=sl.Tied("galaxy.xc"),
                yc=sl.Tied("galaxy.yc"),
                flux=sl.PerBand(second_flux),
                r_eff=sl.Tied("galaxy.r_eff", scale=2.0),
                ellip=sl.Tied("galaxy.n.at_0.60", scale=0.1),
                theta=0.3,
            ),
            "sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0, 0.1 * unit))),
        }
    )
    return bound(model, images), images


def one_galaxy(flux):
    galaxy = sl.Sersic(
        xc=sl.Normal(12.5, 1),
        yc=sl.Normal(11.5, 1),
        flux=flux,
        r_eff=sl.LogUniform(0.5, 20, init=3.0),
        n=sl.Uniform(0.5, 8, init=1.7),
        ellip=sl.Uniform(0, 0.9, init=0.25),
        theta=sl.Angle(init=0.6),
    )
    return sl.Model({"galaxy": galaxy})


def in_image(values, name):
    """The parameters of one image by hand, from the joint ones: a straight line in ln r_eff, a spline in logit n."""
    wavelength = WAVELENGTHS[name]
    share = (wavelength - 0.48) / (0.75 - 0.48)
    ends = np.log([values["galaxy.r_eff.at_0.48"], values["galaxy.r_eff.at_0.75"]])
    nodes = np.array([values[f"galaxy.n.at_{knot}"] for knot in ("0.45", "0.60", "0.80")])
    logits = np.log((nodes - 0.5) / (8 - nodes))
    logit = natural_spline((0.45, 0.6, 0.8), logits, wavelength)
    flux = {"g": 3.0, "r": values["disk.flux.r"], "i": 2 * values["disk.flux.r"]}[name]
    r_eff = float(np.exp((1 - share) * ends[0] + share * ends[1]))
    return {
        "galaxy.xc": values["galaxy.xc"],
        "galaxy.yc": values["galaxy.yc"],
        "galaxy.flux": values[f"galaxy.flux.{name}"],
        "galaxy.r_eff": r_eff,
        "galaxy.n": float(0.5 + 7.5 / (1 + np.exp(-logit))),
        "galaxy.ellip": values["galaxy.ellip"],
        "galaxy.theta": values["galaxy.theta"],
        "disk.flux": flux,
        "disk.r_eff": 2 * r_eff,
        "disk.ellip": 0.1 * values["galaxy.n.at_0.60"],
        "sky.level": values[f"sky.level.{name}"],
    }


def natural_spline(knots, values, x):
    """The natural cubic spline through three points: solved for the one inner second derivative."""
    (a, b, c), (u, v, w) = knots, values
    second = 3 * ((w - v) / (c - b) - (v - u) / (b - a)) / (c - a)
    low, high, y0, y1, m0, m1 = (a, b, u, v, 0.0, second) if x <= b else (b, c, v, w, second, 0.0)
    h, p, q = high - low, high - x, x - low
    return (m0 * p**3 + m1 * q**3) / (6 * h) + (y0 / h - m0 * h / 6) * p + (y1 / h - m1 * h / 6) * q


def values_of(model, seed=0):
    rng = np.random.default_rng(seed)
    starts = model.initial.items()
    return {path: float(value * (1 + 0.03 * rng.normal()) + 1e-3 * rng.normal()) for path, value in starts}


def test_the_density_is_that_of_the_images_with_values_worked_out_by_hand(x64):
    model, images = scene()
    density, values = joint_density(model, images), values_of(model)
    u = density.unconstrain(density.values(values))
    total = 0.0
    for name, each in images.items():
        own = in_image(values, name)
        components = {
            "galaxy": sl.Sersic(**{key.split(".")[1]: own[key] for key in own if key.startswith("galaxy")}),
            "disk": sl.Exponential(
                xc=own["galaxy.xc"],
                yc=own["galaxy.yc"],
                flux=own["disk.flux"],
                r_eff=own["disk.r_eff"],
                ellip=own["disk.ellip"],
                theta=0.3,
            ),
        }
        alone = sl.Model(components | {"sky": sl.FlatSky(sl.Uniform(-10, 10))})
        single = Density.of(alone, each)
        pixels = single.pointwise_log_likelihood({"sky.level": jnp.asarray(own["sky.level"])})
        total += float(pixels.sum())
    found = float(jnp.sum(density.pointwise_log_likelihood(density.constrain(u))))
    assert found == pytest.approx(total, rel=1e-10)
    # The priors are those of the joint parameters, each once.
    prior = sum(float(prior.distribution().log_prob(values[path])) for path, prior in model.free.items())
    assert float(density.log_prior(u, jacobian=False)) == pytest.approx(prior, rel=1e-10)


def test_slope_and_curvature_are_the_derivatives(x64):
    model, images = scene()
    density = joint_density(model, images)
    u = density.unconstrain(density.values(values_of(model)))

    def residuals(u):
        return density.residuals(density.constrain(u))

    found = about(density, u, jnp.asarray(0.0))
    jacobian, r = jax.jacfwd(residuals)(u), residuals(u)
    scale = np.sqrt(np.diag(jacobian.T @ jacobian))
    np.testing.assert_allclose(found.slope / scale, jacobian.T @ r / scale, atol=1e-7)
    both = np.outer(scale, scale)
    np.testing.assert_allclose(found.curvature / both, jacobian.T @ jacobian / both, atol=1e-9)


def test_images_of_one_shape_are_computed_by_one_loop():
    model, images = scene()
    density = joint_density(model.without("disk"), images)
    assert [group.number for group in density.groups] == [3]


@pytest.mark.parametrize(
    "method",
    [sl.MAP(), sl.Laplace(draws=50), sl.Importance(draws=60), sl.SVI(draws=50), sl.NUTS(warmup=20, draws=10)],
    ids=lambda method: type(method).__name__,
)
def test_one_image_gives_what_it_gives_without_images(method):
    """To the last bit, for models in which nothing varies."""
    alone, model = image("g"), one_galaxy(sl.LogUniform(1, 1e3, init=50.0))
    single = sl.fit(model, alone, method, progress=False)
    joint = sl.fit(model, sl.Images({"g": alone}), method, progress=False)
    assert joint.best == single.best
    assert joint.draws.keys() == single.draws.keys()
    assert all(np.array_equal(joint.draws[path], draws) for path, draws in single.draws.items())
    assert np.array_equal(joint.of("g").residual, single.residual)
    assert joint.of("g").chi2 == single.chi2


def test_a_band_of_its_own_for_one_image_changes_nothing_but_the_path():
    alone, flux = image("g"), sl.LogUniform(1, 1e3, init=50.0)
    joint = sl.fit(one_galaxy(sl.PerBand(flux)), sl.Images({"g": alone}), sl.MAP(), progress=False)
    single = sl.fit(one_galaxy(flux), alone, sl.MAP(), progress=False)
    assert type(joint.density()) is JointDensity
    assert "galaxy.flux.g" in joint.best
    assert [*joint.best.values()] == pytest.approx([*single.best.values()], rel=1e-5)


@pytest.mark.parametrize("unit", [1e-30, 1e25])
def test_the_unit_does_not_matter(unit):
    model, images = scene()
    scaled_model, scaled_images = scene(unit=unit)
    one = sl.fit(model, images, sl.MAP(), progress=False)
    other = sl.fit(scaled_model, scaled_images, sl.MAP(), progress=False)
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-5)
    assert other.best["galaxy.r_eff.at_0.48"] == pytest.approx(one.best["galaxy.r_eff.at_0.48"], rel=2e-3)
    assert other.best["galaxy.flux.g"] / unit == pytest.approx(one.best["galaxy.flux.g"], rel=2e-3)


def test_units_that_single_precision_cannot_hold_together_are_refused():
    images = sl.Images({"g": image("g"), "r": image("r", unit=1e-30)})
    model = sl.Model({"sky": sl.FlatSky(level=sl.PerImage(sl.Normal(0, 1)))})
    with pytest.raises(sl.InputError, match=r"sigma is about .* give them in similar units"):
        sl.fit(model, images, sl.MAP(), progress=False)


def test_a_model_that_varies_needs_images():
    model, images = scene()
    with pytest.raises(sl.InputError, match=r"galaxy.flux, .* vary between images, and one Image is given"):
        sl.fit(model, images["g"], sl.MAP(), progress=False)


def test_a_value_for_a_band_that_an_object_lacks_is_left_out():
    """Nothing else is: a mapping must have a value for every image that is fitted."""
    first = image("g")
    level = sl.PerImage({name: sl.Normal(0, 0.1) for name in "gri"})
    model = sl.Model({"sky": sl.FlatSky(level)})
    with pytest.warns(UserWarning, match="image 'i' is None: it is left out"):
        images = sl.Images({"g": first, "r": image("r"), "i": None})
    fit = sl.fit(model, images, sl.MAP(), progress=False)
    assert list(fit.best) == ["sky.level.g", "sky.level.r"]
    with pytest.raises(sl.InputError, match=r"sky.level must have a value for each of \['g', 'z'\]"):
        sl.fit(model, sl.Images({"g": first, "z": image("r")}), sl.MAP(), progress=False)
