"""Many fits at once: each as it would be alone, whatever the others are."""

import dataclasses

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import MAP, Laplace, fit
from sersiclab.inference.batch import descents
from sersiclab.inference.batch.padding import SIDES, padded
from sersiclab.inference.batch.together import fit_together
from sersiclab.inference.running.monitor import Cancelled, Monitor
from sersiclab.model import Model
from sersiclab.noise import StudentTNoise
from sersiclab.parameters.priors import LogUniform, Normal
from sersiclab.profiles import TiltedSky
from sersiclab.results import Fit


def together(pairs, method, seeds=None, **options):
    return fit_together(pairs, method, seeds or list(range(len(pairs))), Monitor("batch"), **options)


@pytest.fixture
def mocks(blob):
    """Bright, faint and masked galaxies on images of two sizes, one of which ends at a bound."""

    def make():
        rng = np.random.default_rng(3)
        masks = [rng.random((26, 31)) < 0.2 for _ in range(3)]
        pairs = [blob(seed=i, flux=flux)[:2] for i, flux in enumerate((3000.0, 1000.0, 80.0))]
        pairs += [blob(seed=9 + i, mask=mask)[:2] for i, mask in enumerate(masks)]
        pairs += [blob(seed=20 + i, shape=(40, 37))[:2] for i in range(2)]
        model, image, _ = blob(seed=30, r_eff=6.0)
        return [*pairs, (model.replace({"galaxy.r_eff": LogUniform(1.0, 5.0)}), image)]

    return make


def agrees(found, alone, *, draws):
    sd = np.sqrt(np.diag(alone.covariance)) if draws else None
    for path, value in alone.best.items():
        scale = alone.draws[path].std() if draws else max(abs(value), 0.1)
        assert abs(found.best[path] - value) < 0.01 * scale, path
        if draws:
            assert found.draws[path].std() == pytest.approx(alone.draws[path].std(), rel=0.01), path
    if draws:
        np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)) / sd, 1.0, atol=0.01)
    assert found.message == alone.message
    assert found.status == "complete"


@pytest.mark.parametrize("method", [MAP(), Laplace(draws=400)])
def test_each_fit_is_as_it_would_be_alone(mocks, method, x64):
    pairs = mocks()
    for (model, image), found in zip(pairs, together(pairs, method), strict=True):
        assert isinstance(found, Fit)
        assert found.image is image
        agrees(found, fit(model, image, method, seed=found.seed, progress=False), draws=bool(method.number_of_draws))


def test_no_result_depends_on_the_others(mocks):
    """Bit for bit: neither on how many there are, nor on their order."""
    pairs = mocks()
    whole = together(pairs, Laplace(draws=50))
    order = np.random.default_rng(0).permutation(len(pairs))
    for k, found in zip(order, together([pairs[k] for k in order], Laplace(draws=50), order.tolist()), strict=True):
        assert found.best == whole[k].best
        np.testing.assert_array_equal(found.covariance, whole[k].covariance)
    alone = together(pairs[1:2], Laplace(draws=50), [1])[0]
    for path, draws in alone.draws.items():
        np.testing.assert_array_equal(draws, whole[1].draws[path])


def test_on_an_accelerator_finished_descents_are_left_out(mocks, monkeypatch):
    """There, `vmap` takes the place of `lax.map`; the answers are the same."""
    pairs = mocks()
    expected = together(pairs, MAP())
    sizes = []
    compacted = descents._compacted
    monkeypatch.setattr(descents.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(descents, "ROUND", 2)
    monkeypatch.setattr(descents, "_compacted", lambda block, rows: sizes.append(len(rows)) or compacted(block, rows))
    for found, wanted in zip(together(pairs, MAP()), expected, strict=True):
        np.testing.assert_allclose(list(found.best.values()), list(wanted.best.values()), rtol=2e-3, atol=1e-3)
    assert 0 in sizes
    assert any(0 < size < 6 for size in sizes)


def test_many_compile_no_more_than_a_few(blob, traces):
    pairs = [blob(seed=i)[:2] for i in range(3)]
    others = [blob(seed=i, shape=(27 + i, 31))[:2] for i in range(5)]
    together(pairs, MAP())
    traces.clear()
    together(others * 8, MAP())
    assert traces == []


def test_what_fails_leaves_the_others_alone(blob):
    model, image, _ = blob()
    fixed = model.at(model.initial)
    results = together([(model, image), (fixed, image), (model, image.data), (model, image)], Laplace(), [0, 1, 2, 0])
    assert isinstance(results[1], ValueError)
    assert "model has no free parameter" in str(results[1])
    assert isinstance(results[2], TypeError)
    assert "image must be an Image" in str(results[2])
    assert results[0].best == results[3].best


def test_noise_that_is_not_normal(blob):
    model, image, _ = blob()
    robust = Model(model.components, noise=StudentTNoise(), renderer=model.renderer)
    found = together([(robust, image), (model, image)], Laplace())
    agrees(found[0], fit(robust, image, Laplace(), seed=0, progress=False), draws=True)


def test_the_search_may_run_out_of_time(blob):
    pairs = [blob(seed=i)[:2] for i in range(2)]
    for result in together(pairs, MAP(), seconds=[0.0, 0.0]):
        assert isinstance(result, TimeoutError)
        assert "has not ended within 0 s" in str(result)


def test_nothing_to_fit_is_nothing():
    assert together([], MAP()) == []


def test_it_is_cancelled_by_its_monitor(blob):
    monitor = Monitor("batch")
    monitor.cancel()
    with pytest.raises(Cancelled):
        fit_together([blob()[:2]], MAP(), [0], monitor)


def test_a_field_of_sources_is_searched_in_its_own_way(blob, monkeypatch):
    from sersiclab.inference.search import field

    monkeypatch.setattr(field, "WORK", 0)
    monkeypatch.setattr(field, "MANY", 1)
    model, image, _ = blob()
    pair = (dataclasses.replace(model), image)
    assert isinstance(together([pair], MAP())[0], Fit)


def test_padding_moves_no_pixel(blob):
    _, image, _ = blob(mask=np.eye(26, 31))
    larger = padded(image)
    assert larger.shape == (32, 32)
    np.testing.assert_array_equal(larger.data[:26, :31], image.data)
    np.testing.assert_array_equal(larger.mask[:26, :31], image.mask)
    assert larger.valid.sum() == image.valid.sum()
    assert padded(larger) is larger
    large = Image(np.zeros((5, SIDES[-1] + 1)), sigma=1.0)
    assert padded(large).shape == (32, SIDES[-1] + 1)


def test_a_tilted_sky_keeps_its_middle():
    """Its level is that at the middle of the image, which padding would move."""
    image = Image(2.0 + 0.05 * np.indices((6, 25))[1], sigma=1.0)
    model = Model({"sky": TiltedSky(level=Normal(0.0, 10.0), slope_x=Normal(0.0, 1.0), slope_y=0.0)})
    found = together([(model, image)], MAP())[0]
    assert found.best["sky.level"] == pytest.approx(2.6, abs=0.01)
    assert found.best["sky.level"] == pytest.approx(fit(model, image, MAP(), progress=False).best["sky.level"])
