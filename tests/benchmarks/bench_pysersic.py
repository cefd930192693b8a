"""pysersic and sersiclab on pysersic's own galaxies, in one run: `python tests/benchmarks/bench_pysersic.py`.

Each package has processes of its own, which take turns. pysersic runs in this interpreter (the extra
`benchmark`) or in that of `--pysersic PYTHON`. Ours measures a cold NUTS, then every method warm; a second
process has the persistent cache of the first. pysersic's warm NUTS is the second run of numpyro's sampler, its
warm MAP the second call. Its chains may end in different places: each one's ESS counts as if it were right, and
"ess of all" is that of the draws together. Seconds count from before the imports where "process" is said. Ten minutes.

Targets: MAP 20 times faster warm, NUTS 20 times and Importance 100 times as much bulk ESS per second warm,
a bulk ESS of 400 five times sooner from a cold process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


HSC = Path(__file__).resolve().parents[3] / "shared" / "data" / "hsc"
WANTED_ESS = 400


def arrays(galaxy):
    import numpy as np

    names = ("im", "sig", "psf", "mask")
    return [np.asarray(np.load(HSC / f"{galaxy}_{name}.npy"), dtype=float) for name in names]


def least_ess(draws):
    """The least bulk ESS of {name: (chain, draw)}."""
    import warnings

    import xarray as xr

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

        data = xr.Dataset({name: (("chain", "draw"), array) for name, array in draws.items()})
        return float(min(arviz.ess(data, method="bulk").to_array()))


def ess_of_chains(draws):
    """The sum of each chain's least bulk ESS: more than `least_ess` where chains disagree, as if each were right."""
    count = len(next(iter(draws.values())))
    return sum(least_ess({name: array[i : i + 1] for name, array in draws.items()}) for i in range(count))


def galaxy_alone(model):
    """The model without the sky that a guess adds: pysersic's default has none, either."""
    return model.without("sky") if "sky" in model.components else model


def ours(galaxy, began, cache=None):
    """sersiclab's part: NUTS first, as in a new notebook, then every method warm."""
    import sersiclab as sl

    imported = time.perf_counter() - began
    if cache:
        sl.persistent_cache(cache)
    data, sigma, psf, mask = arrays(galaxy)
    image = sl.Image(data, sigma=sigma, psf=psf, mask=mask)
    model = galaxy_alone(sl.guess(image, "sersic"))
    found = {"galaxy": galaxy, "import": imported}

    def measure(name, method, **options):
        start = time.perf_counter()
        result = sl.fit(model, image, method, progress=False, **options)
        seconds = time.perf_counter() - start
        found[name] = {"seconds": seconds, "compile": result.timing["compile"]}
        if result.draws:
            found[name] |= {"ess": least_ess(result.draws), "k": float(result.stats.get("pareto_k", [[0]])[0][0])}
            found[name]["per_second"] = found[name]["ess"] / seconds
        return result

    measure("NUTS, cold", sl.NUTS(warmup=120, draws=200))
    found["process"] = time.perf_counter() - began
    measure("MAP, cold", sl.MAP())
    measure("MAP, warm", sl.MAP(), seed=1)
    measure("Laplace, warm", sl.Laplace(), seed=1)
    measure("NUTS, warm", sl.NUTS(), seed=1)
    measure("Importance, cold", sl.Importance())
    measure("Importance, warm", sl.Importance(), seed=1)
    measure("SVI, cold", sl.SVI())
    measure("SVI, warm", sl.SVI(), seed=1)
    return found


def importance(galaxy, began, cache=None):
    """A cold process to the draws of Importance."""
    import sersiclab as sl

    if cache:
        sl.persistent_cache(cache)
    data, sigma, psf, mask = arrays(galaxy)
    image = sl.Image(data, sigma=sigma, psf=psf, mask=mask)
    result = sl.fit(galaxy_alone(sl.guess(image, "sersic")), image, sl.Importance(), progress=False)
    return {"galaxy": galaxy, "process": time.perf_counter() - began, "ess": least_ess(result.draws)}


def theirs(galaxy, began, cache=None, steps=1000):
    """pysersic's part: NUTS as its users call it, then its MAP twice, then the compiled sampler once more."""
    import jax
    import numpy as np
    import numpyro
    from pysersic import FitSingle
    from pysersic.loss import gaussian_loss
    from pysersic.priors import SourceProperties

    imported = time.perf_counter() - began
    data, sigma, psf, mask = arrays(galaxy)
    prior = SourceProperties(data, mask=mask).generate_prior("sersic", sky_type="none")
    fitter = FitSingle(data=data, rms=sigma, psf=psf, mask=mask, prior=prior, loss_func=gaussian_loss)
    found = {"galaxy": galaxy, "import": imported}
    names = ("xc", "yc", "flux", "r_eff", "n", "ellip", "theta")

    sampler = numpyro.infer.MCMC(
        numpyro.infer.NUTS(fitter.build_model(return_model=False), init_strategy=numpyro.infer.init_to_sample),
        num_chains=2,
        num_samples=steps,
        num_warmup=steps,
        chain_method="sequential",
        progress_bar=False,
    )
    for seed, name in enumerate(("NUTS, cold", "NUTS, warm")):
        start = time.perf_counter()
        sampler.run(jax.random.PRNGKey(seed))
        draws = {key: np.asarray(value) for key, value in sampler.get_samples(group_by_chain=True).items()}
        seconds, draws = time.perf_counter() - start, {key: draws[key] for key in names}
        ess = ess_of_chains(draws)
        found[name] = {"seconds": seconds, "ess": ess, "per_second": ess / seconds, "ess of all": least_ess(draws)}
        found.setdefault("process", time.perf_counter() - began)
    for name in ("MAP, cold", "MAP, warm"):
        start = time.perf_counter()
        best = fitter.find_MAP(jax.random.PRNGKey(1))
        found[name] = {"seconds": time.perf_counter() - start, "best": {key: float(best[key]) for key in names}}
    return found


PARTS = {"ours": ours, "importance": importance, "theirs": theirs}


def child(python, part, galaxy, cache=None):
    """A part in a new process, which keeps compiled programs in the folder `cache` or nowhere."""
    command = [python, __file__, "--part", part, "--galaxy", galaxy] + (["--cache", cache] if cache else [])
    plain = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(command, capture_output=True, text=True, env=plain, check=False)
    if done.returncode:
        raise RuntimeError(f"{part} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def show(title, found):
    print(f"--- {title}")
    for name, value in found.items():
        if isinstance(value, dict):
            numbers = ", ".join(f"{key} {number:.4g}" for key, number in value.items() if key != "best")
            print(f"  {name:24s} {numbers}")
        elif not isinstance(value, str):
            print(f"  {name:24s} {value:.2f}")


def until_enough(found):
    """Seconds from a cold process to a bulk ESS of 400, as if half of the time of NUTS went into its draws."""
    run = found["NUTS, cold"]
    return found["process"] + 0.5 * run["seconds"] * (WANTED_ESS / run["ess"] - 1)


def compare(galaxy, python):
    """All parts one after the other, and the ratios."""
    with tempfile.TemporaryDirectory() as cache:
        first = child(sys.executable, "ours", galaxy, cache)
        second = child(sys.executable, "ours", galaxy, cache)
    quick = child(sys.executable, "importance", galaxy)
    other = child(python, "theirs", galaxy)
    show(f"{galaxy}: sersiclab, nothing compiled before", first)
    show(f"{galaxy}: sersiclab, second process with the persistent cache", second)
    show(f"{galaxy}: sersiclab, a cold process to Importance", quick)
    show(f"{galaxy}: pysersic", other)
    theirs_nuts = other["NUTS, warm"]["per_second"]
    ratios = {
        "MAP, warm (target 20)": other["MAP, warm"]["seconds"] / first["MAP, warm"]["seconds"],
        "NUTS, bulk ESS per second, warm (20)": first["NUTS, warm"]["per_second"] / theirs_nuts,
        "Importance, bulk ESS per second, warm (100)": first["Importance, warm"]["per_second"] / theirs_nuts,
        "cold process to NUTS, ESS 400 (5)": until_enough(other) / until_enough(first),
        "second process to NUTS, ESS 400": until_enough(other) / until_enough(second),
        "cold process to Importance, ESS 400 (5)": until_enough(other) / quick["process"],
    }
    print(f"--- {galaxy}: how many times better than pysersic")
    for name, ratio in ratios.items():
        print(f"  {name:46s} {ratio:.1f}")


def main():
    began = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pysersic", default=sys.executable, help="the interpreter that has pysersic")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--cache", help="the folder of compiled programs")
    parser.add_argument("--galaxy", default="gal1", choices=["gal1", "gal2"])
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.galaxy, began, arguments.cache)))
    elif not HSC.is_dir():
        print("no ../shared/data/hsc: there are no galaxies to compare on")
    else:
        compare(arguments.galaxy, arguments.pysersic)


if __name__ == "__main__":
    main()
