"""Priors that are narrowed so that the parameters tied to them stay in their ranges."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from sersiclab.parameters import ParameterInfo


def narrowed(prior: Any, info: ParameterInfo, lines: Sequence[tuple[float, float]]) -> Any:
    """Return a prior with no value that some `scale * value + offset` would move out of the range of `info`.

    None if there is no such prior: it would exclude the start, or the prior has no limits to set.
    """
    low, high = prior.support()
    for scale, offset in lines:
        ends = sorted((end - offset) / scale for end in (info.low, info.high))
        low, high = max(low, ends[0]), min(high, ends[1])
    if (low, high) == tuple(prior.support()):
        return prior
    start = prior.median() if prior.init is None else prior.init
    if not low < start < high or not {"low", "high"} <= {field.name for field in dataclasses.fields(prior)}:
        return None
    return dataclasses.replace(prior, low=low, high=high)
