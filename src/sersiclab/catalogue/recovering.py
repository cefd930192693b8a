"""`recover`: mock galaxies like those of a fit or of a catalogue, and what their fits find."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from sersiclab.catalogue.catalogue import Catalogue
from sersiclab.parameters.scalars import check_count
from sersiclab.recovery import Recovery
from sersiclab.recovery.mock_fits import FEWEST, NUMBER, MockOptions, begin_recovery, refused
from sersiclab.recovery.mocks import Noise
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError, InputTypeError
from sersiclab.runtime.seeds import checked_seed


def recover(
    fitted: Fit | Catalogue,
    n: int = NUMBER,
    *,
    noise: Noise | Literal["patches"] = "residuals",
    psf: Any = None,
    seed: int = 0,
    progress: bool = True,
) -> Recovery:
    """Inject mock galaxies like those that were fitted, fit them in the same way, and compare with the truth.

    Each mock has parameters drawn from the posterior, the image's PSF and mask, and noise like the image's own. It is
    fitted with the same model and method. Bias, scatter, pulls and coverage then show whether values and errors can
    be trusted on this data, as in the injections of survey papers. Ctrl-C returns the recovery of the mocks that are
    finished, if there are at least five.

    Arguments:
        fitted: a fit with draws by `Laplace()`, or a catalogue of such fits, of which `n` galaxies are chosen.
        n: the number of mocks.
        noise: "residuals" makes noise with the values and the correlation of the image's residuals, so that a wrong
            error map and correlated noise show; "model" draws from the model's noise and the error map. "patches"
            needs a catalogue of stamps that `sl.jobs` makes: each mock lies in a blank patch of the mosaic, with the
            error map and the PSF of that place, so that faint sources that are not detected count too. The sky is that
            of the patch, so that its parameters are left out.
        psf: render the mocks with this PSF, of the same sampling, while they are fitted with the image's own: what an
            error of the PSF does.
        seed: the seed of all random numbers. A larger `n` adds mocks to those of a smaller one.
        progress: whether to show a progress bar.

    Returns:
        The recovery, with a table and a plot.

    Raises:
        TypeError: `fitted` is neither a fit nor a catalogue.
        ValueError: a fit has no draws, or is by a method other than `Laplace`; an option is impossible; or the mosaic
            has too few blank patches.
    """
    check_count("n", n, least=FEWEST)
    if noise not in ("residuals", "model", "patches"):
        raise InputError(f'noise must be "residuals", "model" or "patches", got {noise!r}')
    seed = checked_seed(seed)
    fits = list(_chosen(fitted, n, seed))
    if noise == "patches":
        from sersiclab.catalogue.blank_patches import blank_patches  # which imports astropy's units

        options = MockOptions(fits, n, psf=psf, seed=seed, patches=blank_patches(fitted, fits, n, seed))
    else:
        options = MockOptions(fits, n, noise, psf, seed)
    work = begin_recovery(options)
    try:
        work.watch(bar=progress)
    except KeyboardInterrupt:
        if work.result is None:
            raise
    return work.wait()


def _chosen(fitted: Any, n: int, seed: int) -> Iterator[Fit]:
    """Yield the fit, or fits of a catalogue chosen at random."""
    if isinstance(fitted, Catalogue):
        done = [name for name in fitted.ids if name not in set(fitted.failed)]
        if not done:
            raise InputError("fitted has no galaxy with a fit")
        names = np.random.default_rng([seed, n]).choice(len(done), size=min(n, len(done)), replace=False)
        found = [fitted.fit(done[i]) for i in names]
        first = next(iter(found)).model.free.keys()
        yield from (_checked(fit) for fit in found if fit.model.free.keys() == first)
    elif isinstance(fitted, Fit | JointFit):
        yield _checked(fitted)
    else:
        raise InputTypeError(f"fitted must be a Fit or a Catalogue, got {fitted!r}")


def _checked(fit: Fit | JointFit) -> Fit:
    if isinstance(fit, JointFit):
        raise InputError("recover needs fits of one image, got a JointFit of several")
    if reason := refused(fit):
        raise InputError(reason)
    return fit
