"""A small image, a model, a method that needs no inference, and an editor whose messages are recorded."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sersiclab.data.image import Image
from sersiclab.inference import AbstractMethod
from sersiclab.inference.base import Outcome, Problem
from sersiclab.inference.running.monitor import Monitor
from sersiclab.model import Model
from sersiclab.parameters import Tied
from sersiclab.parameters.priors import LogUniform, Normal, Uniform
from sersiclab.profiles import FlatSky, PointSource
from sersiclab.widget import Editor, bundle


SECONDS = 120  # after which a test that hangs fails


class Failing(AbstractMethod):
    """Fails."""

    def solve(self, problem: Problem, monitor: Monitor) -> Outcome:
        raise ArithmeticError("the stars are not right")


@pytest.fixture
def image(rng: np.random.Generator) -> Image:
    mask = np.zeros((11, 14), bool)
    mask[0, :3] = True
    y, x = np.mgrid[-2:3, -2:3]
    psf = np.exp(-0.5 * (x**2 + y**2))
    return Image(rng.normal(size=(11, 14)), sigma=0.5, psf=psf / psf.sum(), mask=mask)


@pytest.fixture
def model() -> Model:
    return Model(
        {
            "star": PointSource(xc=Normal(6.0, 0.5, init=6.2), yc=Normal(5.0, 0.5), flux=LogUniform(1.0, 100.0)),
            "ghost": PointSource(xc=Tied("star.xc"), yc=7.0, flux=Uniform(0.0, 9.0)),
            "sky": FlatSky(level=0.1),
        }
    )


class Heard:
    """The custom messages of a widget, in order."""

    def __init__(self, editor: Editor) -> None:
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        editor.send = lambda content, buffers=None: self.messages.append((content, buffers or []))
        self._editor = editor

    def send(self, **content: Any) -> None:
        """Send a message as the page does, and wait for its effects."""
        self._editor._handle_custom_msg(content, [])
        self.settle()

    def settle(self) -> None:
        assert self._editor.flush(SECONDS)

    def of(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [message for message in self.messages if message[0]["t"] == kind]

    def clear(self) -> None:
        self.messages.clear()


@pytest.fixture
def editor(image: Image, model: Model) -> Iterator[Editor]:
    if not (bundle.STATIC / "widget.js").is_file():
        pytest.skip("the front end is not built: npm --prefix js ci && npm --prefix js run build")
    made = Editor(image, model)
    yield made
    made.close()


@pytest.fixture
def heard(editor: Editor) -> Heard:
    return Heard(editor)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], Any]) -> None:
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, "it never came"
            time.sleep(0.01)

    return wait
