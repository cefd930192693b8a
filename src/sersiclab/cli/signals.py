"""Ctrl-C, and the SIGTERM of batch systems: the first keeps what there is of a fit, the second ends at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Received:
    """The signal that came, 0 for none."""

    number = 0

    @property
    def status(self) -> int:
        """The exit status that a shell gives a process which this signal has ended."""
        return 128 + (self.number or signal.SIGINT)

    @property
    def name(self) -> str:
        """What to call it on the terminal."""
        return "Ctrl-C" if self.number in (0, signal.SIGINT) else signal.Signals(self.number).name


@contextlib.contextmanager
def stopping() -> Iterator[Received]:
    """Raise `Stopped` in the main thread at the first of these signals. One that is ignored stays so."""
    from sersiclab.inference.running.run import Stopped

    received = Received()
    if threading.current_thread() is not threading.main_thread():  # others get no signals
        yield received
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, frame: Any) -> None:
        received.number = number
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Stopped

    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
