"""Exceptions, as messages for the page.

An error raised on purpose (`SersiclabError`, or one of the operating system) is shown in its own words. Every other
exception is an internal error: it goes to the log with its traceback, and to the page with the traceback behind
"details".
"""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from sersiclab.runtime.errors import SersiclabError
from sersiclab.widget.messages import Message, error_message


TITLES = {
    "run": "The run failed",
    "recover": "The errors could not be tested",
    "render": "The model could not be drawn",
    "load": "The session was not loaded",
    "regions": "The regions were not read",
    "export": "The file could not be created",
    "state": "The change was not accepted",
    "views": "The posterior could not be drawn",
}
LONGEST = 10_000  # characters of a detail or a traceback


def is_meant(error: BaseException) -> bool:
    """Whether an error is raised on purpose, and explains to the user what is wrong."""
    return isinstance(error, SersiclabError | OSError)


def in_words(error: BaseException) -> str:
    """Return an error in words; an internal error is called one."""
    return str(error) if is_meant(error) else f"Internal error: {type(error).__name__}: {error}"


def log_internal(error: BaseException) -> None:
    """Log an internal error with its traceback; without a handler of the user, Python writes it to stderr."""
    if not is_meant(error):
        logging.getLogger(__name__).error(in_words(error), exc_info=error)


def label_of(content: Any) -> str:
    """Return the label of the page's message in error messages: its type and, for an export, its request."""
    if not isinstance(content, Mapping):
        return ""
    names = (content.get("t"), content.get("request") if content.get("t") == "export" else None)
    return " ".join(str(name) for name in names if name is not None)


def failure_message(label: str, error: BaseException) -> Message:
    """Return the message for the page about an exception.

    Arguments:
        label: the action that failed, as in `label_of`; its first word chooses the title.
        error: the exception.
    """
    kind, _, request = label.partition(" ")
    content, buffers = error_message(TITLES.get(kind, "Something went wrong"), _short(in_words(error)))
    if not is_meant(error):
        content["traceback"] = _short("".join(traceback.format_exception(error)))
    if kind == "export" and request:
        content["request"] = request
    return content, buffers


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
