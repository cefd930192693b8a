"""Saved sessions are read as they were written, and other files are refused."""

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sersiclab.data.image import Image
from sersiclab.model import Model
from sersiclab.noise import StudentTNoise
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.profiles import Boxy, Exponential, FlatSky, PointSource
from sersiclab.widget.masks import Masks
from sersiclab.widget.saved import LARGEST, Saved, from_text, to_document
from sersiclab.widget.session import from_model


SHAPE = (7, 9)
IMAGE = Image(np.zeros(SHAPE), sigma=1.0)
DISK = Exponential(xc=Normal(4.0, 1.0), yc=3.0, flux=Uniform(1, 9), r_eff=Uniform(1, 9), ellip=0.1, theta=0.0)
MODELS = [
    Model(
        {
            "star": PointSource(xc=Normal(4.0, 0.5, init=4.2), yc=3.0, flux=LogUniform(1.0, 50.0)),
            "sky": FlatSky(level=0.0),
        }
    ),
    Model({"disk": Boxy(DISK, c0=Uniform(0, 1)), "star": PointSource(xc=Tied("disk.xc"), yc=3.0, flux=1.0)}),
    Model(
        {"disk": DISK, "star": PointSource(xc=4.0, yc=3.0, flux=Uniform(1, 5))},
        noise=StudentTNoise(nu=Uniform(3, 9)),
    ).with_total_flux("disk", "star"),
]
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
json_values = st.recursive(
    st.none() | st.booleans() | finite | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
displays = st.dictionaries(
    st.sampled_from(["stretch", "limits", "hidden", "view", "pin", "locked", "ß\u2028"]), json_values
)


@st.composite
def saves(draw):
    model = draw(st.sampled_from(MODELS))
    session = from_model(model)
    names = draw(st.permutations(list(session["model"]["components"])))
    components = {name: session["model"]["components"][name] for name in names}
    off = draw(st.lists(st.sampled_from(names), max_size=1)) if model is MODELS[0] else []
    session = {**session, "off": off, "model": {**session["model"], "components": components}}
    if draw(st.booleans()):
        session["order"] = names
    flags = draw(st.lists(st.booleans(), min_size=math.prod(SHAPE) - 1, max_size=math.prod(SHAPE) - 1))
    mask = draw(st.sampled_from([None, np.packbits([*flags, False], bitorder="little").tobytes()]))
    return Saved(session, mask, draw(displays))


@settings(max_examples=60, deadline=None)
@given(saves())
def test_a_session_is_read_as_it_was_saved(saved):
    text = json.dumps(to_document(saved, SHAPE)).encode()
    back = from_text(text, Masks(IMAGE))
    assert back == saved
    assert list(back.session["model"]["components"]) == list(saved.session["model"]["components"])


def document(**changes):
    return {**to_document(Saved(from_model(MODELS[0]), None, {}), SHAPE), **changes}


def test_the_document_states_its_kind():
    bits = np.packbits(np.arange(63) < 20, bitorder="little").tobytes()
    made = to_document(Saved({**from_model(MODELS[0]), "mask": "deadbeef"}, bits, {"stretch": "log"}), SHAPE)
    assert (made["sersiclab"], made["version"], made["shape"]) == ("session", 1, [7, 9])
    assert "mask" not in made["session"]
    flags = np.frombuffer(base64.b64decode(made["mask"]), np.uint8)
    np.testing.assert_array_equal(np.unpackbits(flags, count=63, bitorder="little"), np.arange(63) < 20)


def changed_model(**components):
    made = document()
    made["session"]["model"]["components"] |= components
    return made


ALL = base64.b64encode(b"\xff" * 8).decode()
DEEP = b'{"sersiclab": "session", "x": ' + b"[" * 100_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "UTF-8"),
        (json.dumps(document()).encode()[:-40], "truncated"),
        (b"[1, 2]", "it is not a session"),
        (b'{"version": 1, "type": "Model", "components": {}}', "it is not a session"),
        (DEEP, "nested too deep"),
        (b'{"version": ' + b"9" * 5000 + b"}", "a number that can't be read"),
        (b"x" * (LARGEST + 1), "64 MB at most"),
        (json.dumps(document(version=2)).encode(), "made by a newer sersiclab; this one reads 1"),
        (json.dumps(document(version="1")).encode(), "version must be a number"),
        (
            json.dumps(document(shape=[9, 7])).encode(),
            "belongs to an image of 9 x 7 pixels (rows x columns); this image has 7 x 9",
        ),
        (json.dumps(document(shape=None)).encode(), "belongs to an image of None"),
        (json.dumps(document(display=[])).encode(), "display must be a mapping"),
        (json.dumps(document(session=None)).encode(), "session must be a mapping"),
        (json.dumps(document(mask=3)).encode(), "mask must be base64"),
        (json.dumps(document(mask="no base64!")).encode(), "mask is not base64"),
        (json.dumps(document(mask="AAAA")).encode(), "8 bytes, got 3"),
        (json.dumps(document(mask=ALL)).encode(), "excludes every pixel"),
        (json.dumps(changed_model(blob={"type": "Blob"})).encode(), "blob has the type 'Blob'"),
        (json.dumps(changed_model(sky={"type": "FlatSky", "level": math.nan})).encode(), "NaN, which is not a number"),
        (json.dumps(changed_model(**{"<script>": {"type": "FlatSky", "level": 0}})).encode(), "identifier"),
        (json.dumps(changed_model(**{f"s{k}": {"type": "Blob"} for k in range(9)})).encode(), "and 6 more"),
    ],
)
def test_an_invalid_session_is_refused_with_an_explanation(text, words):
    with pytest.raises(ValueError, match=r"it|blob|identifier|mask|s0") as caught:
        from_text(text, Masks(IMAGE))
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1500


def test_priors_of_a_document_written_by_hand_get_initial_values():
    made = document()
    del made["session"]["model"]["components"]["star"]["xc"]["init"]
    del made["session"]["off"], made["display"]
    back = from_text(json.dumps(made).encode(), Masks(IMAGE))
    assert back.session["model"]["components"]["star"]["xc"]["init"] == 4.0
    assert (back.session["off"], back.display) == ([], {})
