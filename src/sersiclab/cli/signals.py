"""Signals that end a command, such as Ctrl-C and the SIGTERM of batch systems.

The first signal raises an exception, so that a fit keeps its draws so far. The second one ends the process at once.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Received:
    """The signal that was received; its number is 0 if there was none."""

    number = 0

    @property
    def status(self) -> int:
        """The exit status that a shell reports for a process ended by this signal."""
        return 128 + (self.number or signal.SIGINT)

    @property
    def name(self) -> str:
        """The signal's name for messages on the terminal."""
        return "Ctrl-C" if self.number in (0, signal.SIGINT) else signal.Signals(self.number).name


@contextlib.contextmanager
def stopping(*signals: signal.Signals) -> Iterator[Received]:
    """Raise `Stopped` in the main thread at the first of these signals; those that are ignored stay ignored.

    By default these are Ctrl-C and SIGTERM.
    """
    from sersiclab.inference.running.run import Stopped

    received = Received()
    if threading.current_thread() is not threading.main_thread():  # Python delivers no signals to other threads
        yield received
        return
    before = {number: signal.getsignal(number) for number in signals or (signal.SIGINT, signal.SIGTERM)}
    caught = [number for number, handler in before.items() if handler != signal.SIG_IGN]

    def stop(number: int, frame: Any) -> None:
        received.number = number
        for each in caught:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL)
        raise Stopped

    for number in caught:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in caught:
            signal.signal(number, before[number])
