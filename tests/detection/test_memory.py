"""Large images: the memory that detection, the guess and the widget need, measured in processes of their own."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy import ndimage

from sersiclab.detection import masking, segmentation, strips

from ..peak_memory import ROOT


SCENE = """
import json, sys
import numpy as np
import sersiclab as sl

from tests.peak_memory import peak_memory

def used():
    return peak_memory() / 1e9

side = int(sys.argv[1])
data = np.random.default_rng(1).standard_normal((side, side), dtype=np.float32)
y, x = np.mgrid[-100:101, -100:101].astype("f4")
for xc, yc in [(0.25, 0.25), (0.75, 0.3), (0.5, 0.5), (0.2, 0.75), (0.8, 0.8)]:
    row, column = int(yc * side), int(xc * side)
    data[row - 100 : row + 101, column - 100 : column + 101] += 50 * np.exp(-np.hypot(x, y) / 20)
psf = np.exp(-0.5 * (x[90:111, 90:111] ** 2 + y[90:111, 90:111] ** 2) / 4.0)
image = sl.Image(data, sigma=1.0, psf=psf / psf.sum())
del data, x, y
before = used()
"""


def measured(code: str, side: int) -> dict[str, float]:
    script = SCENE + textwrap.dedent(code) + "\nprint(json.dumps({'before': before, 'peak': used(), 'number': number}))"
    command = [sys.executable, "-c", script, str(side)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def test_detection_needs_few_bytes_per_pixel():
    """At 2048 pixels squared: 25 bytes per pixel are kept, and twice as many more are used for a moment."""
    found = measured("found = sl.detect(image)\nnumber = len(found.masked(image, keep=5).mask)", 2048)
    assert found["number"] == 2048
    assert found["peak"] - found["before"] < 120e-9 * 2048**2


@pytest.mark.slow
@pytest.mark.parametrize("view", ["Editor", "Workbench"])
def test_the_widget_of_4096_pixels_squared_guesses_its_model_in_little(view):
    code = f"""
    shown = sl.{view}(image)
    editor = getattr(shown, "editor", shown)
    assert editor.flush(600)
    number = len(editor.model.components)
    """
    found = measured(code, 4096)
    assert found["number"] == 1
    assert found["peak"] < 2.0, found


def test_strips_tile_the_image_and_have_margins(monkeypatch):
    monkeypatch.setattr(strips, "PIXELS", 60)
    found = list(strips.strips((17, 20), 4))
    assert np.concatenate([np.arange(17)[rows] for rows, _, _ in found]).tolist() == list(range(17))
    assert all((np.arange(17)[padded][inner] == np.arange(17)[rows]).all() for rows, padded, inner in found)
    assert found[1] == (slice(3, 6), slice(0, 10), slice(3, 6))
    assert list(strips.strips((2, 1000), 4))[1] == (slice(1, 2), slice(0, 2), slice(1, 2))


def test_strips_change_nothing(monkeypatch, rng):
    data, valid = rng.normal(size=(60, 50)), rng.uniform(size=(60, 50)) > 0.1
    labels = ndimage.label(ndimage.gaussian_filter(data, 2) > 0.15)[0]
    labels[labels == 4] = -1
    smooth = segmentation._smoothed(data, valid, 0.3, 1.7)
    reached = masking.reach_of_others(labels, 2, 1.7)
    monkeypatch.setattr(strips, "PIXELS", 400)
    np.testing.assert_array_equal(segmentation._smoothed(data, valid, 0.3, 1.7), smooth)
    np.testing.assert_array_equal(masking.reach_of_others(labels, 2, 1.7), reached)
    assert reached.any()
    assert not reached.all()


def test_a_thinned_sky_is_that_of_all_pixels(monkeypatch, rng):
    from sersiclab.detection import skies
    from sersiclab.detection.measuring import Source

    y, x = np.indices((160, 200))
    data = rng.normal(size=y.shape) + 3.0 + 30 * np.exp(-np.hypot(x - 90, y - 77) / 12)
    segments = np.hypot(x - 90, y - 77) < 30
    source = Source(90.0, 77.0, 1.0, 2e4, 10.0, 20.0, 0.05, 0.0, detected=True)
    whole = skies.sky_around(data, ~segments, segments, source)
    monkeypatch.setattr(skies, "ENOUGH_PIXELS", y.size // 4)
    thinned = skies.sky_around(data, ~segments, segments, source)
    assert thinned.level == whole.level
    assert abs(thinned.high - whole.high) < 4 * thinned.error
    assert whole.error < thinned.error < 3 * whole.error
