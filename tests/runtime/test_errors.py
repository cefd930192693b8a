"""Errors that are meant are a class of their own."""

import ast
import builtins
import pickle
from pathlib import Path

import pytest

import sersiclab as sl
from sersiclab.runtime import errors


SOURCE = Path(sl.__file__).parent
OURS = [value for value in vars(errors).values() if isinstance(value, type)]
# The protocols of mappings and attributes and the errors of the operating system, which are never bugs of ours.
ALLOWED = {"KeyError", "AttributeError", "NotImplementedError"}
BUILTIN = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, OSError)
} - ALLOWED


def built_in_errors(text):
    """The lines that make a built-in error, or a class of errors right under one."""
    for node in ast.walk(ast.parse(text)):
        calls = [node.func] if isinstance(node, ast.Call) else [node.exc] if isinstance(node, ast.Raise) else []
        for name in [*calls, *(node.bases if isinstance(node, ast.ClassDef) else [])]:
            if isinstance(name, ast.Name) and name.id in BUILTIN:
                yield node.lineno, name.id


def test_no_module_makes_a_built_in_error():
    files = [path for path in SOURCE.rglob("*.py") if path.name not in ("errors.py", "_make_sersic_table.py")]
    found = {str(path): lines for path in files if (lines := list(built_in_errors(path.read_text())))}
    assert len(files) > 100
    assert not found


@pytest.mark.parametrize(
    "text", ["raise ValueError('x')", "raise TypeError", "error = RuntimeError('x')", "class Wrong(ValueError): ..."]
)
def test_a_built_in_error_is_found(text):
    assert len(set(built_in_errors(text))) == 1


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_a_meant_error_is_also_the_built_in_one(cls):
    error = pickle.loads(pickle.dumps(cls("what was wrong")))
    assert type(error) is cls
    assert str(error) == "what was wrong"
    assert isinstance(error, sl.SersiclabError)
    assert getattr(sl, cls.__name__) is cls


def test_which_errors_users_catch():
    with pytest.raises(sl.InputError, match="n must lie in"):
        sl.Sersic(xc=1.0, yc=1.0, flux=1.0, r_eff=1.0, n=-1.0, ellip=0.5, theta=0.0)
    with pytest.raises(ValueError, match="n must lie in"):
        sl.Sersic(xc=1.0, yc=1.0, flux=1.0, r_eff=1.0, n=-1.0, ellip=0.5, theta=0.0)
    with pytest.raises(sl.InputTypeError):
        sl.Model(3)
