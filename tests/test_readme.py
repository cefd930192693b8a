"""The README's example runs as it is printed, with fewer draws."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl


README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the example reads."""
    psf = sl.datasets.moffat(15, fwhm=2.5, beta=3.0)
    blank = sl.Image(np.zeros((41, 45)), sigma=0.05, psf=psf)
    galaxy = sl.Sersic(xc=22.3, yc=19.6, flux=60.0, r_eff=4.0, n=1.5, ellip=0.3, theta=0.7)
    data = sl.simulate(sl.Model({"galaxy": galaxy}), blank, seed=1).data
    for name, plane in {"sci": data, "rms": blank.sigma, "psf": psf}.items():
        fits.writeto(tmp_path / f"{name}.fits", plane)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_runs(files: Path, capsys: pytest.CaptureFixture[str]):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shorter = example.replace("sl.NUTS()", "sl.NUTS(warmup=50, draws=50)")
    assert shorter != example
    scope: dict[str, object] = {}
    exec(compile(shorter, "README.md", "exec"), scope)
    plt.close("all")
    assert str(scope["fit"].verdict) in capsys.readouterr().out
    assert sl.load(files / "galaxy.asdf").draws.keys() == scope["fit"].draws.keys()
    assert (files / "fit.png").stat().st_size > 10_000


def test_is_short_and_its_links_exist():
    lines = README.splitlines()
    assert len(lines) <= 100
    assert max(map(len, lines)) <= 128
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (Path(__file__).parents[1] / link).exists()]
    assert not missing
