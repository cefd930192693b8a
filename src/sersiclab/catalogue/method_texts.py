"""A method of inference as text, in the parts of a catalogue."""

import json
from functools import cache

from sersiclab.documents.spec import from_document, to_document
from sersiclab.inference import METHODS, AbstractMethod


def method_json(method: AbstractMethod) -> str:
    """Return a method as JSON."""
    return json.dumps(to_document(method))


@cache
def method_of(text: str) -> AbstractMethod:
    """Return the method that `method_json` wrote. Raises `ValueError` for a damaged text."""
    return from_document(json.loads(text), types=METHODS)
