"""No module imports itself by a detour, in Python or TypeScript: not in a function, and not for its types alone."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest


HERE = Path(__file__).resolve().parents[1]
PYTHON, SCRIPTS = HERE / "src" / "sersiclab", HERE / "js" / "src"
STATEMENT = re.compile(r"""(?:^|\n)\s*(?:import|export)\b(?:[^;"']*?\bfrom)?\s*["'](\.[^"']+)["']""")
EXPRESSION = re.compile(r"""\bimport\(\s*["'](\.[^"']+)["']""")

Graph = dict[str, set[str]]


def python_imports(root: Path) -> Graph:
    """The modules that each module of a package imports, wherever in its code."""
    files = {_module(root, path): path for path in root.rglob("*.py")}
    return {name: set(_imported(path, files)) - {name} for name, path in files.items()}


def _module(root: Path, path: Path) -> str:
    parts = (root.name, *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, files: Mapping[str, Path]):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import, which this test does not follow"
            for alias in node.names:
                yield from [name for name in (f"{node.module}.{alias.name}", node.module) if name in files][:1]


def script_imports(root: Path) -> Graph:
    """The modules that each TypeScript module imports or exports again, types included."""
    found: Graph = {}
    for path in root.rglob("*.ts"):
        text = path.read_text()
        targets = [(path.parent / name).resolve() for name in STATEMENT.findall(text) + EXPRESSION.findall(text)]
        files = [target.with_name(f"{target.name.removesuffix('.ts')}.ts") for target in targets]
        found[str(path.relative_to(root))] = {str(file.relative_to(root)) for file in files if file.is_file()}
    return found


def circles(graph: Graph) -> list[str]:
    """Every module that reaches itself, with the shortest way."""
    return [" -> ".join(way) for name in sorted(graph) if (way := _way_back(graph, name))]


def _way_back(graph: Graph, name: str) -> list[str]:
    seen, ways = {name}, [[name]]
    for way in ways:
        for target in sorted(graph[way[-1]]):
            if target == name:
                return [*way, name]
            if target not in seen:
                seen.add(target)
                ways.append([*way, target])
    return []


def test_no_circle_of_python_modules() -> None:
    graph = python_imports(PYTHON)
    assert len(graph) > 100
    assert circles(graph) == []


def test_no_circle_of_typescript_modules() -> None:
    graph = script_imports(SCRIPTS)
    assert len(graph) > 50
    assert circles(graph) == []


@pytest.mark.parametrize("late", ["if TYPE_CHECKING:\n    {}", "def late():\n    {}", "{}"])
def test_a_circle_is_found_wherever_it_is_imported(tmp_path: Path, late: str) -> None:
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from package.one import f")
    (package / "one.py").write_text("from package.inner import two")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "two.py").write_text(late.format("import package.one"))
    expected = ["package.inner.two -> package.one -> package.inner.two"]
    assert circles(python_imports(package)) == [*expected, "package.one -> package.inner.two -> package.one"]


@pytest.mark.parametrize(
    "back",
    ['import type {{ A,\n  B }} from "{}";', 'export * from "{}";', 'const a: import("{}").A = 1;', 'import "{}";'],
)
def test_a_circle_of_scripts_is_found_however_it_is_imported(tmp_path: Path, back: str) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "a.ts").write_text('// A comment.\nimport { b } from "./views/b";\nimport { signal } from "signals";\n')
    (tmp_path / "views" / "b.ts").write_text(f"const x = 1;\n{back.format('../a')}\n")
    assert len(circles(script_imports(tmp_path))) == 2
