"""Make `sersic_table.npz`: amplitudes of Gaussians that add up to a Sérsic profile.

A Sérsic profile of n >= 1/2 is a continuous mixture of Gaussians: with u = sigma b^n / r_eff and
alpha = 1/(2n), the fraction of the flux per unit ln u is g_alpha(1/(2u²)) / (n Gamma(2n)), where g_alpha
is the one-sided Lévy stable density (its Laplace transform is exp(-s^alpha)). The moments of g_alpha are
ratios of gamma functions, so the Fourier transform of that density in ln u has a closed form:

    h(w) = 2^(iw/2) Gamma(1 + 2n - inw) / (Gamma(1 + 2n) Gamma(2 - iw/2)).

A sum over widths spaced by ln 2 / 4 represents only frequencies below pi / spacing = 18.1; a Gaussian
suppresses higher ones by exp(-pi w / 4) < 1e-6. We remove those frequencies with a window that has
Gaussian flanks (so that the amplitudes fall off like a Gaussian at both ends, even at n = 1/2 where the
density is a delta function) and transform back. The worst error of the sum is 1.4e-6 of the central
brightness, at n = 1/2, and falls below 1e-7 for n > 0.65.

The table holds cubic B-spline coefficients in ln n and ln(sigma / r_eff). Run `python _make_sersic_table.py`
in this folder to make it again (seconds).
"""

from pathlib import Path

import numpy as np
from jaxtyping import Complex, Float
from scipy.ndimage import spline_filter1d
from scipy.special import erf, gammaincinv, loggamma


SPACING = np.log(2.0) / 4  # of the widths
STEPS = 4  # nodes of the table per spacing: one for each coefficient that a cubic B-spline needs
LOG_N = (np.log(0.5), np.log(8.0))
CELLS_N = 96
MARGIN = 16  # nodes beyond each end, so that the spline's boundary conditions don't reach the range
LOG_WIDTH = (-14.0, 11.0)  # less than 1e-8 of the flux lies beyond, for any n
CUTOFF = np.pi / SPACING
FLANK = 2.25
PERIOD = 120.0  # of the discretised inverse transform
HIGHEST = 60.0  # frequency at which the window has long vanished


def transform(w: Complex[np.ndarray, " w"], n: float) -> Complex[np.ndarray, " w"]:
    """Return the Fourier transform of the windowed density of the flux in ln(sigma / r_eff)."""
    log_b = np.log(gammaincinv(2 * n, 0.5))
    window = 0.5 * (erf((w + CUTOFF) / (np.sqrt(2) * FLANK)) - erf((w - CUTOFF) / (np.sqrt(2) * FLANK)))
    gammas = loggamma(1 + 2 * n - 1j * n * w) - loggamma(1 + 2 * n) - loggamma(2 - 0.5j * w)
    return window * np.exp(gammas + 1j * w * (0.5 * np.log(2.0) + n * log_b))


def amplitudes(log_width: Float[np.ndarray, " y"], n: float, decay: float) -> Float[np.ndarray, " y"]:
    """Return the flux per Gaussian at ln(sigma / r_eff), integrated along Im w = -decay.

    A `decay` above zero keeps the relative precision where the amplitudes vanish like exp(decay y).
    """
    step = 2 * np.pi / PERIOD
    w = step * np.arange(round(HIGHEST / step))
    spectrum = transform(w - 1j * decay, n)
    spectrum[0] *= 0.5
    waves = np.exp(1j * log_width[:, None] * w)
    return SPACING * np.exp(decay * log_width) * step / np.pi * np.real(waves @ spectrum)


def table() -> Float[np.ndarray, "n y"]:
    """Return B-spline coefficients at all nodes."""
    log_n = np.linspace(*LOG_N, CELLS_N + 1)
    cell = log_n[1] - log_n[0]
    log_n = LOG_N[0] + cell * np.arange(-MARGIN, CELLS_N + 1 + MARGIN)
    step = SPACING / STEPS
    blocks = int(np.ceil((LOG_WIDTH[1] - LOG_WIDTH[0]) / SPACING))
    y = LOG_WIDTH[0] + step * np.arange(-MARGIN, blocks * STEPS + MARGIN)
    # The density falls like exp((2 + 1/n) y) to the left and faster than any exponential to the right.
    values = [np.where(y < 0, amplitudes(y, n, 1.5), amplitudes(y, n, 0.0)) for n in np.exp(log_n)]
    coefficients = spline_filter1d(spline_filter1d(np.array(values), axis=0, mode="mirror"), axis=1, mode="mirror")
    # Keep one node before the range of n and two after it; `STEPS - 1` more let the first block slide.
    return coefficients[MARGIN - 2 : -(MARGIN - 3), MARGIN : MARGIN + blocks * STEPS + STEPS - 1]


def main() -> None:
    """Write the table beside this file."""
    np.savez_compressed(
        Path(__file__).with_name("sersic_table.npz"),
        coefficients=table(),
        first_log_n=LOG_N[0] - 2 * (LOG_N[1] - LOG_N[0]) / CELLS_N,
        step_log_n=(LOG_N[1] - LOG_N[0]) / CELLS_N,
        first_log_width=LOG_WIDTH[0],
        step_log_width=SPACING / STEPS,
    )


if __name__ == "__main__":
    main()
