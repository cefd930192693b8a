"""The verdict on a fit of several images."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from sersiclab.results.fit import Fit
from sersiclab.results.joint.disagreements import disagreement_reasons
from sersiclab.results.joint.joint_base import AbstractJoint
from sersiclab.results.joint.map_errors import map_reasons
from sersiclab.results.verdict.completion import completion_reasons, error_reasons, finite
from sersiclab.results.verdict.degeneracy import joint_faint_reasons
from sersiclab.results.verdict.judge import BEFORE, OF_DRAWS, OF_IMAGE, blurred_reasons, verdict_of
from sersiclab.results.verdict.levels import Reason, Verdict, sentence
from sersiclab.runtime.errors import InputError


def judge_together(fit: AbstractJoint, fits: Callable[[], Mapping[str, Fit]]) -> Verdict:
    """Return the verdict on a fit of several images, whose own fits `fits` returns."""
    if not finite(fit):
        return verdict_of(completion_reasons(fit))
    try:
        images = list(_of_images(fits()))
    except InputError as mistake:  # a tie has taken a parameter out of its range
        return Verdict("bad", (sentence(f"The model can't be rendered at its best values: {mistake}"),))
    draws = chain.from_iterable(rule(fit) for rule in OF_DRAWS)
    together = chain(map_reasons(fit), disagreement_reasons(fit), joint_faint_reasons(fits()))
    before = chain.from_iterable(rule(fit) for rule in BEFORE)
    return verdict_of([*before, *together, *images, *draws, *error_reasons(fit)])


def _of_images(fits: Mapping[str, Fit]) -> Iterator[Reason]:
    """Yield the reasons of every image, with the names of the images that have them."""
    named: dict[Reason, list[str]] = {}
    for rule in (*OF_IMAGE, blurred_reasons):
        for name, fit in fits.items():
            for reason in rule(fit):
                named.setdefault(reason, []).append(name)
    for (level, text), names in named.items():
        yield level, f"{_images(names)}: {text}"


def _images(names: list[str]) -> str:
    return f"Image {names[0]}" if len(names) == 1 else f"Images {', '.join(names[:-1])} and {names[-1]}"
