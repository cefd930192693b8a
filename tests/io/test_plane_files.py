"""Files beside a file of another program: what is there already is kept."""

import warnings

import numpy as np
import pytest

import sersiclab as sl


WRITERS = {
    "galfit": (sl.io.write_galfit, "sci.feedme", "constraints"),
    "imfit": (sl.io.write_imfit, "sci.dat", None),
}
PLANES = ("sci_image.fits", "sci_sigma.fits", "sci_mask.fits", "sci_psf.fits")


def model():
    """A galaxy with a range, which is a line of GALFIT's constraints."""
    index = sl.Uniform(low=1.0, high=2.0, init=1.5)
    return sl.Model({"galaxy": sl.Sersic(xc=9.0, yc=9.0, flux=5.0, r_eff=2.0, n=index, ellip=0.1, theta=0.0)})


@pytest.mark.parametrize("program", WRITERS)
def test_existing_files_are_kept_unless_the_user_asks(program, small, tmp_path):
    write, menu, constraints = WRITERS[program]
    names = [menu, *PLANES, *([f"sci.{constraints}"] if constraints else [])]
    for name in names:
        (tmp_path / name).write_text("mine")
        with pytest.raises(FileExistsError, match=rf"{name} already exists; pass overwrite=True"):
            write(model(), small, tmp_path / menu)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]
        (tmp_path / name).unlink()
    write(model(), small, tmp_path / menu)
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    with pytest.raises(FileExistsError):
        write(model(), small, tmp_path / menu)
    write(model(), small, tmp_path / menu, overwrite=True)


@pytest.mark.parametrize("name", ["my galaxy", "o'brien", "a#1", "a,b", "run[2]", "none", "-x", 'a"b', "$HOME"])
@pytest.mark.parametrize("program", WRITERS)
def test_names_with_signs_are_read_back_or_refused(program, small, tmp_path, name):
    """GALFIT ends a name at a blank, a comma or a #; imfit's command is one of a shell."""
    write, menu, _ = WRITERS[program]
    read = {"galfit": sl.io.read_galfit, "imfit": sl.io.read_imfit}[program]
    path = (tmp_path / "my [1] folder" / name).with_suffix(menu[3:])
    path.parent.mkdir()
    if program == "galfit" and set(name) & set(" ,#"):
        with pytest.raises(ValueError, match=r"^path must be a file name without blanks, commas and #, at which"):
            write(model(), small, path)
        assert not any(path.parent.iterdir())
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(model(), small, path)
        _, image = read(path)
    np.testing.assert_array_equal(image.data, small.data)
    np.testing.assert_array_equal(image.sigma, small.sigma)
    np.testing.assert_array_equal(image.mask, small.mask)
