"""A handler of Python's own errors encloses no call of sersiclab's functions: it would hide their bugs."""

import ast
import builtins
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

import sersiclab as sl


PACKAGE = Path(sl.__file__).parent
# Errors that a bug can raise. Those of the operating system and a function that is not implemented are none.
OF_BUGS = {
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type)
    and issubclass(value, BaseException)
    and not issubclass(value, OSError | NotImplementedError | Warning | ImportError | MemoryError | RecursionError)
} - {"KeyboardInterrupt", "SystemExit", "GeneratorExit", "StopIteration"}
# Methods of Python's types, which classes of ours may have, too.
OF_PYTHON = {name for kind in (str, bytes, dict, list, Path) for name in dir(kind)}
# Code of users or other packages behind a name of ours, and handlers that report an internal error as one.
ALLOWED = {
    "catalogue/chunks.py: _finished": "the error becomes a row of the catalogue, with its class",
    "catalogue/fitting_many.py: fit_together": "each job is fitted alone, and the error becomes the row of its own job",
    "catalogue/fitting_many.py: run.wait": "the run is cancelled, and its error is of no use any more",
    "catalogue/fitting_many.py: stopped": "the error becomes a row of the catalogue, with its class",
    "catalogue/joint_stamps.py: self": "the error is raised where the stamp is loaded",
    "catalogue/job_loading.py: precision": "the error becomes a row of the catalogue, with its class",
    "catalogue/recipe_identity.py: value = cell.cell_contents": "an attribute of Python's cells",
    "catalogue/run_folder.py: InputError": "the fields of a JSON document",
    "catalogue/run_folder.py: RunConfiguration.of": "the fields of a JSON document",
    "catalogue/source_tables.py: _is_ldac": "looks for a table in a file by astropy alone",
    "catalogue/stamps.py: self.cut": "the error is raised where the stamp is loaded",
    "cli/__init__.py: _command": "prints the traceback of an internal error",
    "data/integrity.py: decompress": "the decompressors of Python and of uncompresspy",
    "data/registration.py: _sky": "the coordinates of a WCS, of which there are many kinds",
    "data/opening.py: a with block": "encloses the reading of pixels by astropy alone",
    "documents/spec.py: cls": "the class of a document, with the errors of classes of its package",
    "documents/storage.py: a with block": "removes the temporary file and raises the error again",
    "inference/running/background.py: precision": "raises the error again in the caller's thread",
    "inference/running/monitor.py: self._on_progress": "the user's function",
    "profiles/installed.py: point.load": "loads the class of another package",
    "widget/editor.py: self._requests.receive": "logs an internal error and shows its traceback",
    "widget/frame_messages.py: degrees_of_freedom": "logs an internal error and shows its traceback",
    "widget/mailbox.py: job": "logs an internal error and shows its traceback",
    "widget/recoveries.py: work.wait": "logs an internal error and shows its traceback",
    "widget/runs.py: start": "logs an internal error and shows its traceback",
    "widget/session.py: from_dict": "logs an internal error and says that it is one",
    "widget/tangent_plane.py: to_sky": "a method of astropy's WCS, of which there are many kinds",
}


def enclosed(text: str, ours: Collection[str] = ()) -> Iterator[str]:
    """The first call of a function of ours within each handler of Python's own errors."""
    tree = ast.parse(text)
    foreign = set(dir(builtins)) | _imported_from_others(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_is_wide(handler) for handler in node.handlers):
            inside = [inner for statement in node.body for inner in ast.walk(statement)]
            calls = [inner.func for inner in inside if isinstance(inner, ast.Call)]
            if any(isinstance(inner, ast.Yield) for inner in inside):
                yield "a with block"
            elif not calls:
                yield ast.unparse(node.body[0])
            else:
                yield from [ast.unparse(call) for call in calls if _is_ours(call, foreign, ours)][:1]


def _imported_from_others(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("sersiclab"):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _is_wide(handler: ast.ExceptHandler) -> bool:
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    # A call gives classes that can't be seen here.
    return any(each is None or isinstance(each, ast.Call) or _name(each) in OF_BUGS for each in types)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _is_ours(call: ast.expr, foreign: set[str], ours: Collection[str]) -> bool:
    """Whether a function may be ours: by its name, or as a method that a class of ours has, too."""
    root = call
    while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
        root = root.func if isinstance(root, ast.Call) else root.value
    if _name(root) in foreign or not isinstance(root, ast.Name):
        return False
    return root is call or root.id == "self" or (isinstance(call, ast.Attribute) and call.attr in ours)


def test_no_handler_hides_a_bug() -> None:
    texts = {str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
    functions = [node for text in texts.values() for node in ast.walk(ast.parse(text))]
    ours = {node.name for node in functions if isinstance(node, ast.FunctionDef)} - OF_PYTHON
    found = {f"{name}: {call}" for name, text in texts.items() for call in enclosed(text, ours)}
    assert len(ours) > 1000
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "body",
    [
        "convert(x)",
        "y = [convert(item) for item in x]",
        "x.check()",
        "self.image",
        "with opened(x): yield",
        "self.f(x)",
    ],
)
@pytest.mark.parametrize("errors", ["ValueError", "(OSError, TypeError)", "Exception", "refusals(x)"])
def test_an_enclosed_call_is_found(body: str, errors: str) -> None:
    text = (
        f"def f(self, x):\n    try:\n        {body}\n    except {errors} as error:\n        raise InputError from error"
    )
    assert len(list(enclosed(text, {"check"}))) == 1


@pytest.mark.parametrize("body", ["float(x)", "np.asarray(x)", "x.decode()", "u.Unit(x).check()"])
def test_a_call_of_others_is_no_finding(body: str) -> None:
    imports = "import numpy as np\nimport astropy.units as u\n"
    assert not list(enclosed(f"{imports}try:\n    {body}\nexcept ValueError:\n    pass", {"check"}))
    assert not list(enclosed("try:\n    convert(x)\nexcept InputError:\n    pass"))


@pytest.mark.parametrize("cls", [sl.Sersic, sl.HybridRenderer])
def test_a_bug_in_a_class_is_no_problem_of_a_document(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    galaxy = sl.Sersic(xc=sl.Normal(5, 1), yc=5.0, flux=1.0, r_eff=2.0, n=1.0, ellip=0.1, theta=0.0)
    document = sl.to_dict(sl.Model({"galaxy": galaxy}, renderer=sl.HybridRenderer()))

    def broken(*arguments: object) -> None:
        raise TypeError("a bug of ours")

    monkeypatch.setattr(cls, "__check_init__" if cls is sl.Sersic else "check", broken)
    with pytest.raises(TypeError, match=r"^a bug of ours$") as raised:
        sl.from_dict(document)
    assert type(raised.value) is TypeError
