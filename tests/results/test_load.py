from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from astropy.wcs.wcsapi import SlicedLowLevelWCS

from sersiclab.data.image import Image
from sersiclab.documents import storage
from sersiclab.documents.fit_format import to_tree
from sersiclab.inference import MAP, Laplace
from sersiclab.inference.base import AbstractMethod
from sersiclab.io import load
from sersiclab.model import Model
from sersiclab.parameters import parameter
from sersiclab.profiles import AbstractSky
from sersiclab.results import Fit


MakeFit = Callable[..., Fit]


class Pedestal(AbstractSky):
    """A user's own sky."""

    height: Any = parameter(unit="image", doc="height")

    def brightness(self, x: Any, y: Any) -> Any:
        return self.height + 0.0 * x


class Mine(AbstractMethod):
    """A user's own method."""

    steps: int = 3
    label: str = "a"
    scale: float = 0.1

    def solve(self, problem: Any, monitor: Any) -> Any:
        raise NotImplementedError


def saved_and_loaded(fit: Fit, folder: Path, **options: Any) -> Fit:
    return load(fit.save(folder / "galaxy.asdf"), **options)


def assert_same_arrays(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()


def test_everything_comes_back_exactly(make_fit: MakeFit, tmp_path: Path) -> None:
    fit = make_fit(covariance=np.eye(9) / 3, message="so-so", status="cancelled after 400 of 500 draws")
    fit.derive(lambda s: s["core"].flux / s["galaxy"].flux, name="B/T", unit="")
    found = saved_and_loaded(fit, tmp_path)
    assert found.model == fit.model
    assert list(found.model.components) == list(fit.model.components)
    assert found.method == fit.method
    assert_same_arrays(found.draws, fit.draws)
    assert_same_arrays(found.stats, fit.stats)
    assert_same_arrays({"covariance": found.covariance}, {"covariance": fit.covariance})
    for name in ("best", "seed", "status", "message", "timing", "versions"):
        assert getattr(found, name) == getattr(fit, name)
    assert found.summary().equals(fit.summary())
    assert found.verdict == fit.verdict
    assert found.chi2 == fit.chi2


def test_draws_keep_their_precision(make_fit: MakeFit, tmp_path: Path) -> None:
    fit = make_fit()
    single = make_fit(draws={path: array.astype(np.float32) for path, array in fit.draws.items()})
    assert_same_arrays(saved_and_loaded(single, tmp_path).draws, single.draws)


def test_a_map_comes_back(map_fit: Fit, tmp_path: Path) -> None:
    found = saved_and_loaded(map_fit, tmp_path)
    assert (found.draws, found.stats, found.covariance, found.method) == ({}, {}, None, MAP())
    assert found.best == map_fit.best


@pytest.mark.parametrize("kind", [">f8", ">f4", "<f8", "int16"])
def test_images_of_any_kind_come_back(make_fit: MakeFit, scene: tuple[Model, Image], tmp_path: Path, kind: str) -> None:
    original = scene[1]
    data = np.where(original.mask, 0 if kind == "int16" else np.nan, original.data).astype(kind)
    psf = original.psf.astype(np.float32) if kind == ">f4" else original.psf
    sigma = np.where(original.mask, -1.0, original.sigma)
    image = Image(
        data, sigma=sigma, psf=psf, mask=original.mask, psf_oversampling=1, zeropoint=22.5, pixel_scale=0.262, gain=2.0,
        band="r", psf_includes_pixel=False,
    )  # fmt: skip
    found = saved_and_loaded(make_fit(image=image), tmp_path).image
    arrays = ("data", "sigma", "mask", "psf")
    assert_same_arrays({k: getattr(found, k) for k in arrays}, {k: getattr(image, k) for k in arrays})
    for name in ("psf_oversampling", "psf_includes_pixel", "zeropoint", "pixel_scale", "gain", "band", "wcs"):
        assert getattr(found, name) == getattr(image, name)


def test_an_image_without_psf_comes_back(make_fit: MakeFit, scene: tuple[Model, Image], tmp_path: Path) -> None:
    image = Image(np.ones((4, 7)), sigma=1.0)
    assert saved_and_loaded(make_fit(image=image), tmp_path).image.psf is None


def test_the_wcs_comes_back(make_fit: MakeFit, scene: tuple[Model, Image], tmp_path: Path) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.123456789, 2.3456789012]
    wcs.wcs.crpix = [22.5, 14.25]
    wcs.wcs.cd = np.array([[-7.1e-5, 1e-6], [1.1e-6, 7.2e-5]])
    original = scene[1]
    image = Image(original.data, sigma=original.sigma, mask=original.mask, wcs=wcs)
    found = saved_and_loaded(make_fit(image=image), tmp_path).image.wcs
    x, y = np.array([0.0, 44.0]), np.array([29.0, 3.0])
    np.testing.assert_allclose(found.wcs_pix2world(x, y, 0), wcs.wcs_pix2world(x, y, 0), rtol=0, atol=1e-10)


def test_another_kind_of_wcs_is_left_out_with_a_warning(make_fit: MakeFit, scene: Any, tmp_path: Path) -> None:
    original = scene[1]
    cube = WCS(naxis=3)
    cube.wcs.ctype = "RA---TAN", "DEC--TAN", "WAVE"
    wcs = SlicedLowLevelWCS(cube, (0, slice(None), slice(None)))
    image = Image(original.data, sigma=original.sigma, mask=original.mask, wcs=wcs)
    with pytest.warns(UserWarning, match="not a SlicedLowLevelWCS: it is left out"):
        assert saved_and_loaded(make_fit(image=image), tmp_path).image.wcs is None


def test_a_fit_of_no_method_of_ours_comes_back(make_fit: MakeFit, tmp_path: Path) -> None:
    assert saved_and_loaded(make_fit(method=None), tmp_path).method is None


def test_a_users_own_types_are_named_to_load(make_fit: MakeFit, scene: tuple[Model, Image], tmp_path: Path) -> None:
    model = scene[0].with_component("pedestal", Pedestal(height=0.0))
    fit = make_fit(model=model, method=Mine(steps=7))
    found = saved_and_loaded(fit, tmp_path, types=[Pedestal, Mine])
    assert found.model == model
    assert found.method == Mine(steps=7)
    with pytest.raises(ValueError, match="Pedestal"):
        load(tmp_path / "galaxy.asdf")
    with pytest.raises(ValueError, match="Mine"):
        load(tmp_path / "galaxy.asdf", types=[Pedestal])


def test_a_loaded_fit_goes_on(make_fit: MakeFit, tmp_path: Path) -> None:
    found = saved_and_loaded(make_fit(method=Laplace(), shape=(1, 30), stats={}), tmp_path)
    found.derive(lambda s: s["galaxy"].n, name="n")
    assert set(found.posterior["posterior"].data_vars) == {*found.model.free, "n"}
    again = saved_and_loaded(found, tmp_path)
    assert again.summary().equals(found.summary())


def test_the_psfs_centre_comes_back(make_fit: MakeFit, scene: Any, tmp_path: Path) -> None:
    original = scene[1]
    y, x = np.indices((20, 20))
    psf = np.exp(-((x - 10) ** 2 + (y - 10) ** 2) / 4.5)
    given = Image(original.data, sigma=original.sigma, mask=original.mask, psf=psf / psf.sum(), psf_centre="centroid")
    found = saved_and_loaded(make_fit(image=given), tmp_path).image
    assert (found.psf_centre, found.psf_origin) == ("centroid", given.psf_origin)
    path = make_fit(image=given).write_fits(tmp_path / "planes.fits")
    assert Image.read(path, psf=f"{path}[PSF]").psf_origin == given.psf_origin


def test_files_without_the_psfs_centre_are_read(make_fit: MakeFit, scene: Any, tmp_path: Path) -> None:
    tree = to_tree(vars(make_fit()))
    del tree["image"]["psf_centre"]
    storage.write(tmp_path / "old.asdf", "fit", tree)
    assert load(tmp_path / "old.asdf").image.psf_centre == "array"
