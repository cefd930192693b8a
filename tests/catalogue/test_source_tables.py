"""Tables of sources as programs write them: positions, names and labels."""

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.wcs import WCS

import sersiclab as sl
from sersiclab.catalogue.source_tables import ColumnNames, on_pixels, source_table


X, Y = np.array([10.0, 99.25, 150.5]), np.array([20.0, 80.75, 5.5])
SEXTRACTOR = """#   1 NUMBER                 Running object number
#   2 X_IMAGE                Object position along x           [pixel]
#   3 Y_IMAGE                Object position along y           [pixel]
         4      11.0000      21.0000
         9     100.2500      81.7500
        10     151.5000       6.5000
"""


@pytest.fixture
def wcs() -> WCS:
    found = WCS(naxis=2)
    found.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    found.wcs.crval, found.wcs.crpix, found.wcs.cdelt = [359.99, -30.0], [80.0, 40.0], [-1e-4, 1e-4]
    return found


def read(table: Any, wcs: Any = None, **names: Any) -> tuple[list[str], np.ndarray, list[int | None]]:
    found = source_table(table, ColumnNames(**names))
    return found.ids(), found.positions(wcs), found.labels()


@pytest.mark.parametrize(
    ("x", "y", "first"),
    [
        ("x", "y", 0),
        ("X", "Y", 0),
        ("xcentroid", "ycentroid", 0),
        ("x_centroid", "y_centroid", 0),
        ("xc", "yc", 0),
        ("X_IMAGE", "Y_IMAGE", 1),
        ("XWIN_IMAGE", "YWIN_IMAGE", 1),
        ("X_IMAGE_DBL", "Y_IMAGE_DBL", 1),
        ("xpeak_image", "ypeak_image", 1),
    ],
)
def test_pixels_count_from_0_except_sextractors(x: str, y: str, first: int) -> None:
    table = Table({x: X + first, y: Y + first})
    names = {"x": x, "y": y} if x == "xpeak_image" else {}
    np.testing.assert_allclose(read(table, **names)[1], np.stack([X, Y], 1))
    np.testing.assert_allclose(read(table, **names, origin=0)[1], np.stack([X + first, Y + first], 1))


def test_windowed_positions_are_preferred_to_barycentres() -> None:
    table = Table({"X_IMAGE": X, "Y_IMAGE": Y, "XWIN_IMAGE": X + 1.5, "YWIN_IMAGE": Y + 1.5})
    np.testing.assert_allclose(read(table)[1], np.stack([X, Y], 1) + 0.5)


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", "cat"])
def test_files_of_every_kind(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sources.{suffix}"
    if suffix == "cat":
        path.write_text(SEXTRACTOR)
    else:
        Table({"NUMBER": [4, 9, 10], "X_IMAGE": X + 1, "Y_IMAGE": Y + 1}).write(
            path, format={"vot": "votable"}.get(suffix)
        )
    ids, places, labels = read(path)
    assert ids == ["4", "9", "10"]
    assert labels == [4, 9, 10]
    np.testing.assert_allclose(places, np.stack([X, Y], 1))


def test_objects_of_every_kind() -> None:
    rows = [{"name": name, "x": x, "y": y} for name, x, y in zip("abc", X, Y, strict=True)]
    structured = np.array(list(zip(X, Y, strict=True)), dtype=[("x", float), ("y", float)])
    kinds = [rows, pd.DataFrame(rows), QTable({"id": list("abc"), "x": X * u.pix, "y": Y * u.pix})]
    for table in [*kinds, {"id": list("abc"), "x": X, "y": Y}]:
        ids, places, labels = read(table)
        assert ids == ["a", "b", "c"]
        assert labels == [None] * 3
        np.testing.assert_allclose(places, np.stack([X, Y], 1))
    assert read(structured)[0] == ["0", "1", "2"]


@pytest.mark.parametrize("kind", ["degrees", "hours", "text", "SkyCoord", "galactic", "no unit"])
def test_positions_on_the_sky(wcs: WCS, kind: str) -> None:
    sky = SkyCoord(*wcs.all_pix2world(X, Y, 0), unit="deg")
    table = {
        "degrees": QTable({"ra": sky.ra, "dec": sky.dec}),
        "no unit": Table({"ALPHA_J2000": sky.ra.deg, "DELTA_J2000": sky.dec.deg}),
        "hours": QTable({"RA": sky.ra.hour * u.hourangle, "DEC": sky.dec}),
        "text": Table({"ra": sky.ra.to_string("hour", precision=6), "dec": sky.dec.to_string("deg", precision=5)}),
        "SkyCoord": QTable({"id": [1, 2, 3], "where": sky}),
        "galactic": QTable({"sky_centroid": sky.galactic}),
    }[kind]
    np.testing.assert_allclose(read(table, wcs)[1], np.stack([X, Y], 1), atol=2e-3)
    with pytest.raises(sl.InputError, match="image has no WCS"):
        read(table)


def test_positions_that_the_wcs_does_not_reach_are_missing(wcs: WCS) -> None:
    angles = np.array([[359.99, -30.0], [180.0, 30.0], [np.nan, 3.0]])
    found = on_pixels(angles, wcs)
    np.testing.assert_allclose(found[0], [79.0, 39.0])
    assert np.isnan(found[1:]).all()


def test_pixels_and_sky_must_agree_unless_one_is_chosen(wcs: WCS) -> None:
    ra, dec = wcs.all_pix2world(X, Y, 0)
    table = Table({"x": X + 7.0, "y": Y, "ra": ra, "dec": dec})
    with pytest.raises(sl.InputError, match=r"in pixels \(x, y\) and on the sky \(ra, dec\), which are 7 pixels apart"):
        read(table, wcs)
    np.testing.assert_allclose(read(table, wcs, x="x", y="y")[1][:, 0], X + 7.0)
    np.testing.assert_allclose(read(table, wcs, ra="ra", dec="dec")[1][:, 0], X)
    table["x"] = X
    np.testing.assert_allclose(read(table, wcs)[1][:, 0], X)
    with pytest.raises(sl.InputError, match="not both"):
        read(table, wcs, x="x", y="y", ra="ra", dec="dec")


def test_missing_values_are_rows_without_a_position() -> None:
    table = Table(
        {"x": MaskedColumn(X, mask=[False, True, False]), "y": Y, "id": MaskedColumn([7, 8, 9], mask=[0, 0, 1])}
    )
    ids, places, _ = read(table)
    assert ids == ["7", "8", "2"]
    assert np.isnan(places[1]).any()
    assert np.isfinite(places[[0, 2]]).all()
    frame = pd.DataFrame({"x": [1.0, None], "y": [2.0, 3.0], "id": [5.0, 6.0]})
    assert read(frame)[0] == ["5", "6"]
    assert np.isnan(read(frame)[1][1, 0])


def test_a_detection_is_a_table_with_its_own_labels() -> None:
    image = sl.datasets.example()
    found = sl.detect(image)
    job = sl.jobs(found, image, size=41)[0]
    assert job.id == "1"
    x, y = job.image.x, job.image.y
    assert (x, y) == (found.target.xc, found.target.yc)
    part = job.image.cut()
    assert part.surroundings.labels[20, 20] == 1


@pytest.mark.parametrize(
    ("table", "names", "message"),
    [
        ({"id": [1, 1, 2, 2, 3], "x": [0] * 5, "y": [0] * 5}, {}, "column 'id' has '1', '2' more than once"),
        ({"a": [1], "b": [2]}, {}, "table has no columns of positions.* it has a, b"),
        ({"x": [1], "y": ["two"]}, {}, "y: column 'y' must hold numbers"),
        ({"x": [[1, 2]], "y": [[1, 2]]}, {}, "must hold one number in each row"),
        ({"x": [1], "y": [2], "label": [1.5]}, {}, "label: column 'label' must hold whole numbers"),
        ({"ra": [1] * u.Jy, "dec": [2] * u.deg}, {}, "ra: column 'ra' must be an angle"),
        ({"x": [1], "y": [2]}, {"id": "NAME"}, "id must name a column of table, one of x, y; got 'NAME'"),
        ({"x": [1] * u.deg, "y": [2] * u.deg}, {}, "x: column 'x' must be in pixels, got the unit deg"),
        ("no.ecsv", {}, r"table: there is no file 'no\.ecsv'"),
        (3, {}, "table must be an astropy Table"),
        ([], {}, "table must be an astropy Table"),
    ],
)
def test_bad_tables_are_named(wcs: WCS, table: Any, names: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message):
        read(QTable(table) if isinstance(table, dict) else table, wcs, **names)


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.fits").write_bytes(b"no table")
    with pytest.raises(sl.InputError, match=r"table: '.*a\.fits' can't be read as a table"):
        read(tmp_path / "a.fits")


def test_the_objects_of_a_sextractor_catalogue_in_fits(tmp_path: Path) -> None:
    header = fits.BinTableHDU(Table({"Field Header Card": ["SIMPLE = T"]}), name="LDAC_IMHEAD")
    objects = fits.BinTableHDU(Table({"NUMBER": [4, 9, 10], "X_IMAGE": X + 1, "Y_IMAGE": Y + 1}), name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), header, objects]).writeto(tmp_path / "a.cat")
    assert read(tmp_path / "a.cat")[0] == ["4", "9", "10"]


def test_sizes_may_be_angles() -> None:
    table = source_table(QTable({"x": X, "y": Y, "stamp_size": [6.0, 6.1, 3.0] * u.arcsec}), ColumnNames())
    assert table.sizes(None, 0.2) == [(30, 30), (31, 31), (15, 15)]
    with pytest.raises(sl.InputError, match="image has no pixel scale"):
        table.sizes("stamp_size", None)
    with pytest.raises(sl.InputError, match="must be in pixels or an angle, got the unit Jy"):
        source_table(QTable({"x": X, "y": Y, "stamp_size": X * u.Jy}), ColumnNames()).sizes(None, 0.2)
