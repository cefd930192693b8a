"""Fields of sources, which are fitted component by component in windows: against all derivatives at once."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, NUTS, SVI, Importance, Laplace, fit
from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates import bend
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search import field as fields
from sersiclab.inference.search import parts
from sersiclab.inference.search.descent import Aim, evaluate
from sersiclab.inference.search.field import Field
from sersiclab.inference.search.field_descent import evaluated_field
from sersiclab.model import Model
from sersiclab.model.density import Density
from sersiclab.model.simulate import simulate
from sersiclab.noise import CorrelatedNoise, GaussianNoise, PoissonNoise, StudentTNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import Angle, LogUniform, Normal, Uniform
from sersiclab.profiles import Exponential, PointSource, Sersic, TiltedSky
from sersiclab.runtime import memory

from ..peak_memory import ROOT


def sersic(rng, shape, *, index=2.0, size=2.5):
    """A source somewhere, whose priors begin near the truth."""
    ny, nx = shape
    truth = {
        "xc": rng.uniform(6, nx - 6),
        "yc": rng.uniform(6, ny - 6),
        "flux": 10 ** rng.uniform(2.7, 3.3),
        "r_eff": size * rng.uniform(0.8, 1.25),
        "n": index * rng.uniform(0.8, 1.2),
        "ellip": rng.uniform(0.2, 0.5),
        "theta": rng.uniform(0, np.pi),
    }
    source = Sersic(
        xc=Normal(truth["xc"] + 0.2, 0.5),
        yc=Normal(truth["yc"] - 0.2, 0.5),
        flux=LogUniform(10, 1e5, init=1.2 * truth["flux"]),
        r_eff=LogUniform(0.5, 20, init=1.1 * truth["r_eff"]),
        n=Uniform(0.5, 8, init=0.9 * truth["n"]),
        ellip=Uniform(0, 0.9, init=truth["ellip"]),
        theta=Angle(init=truth["theta"]),
    )
    return source, truth


def scene(shape=(80, 96), number=3, *, noise=GaussianNoise(), seed=3, masked=0.02, size=2.5):  # noqa: B008 (frozen)
    """Sersic galaxies, one of them with a disk tied to it, a star and a tilted sky: model, mock image, truth."""
    rng = np.random.default_rng(seed)
    components, truth = {}, {}
    for i in range(number):
        components[f"galaxy_{i}"], values = sersic(rng, shape, size=size)
        truth |= {f"galaxy_{i}.{key}": value for key, value in values.items()}
    components["disk"] = Exponential(
        xc=Tied("galaxy_0.xc"),
        yc=Tied("galaxy_0.yc"),
        flux=LogUniform(10, 1e5, init=500.0),
        r_eff=Tied("galaxy_0.r_eff", scale=1.8, offset=0.3),
        ellip=0.3,
        theta=0.4,
    )
    components["star"] = PointSource(xc=Normal(30, 1), yc=Normal(20, 1), flux=LogUniform(10, 1e5, init=300.0))
    components["sky"] = TiltedSky(level=Normal(0, 1), slope_x=Normal(0, 0.1), slope_y=Normal(0, 0.1))
    model = Model(components, noise=noise)
    y, x = np.indices((11, 11)) - 5
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.4**2)
    mask = rng.random(shape) < masked
    sigma = rng.uniform(0.8, 1.2, shape)
    empty = Image(np.zeros(shape), sigma=sigma, psf=psf / psf.sum(), mask=mask)
    truth = model.initial | truth
    return model, simulate(model, empty, truth, seed=seed), truth


def problem_of(model, image, values=None):
    density = Density.of(model, image)
    u = np.asarray(density.unconstrain(density.values(model.initial if values is None else values)))
    angles = np.array([isinstance(prior, Angle) for prior in model.free.values()])
    return Problem(density, u, angles, seed=0, image=image)


def watched():
    monitor = Monitor("MAP")
    monitor.phase("optimising", total=1)
    return monitor


def at_once(problem, aim):
    """Gradient and curvature from all derivatives, by the program for small problems."""
    return jax.jit(evaluate)(problem.density, jnp.asarray(problem.start), aim)


NOISES = {
    "gaussian": GaussianNoise(),
    "student": StudentTNoise(nu=LogUniform(2.5, 30, init=6.0)),
    "poisson": PoissonNoise(gain=2.0, sky=50.0),
}


@pytest.mark.parametrize("observed", [0.0, 1.0])
@pytest.mark.parametrize(
    "name", ["gaussian", *(pytest.param(name, marks=pytest.mark.slow) for name in NOISES if name != "gaussian")]
)
def test_windows_that_are_the_image_give_all_derivatives_exactly(name, observed, x64):
    """Ties, a sky, a mask, the noise's own parameter: everything but the windows, to rounding."""
    problem = problem_of(*scene((48, 60), noise=NOISES[name])[:2])
    aim = Aim(jnp.asarray(1.0), jnp.asarray(observed))
    wanted = at_once(problem, aim)
    field = Field(problem, watched())
    assert field.base(problem.start, exact=True).is_whole
    found = evaluated_field(problem, watched(), problem.start, aim, exact=True)
    scale = np.sqrt(np.diag(wanted.curvature)) if observed == 0 else np.sqrt(np.abs(np.diag(wanted.curvature)))
    np.testing.assert_allclose(found.gradient / scale, wanted.gradient / scale, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(
        found.curvature / np.outer(scale, scale), wanted.curvature / np.outer(scale, scale), atol=1e-9
    )
    np.testing.assert_allclose(found.pixels, wanted.pixels, atol=1e-9)


@pytest.fixture
def narrow(monkeypatch):
    """Windows that miss much of the light, and no problem too small for them."""
    monkeypatch.setattr(parts, "LEAST_SIDE", 16)
    monkeypatch.setattr(parts, "REACH", 2.0)
    monkeypatch.setattr(parts, "MARGIN", 2)
    monkeypatch.setattr(fields, "LARGE", 0)


@pytest.mark.parametrize("name", ["gaussian", "student"])
def test_the_slope_at_a_base_is_that_of_the_whole_image(name, narrow, x64):
    """Against central differences of the log density itself, with windows that miss the wings."""
    problem = problem_of(*scene((48, 60), noise=NOISES[name])[:2])
    density, start = problem.density, problem.start
    field = Field(problem, watched())
    base = field.base(start, exact=True)
    assert not base.is_whole
    found = evaluated_field(problem, watched(), start, Aim(jnp.asarray(1.0), jnp.asarray(0.0)), exact=True)
    log_density = jax.jit(lambda u: density.log_density(u))
    steps = 1e-5 * np.eye(start.size)
    wanted = np.array([(log_density(start - step) - log_density(start + step)) / 2e-5 for step in steps])
    scale = np.sqrt(np.diag(found.curvature))
    assert np.abs(base.slope / scale).max() > 1e-3  # what the windows miss is not lost in the tolerance
    np.testing.assert_allclose(found.gradient / scale, wanted / scale, rtol=1e-6, atol=1e-5)


def test_the_curvature_in_windows_is_that_of_the_whole_image(monkeypatch, x64):
    """Standard deviations, the largest correlations included, to a percent, with the usual reach of windows."""
    monkeypatch.setattr(parts, "LEAST_SIDE", 32)
    monkeypatch.setattr(parts, "MARGIN", 4)
    problem = problem_of(*scene((80, 96), size=1.2)[:2])
    field = Field(problem, watched())
    assert sum(not window.is_whole for window in field.base(problem.start, exact=False).windows) >= 3
    aim = Aim(jnp.asarray(1.0), jnp.asarray(0.0))
    wanted = np.linalg.inv(at_once(problem, aim).curvature)
    found = np.linalg.inv(evaluated_field(problem, watched(), problem.start, aim, exact=False).curvature)
    np.testing.assert_allclose(np.sqrt(np.diag(found) / np.diag(wanted)), 1.0, atol=0.01)


@pytest.mark.parametrize("name", ["gaussian", pytest.param("student", marks=pytest.mark.slow)])
def test_narrow_windows_find_the_maximum_of_the_whole_image(name, narrow, monkeypatch):
    model, image, _ = scene(noise=NOISES[name])
    found = fit(model, image, Laplace(draws=300), progress=False)
    monkeypatch.setattr(fields, "LARGE", np.inf)
    wanted = fit(model, image, Laplace(draws=300), progress=False)
    assert found.message == wanted.message == ""
    for path, draws in wanted.draws.items():
        away = found.best[path] - wanted.best[path]
        away = (away + np.pi / 2) % np.pi - np.pi / 2 if path.endswith("theta") else away
        assert abs(away) < 0.05 * draws.std(), path


def test_twenty_sources_whose_derivatives_at_once_would_not_fit(monkeypatch):
    """Pulls against the truth, in a memory that is too small for all derivatives at once."""
    model, image, truth = scene((192, 200), number=20, masked=0.0)
    size = image.data.size * len(model.free) * 4
    monkeypatch.setattr(memory, "_installed", lambda: size)
    found = fit(model, image, Laplace(draws=400), progress=False)
    assert found.message == ""
    assert abs(found.reduced_chi2 - 1.0) < 5 * np.sqrt(2 / image.data.size)
    pulls = []
    for path, draws in found.draws.items():
        away = found.best[path] - truth[path]
        away = (away + np.pi / 2) % np.pi - np.pi / 2 if path.endswith("theta") else away
        pulls.append(away / draws.std())
    # The mean square of normal numbers. Their effective number is smaller, since those of a source are correlated.
    assert abs(np.mean(np.square(pulls)) - 1.0) < 5 * np.sqrt(2 / len(pulls))
    monkeypatch.setattr(fields, "WORK", np.inf)
    with pytest.raises(ValueError, match=r"the derivatives of 38400 pixels .* GB of memory, and this machine has"):
        fit(model, image, MAP(), progress=False)


@pytest.mark.parametrize("method", [MAP(), Laplace(), Importance(), SVI(), NUTS()])
def test_derivatives_that_do_not_fit_are_refused_by_every_method(method, blob, monkeypatch):
    model, image, _ = blob()
    monkeypatch.setattr(memory, "_installed", lambda: 200_000_000)
    monkeypatch.setattr(fields, "COPIES", 10_000)
    with pytest.raises(ValueError, match=r"806 pixels by 7 parameters, .* this machine has 0.2 GB: fit a cutout"):
        fit(model, image, method, progress=False)


@pytest.mark.parametrize("method", [Importance(), NUTS()])
def test_coordinates_that_do_not_fit_are_refused_before_the_search(method, blob, monkeypatch):
    model, image, _ = blob()
    monkeypatch.setattr(memory, "_installed", lambda: 200_000_000)
    monkeypatch.setattr(bend, "COPIES", 100_000)
    with pytest.raises(ValueError, match=r"the bending of 7 coordinates .* this machine has 0.2 GB: use MAP\(\)"):
        fit(model, image, method, progress=False)


@pytest.mark.slow
def test_two_hundred_sources_on_four_million_pixels():
    """In a process of its own: its peak of memory, its progress, its pulls, and how soon it hears that it is cancelled.

    All derivatives at once would take 70 GB.
    """
    command = [sys.executable, "-m", "tests.inference.large_field", "2048", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["peak"] < 8e9
    assert found["message"] == ""
    assert abs(found["reduced_chi2"] - 1.0) < 5 * np.sqrt(2 / 2048**2)
    assert abs(found["mean_square_pull"] - 1.0) < 5 * np.sqrt(2 / 1401)
    assert found["moves"] > 200  # once for every source, in the first pass alone
    assert found["standstill"] < 0.1  # while a program compiles
    # Answered at once, or no later than it said, with some room for other processes.
    assert all(late < 0.5 or late < 2 * said for late, said in found["cancelled"])


def test_noise_that_is_correlated_has_all_derivatives_at_once(narrow):
    model, image, _ = scene()
    assert fields.is_field(problem_of(model, image))
    correlated = Model(model.components, noise=CorrelatedNoise.of_kernel(np.ones((2, 2))))
    assert not fields.is_field(problem_of(correlated, image))
