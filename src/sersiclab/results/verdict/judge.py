"""The verdict: whether to trust a fit, as a level with reasons."""

from collections.abc import Callable, Iterator

from sersiclab.profiles import AbstractSource
from sersiclab.results.base import AbstractFit
from sersiclab.results.verdict.approximation import approximation_reasons
from sersiclab.results.verdict.bounds import bound_reasons, conflict_reasons, posterior_draws
from sersiclab.results.verdict.chi2 import chi2_reasons
from sersiclab.results.verdict.completion import completion_reasons, error_reasons, finite, range_reasons
from sersiclab.results.verdict.degeneracy import degeneracy_reasons
from sersiclab.results.verdict.levels import LEVELS, Level, Reason, Verdict, sentence
from sersiclab.results.verdict.psf_sampling import psf_reasons
from sersiclab.results.verdict.render_errors import render_reasons
from sersiclab.results.verdict.residuals import residual_reasons
from sersiclab.results.verdict.sampling import convergence_reasons, sampler_reasons, weight_reasons
from sersiclab.results.verdict.targets import target_reasons
from sersiclab.runtime.errors import InputError


def _blurred(fit: AbstractFit) -> Iterator[Reason]:
    """A limit of the image that is not a fault of the fit."""
    if fit.image.psf is None and any(isinstance(part, AbstractSource) for part in fit.model.components.values()):
        yield "ok", "The image has no PSF: sizes and shapes describe the galaxy as blurred."


Rule = Callable[[AbstractFit], Iterator[Reason]]

# In the order of causes: among reasons of one level, those of an earlier rule explain those of a later one. First come
# invalid values, then sources that left their targets, then faults of the model image, of the draws, and of the priors.
RULES: tuple[Rule, ...] = (
    completion_reasons,
    range_reasons,
    target_reasons,
    render_reasons,
    psf_reasons,
    chi2_reasons,
    residual_reasons,
    sampler_reasons,
    weight_reasons,
    convergence_reasons,
    approximation_reasons,
    bound_reasons,
    conflict_reasons,
    lambda fit: degeneracy_reasons(fit, posterior_draws(fit)),
    error_reasons,
    _blurred,
)


def judge(fit: AbstractFit) -> Verdict:
    """Return the verdict on a fit: as bad as its worst reason, which comes first."""
    rules = RULES if finite(fit) else (completion_reasons,)
    try:
        fit.model_image  # noqa: B018 (rendered here once, for all rules)
    except InputError as mistake:  # a tie has taken a parameter out of its range
        return Verdict("bad", (sentence(f"The model can't be rendered at its best values: {mistake}"),))
    found = [reason for rule in rules for reason in rule(fit)]
    found.sort(key=lambda reason: LEVELS.index(reason[0]))
    level: Level = found[0][0] if found else "ok"
    return Verdict(level, tuple(text for _, text in found))
