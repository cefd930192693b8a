"""Docstrings and signatures show the declared parameters."""

import inspect
import pydoc

import pytest

import sersiclab as sl
from sersiclab.noise import NOISES
from sersiclab.parameters.declarations import parameter_info
from sersiclab.parameters.links import LINKS
from sersiclab.profiles import MODIFIERS, PROFILES


DECLARING = [*PROFILES, *MODIFIERS, *LINKS, *(cls for cls in NOISES if parameter_info(cls))]


@pytest.mark.parametrize("cls", DECLARING, ids=lambda cls: cls.__name__)
def test_every_parameter_has_a_row(cls):
    rows = {line.split("|")[1].strip(): line for line in inspect.getdoc(cls).splitlines() if line.startswith("| `")}
    for name, info in parameter_info(cls).items():
        row = rows[f"`{name}`"]
        assert info.doc in row
        assert info.unit in row
    assert len({len(row) for row in rows.values()}) == 1


def test_the_table_of_a_sersic_profile():
    text = pydoc.plain(pydoc.render_doc(sl.Sersic))
    assert "Sérsic profile, I(m) = I_e exp(" in text
    assert "| `r_eff` | pixel      | (0, ∞)    | half-light radius along the major axis " in text
    assert "| `flux`  | image unit | any " in text
    assert "| `n`     |            | [0.1, 10] | Sérsic index " in text


def test_the_table_of_a_modifier_has_its_source_and_defaults():
    text = inspect.getdoc(sl.FourierModes)
    assert "| `profile` |      |             |         | the source whose isophotes are reshaped " in text
    assert "| `phi4`    | rad  | [-π, π]     | 0       | phase of the isophotes' Fourier mode 4" in text


def test_signatures_show_the_type():
    text = str(inspect.signature(sl.Sersic))
    assert text.startswith("(xc: Parameter, yc: Parameter, flux: Parameter, r_eff: Parameter")
    assert "Any" not in text


def test_a_user_s_own_profile_has_a_table_too():
    class Mine(sl.AbstractElliptical):
        xc: sl.Parameter = sl.parameter(unit="pixel", doc="centre, x")
        yc: sl.Parameter = sl.parameter(unit="pixel", doc="centre, y")
        flux: sl.Parameter = sl.parameter(unit="image", low=0.0, doc="light")
        ellip: sl.Parameter = sl.parameter(default=0.0, doc="ellipticity")
        theta: sl.Parameter = sl.parameter(default=0.0, doc="angle")

        def radial(self, m):
            return m

    class Mended(Mine):
        """Mine, mended."""

        n: sl.Parameter = sl.parameter(low=0.5, high=8.0, default=1.0, doc="index")

    assert Mine.__doc__.startswith("Mine(xc, yc, flux, ellip, theta)\n\nParameters, each a number")
    assert "| `flux`  | image unit | [0, ∞) |         | light " in Mine.__doc__
    assert Mended.__doc__.startswith("Mine, mended.\n\n")
    assert Mended.__doc__.count("Parameters, each a number") == 1
    assert "| `xc` " in Mended.__doc__
    assert "| `n` " in Mended.__doc__


def test_a_class_without_parameters_keeps_its_docstring():
    assert "Parameters, each" not in sl.AbstractElliptical.__doc__
