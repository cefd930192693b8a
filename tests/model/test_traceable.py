"""Pictures and the numpyro model inside other people's jitted functions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro import infer
from numpyro.infer.util import log_density

import sersiclab as sl


VALUES = {"galaxy.flux": 300.0, "galaxy.r_eff": 3.0, "galaxy.n": 2.0, "sky.level": 0.3}


def gaussian(shape, fwhm, oversampling=1):
    v, u = (np.arange(side) - (side - 1) / 2 for side in shape)
    s = fwhm * oversampling / 2.355
    psf = np.exp(-0.5 * (v[:, None] ** 2 + u**2) / s**2)
    return psf / psf.sum()


def image_with(psf, **more):
    rng = np.random.default_rng(3)
    data = rng.normal(size=(24, 30))
    mask = np.zeros(data.shape, bool)
    mask[:2, 5] = True
    return sl.Image(data, sigma=rng.uniform(0.5, 2, size=data.shape), psf=psf, mask=mask, **more)


IMAGES = {
    "psf": image_with(gaussian((11, 13), 2.6)),
    "oversampled": image_with(gaussian((21, 21), 2.2, 3), psf_oversampling=3, psf_includes_pixel=False),
    "no psf": image_with(None),
}


@pytest.fixture(params=IMAGES)
def image(request):
    return IMAGES[request.param]


@pytest.fixture
def model():
    galaxy = sl.Sersic(
        xc=14.2,
        yc=sl.Normal(11.0, 1.0, init=11.3),
        flux=sl.LogUniform(1, 1e4),
        r_eff=sl.LogUniform(0.5, 20),
        n=sl.Uniform(0.5, 8),
        ellip=0.4,
        theta=sl.Angle(init=0.7),
    )
    follower = sl.PointSource(xc=sl.Tied("galaxy.xc", offset=4.0), yc=sl.Tied("galaxy.yc"), flux=20.0)
    return sl.Model({"galaxy": galaxy, "star": follower, "sky": sl.FlatSky(level=sl.Normal(0, 1))})


def test_a_traced_picture_is_the_eager_one(model, image):
    eager = sl.render(model, image, VALUES)
    assert isinstance(eager, np.ndarray)
    of_values = jax.jit(lambda values: sl.render(model, image, values))(VALUES)
    of_model = eqx.filter_jit(lambda model, image: sl.render(model.replace(VALUES), image))(model, image)
    of_all = jax.jit(sl.render)(model, image, VALUES)
    constant = jax.jit(lambda: sl.render(model, image, VALUES))()
    for traced in (of_values, of_model, of_all, constant):
        assert isinstance(traced, jax.Array)
        np.testing.assert_allclose(traced, eager, atol=3e-6 * eager.max())
    parts = jax.jit(sl.render_components)(model, image, VALUES)
    np.testing.assert_allclose(sum(parts.values()), eager, atol=3e-6 * eager.max())


def test_a_batch_of_values_is_a_batch_of_pictures(model, image):
    many = {path: jnp.array([value, 1.3 * value]) for path, value in VALUES.items()}
    batch = jax.jit(jax.vmap(lambda values: sl.render(model, image, values)))(many)
    for k, picture in enumerate(batch):
        eager = sl.render(model, image, {path: float(value[k]) for path, value in many.items()})
        np.testing.assert_allclose(picture, eager, atol=3e-6 * eager.max())


def test_the_gradient_is_that_of_finite_differences(x64, model, image):
    weights = np.random.default_rng(5).normal(size=image.shape)

    def projected(values):
        return jnp.sum(weights * sl.render(model, image, values))

    gradient, projected = jax.jit(jax.grad(projected))(VALUES), jax.jit(projected)
    for path, value in VALUES.items():
        step = 1e-4 * value
        ends = [float(projected({**VALUES, path: value + sign * step})) for sign in (1, -1)]
        assert float(gradient[path]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_the_gradient_reaches_the_psf_and_the_data(x64, model):
    """That of the log density, by `joint`, with the image's arrays as arguments."""
    image, priors = IMAGES["psf"], model.initial | VALUES

    @jax.jit
    def density(data, psf):
        given = eqx.tree_at(lambda image: (image.data, image.psf), image, (data, psf))
        return log_density(sl.joint, (model, given), {}, priors)[0]

    jaxpr = jax.make_jaxpr(density)(image.data, image.psf)
    other_data, other_psf = image.data + 0.1, gaussian(image.psf.shape, 3.3)
    (traced,) = jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, other_data, other_psf)
    assert float(traced) == pytest.approx(float(density(other_data, other_psf / other_psf.sum())), rel=1e-9)

    gradient = jax.jit(jax.grad(density, argnums=1))(image.data, image.psf)
    for place in [(5, 6), (4, 4)]:
        step = np.zeros(image.psf.shape)
        step[place] = 1e-5
        ends = [float(density(image.data, image.psf + sign * step)) for sign in (1, -1)]
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


def test_traced_numbers_outside_their_range_give_numbers(model):
    drawn = jax.jit(lambda values: sl.render(model, IMAGES["psf"], values))
    wrong = {"galaxy.ellip": [-0.5, 1.0, 1.7], "galaxy.n": [-1.0, 0.0, 30.0], "galaxy.r_eff": [-3.0, 0.0, 1e9]}
    for path, values in wrong.items():
        for value in values:
            assert np.isfinite(drawn({**VALUES, "galaxy.ellip": 0.3, path: value})).all(), (path, value)


def test_tiny_units_are_traced_too(model):
    image = IMAGES["psf"]
    tiny = sl.Image(image.data * 1e-30, sigma=image.sigma * 1e-30, psf=image.psf, mask=image.mask)
    galaxy = sl.Model({"galaxy": model.components["galaxy"]}).replace({"galaxy.flux": sl.LogUniform(1e-30, 1e-26)})
    values = {"galaxy.flux": 3e-28, "galaxy.r_eff": 3.0, "galaxy.n": 2.0}
    eager = sl.render(galaxy, tiny, values)
    traced = jax.jit(lambda values: sl.render(galaxy, tiny, values))(values)
    np.testing.assert_allclose(np.asarray(traced, float), eager, atol=1e-5 * eager.max())


def test_the_numpyro_model_takes_model_and_image_as_arguments(model, image):
    values = model.initial | VALUES
    eager = float(log_density(sl.joint, (model, image), {}, values)[0])

    def traced(model, image, values):
        return log_density(sl.joint, (model, image), {}, values)[0]

    for compiled in (jax.jit(traced), eqx.filter_jit(traced)):
        assert float(compiled(model, image, values)) == pytest.approx(eager, rel=1e-5)


def test_a_sampler_may_jit_its_arguments(model):
    image = IMAGES["psf"]
    simple = model.replace({"galaxy.theta": 0.7, "galaxy.n": 1.0, "galaxy.r_eff": 3.0})
    kernel = infer.NUTS(sl.joint, max_tree_depth=2)
    sampler = infer.MCMC(kernel, num_warmup=3, num_samples=3, jit_model_args=True, progress_bar=False)
    sampler.run(jax.random.key(0), simple, image)
    draws = sampler.get_samples()
    assert set(draws) == set(simple.free)
    assert all(np.isfinite(draw).all() for draw in draws.values())


def test_a_numpyro_model_of_ones_own_may_draw_pictures(model):
    image = IMAGES["psf"]

    def own(data):
        size = numpyro.sample("size", dist.LogNormal(1.0, 0.1))
        mean = sl.render(model, image, {**VALUES, "galaxy.r_eff": size})
        numpyro.sample("data", dist.Normal(mean, image.sigma).mask(image.valid), obs=data)

    found = float(log_density(own, (image.data,), {}, {"size": 3.0})[0])
    residual = (image.data - sl.render(model, image, VALUES)) / image.sigma
    chance = -0.5 * residual**2 - np.log(image.sigma) - 0.5 * np.log(2 * np.pi)
    prior = float(dist.LogNormal(1.0, 0.1).log_prob(3.0))
    assert found == pytest.approx(prior + chance[image.valid].sum(), rel=1e-5)


def test_what_is_not_known_inside_jit_is_named(model):
    image = IMAGES["psf"]
    with pytest.raises(ValueError, match=r"galaxy.flux must have a value: inside a jitted function"):
        jax.jit(lambda model: sl.render(model, image))(model)
    moved = image_with(gaussian((12, 12), 2.6), psf_centre="peak")
    with pytest.raises(TypeError, match=r"psf_centre must be \"array\" where the psf is an argument"):
        jax.jit(lambda image: sl.render(model, image, VALUES))(moved)
    correlated = sl.Model(model.components, noise=sl.CorrelatedNoise.of_kernel(np.ones((2, 2))))
    with pytest.raises(TypeError, match="the mask of an image with CorrelatedNoise"):
        jax.jit(lambda image: log_density(sl.joint, (correlated, image), {}, model.initial | VALUES)[0])(image)
