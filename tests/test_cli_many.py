"""`sersiclab many`: a table and a mosaic become a folder of rows and a summary."""

import json
import sys

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable, Table

import sersiclab as sl
from sersiclab.cli import main


BEYOND = {"id": "far", "x": 500.0, "y": 10.0}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A mosaic with three Gaussians, and a table of them and of a position beyond its edge; the working directory."""
    y, x = np.indices((60, 80))
    places = [{"id": str(i), "x": 15.0 + 22 * i, "y": 25.0 + 5 * i} for i in range(3)]
    light = sum(40 * np.exp(-0.5 * ((x - row["x"]) ** 2 + (y - row["y"]) ** 2) / 4.0) for row in places)
    noise = np.random.default_rng(0).normal(size=light.shape)
    fits.writeto(tmp_path / "sci.fits", light + noise)
    fits.writeto(tmp_path / "rms.fits", np.ones_like(light))
    Table([*places, BEYOND]).write(tmp_path / "sources.ecsv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


MANY = ["many", "sources.ecsv", "--image", "sci.fits", "--sigma", "rms.fits", "--size", "24", "-o", "run"]
QUICK = [*MANY, "--components", "galaxy=gaussian", "--method", "map"]


def test_a_table_becomes_a_catalogue_and_the_same_command_does_the_rest(files, capsys):
    assert main(QUICK) == 0
    said = capsys.readouterr().out
    assert "4 of 4 galaxies: 3 done, 1 failed" in said
    assert "1 failed: InputError: the stamp of 'far' at x = 500, y = 10 lies outside of the mosaic" in said
    assert "4 in this run" in said
    table = QTable.read(files / "run" / "catalogue.ecsv")
    assert table["id"].tolist() == ["0", "1", "2", "far"]
    assert len(fits.getdata(files / "run" / "catalogue.fits")) == 4
    first = sl.read_catalogue("run").table["galaxy_flux_best"]
    assert main([*QUICK, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["status"] == {"done": 3, "failed": 1}
    assert report["in this run"] == 0
    np.testing.assert_array_equal(sl.read_catalogue("run").table["galaxy_flux_best"], first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "laplace"], "run holds a run with another configuration: the method was MAP()"),
        (["--workers", "0"], "--workers must be at least 1, got 0"),
        (["--workers", "2", "--scheduler", "tcp://localhost:1"], "give one of --workers and --scheduler, got both"),
        (["--draws", "7"], "--draws is not an option of --method map"),
        (["--timeout", "-1"], "timeout must"),
        (["--components", "galaxy=cersic"], "cersic"),
    ],
)
def test_wrong_options_are_explained(files, capsys, options, message):
    (files / "run").mkdir()
    if "laplace" in options:
        assert main(QUICK) == 0
    assert main([*QUICK, *options]) == 2
    assert message in capsys.readouterr().err


def test_without_dask_a_scheduler_is_refused(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    assert main([*QUICK, "--scheduler", "tcp://localhost:1"]) == 2
    assert "--scheduler needs Dask: pip install 'sersiclab[dask]'" in capsys.readouterr().err


def test_an_interruption_before_any_row(files, capsys, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sersiclab.catalogue.fit_many", interrupt)
    assert main(QUICK) == 130
    assert "interrupted by Ctrl-C" in capsys.readouterr().err


@pytest.mark.slow
def test_worker_processes_give_the_same_rows(files):
    assert main(QUICK) == 0
    assert main([*QUICK[:-1], "map", "-o", "other", "--workers", "2"]) == 0
    one, other = (sl.read_catalogue(name).table for name in ("run", "other"))
    for name in set(one.colnames) - {"seconds"}:
        np.testing.assert_array_equal(one[name], other[name])
