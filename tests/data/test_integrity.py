"""Damaged FITS files: whatever a file holds to verify itself is verified, and no damage is read in silence."""

import bz2
import gzip
import lzma
import warnings
import zipfile

import numpy as np
import pytest
from astropy.io import fits

from sersiclab.data.fits import read_plane
from sersiclab.data.image import Image
from sersiclab.data.integrity import disagreement, extensions, open_whole


SHAPE = (40, 50)


@pytest.fixture
def data(rng):
    return rng.normal(size=SHAPE).astype("f4")


@pytest.fixture
def plain(tmp_path, data):
    fits.writeto(tmp_path / "a.fits", data)
    return (tmp_path / "a.fits").read_bytes()


def zipped(raw, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.fits", raw)
    return path.read_bytes()


COMPRESSIONS = {
    "gz": lambda raw, path: gzip.compress(raw),
    "bz2": lambda raw, path: bz2.compress(raw),
    "xz": lambda raw, path: lzma.compress(raw),
    "zip": zipped,
}


def outcome(path):
    """The pixels, or the message of a named error."""
    try:
        return read_plane("data", path).array
    except ValueError as error:
        message = str(error)
    assert message.startswith("data: ")
    return message


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_no_flipped_bit_of_a_compressed_file_changes_its_pixels(tmp_path, rng, data, plain, kind):
    path = tmp_path / f"a.fits.{kind}"
    whole = COMPRESSIONS[kind](plain, path)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_plane("data", path).array, data)
    refused = 0
    for at in rng.integers(0, len(whole), 60):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        found = outcome(path)
        refused += isinstance(found, str)
        if not isinstance(found, str):  # a bit of no consequence
            np.testing.assert_array_equal(found, data)
    assert refused > 50
    path.write_bytes(whole[:-40])
    with pytest.raises(ValueError, match=r"^data: '.*' is damaged: it can't be decompressed \("):
        read_plane("data", path)


def test_compress_needs_a_package_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uncompresspy", None)
    (tmp_path / "a.fits.Z").write_bytes(b"\x1f\x9d\x90" + bytes(100))
    with pytest.raises(ValueError, match=r"^data: '.*a.fits.Z' was compressed by .*gunzip.*pip install uncompresspy$"):
        Image.read(tmp_path / "a.fits.Z", sigma=1.0)


def test_a_zip_archive_of_several_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "a")
        archive.writestr("b", "b")
    with pytest.raises(ValueError, match=r"a zip archive must hold one file, got 2"):
        read_plane("data", tmp_path / "a.zip")


@pytest.fixture
def summed(tmp_path, data):
    """A file with sums in every extension, one of them compressed."""
    path = tmp_path / "sums.fits"
    planes = [fits.PrimaryHDU(), fits.ImageHDU(data, name="SCI"), fits.CompImageHDU(np.abs(data) + 1, name="ERR")]
    fits.HDUList(planes).writeto(path, checksum=True)
    return path


def test_sums_are_astropys(summed):
    with warnings.catch_warnings(), fits.open(summed, checksum=True) as hdus:
        warnings.simplefilter("error")
        assert len(hdus) == 3
    with open_whole(summed) as stream:
        found = extensions(stream)
        assert [{"CHECKSUM", "DATASUM"} <= set(extension.cards) for extension in found] == [True] * 3
        assert [disagreement(stream, extension) for extension in found] == [None] * 3
    Image.read(summed)


@pytest.mark.parametrize("index", [1, 2])
def test_pixels_that_disagree_with_their_sum_are_reported(summed, index):
    raw = bytearray(summed.read_bytes())
    with open_whole(summed) as stream:
        extension = extensions(stream)[index]
    raw[extension.data + extension.size - 3] ^= 4
    summed.write_bytes(raw)
    name = f"{summed}[{index}]"
    with pytest.warns(UserWarning, match=rf"^data: .*sums.fits\[{index}\]: the pixels do not have the sum in"):
        read_plane("data", name)
    read_plane("data", f"{summed}[{3 - index}]")  # the other is whole


def test_a_header_that_disagrees_with_its_sum_is_reported(summed):
    raw = summed.read_bytes().replace(b"'SCI     '", b"'SCJ     '", 1)
    summed.write_bytes(raw)
    with pytest.warns(
        UserWarning, match=r"^data: .*sums.fits\[1\]: it does not have the sum in its card CHECKSUM; its pixels agree"
    ):
        read_plane("data", f"{summed}[1]")


def card(name, value):
    return f"{name:<8}= {value:>20}".ljust(80).encode()


WRONG = {
    ("NAXIS1", "-50"): r"has a damaged header in \[0\]: NAXIS1 must be a whole number from 0 on, got -50$",
    ("NAXIS1", "50.5"): r"NAXIS1 must be a whole number from 0 on, got 50.5$",
    ("NAXIS1", "'50'"): r"NAXIS1 must be a whole number from 0 on, got '50'$",
    ("NAXIS1", ""): r"the header lacks NAXIS1, a whole number from 0 on$",
    ("NAXIS1", "1000000000000"): r"has a damaged header in \[0\]: it claims 146 TiB of data; the file has 11520 bytes$",
    ("NAXIS", "-2"): r"NAXIS must be a whole number from 0 on, got -2$",
    ("NAXIS", "3"): r"the header lacks NAXIS3",
    ("NAXIS", "1000"): r"NAXIS must be at most 999, got 1000$",
    ("BITPIX", "7"): r"BITPIX must be one of 8, 16, 32, 64, -32, -64, got 7$",
    ("BITPIX", "-33"): r"BITPIX must be one of 8, .*, got -33$",
    ("SIMPLF", "T"): r"is not a FITS file \(it begins with 'SIMPLF  =           '\)$",
}


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_headers_that_say_what_cannot_be(tmp_path, plain, name, value):
    key = "SIMPLE" if name == "SIMPLF" else name
    at = plain.index(f"{key:<8}=".encode())
    (tmp_path / "c.fits").write_bytes(plain[:at] + card(name, value) + plain[at + 80 :])
    with pytest.raises(ValueError, match=rf"^data: '.*c.fits' .*{WRONG[name, value]}"):
        Image.read(tmp_path / "c.fits", sigma=1.0)


def test_a_header_without_an_end(tmp_path, plain):
    (tmp_path / "c.fits").write_bytes(plain.replace(b"END".ljust(80), b" " * 80, 1))
    with pytest.raises(ValueError, match=r"has a damaged header in \[0\]: the header has no END card$"):
        Image.read(tmp_path / "c.fits", sigma=1.0)


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_a_header_that_claims_more_than_the_file_holds(tmp_path, plain):
    at = plain.index(b"NAXIS2  =")
    (tmp_path / "c.fits").write_bytes(plain[:at] + card("NAXIS2", "100000000") + plain[at + 80 :])
    message = r"^data: the pixels of .*c.fits\[0\] can't be read \(its header claims 20000000000 bytes of them"
    with pytest.raises(ValueError, match=message):
        Image.read(tmp_path / "c.fits", sigma=1.0)


def test_a_compressed_image_that_claims_terabytes(tmp_path, data):
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data)]).writeto(tmp_path / "c.fits")
    raw = (tmp_path / "c.fits").read_bytes()
    at = raw.index(b"ZNAXIS2 =")
    (tmp_path / "c.fits").write_bytes(raw[:at] + card("ZNAXIS2", "20000000000") + raw[at + 80 :])
    with pytest.raises(ValueError, match=r"a compressed image of 50 x 20000000000 pixels has 20000000000 tiles"):
        Image.read(tmp_path / "c.fits", sigma=1.0)


def test_memory_that_does_not_suffice_is_named(tmp_path, plain, monkeypatch):
    def too_much(hdu):
        raise MemoryError

    monkeypatch.setattr(fits.PrimaryHDU, "data", property(too_much, lambda hdu, value: None))
    with pytest.raises(ValueError, match=r"a.fits\[0\] can't be read \(an array of 40 x 50 needs more memory than"):
        Image.read(tmp_path / "a.fits", sigma=1.0)


@pytest.mark.filterwarnings("ignore:File may have been truncated", "ignore:Header block contains null bytes")
def test_damage_is_never_silent(tmp_path, rng, data):
    """A byte of the headers replaced, or the file cut: the same pixels, a named error or a warning."""
    planes = [fits.PrimaryHDU(), fits.ImageHDU(data, name="SCI"), fits.ImageHDU(data + 9, name="ERR")]
    path = tmp_path / "m.fits"
    fits.HDUList(planes).writeto(path)
    whole = path.read_bytes()
    at = [2880 * (block - 1) + int(n) for block in (1, 2, 6) for n in rng.integers(0, 600, 60)]
    damaged = [whole[:n] + bytes([rng.integers(33, 127)]) + whole[n + 1 :] for n in at]
    damaged += [whole[:n] for n in rng.integers(1, len(whole), 60)]
    silent = []
    for number, raw in enumerate(damaged):
        path.write_bytes(raw)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = outcome(path)
        if not told and not isinstance(found, str) and not np.array_equal(found, data):
            silent.append((number, found))
    assert not silent
