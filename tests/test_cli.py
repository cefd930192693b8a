"""The command line, run as a user runs it."""

import json
import math
import os
import signal
import subprocess
import sys
import warnings
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from astropy.io import fits

import sersiclab as sl
from sersiclab.cli import main
from sersiclab.cli.fitting import _row, _with_digits_of
from sersiclab.cli.lab import _image_notebook
from sersiclab.cli.option_values import method, read_components, read_cutout, read_position
from sersiclab.results.draws import Derived


WRITTEN = {"fit.asdf", "fit.png", "fit.html", "fit.fits", "fit.reg", "summary.csv", "table.ecsv"}


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
    assert {file.name for file in folder.iterdir()} == WRITTEN
    assert len(result.stderr.splitlines()) < 40  # a log is no terminal
    truth = sl.datasets.truth("example")
    fit = sl.load(folder / "fit.asdf")
    assert fit.best["galaxy.xc"] == pytest.approx(truth["galaxy.xc"], abs=0.2)


def test_values_are_printed_to_the_digits_of_their_errors():
    assert _with_digits_of(201.3000412345, 1.2e-6) == "201.3000412"
    assert _with_digits_of(17.5257, 0.017) == "17.526"
    assert _with_digits_of(202330.4, 3098.0) == "202330"
    assert _with_digits_of(0.25, 0.0) == "0.25"
    assert _with_digits_of(0.25, float("nan")) == "0.25"


def test_fit_reads_files_and_components(files):
    options = ["--sigma", "rms.fits", "--psf", "psf.fits", "--mask", "mask.fits", "--method", "map", "-o", "out"]
    options += ["--zeropoint", "22.5", "--pixel-scale", "0.262", "--json"]
    result = run("fit", "sci.fits", *options, "--components", "galaxy=exponential,sky=flat_sky", cwd=files)
    assert result.returncode == 0, result.stderr
    fit = sl.load(files / "out" / "fit.asdf")
    assert list(fit.model.components) == ["galaxy", "sky"]
    assert isinstance(fit.model.components["galaxy"], sl.Exponential)
    report = json.loads(result.stdout)
    assert (report["method"], report["status"], report["seed"]) == ("MAP", "complete", 0)
    assert report["verdict"]["level"] == fit.verdict.level
    assert {path: row["best"] for path, row in report["parameters"].items()} == fit.best
    assert report["parameters"]["galaxy.xc"]["mean"] is None  # a MAP has no draws
    assert report["observables"]["galaxy.mag"]["best"] == pytest.approx(22.5 - 2.5 * np.log10(fit.best["galaxy.flux"]))
    assert all((files / path).is_file() for path in report["files"].values())


@pytest.fixture
def fitted(monkeypatch):
    """What the command line fits, in place of fitting it."""
    seen = {}

    def remember(image, model, arguments):
        seen.update(image=image, model=model, method=method(arguments))
        return 0

    monkeypatch.setattr("sersiclab.cli.fitting._fit_and_write", remember)
    return seen


def test_every_option_arrives(files, monkeypatch, fitted):
    monkeypatch.chdir(files)
    data = [
        "--sigma",
        "rms.fits",
        "--psf",
        "psf.fits",
        "--no-psf-includes-pixel",
        "--zeropoint",
        "25",
        "--unit",
        "nmgy",
    ]
    model = ["--components", "sersic_exp", "--sources", "2", "--cutout", "50", "41", "80"]
    assert main(["fit", "sci.fits", *data, *model, "--draws", "7", "--chains", "3", "--band", "g"]) == 0
    image = fitted["image"]
    assert (image.shape, image.zeropoint, image.unit, image.band) == ((80, 80), 25.0, "nmgy", "g")
    assert not image.psf_includes_pixel
    assert list(fitted["model"].components) == ["bulge", "disk", "neighbour_1"]
    assert fitted["method"] == sl.NUTS(draws=7, chains=3)


SCI = ["fit", "sci.fits", "--sigma", "rms.fits"]


def test_neighbours_are_masked_or_told(files, monkeypatch, fitted, capsys):
    monkeypatch.chdir(files)
    told = "1 other source in the image: --mask-neighbours, or --sources auto to model all"
    assert main([*SCI, "--components", "sersic_exp", "--method", "map"]) == 0
    assert told in capsys.readouterr().err
    assert main([*SCI, "--mask-neighbours", "--method", "map"]) == 0
    assert told not in capsys.readouterr().err
    star = sl.datasets.example().mask
    assert fitted["image"].mask[star].mean() > 0.2
    assert fitted["image"].mask[~star].mean() < 0.02


def test_a_model_from_other_programs_files(files, monkeypatch, fitted):
    monkeypatch.chdir(files)
    image = sl.datasets.example()
    model = sl.guess(image, "exponential")
    (files / "a.json").write_text(json.dumps(sl.to_dict(model)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what the programs cannot express
        sl.io.write_galfit(model, image, files / "a.feedme")
        sl.io.write_imfit(model, image, files / "b.dat")
        (files / "galaxy.input").write_bytes((files / "a.feedme").read_bytes())  # GALFIT minds no name
        sigma = ["--sigma", "rms.fits"]
        for arguments in (
            ["a.feedme"],
            ["galaxy.input"],
            ["sci.fits", "--imfit", "b.dat"],
            ["sci.fits", "--model", "a.json", *sigma],
        ):
            assert main(["fit", *arguments]) == 0
            assert list(fitted["model"].components) == ["galaxy"]
            np.testing.assert_array_equal(fitted["image"].data, image.data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.fits", "--gain", "1"], "nowhere.fits"),
        ([*SCI, "--mask", "none.fits"], "there is no file 'none.fits'"),
        ([*SCI, "--mask", "text.fits"], "text.fits' is not a FITS file"),
        ([*SCI, "--psf", "sci.fits[PSF]"], "has no extension [PSF]; it has [0] PRIMARY 90 x 110"),
        ([*SCI, "--weight", "rms.fits"], "give one of sigma, weight and invvar, got sigma and weight"),
        ([*SCI, "--components", "bulge=sersic,disk"], "--components must be name=profile"),
        ([*SCI, "--components", "a=sersic,a=sersic"], "--components names 'a' twice"),
        ([*SCI, "--components", "galaxy=spiral"], "spiral"),
        ([*SCI, "--components", "sersic", "--model", "m.json"], "give one of --components, --model and --imfit"),
        ([*SCI, "--model", "text.fits"], "--model text.fits: "),
        ([*SCI, "--sources", "none"], "--sources must be a positive number or \"auto\", got 'none'"),
        ([*SCI, "--cutout", "1", "2", "x"], "--cutout must be x y size, or such as 150.1deg 2.2deg 30arcsec"),
        ([*SCI, "--cutout", "10deg", "2deg", "3arcsec"], "position is a SkyCoord and the image has no WCS"),
        ([*SCI, "--position", "1", "x"], "--position must be x y, or such as 150.1deg 2.2deg, got 1 x"),
        ([*SCI, "--position", "500", "2"], "position must lie in the image of shape (90, 110), got (500, 2)"),
        (
            [*SCI, "--position", "5", "2", "--cutout", "5", "2", "9"],
            "--position can't be combined with --cutout, which sets the target's position itself",
        ),
        ([*SCI, "--method", "map", "--draws", "9"], "--draws is not an option of --method map"),
        ([*SCI, "--method", "map", "-o", "text.fits"], "text.fits"),
        (["fit", "a.feedme", "--sigma", "rms.fits"], "a.feedme is a GALFIT menu, which names its own data"),
        (["fit", "text.feedme"], "text.feedme: H), the image region, is missing"),
        (["fit", "conf.dat"], "conf.dat is a configuration of imfit: give the image, and --imfit conf.dat"),
        (["lab", "nowhere.fits"], "no such file: nowhere.fits"),
    ],
)
def test_a_mistake_is_reported_in_one_line(files, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(files)
    for name in ("text.fits", "text.feedme"):
        (files / name).write_text("no numbers")
    (files / "conf.dat").write_text("X0 9\nY0 9\nFUNCTION Sersic\n")
    assert main([*arguments, *(["--json"] if arguments[0] == "fit" else [])]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    if arguments[0] == "fit":
        assert message in json.loads(said.out)["error"]
    assert not (files / "sersiclab-fit" / "fit.asdf").exists()


def fail_by_a_bug(*arguments):
    return "a" + 1


def test_an_own_bug_is_reported_as_one(monkeypatch, capsys):
    """Status 1, a traceback and a request to report it: never as if the user had made a mistake."""
    monkeypatch.setattr("sersiclab.cli.fitting._fit_and_write", fail_by_a_bug)
    assert main(["demo", "--json"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Traceback")
    assert "in fail_by_a_bug" in said.err
    assert "sersiclab demo: internal error: TypeError: can only concatenate str" in said.err
    assert "This is a bug in sersiclab: please report it" in said.err
    assert json.loads(said.out)["error"].startswith("internal error: TypeError: can only concatenate")


@pytest.mark.parametrize(
    "arguments", [["fit", "nowhere.fits", "--gain", "1"], ["demo", "--method", "map", "--draws", "9"]]
)
def test_debug_shows_the_traceback_of_a_mistake(files, monkeypatch, capsys, arguments):
    monkeypatch.chdir(files)
    assert main([*arguments, "--debug"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "This is a bug" not in said
    assert main(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_warnings_are_lines(files, monkeypatch, capsys, fitted):
    monkeypatch.chdir(files)
    fits.writeto(files / "psf5.fits", 5 * sl.datasets.example().psf)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main([*SCI, "--psf", "psf5.fits", "--mask-neighbours"]) == 0
    assert capsys.readouterr().err == "sersiclab fit: warning: psf sums to 5; it is normalised to 1\n"


@pytest.mark.parametrize(
    ("status", "level", "strict", "code"),
    [
        ("complete", "bad", [], 0),
        ("complete", "bad", ["--strict"], 3),
        ("complete", "caution", ["--strict"], 0),
        ("cancelled", "bad", [], 130),
    ],
)
def test_the_exit_status(files, monkeypatch, status, level, strict, code):
    monkeypatch.chdir(files)
    result = SimpleNamespace(status=status, verdict=SimpleNamespace(level=level))
    monkeypatch.setattr("sersiclab.inference.fit", lambda *a, **k: result)
    monkeypatch.setattr("sersiclab.cli.fitting._write", lambda *a: {})
    monkeypatch.setattr("sersiclab.cli.fitting._text", lambda *a: "")
    assert main([*SCI, *strict]) == code


def test_an_interruption_before_any_draw(files, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.chdir(files)
    monkeypatch.setattr("sersiclab.inference.fit", interrupt)
    assert main(SCI) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "fit", "many", "lab"])
def test_help_teaches(capsys, command):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "examples:" in said
    assert f"  sersiclab {command}" in said


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 2
    said = capsys.readouterr().err
    assert "sersiclab demo" in said
    assert "exit status:" in said
    with pytest.raises(SystemExit) as left:
        main(["fit", "sci.fits", "--psd", "psf.fits"])
    assert left.value.code == 2


def test_the_target_is_where_the_arguments_say(files, monkeypatch, fitted):
    """The star, which the example masks, by its position and at the edge of a cutout."""
    monkeypatch.chdir(files)
    for words in (["--position", "88", "70"], ["--cutout", "88", "70", "60"]):
        assert main([*SCI, "--components", "star=point_source", *words, "--method", "map"]) == 0
        start, side = fitted["model"].initial, fitted["image"].shape
        corner = (58, 40) if words[0] == "--cutout" else (0, 0)
        assert side == ((50, 52) if words[0] == "--cutout" else (90, 110))
        assert (start["star.xc"], start["star.yc"]) == pytest.approx((88.6 - corner[0], 70.3 - corner[1]), abs=1.0)
    assert read_position(["150.1deg", "2.2deg"]).ra.deg == pytest.approx(150.1)


def test_cutouts():
    assert read_cutout(["12", "5.5", "40"]) == ((12.0, 5.5), 40)
    position, size = read_cutout(["150.1deg", "2.2deg", "30arcsec"])
    assert (position.ra.deg, position.dec.deg, size.to_value("arcsec")) == pytest.approx((150.1, 2.2, 30.0))


def test_components():
    assert read_components("sersic_exp") == "sersic_exp"
    assert read_components("bulge=sersic, sky=flat_sky") == {"bulge": "sersic", "sky": "flat_sky"}


def test_lab_writes_a_notebook_for_images(files, monkeypatch):
    monkeypatch.chdir(files)
    target = _image_notebook(["sci.fits"], {"sigma": "rms.fits", "gain": 2.0})
    guide, first, second = (cell["source"] for cell in nbformat.read(target, as_version=4).cells)
    assert "No PSF was given" in guide
    assert first == "import sersiclab as sl"
    read, *shown = second.splitlines()
    assert read == f"image = sl.Image.read({str(files / 'sci.fits')!r}, sigma={str(files / 'rms.fits')!r}, gain=2.0)"
    assert shown == ["wb = sl.Workbench(image)", "wb"]
    target.write_text("mine")
    assert _image_notebook(["sci.fits"], {}).read_text() == "mine"
    several = nbformat.read(_image_notebook(["rms.fits", "sci.fits"], {"psf": "psf.fits"}), as_version=4).cells
    assert "No PSF" not in several[0]["source"]
    assert several[-1]["source"].endswith("wb_2 = sl.Workbench(image_2)\nwb_2")


# A JupyterLab in which nothing runs but a server that answers, of which the process is printed.
LAB = """
import sys
from sersiclab.cli import lab, main

SERVER = '''
import http.server, os, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments): ...

print(os.getpid(), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
'''

lab._command = lambda port: [sys.executable, "-c", SERVER, str(port)]
lab._run_to_first_widget = lambda *arguments: None
sys.exit(main(["lab", "--no-browser"]))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_lab_ends_its_server_with_itself(tmp_path, number, status):
    """Even if a closed terminal or a batch system ends it."""
    command = [sys.executable, "-c", LAB]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lab:
        assert lab.stdout
        server = int(lab.stdout.readline())
        try:
            while "Press Ctrl-C to end it." not in (line := lab.stdout.readline()):
                assert line
            os.kill(server, 0)
            lab.send_signal(number)
            assert lab.wait(timeout=60) == status
        finally:
            if lab.poll() is None:  # or leaving the block would wait for ever
                lab.kill()
                os.kill(server, signal.SIGKILL)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_an_unknown_error_is_left_out_of_the_table():
    row = _row("galaxy.mag", Derived(np.empty((0, 0)), 17.25, math.nan, "mag"))
    assert row.split() == ["galaxy.mag", "17.25", "mag"]
    assert _row("galaxy.q", Derived(np.empty((0, 0)), 0.61234, 0.0123, "")).split()[1:] == ["0.612", "+-", "0.012"]
