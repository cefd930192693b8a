"""Protection from YAML whose nodes refer to each other: a few lines may stand for more nodes than fit in memory."""

from pathlib import Path
from typing import Any

from sersiclab.runtime.errors import InputError


MOST_NODES = 10**6  # that references may stand for
END = b"\n..."  # of the YAML in a file whose arrays follow


def check_references(path: Path) -> None:
    """Raise `ValueError` if a node of the file's YAML refers to itself, or references multiply its nodes."""
    import yaml

    text = path.read_bytes().partition(END)[0]
    if b"*" not in text:
        return
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return  # reading the file reports the error
    _count(root, {})


def _count(node: Any, counts: dict[int, int | None]) -> int:
    """Return how many nodes a node stands for; `counts` holds the known numbers, and None for nodes around this one."""
    if id(node) in counts:
        known = counts[id(node)]
        if known is None:
            raise InputError("one of its nodes recurs in itself")
        return known
    counts[id(node)] = None
    value = getattr(node, "value", None)
    items = value if isinstance(value, list) else []
    parts = [part for item in items for part in (item if isinstance(item, tuple) else (item,))]
    number = 1 + sum(_count(part, counts) for part in parts)
    if number > MOST_NODES + len(counts):
        raise InputError("its nodes are in several places, again and again: no file of sersiclab repeats nodes")
    counts[id(node)] = number
    return number
