"""With a value of its own for every parameter and image, a joint fit equals separate fits of each image."""

from typing import Any

import numpy as np
import pytest

import sersiclab as sl
from sersiclab.results.derived import parameter_sds


NAMES = ("g", "r")


def model(*, joint: bool) -> sl.Model:
    def own(prior: Any) -> Any:
        return sl.PerImage(prior) if joint else prior

    disk = sl.Exponential(
        xc=own(sl.Normal(12, 1)),
        yc=own(sl.Normal(11, 1)),
        flux=own(sl.LogUniform(1, 1e4, init=100.0)),
        r_eff=own(sl.LogUniform(0.5, 20, init=3.5)),
        ellip=0.3,
        theta=0.7,
    )
    return sl.Model({"disk": disk, "sky": sl.FlatSky(level=own(sl.Normal(0, 0.05)))})


Pair = tuple[sl.JointFit, dict[str, sl.Fit]]


def both(images: sl.Images, method: Any) -> Pair:
    some = sl.Images({name: images[name] for name in NAMES})
    separate = {name: sl.fit(model(joint=False), some[name], method, progress=False) for name in NAMES}
    return sl.fit(model(joint=True), some, method, progress=False), separate


@pytest.fixture(scope="module")
def normal(images: sl.Images) -> Pair:
    return both(images, sl.Laplace(draws=200))


def check_best(pair: Pair, sds: dict[str, dict[str, float]]) -> None:
    joint, separate = pair
    for name, one in separate.items():
        found = joint.of(name)
        for path, sd in sds[name].items():
            assert abs(found.best[path] - one.best[path]) < 0.01 * sd
            assert joint.best[f"{path}.{name}"] == pytest.approx(found.best[path], rel=1e-6)
        assert found.chi2 == pytest.approx(one.chi2, rel=1e-4)


def errors(pair: Pair) -> dict[str, dict[str, float]]:
    return {name: parameter_sds(one) for name, one in pair[1].items()}


def test_laplace_has_the_values_and_errors_of_separate_fits(normal: Pair) -> None:
    check_best(normal, errors(normal))
    joint, separate = normal
    for name, one in separate.items():
        found = joint.of(name).covariance
        assert parameter_sds(joint.of(name)) == pytest.approx(errors(normal)[name], rel=0.02)
        assert one.covariance is not None
        assert found == pytest.approx(one.covariance, rel=0.04, abs=0.02 * np.diag(one.covariance).min())


def test_map_has_the_values_of_separate_fits(images: sl.Images, normal: Pair) -> None:
    check_best(both(images, sl.MAP()), errors(normal))


def test_importance_draws_agree_with_those_of_separate_fits(images: sl.Images) -> None:
    joint, separate = both(images, sl.Importance(draws=800))
    for name, one in separate.items():
        table, other = joint.of(name).summary(), one.summary()
        error = np.hypot(1 / np.sqrt(table["ess_bulk"]), 1 / np.sqrt(other["ess_bulk"]))
        assert (np.abs(table["mean"] - other["mean"]) < 4 * error * other["sd"]).all()
        assert (np.abs(table["sd"] / other["sd"] - 1) < 4 * error).all()


def test_the_evidence_and_the_criteria_are_those_of_all_images_together(normal: Pair) -> None:
    joint, separate = normal
    assert joint.log_evidence == pytest.approx(sum(one.log_evidence for one in separate.values()), abs=0.05)
    table = joint.compare(separate)
    assert table["free"].tolist() == [10, 10]
    assert abs(table["bic"].diff().iloc[1]) < 0.01
    assert table["loo_diff"].min() > -1.0
