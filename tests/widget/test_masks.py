"""Edited masks, from the front end's bits to the image that is fitted."""

import zlib

import numpy as np
import pytest

from sersiclab.documents.spec import to_python
from sersiclab.inference import MAP
from sersiclab.widget import Workbench
from sersiclab.widget.masks import STORED, Masks
from sersiclab.widget.page import _record


@pytest.fixture
def drawn(image):
    """A mask drawn in the page: its array, its bits and its name."""
    mask = image.mask.copy()
    mask[4:8, 5:9] = True
    bits = np.packbits(mask, bitorder="little").tobytes()
    return mask, f"{zlib.crc32(bits):08x}", bits


def draw(editor, name, bits):
    editor._handle_custom_msg({"t": "mask", "name": name}, [memoryview(bits)])
    editor.set_state({"session": {**editor.session, "mask": name}})


def test_a_drawn_mask_becomes_the_images_and_can_be_undone(editor, heard, image, model, drawn):
    mask, name, bits = drawn
    heard.send(t="hello")
    heard.clear()
    before = editor.session
    draw(editor, name, bits)
    heard.settle()
    np.testing.assert_array_equal(editor.image.mask, mask)
    assert editor.model.initial == model.initial
    frame = heard.of("frame")[-1][0]
    assert frame["dof"] == (~mask).sum() - len(model.free)
    assert heard.of("mask") == [({"t": "mask", "name": name}, [bits])]  # sent to other views
    editor.set_state({"session": before})
    assert editor.image is image
    assert editor.problems == []


def test_a_new_view_gets_the_given_image_and_the_drawn_mask(editor, heard, image, drawn):
    _, name, bits = drawn
    draw(editor, name, bits)
    heard.settle()
    heard.clear()
    heard.send(t="hello")
    kinds = [content["t"] for content, _ in heard.messages]
    assert kinds == ["image", "mask", "frame"]
    np.testing.assert_array_equal(np.frombuffer(heard.messages[0][1][2], "u1").reshape(image.shape), image.mask)
    assert [content["t"] for content, _ in _record(editor)["messages"]] == kinds


def test_the_mask_survives_a_new_model_and_is_used_in_the_fit(editor, model, drawn):
    mask, name, bits = drawn
    draw(editor, name, bits)
    editor.model = model.without("ghost")
    assert editor.session["mask"] == name
    np.testing.assert_array_equal(editor.image.mask, mask)
    fit = editor.run(MAP(), wait=True)
    assert fit.image is editor.image


def test_the_mask_can_be_assigned_in_python(editor, heard, image, drawn):
    mask, name, bits = drawn
    editor.mask = mask
    assert editor.session["mask"] == name
    np.testing.assert_array_equal(editor.mask, mask)
    assert heard.of("mask")[0] == ({"t": "mask", "name": name}, [bits])
    with pytest.raises(ValueError, match="mask must have the shape of data"):
        editor.mask = mask.T
    with pytest.raises(ValueError, match="mask excludes every pixel"):
        editor.mask = np.ones(image.shape)
    np.testing.assert_array_equal(editor.mask, mask)


def test_an_invalid_mask_is_a_problem_and_the_last_one_is_kept(editor, heard, image, drawn):
    _, name, bits = drawn
    editor.set_state({"session": {**editor.session, "mask": "nobody"}})
    assert [p["message"] for p in editor.problems] == [
        "the session names an unknown mask, 'nobody'; the last mask is kept"
    ]
    full = np.packbits(np.ones(image.shape, bool), bitorder="little").tobytes()
    draw(editor, "full", full)
    assert "excludes every pixel" in editor.problems[0]["message"]
    assert editor.image is image
    editor._handle_custom_msg({"t": "mask", "name": "short"}, [b"123"])
    assert "20 bytes, got 3" in heard.of("error")[0][0]["detail"]
    draw(editor, name, bits)
    assert editor.problems == []


def test_old_masks_are_dropped(image):
    masks = Masks(image)
    size = -(-image.data.size // 8)
    for k in range(STORED + 1):
        masks.put(str(k), k.to_bytes(size, "little"))
    with pytest.raises(ValueError, match="'0'"):
        masks.bits("0")
    assert masks.bits("1") == (1).to_bytes(size, "little")


def test_the_workbench_returns_the_mask_and_notifies(image, model, drawn):
    mask, name, bits = drawn
    with Workbench(image, model) as workbench:
        assert workbench.to_python() == to_python(model)
        draw(workbench.editor, name, bits)
        np.testing.assert_array_equal(workbench.image.mask, mask)
        assert f"{mask.sum()} of {mask.size} pixels are excluded" in workbench.to_python()
        compile(workbench.to_python(), "code", "exec")
        assert workbench._views.flush(120)
        assert workbench._views._frames.image is workbench.image
