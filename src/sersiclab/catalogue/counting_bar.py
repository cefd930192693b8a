"""The progress bar of a run over many galaxies, in terminals and notebooks."""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator


Update = Callable[[int, int], None]
# Between two lines in a file, where a bar can't be redrawn.
LINE_SECONDS = 30.0


@contextlib.contextmanager
def counting_bar(total: int | None, *, done: int, shown: bool) -> Iterator[Update]:
    """Yield a function that draws how many jobs are finished and how many of them failed.

    `total` is None if it is not known; `done` are finished from the start, and do not count for the rate.
    """
    if not shown:
        yield lambda finished, failed: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's, where a notebook has no ipywidgets: it falls back to text
        from tqdm.auto import tqdm
    live = "ipykernel" in sys.modules or sys.stderr.isatty()
    last = time.monotonic()
    with tqdm(total=total, initial=done, desc="fits", unit="fit", smoothing=0.05) as bar:

        def update(finished: int, failed: int) -> None:
            nonlocal last
            now = time.monotonic()
            bar.n = finished
            if live or now - last >= LINE_SECONDS or finished == total:
                last = now
                bar.set_postfix_str(f"{failed} failed" if failed else "", refresh=False)
                bar.refresh()

        yield update
