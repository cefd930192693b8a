"""Shifts of images against the first."""

from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.model.joint_frames import frames_of
from sersiclab.model.reprojection import mapped_model, mapped_values
from sersiclab.runtime.errors import InputError


TRUTH = {"star.xc": 8.4, "star.yc": 9.1, "star.flux.g": 90.0, "star.flux.r": 150.0}
SHIFTED = {"images.dx.r": 0.4, "images.dy.r": -0.3}
PLACE = {"xc": sl.Normal(9.0, 1.0), "yc": sl.Normal(9.0, 1.0)}


def image(scale: float, angle: float, parity: int, shape: tuple[int, int], band: str) -> sl.Image:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [9.5, 10.0]
    c, s = np.cos(angle), np.sin(angle)
    wcs.wcs.cd = scale / 3600 * np.array([[-c * parity, s], [s * parity, c]])
    y, x = np.indices((9, 9)) - 4
    psf = np.exp(-0.5 * (x**2 + y**2) / 1.3**2)
    return sl.Image(np.zeros(shape), sigma=0.1, psf=psf / psf.sum(), wcs=wcs, band=band)


def pair(*, angle: float = 0.0, parity: int = 1, scale: float = 0.2) -> sl.Images:
    """Return empty images of one field; the second is rotated, mirrored or of another scale."""
    return sl.Images({"g": image(0.2, 0.0, 1, (20, 19), "g"), "r": image(scale, angle, parity, (22, 20), "r")})


def star_model(**centre: sl.Parameter) -> sl.Model:
    star = sl.PointSource(**{**PLACE, **centre}, flux=sl.PerBand(sl.LogUniform(low=1.0, high=1e4, init=100.0)))
    return sl.Model({"star": star, "sky": sl.FlatSky(0.0)})


def shifted(images: sl.Images, **centre: sl.Parameter) -> sl.Model:
    return star_model(**centre).for_images(images).with_shift("r", prior=sl.Normal(0.0, 1.0))


def centroid(picture: np.ndarray) -> np.ndarray:
    y, x = np.indices(picture.shape)
    return np.array([np.sum(x * picture), np.sum(y * picture)]) / np.sum(picture)


def test_paths_and_documents() -> None:
    model = shifted(pair())
    assert list(model.free)[-2:] == ["images.dx.r", "images.dy.r"]
    assert sl.from_dict(sl.to_dict(model)) == model
    scope: dict[str, sl.Model] = {}
    exec(sl.to_python(model), scope)
    assert scope["model"] == model
    assert model.without("images") == star_model().for_images(pair())
    assert "shift" not in sl.to_dict(model.without("images"))
    assert model.of("g").shift is None
    fixed = model.replace({"images.dx.r": 0.5}).with_shift("r", prior=0.25)
    assert fixed.of("r").shift == sl.Shift(dx=0.25, dy=0.25)
    assert "star" not in model.with_component("other", sl.PointSource(xc=1.0, yc=2.0, flux=1.0)).without("star").owners


def test_guessed_models_take_shifts() -> None:
    images = sl.simulate(shifted(pair()), pair(), {**TRUTH, **SHIFTED}, seed=1)
    model = sl.guess(images, "pointsource").with_shift("r", prior=sl.Normal(0.0, 0.5))
    assert "images.dy.r" in model.free


def test_wrong_shifts_are_refused() -> None:
    images = pair()
    with pytest.raises(InputError, match=r"use model\.for_images"):
        sl.Model({"sky": sl.FlatSky(0.0)}).with_shift("r", prior=1.0)
    with pytest.raises(InputError, match="is not an image of this model"):
        shifted(images).with_shift("z", prior=1.0)
    with pytest.raises(InputError, match="first image"):
        shifted(images).with_shift("g", prior=1.0)
    everywhere = sl.Shift(dx=sl.PerImage(sl.Normal(0.0, 1.0)))
    with pytest.raises(InputError, match=r"images\.dx shifts the first image, 'g'"):
        sl.Model({"sky": sl.FlatSky(0.0)}, shift=everywhere).for_images(images)
    with pytest.raises(InputError, match="must be PerImage"):
        sl.Model({"sky": sl.FlatSky(0.0)}, shift=sl.Shift(dx=sl.PerBand(sl.Normal(0.0, 1.0)))).for_images(images)
    with pytest.raises(InputError, match="is degenerate with a shift of the sources"):
        sl.render(shifted(images).of("r"), images["r"])
    with pytest.raises(TypeError, match="shift must be a Shift"):
        sl.Model({"sky": sl.FlatSky(0.0)}, shift=0.3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="can't have the name 'images'"):
        sl.Model({"images": sl.FlatSky(0.0)}, shift=sl.Shift())


@pytest.mark.parametrize(("angle", "parity", "scale"), [(0.0, 1, 0.2), (0.5, -1, 0.15)])
def test_a_shift_moves_sources_in_the_pixels_of_the_image(angle: float, parity: int, scale: float) -> None:
    images = pair(angle=angle, parity=parity, scale=scale)
    model = shifted(images)
    moved, still = (sl.render(model, images, {**TRUTH, **shift}) for shift in (SHIFTED, dict.fromkeys(SHIFTED, 0.0)))
    np.testing.assert_array_equal(moved["g"], still["g"])
    np.testing.assert_allclose(centroid(moved["r"]) - centroid(still["r"]), [0.4, -0.3], atol=5e-3)
    plain = sl.render(model.without("images"), images, TRUTH)
    for name in images:
        np.testing.assert_allclose(still[name], plain[name], atol=2e-5 * plain[name].max())


def test_the_density_is_that_of_the_shifted_picture() -> None:
    images = sl.simulate(shifted(pair()), pair(), {**TRUTH, **SHIFTED}, seed=2)
    posterior = sl.Posterior(shifted(images), images)
    pictures = sl.render(shifted(images), images, {**TRUTH, **SHIFTED})
    chi2 = {
        name: sum(np.sum(np.square((images[n].data - p) / images[n].sigma)) for n, p in shown.items())
        for name, shown in {"there": pictures, "here": sl.render(star_model(), images, TRUTH)}.items()
    }
    gain = posterior.log_likelihood({**TRUTH, **SHIFTED}) - posterior.log_likelihood(
        {**TRUTH, **dict.fromkeys(SHIFTED, 0.0)}
    )
    np.testing.assert_allclose(gain, 0.5 * (chi2["here"] - chi2["there"]), rtol=1e-3)


def test_a_shift_is_recovered_and_part_of_the_centre_in_the_fit_of_its_image(tmp_path) -> None:
    images = pair(angle=0.5, parity=-1, scale=0.15)
    other = sl.PointSource(xc=sl.Tied("star.xc", offset=3.0), yc=sl.Tied("star.yc"), flux=20.0)
    model = shifted(images).with_component("other", other)
    images = sl.simulate(model, images, {**TRUTH, **SHIFTED}, seed=3)
    fit: Any = sl.fit(model, images, sl.Laplace(), progress=False)
    table = fit.summary()
    for path, value in {**TRUTH, **SHIFTED}.items():
        assert abs(table.loc[path, "mean"] - value) < 4.0 * table.loc[path, "sd"]
    assert table.loc["images.dx.r", "unit"] == "pixel"
    own = fit.of("r")
    assert own.model.shift is None
    assert list(own.model.free) == ["star.xc", "star.yc", "star.flux"]
    assert isinstance(own.model.components["other"].xc, sl.Tied)
    np.testing.assert_allclose(own.model_image, sl.render(fit.model, images, fit.best)["r"], atol=1e-3)
    np.testing.assert_allclose(own.chi2 + fit.of("g").chi2, fit.chi2, rtol=1e-6)
    assert "images_dx_r" in fit.to_table().colnames
    again = sl.load(fit.save(tmp_path / "shifted.asdf"))
    assert again.model == fit.model
    assert again.best == fit.best


def test_fixed_centres_are_as_uncertain_as_the_shift() -> None:
    images = pair()
    model = shifted(images, xc=8.4, yc=9.1).replace({"images.dy.r": 0.25})
    frame = frames_of(model, images)["r"]
    assert frame is not None
    own = mapped_model(model.of("r"), frame)
    assert list(own.free) == ["star.xc", "star.flux"]
    star: Any = own.components["star"]
    assert star.yc == pytest.approx(9.35)
    assert own.free["star.xc"].support() == (-np.inf, np.inf)
    shifts = np.array([0.1, 0.4, -0.2])
    values = mapped_values(model.of("r"), {"star.flux": np.array([1.0, 2.0, 3.0]), "images.dx": shifts}, frame)
    np.testing.assert_allclose(values["star.xc"], 8.4 + shifts)
    np.testing.assert_allclose(values["star.yc"], 9.35)


def test_a_shift_is_listed_as_beyond_galfit(tmp_path) -> None:
    images = pair(scale=0.2)
    same = sl.Images({"g": images["g"], "r": sl.Image(np.zeros((20, 19)), sigma=0.1, wcs=images["g"].wcs, band="r")})
    with pytest.warns(UserWarning, match="can't shift images against each other"):
        sl.io.write_galfit(shifted(same), same, tmp_path / "two.feedme")
