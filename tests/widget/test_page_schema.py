"""The schema of classes that the page gets."""

import json

import pytest

from sersiclab.model import Model
from sersiclab.parameters.priors import LogUniform, Uniform
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget.page_schema import editor_schema
from sersiclab.widget.session import from_model, read, with_values


MODEL = Model({"sky": FlatSky(level=Uniform(-1.0, 1.0))})
NOISES = editor_schema(())["noises"]
CHOSEN = [name for name, kind in NOISES.items() if kind["document"] is not None]


@pytest.mark.parametrize("name", CHOSEN)
def test_every_noise_model_that_can_be_chosen_gives_a_model(name):
    noise = json.loads(json.dumps(NOISES[name]["document"]))
    session = from_model(MODEL)
    reading = read({**session, "model": {**session["model"], "noise": noise}})
    assert reading.problems == []
    assert type(reading.model.noise).__name__ == name
    assert len(NOISES[name]["title"]) < 12
    # Each parameter of the form is in the document, with its initial value.
    for row in NOISES[name]["parameters"]:
        value = noise[row["name"]]
        assert isinstance(value, float) or value["init"] == reading.model.initial[f"noise.{row['name']}"]


def test_values_are_set_in_noise_models_and_links():
    star = PointSource(xc=3.0, yc=3.0, flux=LogUniform(1.0, 100.0))
    model = Model({"a": star, "b": star}).with_total_flux("a", "b")
    session = with_values(from_model(model), {"total.fraction": 0.25})
    assert session["model"]["links"]["total"]["fraction"]["init"] == 0.25
    assert read(session).model.initial["total.fraction"] == 0.25
    noisy = {**from_model(MODEL)["model"], "noise": NOISES["InflatedNoise"]["document"]}
    changed = with_values({**from_model(MODEL), "model": noisy}, {"noise.inflation": 1.5})
    assert read(changed).model.initial["noise.inflation"] == 1.5
