"""Pages of the documentation that are made from the package: reference, conventions, command line, notebooks."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import docstrings
from groups import public_groups

import sersiclab.profiles.base
from sersiclab.cli import main


HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = ROOT / "build"
GENERATED = HERE / "generated"
NOTEBOOKS = HERE / "notebooks"
COMMANDS = ("demo", "fit", "many", "lab")


def gather_notebooks() -> list[str]:
    """Copy every notebook into the documentation; return the names of those that come with outputs."""
    newest = max(path.stat().st_mtime for path in (ROOT / "src" / "sersiclab").rglob("*.py"))
    NOTEBOOKS.mkdir(exist_ok=True)
    executed = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        run = BUILD / "notebooks" / path.name
        if run.exists() and run.stat().st_mtime > newest and _cells(run) == _cells(path):
            executed.append(path.name)
            _copy(run)
        else:
            _copy(path)
    return executed


def _cells(path: Path) -> list[tuple[str, str]]:
    return [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text("utf-8"))["cells"]]


def _copy(path: Path) -> None:
    """Copy a notebook, unless the copy is the same already, which keeps Sphinx from reading it again."""
    target = NOTEBOOKS / path.name
    if not target.exists() or target.read_bytes() != path.read_bytes():
        shutil.copyfile(path, target)


def write_reference() -> None:
    """Write a page for each group of public names, and one that lists the groups."""
    groups = public_groups()
    for group, members in groups.items():
        parts = [docstrings.entry(name, member) for name, member in members.items()]
        _write(f"reference/{group.slug}.md", f"# {group.title}\n\n{group.about}\n\n" + "\n\n".join(parts))
    toctree = "\n".join(group.slug for group in groups)
    rows = "\n".join(f"| [{group.title}]({group.slug}.md) | {_listed(members)} |" for group, members in groups.items())
    _write(
        "reference/index.md",
        "# Reference\n\nEverything is reached by `import sersiclab as sl`. The names below are public: they keep "
        f"their meaning between versions.\n\n| group | names |\n|---|---|\n{rows}\n\n"
        f"```{{toctree}}\n:hidden:\n\n{toctree}\n```",
    )


def _listed(members: dict[str, object]) -> str:
    return ", ".join(f"`sl.{name}`" for name in members)


def write_conventions() -> None:
    """Write the conventions as the docstring of `sersiclab.profiles.base` states them."""
    text = sersiclab.profiles.base.__doc__ or ""
    _write("conventions.md", text[text.index("- ") :])


def write_command_line() -> None:
    """Write the help of each command."""
    for name in COMMANDS:
        with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
            main([name, "--help"])
        _write(f"{name}.txt", text.getvalue())


def _write(name: str, text: str) -> None:
    path = GENERATED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, encoding="utf-8")


def link_names(app: object, page: str, source: list[str]) -> None:
    """Link `sl.name` in the text of a page to its entry in the reference."""
    if not page.startswith("notebooks/"):
        names = {name for members in public_groups().values() for name in members}
        source[0] = docstrings.linked(source[0], names, bare=page.startswith("generated/"))
