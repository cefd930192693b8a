"""One bad or odd input, its expected outcome, and its actual one.

Outcomes: `right` (an answer that was checked), `named` (an error whose message names what to change), `told` (a
warning, a note, or a verdict other than ok), and those that must not be: `silent`, `unclear`, `hang`, `crash`.
"""

import dataclasses
import re
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from jaxtyping import TypeCheckError

import sersiclab as sl


Outcome = Literal["right", "named", "told", "silent", "unclear", "hang", "crash"]
OUTCOMES: tuple[Outcome, ...] = ("right", "named", "told", "silent", "unclear", "hang", "crash")
SECONDS = 30.0  # that any one input may take: a limit against hanging, not a measure of speed
# Errors that are meant. The type checks are added by the tests.
MEANT = (sl.SersiclabError, OSError, TypeCheckError)
CALLS = re.compile(r"missing .*required|unexpected keyword|positional argument|multiple values|abstract class")


@dataclasses.dataclass(frozen=True)
class Named:
    """An error of which the message holds all of these."""

    fragments: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Told:
    """A result, and a warning (or what `word` finds in the result) that holds all of these."""

    fragments: tuple[str, ...]
    word: Callable[[Any], str] = lambda _: ""


@dataclasses.dataclass(frozen=True)
class Right:
    """A result without a warning that passes this check."""

    check: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """An input to the public entry `of`, and what is expected."""

    of: str
    name: str
    call: Callable[[], Any]
    expected: Named | Told | Right

    @property
    def label(self) -> str:
        return f"{self.of}: {self.name}"


@dataclasses.dataclass(frozen=True)
class Found:
    """The outcome of a case, and the message that the user reads."""

    case: Case
    outcome: Outcome
    words: str
    seconds: float

    @property
    def as_expected(self) -> bool:
        kinds = {Named: "named", Told: "told", Right: "right"}
        return self.outcome == kinds[type(self.case.expected)]


def named(of: str, name: str, call: Callable[[], Any], *fragments: str) -> Case:
    return Case(of, name, call, Named(fragments))


def told(of: str, name: str, call: Callable[[], Any], *fragments: str, word: Any = lambda _: "") -> Case:
    return Case(of, name, call, Told(fragments, word))


def right(of: str, name: str, call: Callable[[], Any], check: Callable[[Any], Any] = lambda _: True) -> Case:
    return Case(of, name, call, Right(check))


class _Hang(BaseException):
    """The time is up."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(case: Case, seconds: float = SECONDS) -> Found:
    """Try a case and judge its outcome."""
    began = time.perf_counter()

    def found(outcome: Outcome, words: str) -> Found:
        return Found(case, outcome, words, time.perf_counter() - began)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            with limited(seconds):
                result = case.call()
        except _Hang:
            return found("hang", f"no end within {seconds:g} s")
        except Exception as error:
            if not is_meant(error):
                return found("crash", f"{type(error).__name__}: {error}")
            words = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
            clear = isinstance(case.expected, Named) and all(part in words for part in case.expected.fragments)
            return found("named" if clear else "unclear", words)
        except BaseException as error:  # SystemExit and JAX's own among them
            return found("crash", f"{type(error).__name__}: {error}")
    spoken = "\n".join(str(warning.message) for warning in heard)
    return found(*_judged(case, result, spoken))


def is_meant(error: Exception) -> bool:
    """Whether it was raised on purpose, by a wrong call, or by a function of the user's, which a note then names."""
    if isinstance(error, TypeError) and CALLS.search(str(error)):
        return True
    return isinstance(error, MEANT) or hasattr(error, "__notes__")


def _judged(case: Case, result: Any, spoken: str) -> tuple[Outcome, str]:
    """The outcome of a case that ended without an error, and what the user heard."""
    expected = case.expected
    if isinstance(expected, Named):
        return "silent", f"no error; {result!r:.200} {spoken}"
    if isinstance(expected, Told):
        words = f"{spoken}\n{expected.word(result)}".strip()
        return ("told" if words and all(part in words for part in expected.fragments) else "silent"), words
    if spoken:
        return "unclear", f"a warning without a reason: {spoken}"
    return ("right" if expected.check(result) else "silent"), f"{result!r:.200}"
