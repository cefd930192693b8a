"""The progress bar of `fit`, in terminals and notebooks."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator

from sersiclab.inference.running.monitor import Progress


@contextlib.contextmanager
def progress_bar(*, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that draws the progress of a run, or does nothing unless `shown`."""
    if not shown:
        yield lambda progress: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm's, where a notebook has no ipywidgets: it falls back to text
        from tqdm.auto import tqdm
    live = "ipykernel" in sys.modules or sys.stderr.isatty()
    last: tuple[object, ...] = ()
    with tqdm(total=0, bar_format="{desc} |{bar}| {n_fmt}/{total_fmt} [{elapsed}<{postfix}]") as bar:

        def update(progress: Progress) -> None:
            nonlocal last
            # A log file gets a line for each tenth of a phase, not ten a second.
            state = _stage(progress), 10 * progress.step // max(progress.total, 1)
            if state == last and not live:
                return
            last = state
            bar.total = progress.total
            bar.n = progress.step
            bar.set_description_str(f"{progress.method} {_stage(progress)}", refresh=False)
            bar.set_postfix_str(_remaining(progress), refresh=False)
            bar.refresh()

        yield update


def _stage(progress: Progress) -> str:
    return progress.phase if progress.state == "running" else progress.state


def _remaining(progress: Progress) -> str:
    left = "?" if progress.eta is None else f"{progress.eta:.0f} s"
    divergences = f"{progress.divergences} divergences" if progress.divergences else ""
    message = progress.message if progress.state == "running" else ""
    return ", ".join(filter(None, [left, divergences, message]))
