"""How far the default prior of the Sérsic index pulls faint galaxies, and how far one that is uniform in n would.

GalSim draws the galaxies: ln n is normal as in COSMOS (0.5 ± 0.6 between 0.6 and 6), half-light radii of 2.5 to 5
pixels, axis ratios of 0.3 to 0.95, a Moffat PSF of 3 pixels. The signal-to-noise ratio is that of a fit of the flux
alone. `guess` makes the model, `Importance` draws from the posterior, and the table shows the mean over the galaxies of
the posterior means less the truth, with its standard error.

    python tests/benchmarks/bench_prior_n.py [galaxies at each signal-to-noise ratio]
"""

import sys
import warnings

import galsim
import numpy as np

import sersiclab as sl


SIDE = 48
PRIORS = {"uniform in ln n": None, "uniform in n": sl.Uniform(0.5, 8.0, init=2.0)}


def galaxy(seed: int, ratio: float) -> tuple[sl.Image, float]:
    """A noisy image of unit flux, and its true index."""
    rng = np.random.default_rng(seed)
    n = next(n for n in np.exp(rng.normal(0.5, 0.6, 100)) if 0.6 < n < 6.0)
    q, radius, angle = rng.uniform(0.3, 0.95), np.exp(rng.uniform(np.log(2.5), np.log(5.0))), rng.uniform(0, np.pi)
    psf = galsim.Moffat(beta=3.5, fwhm=3.0)
    light = galsim.Sersic(n, half_light_radius=radius * np.sqrt(q)).shear(q=q, beta=angle * galsim.radians)
    drawn = galsim.Convolve(light, psf).shift(*rng.uniform(-0.5, 0.5, 2))
    pixels = drawn.drawImage(galsim.ImageD(SIDE, SIDE, scale=1.0), method="auto").array
    sigma = np.sqrt(np.sum(pixels**2)) / ratio
    kernel = psf.drawImage(galsim.ImageD(25, 25, scale=1.0), method="auto").array
    data = pixels + rng.normal(0.0, sigma, pixels.shape)
    return sl.Image(data, sigma=sigma, psf=kernel / kernel.sum()), float(n)


def errors(image: sl.Image, n: float, prior: sl.Uniform | None) -> tuple[float, float]:
    """Posterior mean less the truth, of ln n and of the magnitude."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the faintest are not detected
        model = sl.guess(image)
    model = model if prior is None else model.replace({"galaxy.n": prior})
    draws = sl.fit(model, image, sl.Importance(), progress=False).draws
    return float(np.mean(np.log(draws["galaxy.n"] / n))), float(np.mean(-2.5 * np.log10(draws["galaxy.flux"])))


def main(number: int = 40) -> None:
    print(f"{number} galaxies at each S/N")
    print(f"{'S/N':>4}  {'prior of n':<16}  {'ln n':>15}  {'magnitude':>15}")
    for ratio in (10, 20, 40):
        galaxies = [galaxy(1000 * ratio + seed, ratio) for seed in range(number)]
        for name, prior in PRIORS.items():
            found = np.array([errors(image, n, prior) for image, n in galaxies])
            each = zip(found.mean(0), found.std(0) / np.sqrt(number), strict=True)
            columns = [f"{mean:+.2f} ± {error:.2f}" for mean, error in each]
            print(f"{ratio:4}  {name:<16}  " + "  ".join(f"{column:>15}" for column in columns), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
