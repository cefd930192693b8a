"""Docstrings as MyST Markdown: what `Arguments:`, `Returns:`, `Raises:` and `Example:` hold becomes fields and code."""

import inspect
import re
import textwrap
from collections.abc import Collection, Iterator

from groups import public_names


SECTION = re.compile(r"^(Arguments|Attributes|Returns|Yields|Raises|Warns|Example|Examples):[ ]*$")
FIELDS = {"Arguments": "param", "Attributes": "ivar", "Raises": "raises"}
# The qualified part of a type's name, as in `collections.abc.Sequence`.
QUALIFIER = re.compile(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])")
FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})")
MENTION = re.compile(r"(?<![`\w}])`(sl\.)?([A-Za-z_][\w.]*)(\(\))?`(?!`)")
WITHOUT_DOCSTRING = {
    "Parameter": "The type of a field that holds a parameter: a number, a prior, or a tie such as `sl.Tied`."
}


def entry(name: str, member: object) -> str:
    """Return a public object's part of the reference."""
    if inspect.isclass(member):
        parts = [markdown(member), *(_member(key, value) for key, value in _members(member))]
        return _directive("py:class", f"sl.{name}{signature(member)}", "\n\n".join(parts), ticks=7)
    if inspect.isfunction(inspect.unwrap(member)):
        return _directive("py:function", f"sl.{name}{signature(member)}", markdown(member), ticks=5)
    return _directive("py:data", f"sl.{name}", WITHOUT_DOCSTRING[name], ticks=5)


def _directive(kind: str, heading: str, body: str, *, ticks: int) -> str:
    fence = "`" * ticks
    return f"{fence}{{{kind}}} {heading}\n{body}\n{fence}"


def _members(cls: type) -> Iterator[tuple[str, object]]:
    """The documented methods and properties that a class does not share with others, in the order of its code."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("sersiclab")]
    parts = [base for base in ours if base is cls or _is_part_of_one(base)]
    shared = {key for base in ours if base not in parts for key in vars(base)}
    for key in dict.fromkeys(key for part in reversed(parts) for key in vars(part)):
        value = inspect.getattr_static(cls, key)
        public = not key.startswith("_") and key not in shared and inspect.getdoc(_function(value))
        if public and (isinstance(value, property) or inspect.isfunction(_function(value))):
            yield key, value


def _is_part_of_one(base: type) -> bool:
    """Whether a base class is not public itself, and has one public class below it."""
    classes = [value for value in public_names().values() if inspect.isclass(value)]
    return base not in classes and sum(issubclass(value, base) for value in classes) == 1


def _function(member: object) -> object:
    for name in ("fget", "func", "__func__", "__wrapped__"):
        member = getattr(member, name, None) or member
    return member


def _member(name: str, member: object) -> str:
    text = markdown(_function(member))
    if isinstance(member, property) or hasattr(member, "func"):
        return _directive("py:property", name, text, ticks=5)
    kind = "py:classmethod" if isinstance(member, classmethod) else "py:method"
    call = signature(_function(member))
    bound = call if isinstance(member, staticmethod) else re.sub(r"^\((self|cls)(, )?", "(", call)
    return _directive(kind, f"{name}{bound}", text, ticks=5)


def signature(member: object) -> str:
    """Return the arguments with the short names of their types; `Any` says nothing and is left out."""
    try:
        found = inspect.signature(member)
    except (TypeError, ValueError):
        return "()"
    if inspect.isclass(member):
        found = found.replace(return_annotation=inspect.Signature.empty)
    text = re.sub(r"(: | -> )(typing\.)?Any\b", "", str(found))
    text = re.sub(r"'([A-Z]\w*(?:\[[^']*\])?)'", r"\1", text)  # a type that is written as a string
    return QUALIFIER.sub("", text).replace("\n", " ").replace("'", '"').replace("<factory>", "...")


def markdown(member: object) -> str:
    """Return an object's docstring as Markdown."""
    blocks, current, kind = [], [], ""
    for line in (inspect.getdoc(member) or "").splitlines():
        heading = SECTION.match(line)
        if heading is not None or (kind and line and not line.startswith(" ")):
            blocks.append((kind, current))
            kind, current = (heading[1], []) if heading is not None else ("", [line])
        else:
            current.append(line)
    blocks.append((kind, current))
    return "\n\n".join(_section(kind, textwrap.dedent("\n".join(lines)).strip("\n")) for kind, lines in blocks)


def _section(kind: str, text: str) -> str:
    if kind in FIELDS:
        return "\n".join(_field(FIELDS[kind], item) for item in re.split(r"\n(?=\S)", text))
    if kind in ("Returns", "Yields"):
        return f":{kind.lower()}: {_continued(text)}"
    if kind in ("Example", "Examples"):
        return "*Example*\n\n" + _fenced(text)
    return ("*Warns*\n\n" if kind else "") + _fenced(text)


def _field(role: str, item: str) -> str:
    name, colon, about = item.partition(":")
    bare = name.replace("`", "").replace(" or ", ", ").strip()
    return f":{role} {bare}: {_continued(about.strip())}" if colon else f":{role}: {_continued(item)}"


def _continued(text: str) -> str:
    return textwrap.indent(inspect.cleandoc(text), "    ").strip()


def _fenced(text: str) -> str:
    """Put sessions with `>>>`, which end at an empty line, into a fence."""
    return re.sub(r"(?m)(^>>> .*(?:\n.+)*)", r"```pycon\n\1\n```", text)


def linked(text: str, names: Collection[str], *, bare: bool) -> str:
    """Link each mention of a public name outside of code: of `sl.Fit`, and also of `Fit` if `bare`."""

    def link(found: re.Match[str]) -> str:
        prefix, name, call = found[1] or "", found[2], found[3] or ""
        known = name in names and (prefix or (bare and name[0].isupper()))
        return f"{{py:obj}}`{prefix}{name}{call} <sl.{name}>`" if known else found[0]

    lines, closing = [], ""
    for line in text.splitlines():
        fence = FENCE.match(line)
        code = fence is not None and not re.search(r"\{(py:\w+|note|tip|warning|important|admonition)\}", line)
        if closing:
            closing = "" if line.strip() == closing else closing
        elif code and fence is not None and (line.strip() != fence[1] or fence[1] == "```"):
            closing = fence[1]
        elif fence is None and not line.startswith("#"):
            line = MENTION.sub(link, line)
        lines.append(line)
    return "\n".join(lines) + "\n"
