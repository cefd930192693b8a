"""GALFITM's own simulation of five bands, by its own menu."""

import json
import math
import re

import pytest

import sersiclab as sl
from sersiclab.data.image_set import Images
from sersiclab.parameters.varying import PerBand, Polynomial


SHAPES = ("r_eff", "n")


def simulation(shared_data):
    """The model and the images, without the PSF that lies beside them: they were drawn without one."""
    model, images = sl.io.read_galfit(shared_data / "multisim" / "fit.multi.feedme")
    unblurred = {band: sl.Image.restored(**{**image.fields, "psf": None}) for band, image in images.items()}
    return model, Images(unblurred, wavelengths=images.wavelengths)


def test_the_menu(shared_data):
    model, images = simulation(shared_data)
    assert images.wavelengths == pytest.approx({"a": 0.2, "b": 0.3, "c": 0.4, "d": 0.5, "e": 0.6})
    galaxy = model.components["sersic_1"]
    assert isinstance(galaxy.flux, PerBand)
    assert [(getattr(galaxy, name).degree, list(getattr(galaxy, name).given)) for name in SHAPES] == [(3, [""])] * 2
    assert isinstance(model.components["sky"].level, PerBand)
    assert len(model.for_images(images).free) == 22


def lines(model, *names):
    """The model with sizes, or indices, as linear functions of wavelength."""
    galaxy = model.components["sersic_1"]
    return model.replace({f"sersic_1.{name}": Polynomial(getattr(galaxy, name).prior) for name in names})


@pytest.mark.slow
@pytest.mark.parametrize("method", [sl.MAP(), sl.Laplace(), sl.Importance()], ids=lambda method: type(method).__name__)
def test_sizes_that_are_not_linear_are_named_with_a_band(shared_data, method):
    """Sizes are wrong by many sigma, with a reduced chi2 of 1.01; bands are named by a score test."""
    model, images = simulation(shared_data)
    verdict = sl.fit(lines(model, "r_eff"), images, method, progress=False).verdict
    assert verdict.level in ("caution", "bad")
    assert re.search(r"as a smooth function of wavelength, .* image [a-e]", str(verdict))


@pytest.mark.slow
def test_bands_are_recovered_together(shared_data):
    """The truth of bands a and b is no test: GALFITM integrates their cusps coarsely.

    Sizes and indices that are linear in wavelength, where the truth is not, fit worse: by 4 for each of the 4
    parameters that they lack, if they were right.
    """
    model, images = simulation(shared_data)
    fit = sl.fit(model, images, sl.Laplace(), progress=False)
    table = fit.bands()
    truths = json.loads((shared_data / "reference" / "multisim_truth.json").read_text())["truth"]
    for truth in truths[2:]:
        values = {"xc": truth["x"] - 1, "yc": truth["y"] - 1, "r_eff": truth["re"], "n": truth["n"]}
        values |= {"ellip": 1 - truth["q"], "theta": math.radians(truth["pa"]), "mag": truth["mag"]}
        for name, value in values.items():
            found, sd = table.loc[f"sersic_1.{name}", truth["band"]][["value", "sd"]]
            assert abs(found - value) < 3.0 * sd, (truth["band"], name)
    straight = sl.fit(lines(model, *SHAPES), images, sl.Laplace(), progress=False)
    chi2 = [sum(each.of(band).chi2 for band in images) for each in (fit, straight)]
    assert chi2[1] - chi2[0] > 10.0
    found, sd = straight.bands().loc["sersic_1.mag", "e"][["value", "sd"]]
    assert abs(found - truths[4]["mag"]) > 3.0 * sd
