"""Checks of the arguments of a run over many galaxies."""

import math
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

from sersiclab.catalogue.job import Job
from sersiclab.inference import AbstractMethod
from sersiclab.runtime.errors import InputError, InputTypeError


def checked_method(method: Any) -> AbstractMethod:
    """Return a method of inference; raise `TypeError` for anything else."""
    if not isinstance(method, AbstractMethod):
        raise InputTypeError(f"method must be an object such as Laplace() or MAP(), got {method!r}")
    return method


def checked_jobs(jobs: Any) -> Iterable[Job]:
    """Return an iterable of jobs; raise `TypeError` for anything else."""
    if isinstance(jobs, Job | str | bytes) or not isinstance(jobs, Iterable):
        raise InputTypeError(f"jobs must be a list, or another iterable, of Job, got {type(jobs).__name__}")
    return jobs


def checked_executor(executor: Any) -> Executor | None:
    """Return an executor; raise `TypeError` for anything else but None."""
    if executor is None or isinstance(executor, Executor):
        return executor
    hint = "; pass client.get_executor()" if type(executor).__module__.startswith("distributed") else ""
    raise InputTypeError(f"executor must be a concurrent.futures.Executor or None, got {type(executor).__name__}{hint}")


def checked_timeout(timeout: Any) -> float | None:
    """Return a number of seconds; raise `TypeError` or `ValueError` for anything else but None."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise InputTypeError(f"timeout must be a number of seconds or None, got {timeout!r}")
    if not timeout > 0 or math.isinf(timeout):
        raise InputError(f"timeout must be positive, got {timeout!r}")
    return float(timeout)
