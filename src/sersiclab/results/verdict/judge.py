"""The verdict: whether to trust a fit, as a level with reasons."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from sersiclab.profiles import AbstractSource
from sersiclab.results.base import AbstractFit
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.verdict.approximation import approximation_reasons
from sersiclab.results.verdict.bounds import bound_reasons, conflict_reasons, posterior_draws
from sersiclab.results.verdict.chi2 import chi2_reasons
from sersiclab.results.verdict.completion import completion_reasons, error_reasons, finite, range_reasons, tie_reasons
from sersiclab.results.verdict.degeneracy import degeneracy_reasons
from sersiclab.results.verdict.levels import LEVELS, Level, Reason, Verdict, sentence
from sersiclab.results.verdict.psf_sampling import psf_reasons
from sersiclab.results.verdict.render_errors import render_reasons
from sersiclab.results.verdict.residuals import residual_reasons
from sersiclab.results.verdict.sampling import convergence_reasons, sampler_reasons, weight_reasons
from sersiclab.results.verdict.several_modes import mode_reasons
from sersiclab.results.verdict.targets import target_reasons
from sersiclab.runtime.errors import InputError


def blurred_reasons(fit: AbstractFit) -> Iterator[Reason]:
    """Report an image without a PSF: a limit of the image that is not a fault of the fit."""
    if fit.image.psf is None and any(isinstance(part, AbstractSource) for part in fit.model.components.values()):
        yield "ok", "The image has no PSF: sizes and shapes describe the galaxy as blurred."


ImageRule = Callable[[AbstractFit], Iterator[Reason]]
DrawsRule = Callable[[AbstractDrawn], Iterator[Reason]]

# In the order of causes: among reasons of one level, those of an earlier rule explain those of a later one. First come
# invalid values, then sources that left their targets, then faults of the model image, of the draws, and of the priors.
BEFORE: tuple[DrawsRule, ...] = (completion_reasons, range_reasons)
OF_IMAGE: tuple[ImageRule, ...] = (
    tie_reasons,
    target_reasons,
    render_reasons,
    psf_reasons,
    chi2_reasons,
    residual_reasons,
)
OF_DRAWS: tuple[DrawsRule, ...] = (
    sampler_reasons,
    weight_reasons,
    convergence_reasons,
    mode_reasons,
    approximation_reasons,
    bound_reasons,
    conflict_reasons,
)
AFTER: tuple[ImageRule, ...] = (error_reasons, blurred_reasons)


def judge(fit: AbstractFit) -> Verdict:
    """Return the verdict on a fit: as bad as its worst reason, which comes first."""
    if not finite(fit):
        return verdict_of(completion_reasons(fit))
    if (failure := _not_rendered(fit)) is not None:
        return failure
    degenerate = degeneracy_reasons(fit, posterior_draws(fit))
    rules = (*(rule(fit) for rule in (*BEFORE, *OF_IMAGE, *OF_DRAWS)), degenerate, *(rule(fit) for rule in AFTER))
    return verdict_of(chain.from_iterable(rules))


def judge_part(fit: AbstractFit, whole: AbstractDrawn) -> Verdict:
    """Return the verdict on one image of a joint fit: on the image itself, and on the draws of the whole."""
    if not finite(whole):
        return verdict_of(completion_reasons(whole))
    if (failure := _not_rendered(fit)) is not None:
        return failure
    reasons = [*(rule(whole) for rule in BEFORE), *(rule(fit) for rule in OF_IMAGE)]
    reasons += [*(rule(whole) for rule in OF_DRAWS), *(rule(fit) for rule in AFTER)]
    return verdict_of(chain.from_iterable(reasons))


def verdict_of(reasons: Iterable[Reason]) -> Verdict:
    """Return the verdict with these reasons."""
    found = sorted(reasons, key=lambda reason: LEVELS.index(reason[0]))
    level: Level = found[0][0] if found else "ok"
    return Verdict(level, tuple(text for _, text in found))


def _not_rendered(fit: AbstractFit) -> Verdict | None:
    """Return the verdict on a fit whose model can't be rendered; None for any other, rendered once for all rules."""
    try:
        fit.model_image  # noqa: B018
    except InputError as mistake:  # a tie has taken a parameter out of its range
        return Verdict("bad", (sentence(f"The model can't be rendered at its best values: {mistake}"),))
    return None
