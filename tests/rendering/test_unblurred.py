"""Images without a PSF, against exact integrals over pixels that share nothing with the renderers."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, fit
from sersiclab.model import Model
from sersiclab.model.accuracy import reference
from sersiclab.parameters import own_parameters
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import AbstractMixture, Nuker, PointSource, Sersic, Spergel
from sersiclab.rendering import FourierRenderer, HybridRenderer, PixelRenderer

from . import sampled
from .exact import sersic_pixels


SHAPE = (33, 37)
RENDERERS = {"hybrid": HybridRenderer(), "fourier": FourierRenderer(), "pixel": PixelRenderer()}
# On a pixel, on a corner, next to a border, anywhere, near the image's corner, outside.
CENTRES = ((18.0, 16.0), (18.5, 15.5), (18.499, 16.2), (17.31, 15.87), (1.6, 31.2), (-2.3, 20.4))


@cache
def a_canvas(name: str, dtype: str) -> Any:
    del dtype  # a canvas has that of the time
    return RENDERERS[name].prepare(Image(np.zeros(SHAPE), sigma=1.0))


@jax.jit
def _draw(renderer: Any, source: Any, canvas: Any) -> Any:
    return renderer.render({"source": source}, canvas)


def draw(name: str, source: Any) -> np.ndarray:
    return np.asarray(_draw(RENDERERS[name], sampled.numbers(source), a_canvas(name, str(jnp.zeros(()).dtype))), float)


@cache
def cases() -> list[tuple[dict[str, float], np.ndarray]]:
    rng, found = np.random.default_rng(5), []
    for n in (0.5, 0.7, 1.0, 2.5, 4.0, 6.0, 8.0):
        for r_eff in (0.3, 1.0, 3.0, 8.0, 30.0):
            for ellip in (0.0, 0.9) if r_eff < 30.0 else (0.4, 0.9):
                # Of a small galaxy outside the image there is nothing to see.
                xc, yc = CENTRES[len(found) % (6 if r_eff > 2.0 else 5)]
                theta = rng.uniform(0.0, np.pi) if len(found) % 3 else 0.0
                values = dict(xc=xc, yc=yc, flux=100.0, r_eff=r_eff, n=n, ellip=ellip, theta=theta)
                # What single precision makes of these numbers is no fault of a renderer's.
                values = {key: float(np.float32(value)) for key, value in values.items()}
                found.append((values, sersic_pixels(SHAPE, **values)))
    return found


def assert_exact(name: str, largest: float) -> None:
    for values, exact in cases():
        error = np.abs(draw(name, Sersic(**values)) - exact).max() / exact.max()
        assert error < largest, f"{error:.1e} for {values}"


@pytest.mark.parametrize("name", RENDERERS)
def test_sersic_in_single_precision(name: str) -> None:
    assert_exact(name, 4e-5)


@pytest.mark.parametrize("name", RENDERERS)
def test_sersic_in_double_precision(x64: None, name: str) -> None:
    assert_exact(name, 3e-5)


def test_large_galaxies_in_single_precision() -> None:
    values = dict(xc=150.2, yc=20.7, flux=100.0, r_eff=200.0, n=0.6, ellip=0.3, theta=0.4)
    exact = sersic_pixels((40, 300), **values)
    canvas = HybridRenderer().prepare(Image(np.zeros((40, 300)), sigma=1.0))
    drawn = np.asarray(_draw(HybridRenderer(), sampled.numbers(Sersic(**values)), canvas), float)
    assert np.abs(drawn - exact).max() < 2e-5 * exact.max()


@pytest.mark.parametrize(("n", "r_eff"), [(4.0, 3.0), (4.0, 8.0), (6.0, 3.0)])
def test_the_witnesses_agree(n: float, r_eff: float) -> None:
    galsim = pytest.importorskip("galsim", reason="GalSim is a witness")
    exact = sersic_pixels((5, 5), xc=2.0, yc=2.0, flux=100.0, r_eff=r_eff, n=n, ellip=0.0, theta=0.0)
    galaxy = galsim.Sersic(n=n, half_light_radius=r_eff, flux=100.0)
    seen = galsim.Convolve(galaxy, galsim.Pixel(1.0), real_space=True)
    found = seen.drawImage(galsim.ImageD(5, 5), scale=1.0, method="no_pixel").array
    np.testing.assert_allclose(found, exact, atol=1e-4 * exact.max())


def test_a_point_source_is_in_one_pixel() -> None:
    for name in RENDERERS:
        image = draw(name, PointSource(18.4, 15.6, 7.0))
        assert image[16, 18] == pytest.approx(7.0)
        assert np.sum(np.abs(image)) == pytest.approx(7.0)


def assert_like_the_reference(source: Any, name: str, largest: float = 5e-5) -> None:
    exact, _ = reference(Model({"source": source}), Image(np.zeros(SHAPE), sigma=1.0))
    error = np.abs(draw(name, source) - exact).max() / exact.max()
    assert error < largest, f"{error:.1e} for {source}"


STEEP = Nuker(xc=18.3, yc=15.9, flux=100.0, r_b=2.0, alpha=2.0, beta=4.0, gamma=1.7, ellip=0.5, theta=0.4)
CUSPY = Spergel(xc=18.45, yc=15.9, flux=100.0, r_eff=2.0, nu=-0.8, ellip=0.5, theta=0.4)


@pytest.mark.parametrize(("source", "name"), [(STEEP, "hybrid"), (CUSPY, "hybrid"), (CUSPY, "fourier")])
def test_other_cusps(source: Any, name: str) -> None:
    assert_like_the_reference(source, name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sampled.EXTENDED)
def test_every_profile(kind: str) -> None:
    cls = sampled.EXTENDED[kind]
    for size, part, xc in ((3.0, 0.55, 18.3), (1.0, 0.45, 18.0), (5.0, 0.52, 17.5)):
        source = sampled.example(cls, size=size, part=part, xc=xc, yc=16.2)
        assert_like_the_reference(source, "pixel", 1e-4)
        if issubclass(cls, AbstractMixture):
            assert_like_the_reference(source, "hybrid", 1e-4)


KEYS = ("xc", "yc", "flux", "r_eff", "n", "ellip", "theta")


@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_derivatives_are_finite_differences(x64: None, name: str) -> None:
    canvas = RENDERERS[name].prepare(Image(np.zeros(SHAPE), sigma=1.0))

    def image(vector: jax.Array, canvas: Any) -> jax.Array:
        return RENDERERS[name].render({"source": Sersic(*vector)}, canvas)

    drawn, slopes = jax.jit(image), jax.jit(jax.jacfwd(image))
    weights = np.random.default_rng(0).normal(size=SHAPE)
    backwards = jax.jit(jax.grad(lambda vector, canvas: jnp.sum(weights * image(vector, canvas))))
    for values in ((18.0, 16.0, 100.0, 3.0, 4.0, 0.3, 0.5), (17.6, 16.47, 100.0, 0.6, 1.3, 0.85, 2.0)):
        vector = jnp.asarray(values)
        slope = np.asarray(slopes(vector, canvas))
        for i, key in enumerate(KEYS):
            up, down = (np.asarray(drawn(vector.at[i].add(sign * 1e-5), canvas)) for sign in (1, -1))
            numeric = (up - down) / 2e-5
            assert np.abs(slope[..., i] - numeric).max() < 2e-4 * np.abs(numeric).max(), (key, values)
        expected = np.einsum("yx,yxi->i", weights, slope)
        np.testing.assert_allclose(backwards(vector, canvas), expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["hybrid", "pixel"])
def test_derivatives_are_finite_anywhere(name: str) -> None:
    canvas = RENDERERS[name].prepare(Image(np.zeros(SHAPE), sigma=1.0))
    both = jax.jit(
        jax.value_and_grad(lambda vector, c: jnp.sum(RENDERERS[name].render({"source": Sersic(*vector)}, c) ** 2))
    )
    middle = jnp.array([18.0, 16.0, 100.0, 3.0, 4.0, 0.0, 0.5])
    wrong = [middle.at[i].set(value) for i in range(7) for value in (-7.0, 0.0, 0.5, 18.5, 1e4)]
    for vector in (*wrong, jnp.array([18.5, 15.5, 100.0, 0.3, 8.0, 0.9, 0.0]), jnp.array([18.5, 16, 9, 1, 8, 0.9, 1])):
        value, slope = both(vector, canvas)
        assert np.isfinite(value), vector
        assert np.isfinite(np.asarray(slope)).all(), (vector, slope)


@pytest.mark.parametrize("n", [4.0, 6.0])
def test_a_fit_gives_the_galaxy_back(n: float) -> None:
    truth = dict(xc=18.2, yc=16.4, flux=100.0, r_eff=4.0, n=n, ellip=0.3, theta=0.5)
    exact = sersic_pixels(SHAPE, **truth)
    model = Model(
        {
            "galaxy": Sersic(
                xc=Normal(18.0, 1.0),
                yc=Normal(16.0, 1.0),
                flux=LogUniform(10.0, 1e3, init=80.0),
                r_eff=LogUniform(0.5, 40.0, init=3.0),
                n=Uniform(0.5, 8.0, init=3.0),
                ellip=Uniform(0.0, 0.9, init=0.2),
                theta=Angle(init=0.4),
            )
        }
    )
    found = fit(model, Image(exact, sigma=1e-4 * exact.max()), MAP(), progress=False).best
    assert found["galaxy.n"] == pytest.approx(n, rel=2e-3)
    assert found["galaxy.flux"] == pytest.approx(100.0, rel=2e-3)


def test_scenes_are_the_sums_of_their_parts() -> None:
    sources = {"a": Sersic(**cases()[4][0]), "b": Sersic(**cases()[9][0]), "star": PointSource(3.0, 4.0, 5.0)}
    renderer, canvas = RENDERERS["hybrid"], a_canvas("hybrid", "float32")
    whole, parts = renderer.render(sources, canvas), renderer.render_components(sources, canvas)
    np.testing.assert_allclose(whole, sum(parts.values()), atol=1e-5)
    assert [*parts] == [*sources]
    assert own_parameters(sources["star"])["flux"] == pytest.approx(float(parts["star"].sum()))
