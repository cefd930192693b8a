"""`Catalogue`: its table and files, single fits, and refits."""

import sys
from functools import partial

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import sky_jobs
from astropy.table import QTable
from astropy.wcs import WCS
from sky_jobs import assert_same, many

import sersiclab as sl
from sersiclab.catalogue.columns import natural
from sersiclab.catalogue.counting_bar import counting_bar
from sersiclab.catalogue.recipe_identity import recipe_identity


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> sl.Catalogue:
    """Three fits and two failures, in a folder."""
    folder = tmp_path_factory.mktemp("catalogue") / "run"
    return many([*sky_jobs.good(3), *sky_jobs.bad()[:2]], folder)


def galaxy_image(number: int = 1, **options) -> sl.Image:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [10.0, 10.0]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    data = np.random.default_rng(number).normal(size=(20, 21))
    return sl.Image(data, sigma=1.0, wcs=wcs, zeropoint=25.0, **options)


def galaxy() -> sl.Model:
    shape = {"r_eff": 3.0, "n": 1.0, "ellip": 0.4, "theta": 0.3}
    bulge = sl.Exponential(
        xc=10.0, yc=9.0, flux=sl.Normal(150.0, 1.0), **{k: shape[k] for k in ("r_eff", "ellip", "theta")}
    )
    disk = sl.Sersic(xc=sl.Tied("bulge.xc"), yc=9.0, flux=sl.Tied("bulge.flux", scale=2.0), **shape)
    return sl.Model({"bulge": bulge, "disk": disk})


def test_its_columns_are_those_of_one_fit_with_units():
    image = galaxy_image(unit="nJy")
    catalogue = many([sl.Job("a", image, galaxy())])
    found, fit = catalogue.table, catalogue.fit("a")
    alone = sl.fit(galaxy(), image, sl.Laplace(draws=50), seed=int(found["seed"][0]), progress=False)
    assert fit.best == pytest.approx(alone.best, rel=1e-4)
    one = fit.to_table()
    for name in set(one.colnames) - {"status"}:
        given, expected = u.Quantity(found[name][0]) if name != "verdict" else found[name][0], one[name][0]
        if name == "verdict":
            assert given == expected
        else:
            assert u.isclose(given, u.Quantity(expected), rtol=1e-6, atol=1e-12 * given.unit, equal_nan=True), name
    assert found["bulge_flux"].unit == u.nJy
    assert found["disk_flux"][0].value == pytest.approx(2 * found["bulge_flux"][0].value)
    assert found["disk_flux_err"][0].value == pytest.approx(2 * found["bulge_flux_err"][0].value)
    assert found["bulge_r_eff"].unit == u.pix
    assert found["bulge_r_eff_arcsec"].unit == u.arcsec
    assert found["bulge_mag"].unit == u.mag
    for name in ("bulge_theta", "bulge_ra", "bulge_dec", "bulge_pa"):
        assert found[name].unit == u.deg
    assert found["bulge_theta"][0].value == pytest.approx(np.degrees(0.3))


def test_numbers_in_different_units_are_converted_or_told_apart():
    jobs = [sl.Job(name, galaxy_image(unit=name.split()[0]), galaxy()) for name in ("nJy", "uJy", "nJy 2")]
    found = many(jobs, method=sl.MAP()).table
    assert found["bulge_flux"].unit == u.nJy
    assert found["bulge_flux"][2].value == pytest.approx(1e3 * found["bulge_flux"][0].value)
    jobs.append(sl.Job("z", galaxy_image(), galaxy()))
    found = many(jobs, method=sl.MAP()).table
    assert found["bulge_flux_unit"].tolist() == ["nJy", "nJy", "uJy", ""]
    assert found["bulge_flux"].unit is None
    assert found["bulge_r_eff"].unit == u.pix


def test_it_has_a_length_and_names_in_natural_order(run):
    assert len(run) == 5
    assert list(run) == run.ids == ["g0", "g1", "g2", "masked", "nan"]
    assert "g1" in run
    assert "x" not in run
    assert run.failed == ["masked", "nan"]
    assert run.counts() == {"status": {"done": 3, "failed": 2}, "verdict": run.counts()["verdict"]}
    assert sum(run.counts()["verdict"].values()) == 3
    assert repr(run).startswith(f"Catalogue(5 galaxies in {run.folder}: 3 done, 2 failed; verdicts: 3 ")
    assert "<table" in run._repr_html_()
    assert sorted(["a10", "a2", "b", "1", "10", "9", "a2b"], key=natural) == ["1", "9", "10", "a2", "a2b", "a10", "b"]


def test_it_is_written_and_read(run, tmp_path):
    ecsv = QTable.read(run.to_ecsv(tmp_path / "c.ecsv"))
    assert ecsv["sky_level"].unit == run.table["sky_level"].unit
    np.testing.assert_array_equal(ecsv["sky_level"], run.table["sky_level"])
    assert ecsv["dof"].mask.tolist() == [False, False, False, True, True]
    with_units = QTable.read(run.to_fits(tmp_path / "c.fits"))
    np.testing.assert_array_equal(with_units["sky_level_q84"], run.table["sky_level_q84"])
    frame = pd.read_parquet(run.to_parquet(tmp_path / "c.parquet"))
    np.testing.assert_array_equal(frame["sky_level_mean"], run.table["sky_level"].value)
    assert frame["id"].tolist() == run.ids
    for write in (run.to_ecsv, run.to_fits, run.to_parquet):
        path = tmp_path / f"c.{write.__name__[3:]}"
        with pytest.raises(FileExistsError, match="already exists; pass overwrite=True"):
            write(path)
        assert write(path, overwrite=True) == path


def test_it_is_read_from_its_folder(run):
    again = sl.read_catalogue(run.folder)
    assert_same(again, run)
    assert again.configuration == run.configuration
    with pytest.raises(RuntimeError, match=r"pass them to sl\.read_catalogue"):
        again.fit("g0")
    with_jobs = sl.read_catalogue(run.folder, jobs=sky_jobs.good(3))
    assert with_jobs.fit("g1").best == run.fit("g1").best
    with pytest.raises(KeyError, match="no job has the id 'nan'"):
        with_jobs.job("nan")


def test_a_folder_that_is_none_of_ours(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no catalogue: there is no file run\.json"):
        sl.read_catalogue(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run\.json is damaged"):
        sl.read_catalogue(tmp_path)
    (tmp_path / "run.json").unlink()
    (tmp_path / "part-000001.parquet").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"holds parts of a catalogue, but no run\.json"):
        many([], tmp_path)


def test_a_damaged_part_is_named(tmp_path):
    many(sky_jobs.good(1), tmp_path)
    (tmp_path / "part-000001.parquet").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"part-000001\.parquet is not a readable Parquet file"):
        len(sl.read_catalogue(tmp_path))
    pd.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "part-000001.parquet")
    with pytest.raises(ValueError, match=r"part-000001\.parquet was not written by sersiclab"):
        len(sl.read_catalogue(tmp_path))


def test_a_retry_is_a_new_version(tmp_path):
    jobs = [*sky_jobs.good(2), sl.Job("late", partial(sky_jobs.once_missing, tmp_path / "mark"), sky_jobs.MODEL)]
    first = many(jobs, tmp_path / "run")
    assert first.failed == ["late"]
    assert many(jobs, tmp_path / "run").failed == ["late"]
    second = first.retry(progress=False)
    assert first.failed == ["late"]
    assert second.failed == []
    assert second.table["version"].tolist() == [1, 1, 2]
    assert_same(many(jobs, tmp_path / "run"), second)
    third = sl.read_catalogue(tmp_path / "run", jobs=jobs).retry("g1", sl.MAP(), progress=False)
    assert third.table["version"].tolist() == [1, 2, 2]
    assert third.table["method"].tolist() == ["Laplace(draws=50)", "MAP()", "Laplace(draws=50)"]
    assert third.fit("g1").draws == {}
    assert third.fit("late").best["sky.level"] == third.table["sky_level_best"][2].value
    assert len(third.store.read()) == 5
    with pytest.raises(KeyError, match="no galaxy 'x'"):
        third.retry("x")


def test_a_retry_in_memory_leaves_the_first_catalogue():
    first = many(sky_jobs.good(2))
    second = first.retry("g0", sl.Laplace(draws=20), progress=False)
    assert second.table["version"].tolist() == [2, 1]
    assert first.table["version"].tolist() == [1, 1]


def test_a_refit_with_another_model_is_found_again():
    first = many(sky_jobs.good(2))
    narrow = sky_jobs.model_of(sky_jobs.sky(0), width=0.1)
    second = first.retry("g0", jobs=sky_jobs.good(2, narrow), progress=False)
    assert second.fit("g0").model == narrow
    assert second.fit("g0").best["sky.level"] == second.table["sky_level_best"][0].value
    assert second.fit("g1").model == sky_jobs.MODEL


def test_fits_that_take_long_are_saved(tmp_path):
    method = sl.NUTS(warmup=20, draws=20, chains=1)
    jobs = [sl.Job(name, sky_jobs.sky(1), sky_jobs.MODEL) for name in ("a/b", "A/B")]
    for folder in (tmp_path, None):
        found = many(jobs, folder, method=method)
        again = found if folder is None else sl.read_catalogue(folder)
        fits = [again.fit(name) for name in ("A/B", "a/b")]
        assert [fit.best["sky.level"] for fit in fits] == found.table["sky_level_best"].value.tolist()
        assert fits[0].method == method
    assert len(list((tmp_path / "fits").iterdir())) == 2
    next((tmp_path / "fits").iterdir()).unlink()
    missing = sl.read_catalogue(tmp_path)
    with pytest.raises(RuntimeError, match="its file is gone"):
        [missing.fit(name) for name in missing]


def test_without_pyarrow_a_folder_says_what_to_install(tmp_path, monkeypatch):
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (
        partial(many, [], tmp_path / "run"),
        partial(sl.read_catalogue, tmp_path),
        partial(many([]).to_parquet, tmp_path / "a.parquet"),
    ):
        with pytest.raises(sl.MissingPackageError, match=r"pip install 'sersiclab\[catalogue\]'"):
            call()
    assert not (tmp_path / "run").exists()
    assert len(many(sky_jobs.good(1))) == 1


def test_the_bar_counts(capsys):
    with counting_bar(5, done=2, shown=True) as update:
        update(3, 0)
        update(5, 1)
    said = capsys.readouterr().err
    assert "5/5" in said
    assert "1 failed" in said
    with counting_bar(5, done=0, shown=False) as update:
        update(1, 0)
    assert capsys.readouterr().err == ""


def closure(width):
    def recipe(image):
        return sky_jobs.model_of(image, width=width)

    return recipe


def test_recipes_are_told_apart():
    class Recipe:
        def __init__(self, width):
            self.width = width

        def __call__(self, image):
            return sky_jobs.model_of(image, width=self.width)

    kinds = [
        sky_jobs.MODEL,
        sky_jobs.model_of,
        sky_jobs.other_model_of,
        partial(sky_jobs.model_of, width=2.0),
        partial(sky_jobs.model_of, width=3.0),
        partial(sl.guess, what="sersic"),
        partial(sl.guess, what={"a": "sersic"}),
        partial(sl.guess, position=np.zeros(2)),
        partial(sl.guess, position=np.ones(2)),
        partial(sl.guess, noise=sl.InflatedNoise(sl.GaussianNoise())),
        sl.guess,
        closure(1.0),
        closure(2.0),
        lambda image: sky_jobs.MODEL,
        Recipe(1.0),
        Recipe(2.0),
        Recipe(2.0).__call__,
    ]
    names = [recipe_identity(kind) for kind in kinds]
    assert len(set(names)) == len(names)
    assert names[10] == "sersiclab.guess.guess"
    assert names[5] == "sersiclab.guess.guess(what='sersic')"
    assert not any(" at 0x" in name for name in names)
    assert recipe_identity(Recipe(1.0)) == names[14]
    assert recipe_identity(closure(1.0)) == names[11]


def test_stamps_of_a_mosaic_have_a_place_in_it():
    mosaic = sl.Image(np.random.default_rng(0).normal(size=(90, 100)), sigma=1.0)
    rows = [{"id": "a", "x": 30.0, "y": 40.0}, {"id": "b", "x": 900.0, "y": 4.0}]
    jobs = sl.jobs(rows, mosaic, size=20, model=sky_jobs.MODEL)
    table = many(jobs, method=sl.MAP()).table
    assert (table["x0"][0], table["y0"][0]) == (21, 31)
    assert table["x0"].mask.tolist() == [False, True]
    assert "lies outside of the mosaic" in table["message"][1]
    assert "x0" not in many(sky_jobs.good(1)).table.colnames


def test_a_group_is_identified_without_its_image():
    mosaic = sl.Image(np.random.default_rng(0).normal(size=(90, 100)), sigma=1.0)
    rows = [{"id": "a", "x": 30.0, "y": 40.0}, {"id": "b", "x": 50.0, "y": 40.0}]
    first, second = sl.jobs(rows, mosaic, size=20, neighbours="model")
    assert recipe_identity(first.model) == recipe_identity(second.model)
    assert recipe_identity(first.model).endswith("GroupModel(model=sersiclab.guess.guess)")
