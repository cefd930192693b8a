"""imfit's command in a comment of its files: every option changes the result or is named in the warning."""

import warnings

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl
from sersiclab.io.imfit_options import FIT, OPTIONS, parse_command


SHAPE = (30, 40)
GALAXY = "X0 19 10,30\nY0 14\nFUNCTION Exponential\nPA 18\nell 0.2\nI_0 100\nh 3\n"
STAR = "X0 19\nY0 14\nFUNCTION PointSource\nI_tot 1e4\n"
VALUES = {
    "config": "other.dat", "noise": "noise.fits", "mask": "mask.fits", "psf": "psf.fits", "gain": "4.5",
    "readnoise": "3", "sky": "130", "exptime": "60", "ncombined": "3",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, rng):
    """The planes that commands name; every number of the noise image is a variance or a weight as well."""
    psf = np.exp(-0.5 * ((np.arange(7) - 3) ** 2 + (np.arange(7)[:, None] - 3) ** 2))
    mask = np.zeros(SHAPE, np.uint8)
    mask[8:10, 17] = 1
    planes = {"gal": rng.uniform(200.0, 300.0, SHAPE), "noise": rng.uniform(4.0, 9.0, SHAPE), "mask": mask, "psf": psf}
    for name, plane in planes.items():
        fits.writeto(tmp_path / f"{name}.fits", plane)
    return tmp_path


def read(folder, command, text=GALAXY, **options):
    """The model, the image and all warnings."""
    (folder / "best.dat").write_text(f"# Best-fit model results for imfit 1.9.0\n#    imfit {command}\n{text}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model, image = sl.io.read_imfit(folder / "best.dat", **options)
    return model, image, "\n".join(str(warning.message) for warning in caught)


def plane(folder, name):
    return fits.getdata(folder / f"{name}.fits").astype(float)


def same(one, other):
    return one[0] == other[0] and all(
        np.array_equal(getattr(one[1], name), getattr(other[1], name))
        if getattr(one[1], name) is not None and getattr(other[1], name) is not None
        else getattr(one[1], name) is getattr(other[1], name)
        for name in ("data", "sigma", "mask", "psf")
    )


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_changes_the_result_or_is_named(folder, option, joined):
    """The configuration that a command started from is the only one that says nothing."""
    base = "gal.fits --gain 2 --readnoise 1"
    if option.name in ("errors-are-variances", "errors-are-weights", "mask-zero-is-bad"):
        base = "gal.fits --noise=noise.fits --mask=mask.fits"
    base = "gal.fits --gain 2" if option.name in ("noise", "cashstat", "poisson-mlr", "mlr") else base
    value = VALUES.get(option.name, "7") if option.takes_value else ""
    written = f"--{option.name}" + (f"{'=' if joined else ' '}{value}" if value else "")
    before, after = read(folder, base), read(folder, f"{base} {written}")
    if option.name != "config":
        assert not same(before, after) or f"--{option.name}" in after[2]
    assert (f"--{option.name}" in after[2]) == (option.lacking != "")
    assert ("about " + FIT in after[2]) == (option.lacking == FIT)


def test_flags_without_their_image_are_named(folder):
    _, _, told = read(folder, "gal.fits --gain 2 --errors-are-variances --mask-zero-is-bad")
    assert "--errors-are-variances: not used, since there is no noise image" in told
    assert "--mask-zero-is-bad: not used, since there is no mask image" in told
    command = "gal.fits --noise noise.fits --mask mask.fits --errors-are-weights --mask-zero-is-bad"
    _, image, told = read(folder, command, sigma=plane(folder, "noise"), mask=plane(folder, "mask"))
    np.testing.assert_array_equal(image.sigma, plane(folder, "noise"))
    assert image.mask.sum() == 2
    assert "--errors-are-weights: not used, since sigma= is given" in told
    assert "--mask-zero-is-bad: not used, since mask= is given" in told


def test_unknown_options_are_named(folder):
    model, image, told = read(folder, "--new-thing 3 gal.fits --other=5 -x --noise noise.fits")
    assert "--new-thing 3, --other 5, -x: left out (unknown)" in told
    np.testing.assert_array_equal(image.sigma, plane(folder, "noise"))
    assert len(model.free) == 6


ERRORS = {"": lambda x: x, "--errors-are-variances": np.sqrt, "--errors-are-weights": lambda x: x**-0.5}


@pytest.mark.parametrize("flag", ERRORS)
def test_noise_images(folder, flag):
    _, image, told = read(folder, f"gal.fits -c a.dat --noise noise.fits {flag}")
    np.testing.assert_allclose(image.sigma, ERRORS[flag](plane(folder, "noise")), rtol=1e-12)
    assert told == ""


def test_weights_of_zero_count_for_nothing(folder):
    weights = plane(folder, "noise")
    weights[2, 2:4] = 0.0, np.nan
    fits.writeto(folder / "noise.fits", weights, overwrite=True)
    _, image, _ = read(folder, "gal.fits --noise noise.fits --errors-are-weights")
    assert np.argwhere(image.mask).tolist() == [[2, 2], [2, 3]]


def test_masks(folder):
    _, image, _ = read(folder, "gal.fits --noise noise.fits --mask mask.fits")
    np.testing.assert_array_equal(image.mask, plane(folder, "mask") == 1)
    _, image, _ = read(folder, "gal.fits --noise noise.fits --mask mask.fits --mask-zero-is-bad")
    np.testing.assert_array_equal(image.mask, plane(folder, "mask") == 0)


def test_numbers_of_the_detector(folder):
    """sigma² = (data + sky) / g + n r² / g², g = gain * time * n (Erwin 2015); options win over keywords."""
    text = "GAIN 3\nREADNOISE 9\nNCOMBINED 2\n" + GALAXY
    _, image, told = read(folder, "gal.fits --gain=4.5 --readnoise 0.7 --sky 130 --exptime=60", text)
    g = 4.5 * 60 * 2
    expected = (plane(folder, "gal") + 130) / g + 2 * 0.7**2 / g**2
    np.testing.assert_allclose(image.sigma**2, expected, rtol=1e-12)
    assert told == ""
    _, image, _ = read(folder, "gal.fits --sky=130")  # imfit's gain is 1 then
    np.testing.assert_allclose(image.sigma**2, plane(folder, "gal") + 130, rtol=1e-12)
    _, image, told = read(folder, "gal.fits --noise noise.fits --gain 4.5 --sky 130")
    np.testing.assert_array_equal(image.sigma, plane(folder, "noise"))
    assert "--gain, --sky: not used, since there is an error map" in told
    _, _, told = read(folder, "gal.fits --gain x --exptime -3 --readnoise 2")
    assert "--gain x: left out" in told
    assert "--exptime -3: left out" in told


@pytest.mark.parametrize("flag", ["--cashstat", "--poisson-mlr", "--mlr"])
def test_poisson_statistics(folder, flag):
    data = plane(folder, "gal")
    data[0, :3] = 0.0, 0.0, -2.0
    fits.writeto(folder / "gal.fits", data, overwrite=True)
    model, image, told = read(folder, f"gal.fits --gain 2 --exptime 10 --sky 5 {flag}")
    assert model.noise == sl.PoissonNoise(gain=20.0, sky=5.0)
    assert told == ""
    assert (image.sigma > 0).all()
    model, _, _ = read(folder, f"gal.fits --gain 2 {flag}")  # no sigma at all from the counts of some pixels
    assert model.noise == sl.PoissonNoise(gain=2.0, sky=0.0)
    _, _, told = read(folder, f"gal.fits --gain 2 {flag} --noise noise.fits --readnoise 3")
    assert f"--noise, --readnoise: not used, since the noise of {flag} is Poisson" in told


def test_sections(folder):
    """X0 and Y0 count in the whole image."""
    section = "[11:35,6:25]"
    command = f"gal.fits{section} --noise noise.fits[0]{section} --mask 'mask.fits{section}'"
    model, image, told = read(folder, command)
    np.testing.assert_array_equal(image.data, plane(folder, "gal")[5:25, 10:35])
    np.testing.assert_array_equal(image.sigma, plane(folder, "noise")[5:25, 10:35])
    np.testing.assert_array_equal(image.mask, plane(folder, "mask")[5:25, 10:35] == 1)
    galaxy = model.components["exponential_1"]
    assert galaxy.xc == sl.Uniform(-1.0, 19.0, init=8.0)
    assert model.initial["exponential_1.yc"] == 8.0
    assert told == ""


def test_a_section_that_the_user_gives(folder):
    model, image, _ = read(folder, "x.fits", data=folder / "gal.fits[11:35,6:25]", sigma=2.0)
    assert (image.shape, model.initial["exponential_1.xc"]) == ((20, 25), 8.0)
    cutout = plane(folder, "gal")[5:25, 10:35]
    model, _, told = read(folder, "x.fits[11:35,6:25]", data=cutout, sigma=2.0)
    assert model.initial["exponential_1.xc"] == 8.0
    assert "data has the size of the section [11:35,6:25] and is assumed to be it" in told
    model, _, told = read(folder, "x.fits[11:35,6:25]", data=plane(folder, "gal"), sigma=2.0)
    assert (model.initial["exponential_1.xc"], told) == (18.0, "")


def test_the_level_of_a_tilted_sky_in_a_section(folder):
    """imfit: I_0 + m_x (x - X0) + m_y (y - Y0) in its own pixels."""
    text = "X0 19 fixed\nY0 14 fixed\nFUNCTION TiltedSkyPlane\nI_0 3\nm_x 0.1\nm_y 0.2\n"
    model, image, _ = read(folder, "gal.fits[11:35,6:25] --noise noise.fits[11:35,6:25]", text)
    y, x = np.indices(image.shape)
    expected = 3 + 0.1 * (x + 11 - 19) + 0.2 * (y + 6 - 14)
    np.testing.assert_allclose(sl.render(model, image, model.initial), expected, atol=1e-5)


# option -> what stands in its place
ABSENT = {
    "noise": "sigma comes from the detector's numbers, or is measured",
    "mask": "no pixel is masked",
    "psf": "the model is not blurred",
}


@pytest.mark.parametrize("option", ABSENT)
def test_an_absent_companion_is_listed_and_done_without(folder, option):
    _, expected, _ = read(folder, "gal.fits --gain 3")
    _, image, told = read(folder, f"gal.fits --gain 3 --{option} away/none.fits")
    assert f"--{option}: the file is missing (there is no file" in told
    assert ABSENT[option] in told
    np.testing.assert_array_equal(image.sigma, expected.sigma)
    assert (image.psf, image.mask.any()) == (None, False)


def test_the_model_of_an_absent_image(folder):
    model, image, told = read(folder, "away.fits[101:160,101:170] --cashstat --gain 2")
    assert image is None
    assert "the image is missing (there is no file" in told
    assert model.initial["exponential_1.xc"] == 18.0
    assert model.noise == sl.PoissonNoise(gain=2.0, sky=0.0)


def test_the_command_of_imfit_mcmc(folder):
    text = "# /opt/bin/imfit-mcmc -c a.dat gal.fits[0] -o chains --noise=noise.fits --nchains 5\n" + GALAXY
    (folder / "a.dat").write_text(text)
    with pytest.warns(UserWarning, match=rf"--output chains, --nchains 5: left out \(about {FIT}\)"):
        _, image = sl.io.read_imfit(folder / "a.dat")
    np.testing.assert_array_equal(image.sigma, plane(folder, "noise"))


def test_words_of_a_command():
    command = parse_command(["-c", "a.dat", "gal.fits[1]", "--sky", "-3", "--mlr"])
    assert command.image == "gal.fits[1]"
    assert command.options == {"config": "a.dat", "sky": "-3", "mlr": ""}


def test_an_ellipticity_below_zero_is_the_same_ellipse(folder):
    """imfit's radius is sqrt(u² + (v/q)²) with q = 1 - ell."""
    text = GALAXY.replace("ell 0.2", "ell -0.25 -0.5,0.5").replace("h 3", "h 3 1,9").replace("PA 18", "PA 18 0,90")
    model, _, told = read(folder, "gal.fits --gain 3", text)
    upright, _, _ = read(folder, "gal.fits --gain 3", GALAXY.replace("PA 18", "PA 108").replace("h 3", "h 3.75"))
    numbers = dict(model.initial)
    assert numbers == pytest.approx({**upright.initial, "exponential_1.ellip": 0.2}, rel=1e-6)
    assert model.components["exponential_1"].r_eff.support() == pytest.approx(
        (1.25 * 1.6783469900166605, 1.25 * 9 * 1.6783469900166605)
    )
    assert "line 7: the axis ratio 1.25, which is above 1" in told


NONSENSE = {
    "h = 1e300": ("h 3", "h 1e300", 9, r"h = 1e\+300: r_eff must be at most 1e\+06 pixels"),
    "n = 0": ("h 3", "h 0", 9, r"h = 0: r_eff, .* must be positive"),
    "ell = 1": ("ell 0.2", "ell 1", 7, r"ell = 1: the axis ratio must be positive"),
    "pa": ("PA 18", "PA 1e300", 6, r"PA = 1e\+300: an angle must be a few turns"),
    "x": ("X0 19 10,30", "X0 1e300", 3, r"X0 = 1e\+300: a position must lie near the image"),
    "nan": ("I_0 100", "I_0 nan", 8, r"I_0 must have a number, got 'nan'"),
    "template": ("I_0 100", "I_0 {peak}", 8, r"I_0 must have a number, .*{peak} is a placeholder of a template"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_an_error_with_its_line(folder, name):
    old, new, line, message = NONSENSE[name]
    with pytest.raises(ValueError, match=rf"best.dat, line {line}: {message}"):
        read(folder, "gal.fits --gain 3", GALAXY.replace(old, new) + STAR)


@pytest.mark.parametrize(
    "name", ["GAL.FITS", "gal.img", "gal", "'my gal.fits'", '"my gal.fits"', "o'brien.fits", "./gal.fits"]
)
def test_images_of_any_name(folder, name):
    (folder / name.strip("'\"")).write_bytes((folder / "gal.fits").read_bytes())
    _, image, _ = read(folder, f"{name} -c conf.dat --noise=noise.fits")
    np.testing.assert_array_equal(image.data, plane(folder, "gal"))


def test_weights_win_over_variances(folder):
    _, image, told = read(folder, "gal.fits --noise noise.fits --errors-are-variances --errors-are-weights")
    np.testing.assert_allclose(image.sigma, plane(folder, "noise") ** -0.5, rtol=1e-12)
    assert "--errors-are-variances: not used, since --errors-are-weights is given too" in told
