"""Laws of scenes and of images that are not square; those of every profile are in `test_profiles.py`."""

from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.model import Model
from sersiclab.profiles import (
    AbstractProfile,
    DeVaucouleurs,
    Exponential,
    FlatSky,
    PointSource,
    Sersic,
    TiltedSky,
)
from sersiclab.rendering import HybridRenderer


GALAXY = dict(xc=44.3, yc=30.8, flux=50.0, r_eff=5.0, n=2.3, ellip=0.6, theta=0.5)
SCENE: dict[str, AbstractProfile] = {
    "star": PointSource(20.0, 10.5, 7.0),
    "bulge": Sersic(**GALAXY),
    "sky": FlatSky(0.3),
    "disk": Exponential(xc=60.0, yc=40.0, flux=80.0, r_eff=9.0, ellip=0.3, theta=2.0),
    "other": DeVaucouleurs(xc=5.0, yc=70.0, flux=30.0, r_eff=4.0, ellip=0.0, theta=0.0),
    "tilt": TiltedSky(0.1, 0.01, -0.02),
    "stray": PointSource(90.2, 3.0, 2.0),
}


def skewed_psf(tools: SimpleNamespace) -> np.ndarray:
    """Rectangular, asymmetric and off-centre."""
    psf = tools.psf((27, 35), 3.5)
    psf = psf + 0.3 * np.roll(psf, (3, 5), (0, 1))
    return psf / psf.sum()


def scaled(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def test_transpose(tools: SimpleNamespace) -> None:
    psf = skewed_psf(tools)
    here = tools.draw(Sersic(**GALAXY), tools.image((72, 96), psf))
    swapped = {**GALAXY, "xc": GALAXY["yc"], "yc": GALAXY["xc"], "theta": -GALAXY["theta"] - np.pi / 2}
    there = tools.draw(Sersic(**swapped), tools.image((96, 72), psf.T))
    assert scaled(here.T, there) < 1e-5


def test_theta_is_periodic_and_counts_from_up(tools: SimpleNamespace) -> None:
    image = tools.image(psf=tools.psf())
    here = tools.draw(Sersic(**GALAXY), image)
    assert scaled(tools.draw(Sersic(**{**GALAXY, "theta": 0.5 + np.pi}), image), here) < 1e-5
    y, x = np.mgrid[:72, :96]
    dx, dy = x - GALAXY["xc"], y - GALAXY["yc"]
    # Counter-clockwise from up: the major axis of a small theta leans to negative x.
    assert np.sum(here * dx * dy) < 0
    assert np.sum(here * dy**2) > np.sum(here * dx**2)


def test_flux_is_linear(tools: SimpleNamespace) -> None:
    image = tools.image(psf=tools.psf())
    here = tools.draw(Sersic(**GALAXY), image)
    for flux in (1e-12, -3.0, 1e12):
        there = tools.draw(Sersic(**{**GALAXY, "flux": flux}), image)
        np.testing.assert_allclose(there, here * (flux / 50.0), rtol=1e-5, atol=1e-6 * abs(flux) / 50)


@pytest.mark.parametrize(("n", "r_eff"), [(0.5, 6.0), (0.65, 3.0), (1.0, 3.0), (2.0, 1.0)])
def test_total_flux(tools: SimpleNamespace, n: float, r_eff: float) -> None:
    source = Sersic(**{**GALAXY, "xc": 90.2, "yc": 93.1, "n": n, "r_eff": r_eff})
    image = tools.draw(source, tools.image((190, 182), tools.psf()))
    assert image.sum() == pytest.approx(50.0, rel=1e-4)


def test_components_sum_to_the_scene(tools: SimpleNamespace) -> None:
    image = tools.image(psf=skewed_psf(tools))
    parts = tools.draw_components(SCENE, image)
    assert parts.keys() == SCENE.keys()
    assert scaled(sum(parts.values()), tools.draw(SCENE, image)) < 1e-5
    for name, part in parts.items():
        assert scaled(part, tools.draw(SCENE[name], image)) < 1e-5


def test_skies_are_not_blurred_and_count_from_the_centre(tools: SimpleNamespace) -> None:
    image = tools.draw(TiltedSky(2.0, 0.1, -0.2), tools.image((7, 10), tools.psf()))
    y, x = np.mgrid[:7, :10]
    np.testing.assert_allclose(image, 2.0 + 0.1 * (x - 4.5) - 0.2 * (y - 3.0), rtol=1e-6)


def test_many_sources_are_one_loop(tools: SimpleNamespace) -> None:
    rng = np.random.default_rng(1)
    many = {
        f"s{i}": Sersic(**{**GALAXY, "xc": rng.uniform(0, 96), "yc": rng.uniform(0, 72), "n": rng.uniform(0.5, 8)})
        for i in range(12)
    }
    image = tools.image(psf=tools.psf())
    renderer = HybridRenderer()
    canvas = renderer.prepare(image)
    two = {name: many[name] for name in ("s0", "s1")}
    sizes = [len(str(jax.make_jaxpr(lambda c: renderer.render(c, canvas))(c))) for c in (two, many)]
    # Only the stacking of the parameters grows.
    assert sizes[1] < 1.3 * sizes[0]
    assert scaled(tools.draw(many, image), sum(tools.draw(one, image) for one in many.values())) < 1e-5


def test_vmap_is_a_loop(tools: SimpleNamespace) -> None:
    renderer = HybridRenderer()
    canvas = renderer.prepare(tools.image(psf=tools.psf()))
    base = jnp.array(list(GALAXY.values()))
    batch = jnp.stack([base, 0.9 * base, 1.05 * base])

    def render(values: jax.Array) -> jax.Array:
        return renderer.render({"star": PointSource(*values[:3]), "galaxy": Sersic(*values)}, canvas)

    together = jax.jit(jax.vmap(render))(batch)
    one = jax.jit(render)
    for image, values in zip(together, batch, strict=True):
        assert scaled(np.asarray(image), np.asarray(one(values))) < 1e-5


def test_precision_follows_the_user_s(tools: SimpleNamespace, x64: None) -> None:
    def dtype() -> np.dtype:
        image = tools.image(psf=tools.psf().astype(np.float32))
        renderer = HybridRenderer()
        return jax.eval_shape(lambda: renderer.render({"a": Sersic(**GALAXY)}, renderer.prepare(image))).dtype

    assert dtype() == np.float64
    jax.config.update("jax_enable_x64", False)
    assert dtype() == np.float32


def test_new_values_and_images_compile_nothing(tools: SimpleNamespace) -> None:
    traced = []

    @jax.jit
    def render(renderer: HybridRenderer, components: dict, canvas: eqx.Module) -> jax.Array:
        traced.append(1)
        return renderer.render(components, canvas)

    for fwhm, n in ((4.0, 1.0), (5.0, 2.0)):
        renderer = HybridRenderer()
        render(renderer, {"a": Sersic(**{**GALAXY, "n": n})}, renderer.prepare(tools.image(psf=tools.psf(fwhm=fwhm))))
    assert len(traced) == 1


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="0 < narrowest < split"):
        HybridRenderer(split=0.05)
    with pytest.raises(ValueError, match="padding"):
        HybridRenderer(padding=-1)


def test_what_it_cannot_draw_is_named() -> None:
    class Other(AbstractProfile):
        pass

    with pytest.raises(TypeError, match=r"'odd'.*Other"):
        Model({"odd": Other()})
