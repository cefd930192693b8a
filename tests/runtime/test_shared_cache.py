"""Many processes at once that keep their compiled programs in one folder."""

import subprocess
import sys
from pathlib import Path

import pytest


NUMBER = 20
SCRIPT = """
import sys
import numpy as np
import sersiclab as sl

sl.persistent_cache(sys.argv[1])
y, x = np.indices((20, 21))
data = 30 * np.exp(-0.5 * ((x - 10.3) ** 2 + (y - 9.2) ** 2) / 4) + np.random.default_rng(0).normal(size=y.shape)
image = sl.Image(data, sigma=1.0)
model = sl.Model({"g": sl.Gaussian(xc=10.3, yc=9.2, flux=sl.LogUniform(10.0, 1e5), fwhm=4.7, ellip=0.0, theta=0.0)})
fit = sl.fit(model, image, sl.Laplace(draws=20), progress=False)
print({path: [float(value).hex() for value in draws.ravel()] for path, draws in fit.draws.items()})
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_twenty_processes_share_a_folder_and_find_what_one_finds_alone(tmp_path: Path) -> None:
    alone, problems = start(tmp_path / "alone").communicate(timeout=600)
    assert alone, problems
    for _ in ("cold", "warm"):
        running = [start(tmp_path / "shared") for _ in range(NUMBER)]
        found = [process.communicate(timeout=1200) for process in running]
        assert [process.returncode for process in running] == [0] * NUMBER, found
        assert {output for output, _ in found} == {alone}
        assert not any("Error" in problem for _, problem in found), found
    assert list((tmp_path / "shared").glob("*-cache"))
