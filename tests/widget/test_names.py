"""Components can have names that JavaScript, JSON or Python use themselves."""

import json
from pathlib import Path

import pytest

import sersiclab as sl
from sersiclab.results import Fit


NAMES = [
    "constructor",
    "toString",
    "hasOwnProperty",
    "__proto__",
    "prototype",
    "components",
    "type",
    "__class__",
    "self",
]


def model_with(name: str) -> sl.Model:
    named = sl.PointSource(xc=sl.Normal(6.0, 0.5), yc=5.0, flux=sl.LogUniform(1.0, 100.0))
    return sl.Model({name: named, "other": sl.PointSource(xc=sl.Tied(f"{name}.xc"), yc=7.0, flux=2.0)})


@pytest.mark.parametrize("name", NAMES)
def test_documents_and_code_keep_the_name(name: str) -> None:
    model = model_with(name)
    assert list(sl.from_dict(json.loads(json.dumps(sl.to_dict(model)))).components) == [name, "other"]
    assert sl.from_dict(sl.to_dict(model)) == model
    found: dict[str, sl.Model] = {}
    exec(f"import sersiclab as sl\n{sl.to_python(model)}", found)
    assert found["model"] == model


@pytest.mark.parametrize("name", NAMES)
def test_files_keep_the_name(image: sl.Image, tmp_path: Path, name: str) -> None:
    model = model_with(name)
    with sl.Workbench(image, model) as workbench:
        path = workbench.save(tmp_path / "a.json")
        workbench.model = model_with("plain")
        workbench.load(path)
        assert list(workbench.model.components) == [name, "other"]
        assert workbench.model.initial == model.initial
    best = {f"{name}.xc": 6.0, f"{name}.flux": 10.0}
    fit = Fit(model=model, image=image, method=sl.MAP(), seed=0, draws={}, best=best)
    assert sl.load(fit.save(tmp_path / "a.asdf")).best == best
