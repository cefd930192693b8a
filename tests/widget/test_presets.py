"""Presets: models to start from."""

import pytest

from sersiclab.datasets import example
from sersiclab.guess import guess
from sersiclab.profiles import FlatSky
from sersiclab.widget.presets import PRESETS, start_from


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_components_and_keeps_the_sky(name):
    image = example()
    present = guess(image).with_component("background", FlatSky(level=0.25))
    model = start_from(name, image, present)
    assert list(model.components) == [*PRESETS[name], "background"]
    assert model.components["background"] == FlatSky(level=0.25)
    assert model.noise == present.noise
    centre, *others = PRESETS[name]
    assert [model.components[other].xc.to for other in others] == [f"{centre}.xc"] * len(others)


def test_an_unknown_preset_is_refused():
    image = example()
    with pytest.raises(ValueError, match="preset must be one of"):
        start_from("nothing", image, guess(image))


@pytest.mark.filterwarnings("ignore:no source stands out")
def test_the_front_end_asks_for_one(editor, heard):
    assert editor.schema["presets"] == list(PRESETS)
    heard.tell(t="preset", name="AGN + host")
    assert editor.flush(60)
    assert list(editor.model.components)[:2] == ["nucleus", "host"]
    heard.tell(t="preset", name="no such")
    assert editor.flush(60)
    assert "preset must be one of" in heard.of("error")[-1][0]["detail"]
