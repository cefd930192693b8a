"""Every real file of ../shared/data opens in one call, with the result in this table."""

import json
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import sigma_clipped_stats

from sersiclab.data.image import Image


CUTOUT, PSFS = "legacy/cutout_59.1067_-30.4848.fits", "legacy/copsf_59.1067_-30.4848.fits"
IC3478 = "imfit/ic3478rss_256"


def legacy(band):
    return (
        {"data": CUTOUT, "psf": PSFS, "band": band},
        {
            "shape": (256, 256),
            "scale": 0.262,
            "zeropoint": 22.5,
            "unit": "nmgy",
            "psf": (63, 63),
        },
        (),
    )


def kids(galaxy, shape):
    planes = {name: f"kids/{galaxy}{suffix}.fits" for name, suffix in KIDS.items()}
    given = {"zeropoint": 0.0, "pixel_scale": 0.2, "unit": "mgy", "band": "r"}
    expected = {"shape": shape, "scale": 0.2, "zeropoint": 0.0, "unit": "mgy", "psf": (25, 25)}
    return planes | given, expected, ("psf sums to",)


def hsc(galaxy):
    planes = {name: f"hsc/{galaxy}_{suffix}.npy" for name, suffix in HSC.items()}
    expected = {"shape": (121, 121), "scale": 0.168, "zeropoint": 27.0, "unit": None, "psf": (43, 43)}
    return planes | {"zeropoint": 27.0, "pixel_scale": 0.168}, expected, ()


KIDS = {"data": "fitim", "sigma": "sigma", "psf": "psfim", "mask": "mskim"}
HSC = {"data": "im", "sigma": "sig", "psf": "psf", "mask": "mask"}
# name -> (what is given, what comes out, what is warned of). Scales and zero-points are those of the
# data's README; the GALFIT example's are its header's, which differ from its feedme's (0.038, 26.563).
TABLE = {
    "legacy g": legacy("g"),
    "legacy r": legacy("r"),
    "legacy z": legacy("z"),
    "kids G265940": kids("G265940", (103, 161)),
    "kids G267199": kids("G267199", (213, 199)),
    "hsc gal1": hsc("gal1"),
    "hsc gal2": hsc("gal2"),
    "galfit example": (
        {"data": "galfit_example/gal.fits", "psf": "galfit_example/psf.fits"},
        {"shape": (93, 93), "scale": 0.05, "zeropoint": 33.935, "unit": "electron", "psf": (51, 51)},
        ("psf sums to 12507", "there is no error map"),
    ),
    "imfit": (
        {"data": f"{IC3478}.fits", "mask": f"{IC3478}_mask.fits", "psf": "imfit/psf_moffat_51.fits"}
        | {"gain": 4.725, "read_noise": 4.3, "sky_level": 130.14},
        {"shape": (256, 256), "scale": 0.396, "zeropoint": None, "unit": "adu", "psf": (51, 51)},
        ("psf sums to 10",),
    ),
    # Its images were drawn without the PSF beside them: tests/io/test_galfit.py looks at the light.
    **{
        f"multisim {band}": (
            {"data": f"multisim/img-{band}.fits", "psf": "multisim/psf.fits", "zeropoint": 25.0, "band": band},
            {"shape": (50, 50), "scale": None, "zeropoint": 25.0, "unit": None, "psf": (51, 51)},
            ("psf sums to 0.97", "there is no error map"),
        )
        for band in "abcde"
    },
    "panstarrs": (
        {"data": "panstarrs/slice.fits[0]", "mask": "panstarrs/slice.fits[2]"},
        {"shape": (162, 162), "scale": None, "zeropoint": None, "unit": None, "psf": None},
        ("there is no error map",),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_real_file_opens_in_one_call(shared_data, name):
    given, expected, warned = TABLE[name]
    paths = {k: f"{shared_data}/{v}" if "/" in str(v) else v for k, v in given.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Image.read(paths.pop("data"), **paths)
    assert len(caught) == len(warned)
    assert all(any(str(w.message).startswith(text) for w in caught) for text in warned)
    assert image.shape == expected["shape"]
    assert image.pixel_scale == (expected["scale"] and pytest.approx(expected["scale"], rel=1e-3))
    assert image.zeropoint == (expected["zeropoint"] and pytest.approx(expected["zeropoint"], abs=1e-3))
    assert image.unit == expected["unit"]
    assert image.band == given.get("band", image.band)
    assert image.mask.sum() == (np.count_nonzero(pixels(paths["mask"])) if "mask" in paths else 0)
    assert (image.psf is None and expected["psf"] is None) or image.psf.shape == expected["psf"]
    # The sky scatters as sigma says, and a source stands out of it.
    ratio = (image.data / image.sigma)[image.valid]
    _, sky, scatter = sigma_clipped_stats(ratio, stdfunc="mad_std")
    assert 0.6 < scatter < 1.5
    assert ratio.max() - sky > 10


def pixels(path):
    if path.endswith(".npy"):
        return np.load(path)
    path, _, extension = path.rstrip("]").partition("[")
    return fits.getdata(path, int(extension or 0))


def test_the_measured_noise_of_a_simulation_is_the_true_one(shared_data):
    truth = json.loads((shared_data / "reference" / "multisim_truth.json").read_text())["truth"]
    for band in truth:
        with pytest.warns(UserWarning, match="there is no error map"):
            image = Image.read(shared_data / "multisim" / f"img-{band['band']}.fits")
        assert image.sigma[0, 0] == pytest.approx(band["noise_rms"], rel=0.05)
