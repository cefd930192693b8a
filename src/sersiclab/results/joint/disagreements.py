"""Whether images disagree on what a joint model has them share: shifts, and parameters that are too stiff."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sersiclab.parameters.joint import image_links
from sersiclab.profiles import AbstractSource
from sersiclab.results.joint.score_tests import Freed, score_tests
from sersiclab.results.verdict.levels import Level, Reason, others


if TYPE_CHECKING:
    from sersiclab.results.joint.joint_base import AbstractJoint

FALSE_ALARMS = 1e-4  # probability with which any of the tests of a fit raises an alarm by chance
# The same for a curve of too low a degree: a choice that many make for convenience, and few tests.
TOO_SMOOTH = 1e-3
BAD = 400.0  # chi2 gain, the square of 20 sigma: the errors are no measure of how wrong the values are
EQUAL = 1.0  # difference between chi2 gains that counts as none


def disagreement_reasons(fit: "AbstractJoint") -> Iterator[Reason]:
    """Report shifts between images, and parameters that the data of one image contradict, the worst first."""
    links = image_links(fit.model.owners, fit.model.images)
    labels = fit.model.images
    tests, curves = score_tests(fit.density(), links, [label.wavelength for label in labels], fit.best)
    names = [label.name for label in labels]
    shifts = [test for test in tests if not test.path and _is_significant(test, len(tests))]
    shift = _of_one_image(shifts)
    if shift is not None:
        yield _level(shift), _shifted(shift, names, len(shifts))
    several = sum(isinstance(part, AbstractSource) for part in fit.model.components.values()) > 1
    explained = {} if shift is None else {shift.image: shift.gain}
    stiff = [
        test
        for test in tests
        if test.path
        and (several or not test.path.endswith((".xc", ".yc")))
        and _is_significant(test, len(tests))
        and test.gain > explained.get(test.image, 0.0)
    ]
    if shift is not None and shift.gain > max((test.gain for test in stiff), default=0.0):
        return  # a shift biases all other parameters
    if not stiff:
        yield from _too_smooth(curves, names)
        return
    worst = max(stiff, key=lambda test: test.gain)
    smooth = worst.path in links.curve_paths
    kind = "as a smooth function of wavelength" if smooth else "with the value that images share"
    yield (
        _level(worst),
        f"{worst.path}, {kind}, contradicts image {names[worst.image]}: chi2 would fall by {worst.gain:.0f} if it were "
        f"free there{others(len(stiff))}; {'use a higher degree, or' if smooth else 'use'} PerBand or PerImage.",
    )


def _too_smooth(curves: Sequence[Freed], names: Sequence[str]) -> Iterator[Reason]:
    bent = [test for test in curves if _is_significant(test, len(curves), TOO_SMOOTH)]
    if bent:
        worst = max(bent, key=lambda test: test.gain)
        yield (
            "caution",
            f"{worst.path}, as a smooth function of wavelength, is probably too simple, most of all in image "
            f"{names[worst.image]}: chi2 would fall by {worst.gain:.0f} with one degree more{others(len(bent))}; use a "
            "higher degree, or PerBand or PerImage.",
        )


def _is_significant(test: Freed, number: int, false_alarms: float = FALSE_ALARMS) -> bool:
    from scipy.stats import chi2  # which is slow to import

    return bool(chi2.sf(test.gain, len(test.step)) * number < false_alarms)


def _level(test: Freed) -> Level:
    return "bad" if test.gain > BAD else "caution"


def _of_one_image(shifts: list[Freed]) -> Freed | None:
    """Return the most significant shift; that of the first image only if no other explains as much.

    Of two images, a shift of one is the opposite shift of the other.
    """
    if not shifts:
        return None
    worst = max(shifts, key=lambda test: test.gain)
    rest = [test for test in shifts if test.image != 0]
    other = max(rest, key=lambda test: test.gain, default=worst)
    return other if other.gain > worst.gain * 0.9 - EQUAL else worst


def _shifted(test: Freed, names: list[str], number: int) -> str:
    dx, dy = test.step
    name = names[test.image]
    cure = f"add model.with_shift({name!r}, prior=sl.Normal(0, 1))" if test.image else "put another image first"
    against = names[0] if test.image else "the others"
    distance = (dx**2 + dy**2) ** 0.5
    return (
        f"Image {name} is shifted against {against} by {distance:.2f} pixels of {name}, ({dx:+.2f}, {dy:+.2f}): chi2 "
        f"would fall by {test.gain:.0f}{others(number)}; {cure}."
    )
