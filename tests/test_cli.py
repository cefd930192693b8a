"""The command line, run as a user runs it."""

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl
from sersiclab.cli import main
from sersiclab.cli.fitting import read_components
from sersiclab.cli.lab import _image_notebook


def run(*arguments, cwd):
    command = [sys.executable, "-m", "sersiclab", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def files(tmp_path):
    example = sl.datasets.example()
    planes = {"sci": example.data, "rms": example.sigma, "psf": example.psf, "mask": example.mask.astype(np.uint8)}
    for name, plane in planes.items():
        fits.writeto(tmp_path / f"{name}.fits", plane)
    return tmp_path


def test_demo_prints_the_posterior_and_writes_its_files(tmp_path):
    result = run("demo", "--method", "laplace", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "galaxy.n" in result.stdout
    folder = tmp_path / "sersiclab-demo"
    assert {file.name for file in folder.iterdir()} == {"fit.asdf", "fit.png", "fit.html", "summary.csv"}
    truth = sl.datasets.truth("example")
    fit = sl.load(folder / "fit.asdf")
    assert fit.best["galaxy.xc"] == pytest.approx(truth["galaxy.xc"], abs=0.2)


def test_fit_reads_files_and_components(files):
    options = ["--sigma", "rms.fits", "--psf", "psf.fits", "--mask", "mask.fits", "--method", "map", "-o", "out"]
    result = run("fit", "sci.fits", *options, "--components", "galaxy=exponential,sky=flat_sky", cwd=files)
    assert result.returncode == 0, result.stderr
    fit = sl.load(files / "out" / "fit.asdf")
    assert list(fit.model.components) == ["galaxy", "sky"]
    assert isinstance(fit.model.components["galaxy"], sl.Exponential)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.fits", "--gain", "1"], "nowhere.fits"),
        (["fit", "sci.fits", "--sigma", "rms.fits", "--mask", "none.fits"], "there is no file 'none.fits'"),
        (["fit", "sci.fits", "--sigma", "rms.fits", "--components", "sersic"], "--components must be name=profile"),
        (["fit", "sci.fits", "--sigma", "rms.fits", "--components", "galaxy=spiral"], "spiral"),
        (["lab", "nowhere.fits"], "no such file: nowhere.fits"),
    ],
)
def test_mistakes_are_told_in_one_line(files, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(files)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_components():
    assert read_components("bulge=sersic, sky=flat_sky") == {"bulge": "sersic", "sky": "flat_sky"}


def test_lab_writes_a_notebook_for_images(files, monkeypatch):
    monkeypatch.chdir(files)
    target = _image_notebook(["sci.fits"], {"sigma": "rms.fits", "gain": 2.0})
    text = target.read_text()
    assert "rms.fits" in text
    assert "gain=2.0" in text
    target.write_text("mine")
    assert _image_notebook(["sci.fits"], {}).read_text() == "mine"
