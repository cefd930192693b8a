"""GALFIT's constraint files: every form in the manual, and reports about bad lines."""

import pytest

from sersiclab.io.galfit_constraints import Constraint, parse_constraints, read_constraints
from sersiclab.io.text import Lines


def parse(text):
    return parse_constraints(Lines.of(text, "a.constr"))


FORMS = {
    "3_2_1_9  x  offset  # hard": Constraint(1, (3, 2, 1, 9), "x", "offset"),
    "1_5\tRe\tratio": Constraint(1, (1, 5), "re", "ratio"),
    "3  n  0.7 to 5  comment": Constraint(1, (3,), "n", "range", 0.7, 5.0),
    "2  x  -1  0.5": Constraint(1, (2,), "x", "shift", -1.0, 0.5),
    "3-7  mag  -0.5 3": Constraint(1, (3, 7), "mag", "difference", -0.5, 3.0),
    "3/5  re  1 3": Constraint(1, (3, 5), "re", "quotient", 1.0, 3.0),
    "1  10  -90 to 90": Constraint(1, (1,), "10", "range", -90.0, 90.0),
    "1  f2a  0 to 1": Constraint(1, (1,), "f2a", "range", 0.0, 1.0),
}


@pytest.mark.parametrize("text", FORMS)
def test_forms(text):
    assert parse(text) == (FORMS[text],)


MISTAKES = {
    "3 n": r"^a.constr, line 2: expected component, parameter and constraint, got '3 n'$",
    "a n 0 1": r"^a.constr, line 2: components must have a form such as 3, 3_2_1, 3-7 or 3/5, got 'a'$",
    "0 n 0 1": r"^a.constr, line 2: components count from 1, got '0'$",
    "1 size 0 1": r"^a.constr, line 2: unknown parameter 'size'$",
    "1_2 x near": r"^a.constr, line 2: several components are tied by 'offset' or 'ratio', got 'near'$",
    "1 n 0.7 to": r"^a.constr, line 2: expected two numbers, or 'low to high', got '0.7 to'$",
    "1 n five 6": r"^a.constr, line 2: expected two numbers, or 'low to high', got 'five 6'$",
    "1 n 5 to 0.7": r"^a.constr, line 2: the lower bound 5 is above the upper one, 0.7$",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_reported_with_their_line(text):
    with pytest.raises(ValueError, match=MISTAKES[text]):
        parse(f"# a comment\n{text}\n")


def test_real_files(shared_data):
    folder = shared_data / "configs" / "galfit_constraints"
    kinds = [constraint.kind for constraint in read_constraints(folder / "EXAMPLE.CONSTRAINTS")]
    assert kinds == ["offset", "ratio", "range", "shift", "difference", "quotient"]
    simple = read_constraints(folder / "simple.constraints")
    assert [(c.parameter, c.kind) for c in simple] == [
        *((name, "shift") for name in ("x", "y", "mag")),
        *((name, "range") for name in ("re", "n", "q", "pa")),
        ("sky", "shift"),
    ]
