"""GALFIT's files as models and images: every real one, the truth of its simulations, and reports about bad files."""

import json
import math
import shutil
import warnings

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl


HEADER = """A) gal.fits
B) out.fits
C) sigma.fits
D) psf.fits
E) 1
F) mask.fits
G) none
H) 11 30 6 28
J) 26.5
K) 0.1 0.1
"""
SERSIC = """ 0) sersic
 1) 18.5 21.2  1 0
 3) 20.1  1
 4) 5.1   0
 5) 4.2   1
 9) 0.75  1
10) -60.0 1
"""
SKY = " 0) sky\n 1) 2.5 1\n 2) 0.01 0\n 3) 0 0\n"


@pytest.fixture
def folder(tmp_path, rng):
    """The files that HEADER names, in a folder of their own."""
    fits.writeto(tmp_path / "gal.fits", rng.normal(size=(40, 50)), fits.Header({"EXPTIME": 100.0}))
    fits.writeto(tmp_path / "sigma.fits", np.full((40, 50), 1.5))
    mask = np.zeros((40, 50), np.uint8)
    mask[9, 14] = 1
    fits.writeto(tmp_path / "mask.fits", mask)
    psf = np.zeros((6, 7))
    psf[3, 3] = 5.0
    fits.writeto(tmp_path / "psf.fits", psf)
    return tmp_path


def write(folder, text, name="a.feedme"):
    path = folder / name
    path.write_bytes(text.encode())
    return path


def read(folder, text):
    return sl.io.read_galfit(write(folder, text))


def test_the_image_is_the_fit_region(folder):
    _, image = read(folder, HEADER + SERSIC)
    assert image.shape == (23, 20)
    np.testing.assert_array_equal(image.data, fits.getdata(folder / "gal.fits")[5:28, 10:30])
    assert (image.zeropoint, image.pixel_scale) == (26.5 + 5.0, pytest.approx(0.1))
    assert (image.sigma == 1.5).all()
    assert np.argwhere(image.mask).tolist() == [[4, 4]]
    # GALFIT's centre of a PSF is its pixel N//2, in an even array too.
    assert image.psf.shape == (7, 7)
    assert image.psf[3, 3] == 1.0
    assert not image.psf_includes_pixel


def test_values_and_toggles(folder):
    model, _ = read(folder, HEADER + SERSIC + SKY)
    galaxy = model.components["sersic_1"]
    assert isinstance(galaxy, sl.Sersic)
    assert set(model.free) == {f"sersic_1.{name}" for name in ("xc", "flux", "n", "ellip", "theta")} | {"sky.level"}
    assert (galaxy.yc, galaxy.r_eff) == (pytest.approx(15.2), 5.1)
    expected = {"xc": 7.5, "flux": 10 ** (-0.4 * (20.1 - 31.5)), "n": 4.2, "ellip": 0.25, "theta": math.radians(-60)}
    assert model.initial == pytest.approx({f"sersic_1.{k}": v for k, v in expected.items()} | {"sky.level": 2.5})
    assert model.components["sky"].slope_x == 0.01


def test_line_ends_tabs_comments_and_letters_of_any_kind(folder):
    plain, _ = read(folder, HEADER + SERSIC)
    odd = "# Häußler's\r\n" + (HEADER + SERSIC).replace(" ", "\t").replace("\n", " # größe\r\n")
    (folder / "b.feedme").write_bytes(odd.encode("latin-1"))
    model, _ = sl.io.read_galfit(folder / "b.feedme")
    assert model == plain


CONSTRAINTS = """1_2 x offset
1_2\ty\toffset
1_2 mag offset
1_2 re ratio
1_2 q ratio
1 n 0.6 to 5
1 x -2 3   # of the initial value
1 mag 19 to 22
2 pa -90 to 90
"""


def test_constraints_become_ties_and_ranges(folder):
    (folder / "c.txt").write_text(CONSTRAINTS)
    disk = SERSIC.replace("sersic", "expdisk").replace("18.5 21.2  1 0", "19 22 1 1").replace(" 5) 4.2   1\n", "")
    text = HEADER.replace("G) none", "G) c.txt") + SERSIC + disk.replace("20.1", "21.1").replace("0.75", "0.6")
    model, _ = read(folder, text)
    bulge, other = model.components["sersic_1"], model.components["expdisk_2"]
    assert bulge.n == sl.Uniform(0.6, 5.0, init=4.2)
    assert (bulge.xc.low, bulge.xc.high) == pytest.approx((5.5, 10.5))
    assert (bulge.flux.low, bulge.flux.high) == pytest.approx((10**3.8, 10**5.0))
    assert other.theta == sl.Angle(init=math.radians(-60.0))
    assert (other.xc.to, other.xc.scale, other.xc.offset) == ("sersic_1.xc", 1.0, pytest.approx(0.5))
    assert (other.yc.offset, other.flux.scale) == (pytest.approx(0.8), pytest.approx(10**-0.4))
    assert other.r_eff.scale == pytest.approx(1.6783469900166605)
    drawn = model.at({**model.initial, "sersic_1.ellip": 0.5})
    assert 1 - drawn.components["expdisk_2"].ellip == pytest.approx(0.5 * 0.6 / 0.75)


def test_a_tie_of_a_constraint_keeps_its_parameter_in_range(folder):
    """GALFIT lets a tied index run off; ours is kept by the prior that it follows, or is not tied."""
    (folder / "c.txt").write_text("1_2 n ratio\n1_2 re offset\n")
    large = SERSIC.replace(" 4) 5.1   0", " 4) 5.1   1").replace(" 5) 4.2 ", " 5) 3.0 ")
    small = SERSIC.replace(" 4) 5.1 ", " 4) 2.1 ").replace(" 5) 4.2 ", " 5) 6.0 ")
    model, _ = read(folder, HEADER.replace("G) none", "G) c.txt") + large + small)
    bulge, other = model.components["sersic_1"], model.components["sersic_2"]
    assert other.n == sl.Tied("sersic_1.n", scale=2.0)
    assert 2 * bulge.n.high <= 10.0
    assert other.r_eff.offset + bulge.r_eff.low >= -1e-12


def test_what_has_no_counterpart_is_listed_by_line(folder):
    (folder / "c.txt").write_text("1-2 mag 0 1\n1 f2a 0 1\n7 x 1 2\n1_2 n offset\n")
    hidden = "C0) 0.1 1\nF1) 0.1 30 1 1\nF2) 0.1 0 1 1\nR0) log\nR1) 30 1\n Z) 1\n"
    text = HEADER.replace("G) none", "G) c.txt") + SERSIC + hidden + SKY
    text += " 0) ferrer\n 1) 20 20 0 0\n 3) 20 1\n 4) 5 1\n 5) 2 1\n 6) 2 0\n 9) 0.5 1\n10) 0 1\nT0) radial\nT4) 3 1\n"
    with pytest.warns(
        UserWarning, match=r"a.feedme: some parts were changed in the conversion, or left out:"
    ) as caught:
        model, _ = read(folder, text)
    assert list(model.components) == ["sersic_1", "sky"]
    assert {"sersic_1.c0", "sersic_1.a1", "sersic_1.phi1"} <= set(model.free)
    told = str(caught[0].message)
    for part in (
        "line 20: F2) of sersic has no counterpart",
        "R0) log of sersic",
        "line 22: R1) of sersic",
        "Z) of sersic",
        "line 28: ferrer is left out (line 33: 6) 2: beta = 2 lies outside [-4, 1.9])",
        "the component 'truncation' has no counterpart",
        "constraints, line 1: the difference of 'mag'",
        "constraints, line 3: the shift of 'x' is left out: there is no such parameter",
        "constraints, line 4: the offset of 'n' of 1 and 2 is left out: one of them has no n",
    ):
        assert told.count(part) == 1


# what -> (old text, new text, error, message)
MISTAKES = {
    "absent image": (
        "gal.fits",
        "none.fits",
        FileNotFoundError,
        r"a.feedme, line 1: A\): there is no file '.*none.fits'",
    ),
    "no image": ("A) gal.fits", "A) none", ValueError, r"line 1: A\) names no image; give image="),
    "mask of another shape": ("mask.fits", "psf.fits", ValueError, r"line 6: F\) mask must have the shape .*40, 50"),
    "sigma of another shape": ("sigma.fits", "psf.fits", ValueError, r"line 3: C\) sigma must have the shape of data"),
    "no fits file": ("F) mask.fits", "F) bad.fits", ValueError, r"line 6: F\) mask: .*bad.fits' is not a FITS file"),
    "sampling": ("E) 1", "E) 1.5", ValueError, r"line 5: E\) must hold a positive whole number, got '1.5'"),
    "scale": ("K) 0.1 0.1", "K) 0 0", ValueError, r"line 10: K\) must hold positive numbers, got '0 0'"),
    "region": ("H) 11 30 6 28", "H) 60 70 6 28", ValueError, r"line 8: H\) lies outside the image of 50 x 40 pixels"),
    "missing line": (" 4) 5.1   0\n", "", ValueError, r"a.feedme, line 11: the component 'sersic' lacks 4\)"),
    "bad number": ("3) 20.1", "3) x", ValueError, r"a.feedme, line 13: 3\) must hold a value and its toggle"),
    "bad constraint": ("G) none", "G) bad.txt", ValueError, r"bad.txt, line 2: unknown parameter 'size'"),
    "no such magnitude": ("3) 20.1", "3) -1e30", ValueError, r"line 13: 3\) -1e\+30 has no finite flux"),
    "no size": ("4) 5.1", "4) -5.1", ValueError, r"a.feedme, line 14: 4\) -5.1: r_eff, .*, must be positive$"),
    "nothing left": ("5) 4.2   1", "5) 40 0", ValueError, r"a.feedme: no component can be read: .*line 15: 5\) 40: n"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_reported_with_their_line(folder, name):
    old, new, error, message = MISTAKES[name]
    (folder / "bad.fits").write_text("no FITS")
    (folder / "bad.txt").write_text("# ties\n1 size 0 1\n")
    assert old in HEADER + SERSIC
    with pytest.raises(error, match=message):
        read(folder, (HEADER + SERSIC).replace(old, new))


def test_bad_pixels_in_a_list(folder):
    (folder / "bad.txt").write_text("# x y\n15 10\n16 11\n900 3\n")
    _, image = read(folder, (HEADER + SERSIC).replace("mask.fits", "bad.txt"))
    assert np.argwhere(image.mask).tolist() == [[4, 4], [5, 5]]
    (folder / "bad.txt").write_text("15 10\n15\n")
    with pytest.raises(
        ValueError, match=r"line 6: F\) .*bad.txt, line 2: expected the x and y of a bad pixel, got '15'"
    ):
        read(folder, (HEADER + SERSIC).replace("mask.fits", "bad.txt"))


def test_a_star_is_the_image_of_the_psf(folder):
    """Whose pixel's response is in it then; GALFIT takes the same image for one without it where galaxies are."""
    star = " 0) psf\n 1) 18.5 21.2 1 1\n 3) 20.1 1\n"
    model, image = read(folder, HEADER + star + SKY.replace("0.01", "0"))
    assert image.psf_includes_pixel
    drawn = sl.render(model, image, {"psf_1.xc": 8.0, "psf_1.yc": 15.0, "sky.level": 0.0})
    assert drawn[15, 8] == pytest.approx(10 ** (-0.4 * (20.1 - 31.5)), rel=1e-4)
    with pytest.warns(UserWarning, match="GALFIT draws a psf as the PSF's image, and galaxies as if the PSF lacked"):
        _, image = read(folder, HEADER + SERSIC + star)
    assert not image.psf_includes_pixel


def test_a_log_names_the_file_to_read(folder):
    text = "\nInput image     : gal.fits\nInit. par. file : a.feedme\nRestart file    : galfit.02\n\n sersic : (1., 2.)"
    with pytest.raises(ValueError, match=r"fit.log is GALFIT's log; read a restart file that it names"):
        sl.io.read_galfit(write(folder, text, "fit.log"))


def test_bands(shared_data):
    path = shared_data / "multisim" / "fit.multi.feedme"
    (first, image_a), (third, image_c) = (sl.io.read_galfit(path, band=name) for name in "ac")
    assert (image_a.band, image_c.band) == ("a", "c")
    np.testing.assert_array_equal(image_c.data, fits.getdata(shared_data / "multisim" / "img-c.fits"))
    assert set(first.free) == set(third.free)
    with pytest.raises(ValueError, match=r"^band must be one of .*'s, got 'K'; it has a, b, c, d, e$"):
        sl.io.read_galfit(path, band="K")


def test_pictures_are_those_of_galfit(shared_data):
    """The flux in GALFITM's own pictures of the simulation, and what is left of its noisy ones: the noise.

    They were drawn without the PSF that lies beside them.
    """
    folder = shared_data / "multisim"
    truths = json.loads((shared_data / "reference" / "multisim_truth.json").read_text())["truth"]
    for truth in truths:
        model, image = sl.io.read_galfit(folder / "fit.multi.feedme", band=truth["band"])
        flux = 10 ** (-0.4 * (truth["mag"] - image.zeropoint))
        values = {"xc": truth["x"] - 1, "yc": truth["y"] - 1, "flux": flux, "r_eff": truth["re"], "n": truth["n"]}
        values |= {"ellip": 1 - truth["q"], "theta": math.radians(truth["pa"])}
        values = {f"sersic_1.{name}": value for name, value in values.items()} | {"sky.level": truth["sky"]}
        picture = sl.render(model, sl.Image(image.data, sigma=image.sigma), values)
        assert (picture - truth["sky"]).sum() == pytest.approx(truth["clean_sum_minus_sky"], rel=0.01), truth["band"]
        assert np.std(image.data - picture) == pytest.approx(truth["noise_rms"], rel=0.01), truth["band"]


EXAMPLE = "galfit_example/galfit.feedme"
# Best fits of GALFIT and GALFITM (their logs, 1.1.8 to 1.2.0) and of imfit: value, and half of what they span.
PUBLISHED = {"x": (46.53, 0.01), "y": (48.265, 0.015), "mag": (22.995, 0.015), "r_eff": (2.55, 0.05)}
PUBLISHED |= {"n": (4.1, 0.2), "q": (0.845, 0.005), "pa": (-71.0, 1.0), "sky": (0.76, 0.03)}


def example(shared_data):
    """GALFIT's own, whose menu has other pixels than the WCS of its image."""
    with pytest.warns(UserWarning, match=r"pixel_scale is 0\.038 arcsec, that of wcs 0\.05"):
        return sl.io.read_galfit(shared_data / EXAMPLE)


def sersic_by_hand(shape, psf, fine, x, y, mag, r_eff, n, q, pa, sky, zeropoint):
    """What GALFIT draws: means of a Sérsic over `fine` x `fine` parts of a pixel, convolved with as fine a PSF."""
    from astropy.modeling.functional_models import Sersic2D
    from scipy.signal import fftconvolve, resample
    from scipy.special import gamma, gammaincinv

    def mean(rows, columns, steps):
        within = ((np.arange(steps) - (steps - 1) / 2) / steps) / fine
        points = np.meshgrid(np.add.outer(columns, within).ravel(), np.add.outer(rows, within).ravel())
        return conversion(*points).reshape(rows.size, steps, columns.size, steps).mean((1, 3))

    side = fine * psf.shape[0]
    fine_psf = resample(resample(psf, side, axis=0), side, axis=1)[: side - fine + 1, : side - fine + 1]
    b, pad = gammaincinv(2 * n, 0.5), psf.shape[0] // 2
    flux = 10 ** (-0.4 * (mag - zeropoint))
    amplitude = flux / (2 * np.pi * q * r_eff**2 * n * np.exp(b) * b ** (-2 * n) * gamma(2 * n))
    conversion = Sersic2D(amplitude, r_eff, n, x - 1, y - 1, 1 - q, math.radians(pa + 90))
    rows, columns = ((np.arange(fine * (side + 2 * pad)) - (fine - 1) / 2) / fine - pad for side in shape)
    drawn = mean(rows, columns, 3)
    cusp = [slice(fine * (int(at) - 1 + pad - 1), fine * (int(at) - 1 + pad + 3)) for at in (y, x)]
    drawn[tuple(cusp)] = mean(rows[cusp[0]], columns[cusp[1]], 81)
    seen = fftconvolve(drawn, fine_psf, mode="same") / fine**2
    inner = slice(fine * pad, -fine * pad)
    return seen[inner, inner].reshape(shape[0], fine, shape[1], fine).mean((1, 3)) + sky


def test_the_example_is_drawn_as_galfit_does(shared_data):
    """On whole pixels, as the file says, a convolution aliases a cusp; parts of pixels agree everywhere."""
    model, image = example(shared_data)
    best = {name: value for name, (value, _) in PUBLISHED.items()}
    flux = 10 ** (-0.4 * (best["mag"] - image.zeropoint))
    values = {"xc": best["x"] - 1, "yc": best["y"] - 1, "flux": flux, "r_eff": best["r_eff"], "n": best["n"]}
    values |= {"ellip": 1 - best["q"], "theta": math.radians(best["pa"])}
    drawn = sl.render(model, image, {f"sersic_1.{k}": v for k, v in values.items()} | {"sky.level": best["sky"]})
    zeropoint = 26.563 + 2.5 * math.log10(1040)
    coarse, fine = (sersic_by_hand(image.shape, image.psf, k, **best, zeropoint=zeropoint) for k in (1, 5))
    assert (drawn - best["sky"]).sum() == pytest.approx((coarse - best["sky"]).sum(), rel=0.001)
    chi2 = [np.sum(((image.data - picture) / image.sigma) ** 2) for picture in (drawn, coarse)]
    assert chi2[0] == pytest.approx(chi2[1], rel=0.001)
    light = fine - best["sky"]
    assert np.abs(drawn - fine).max() < 0.01 * light.max()
    assert np.abs(drawn - fine).sum() < 0.01 * light.sum()


def test_the_example_is_fit_to_its_published_parameters(shared_data):
    """From the file's own starts, which are far off, and from others."""
    model, image = example(shared_data)
    assert (image.zeropoint, image.pixel_scale) == (
        pytest.approx(26.563 + 2.5 * math.log10(1040)),
        pytest.approx(0.038),
    )
    astray = {"sersic_1.ellip": 0.3, "sersic_1.theta": math.radians(110), "sersic_1.flux": 3e4, "sersic_1.r_eff": 9.0}
    fit = sl.fit(model, image, sl.Laplace(), progress=False)
    other = sl.fit(model, image, sl.MAP(), init=astray, progress=False)
    sd = {path.partition(".")[2]: value for path, value in fit.summary()["sd"].items()}
    for best in (fit.best, other.best):
        own = {path.partition(".")[2]: value for path, value in best.items()}
        found = {"x": (own["xc"] + 1, sd["xc"]), "y": (own["yc"] + 1, sd["yc"])}
        found |= {"mag": (image.zeropoint - 2.5 * math.log10(own["flux"]), 1.086 * sd["flux"] / own["flux"])}
        found |= {"r_eff": (own["r_eff"], sd["r_eff"]), "n": (own["n"], sd["n"])}
        found |= {"q": (1 - own["ellip"], sd["ellip"]), "sky": (own["level"], sd["level"])}
        found |= {"pa": ((math.degrees(own["theta"]) + 161) % 180 - 161, math.degrees(sd["theta"]))}
        for name, (value, error) in found.items():
            published, spread = PUBLISHED[name]
            assert abs(value - published) < error + spread, f"{name}: {value} +- {error}"


# file below configs -> components, zero-point, pixel scale
REAL = {
    "galfit/NGC3756_bd.feedme": (["sersic_1", "expdisk_2", "sky"], 25.614, 0.396),
    "galfit/boxiness_C0.feedme": (["sersic_1"], 22.0, 1.0),
    "galfit/classic_example.feedme": (["sersic_1", "sky"], 26.563, 0.038),
    "galfit/fourier_F1F3F4.feedme": (["sersic_1"], 22.0, 1.0),
    "galfit/gama_t10_obj_q.feedme": (["sky", "sersic_2"], 30.0, 0.339),
    "galfit/simple-window.feedme": (["sersic_1", "sky"], 26.563, 0.038),
    "galfit/star.gal": (["sky"], 21.817, 0.68),
    "galfit_output/galfit.1ser": (["sersic_1", "sky"], 25.0329, 0.1),
    "galfitm/multisim_fit.feedme": (["sersic_1", "sky"], 25.0, 0.396),
    "galfitm/simple.multi.freeandfixed.feedme": (["sersic_1", "sky"], 26.563, 0.038),
    "galfit/EXAMPLE.INPUT": (
        [
            "sersic_1",
            "nuker_2",
            "devauc_3",
            "expdisk_4",
            "edgedisk_5",
            "moffat_6",
            "gaussian_8",
            "king_9",
            "psf_10",
            "sky",
            "sersic_12",
        ],
        26.563,
        0.038,
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data, tmp_path, name):
    """With blank files where they say that theirs are."""
    source = shared_data / "configs" / name
    components, zeropoint, scale = REAL[name]
    path = tmp_path / "a.feedme"
    shutil.copyfile(source, path)
    constraints = shared_data / "configs" / "galfit_constraints" / "simple.constraints"
    for line in path.read_text().splitlines():
        if line.startswith("G)") and line.split()[1] != "none":
            (tmp_path / line.split()[1]).parent.mkdir(exist_ok=True, parents=True)
            shutil.copyfile(constraints, tmp_path / line.split()[1])
    blank = sl.Image(np.zeros((60, 70)), sigma=np.ones((60, 70)), zeropoint=zeropoint, pixel_scale=scale)
    if "boxi" in name or "fourier" in name:
        blank = sl.Image(np.zeros((110, 120)), sigma=1.0, zeropoint=zeropoint, pixel_scale=scale)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model, image = sl.io.read_galfit(path, image=blank)
    assert list(model.components) == components
    assert (image.zeropoint, image.pixel_scale) == (zeropoint, scale)
    assert model.free
