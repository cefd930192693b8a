"""What a new process waits for: `import sersiclab`, then NUTS on 121² pixels to a bulk ESS of 400, compiling or not.

Run as `python tests/benchmarks/bench_cold.py`; a few minutes. Every figure is the median of new processes, with the
range in brackets. Seconds count from when the process was asked for. "second process" finds in the cache of
`sersiclab.persistent_cache` what another has compiled. The galaxy is `gal1` of HSC, or a mock without
`../shared/data`. Targets: the import at most a second beyond those of JAX and numpyro.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np


WANTED_ESS = 400
PROCESSES = {"import": 7, "NUTS": 3}
# An installed package has its bytecode beside its modules; without it Python compiles every source file anew.
NOT_FOR_A_CHILD = ("JAX_COMPILATION_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")


def imports(asked: float) -> dict[str, float]:
    """Seconds of `import sersiclab` beyond those of JAX and numpyro."""
    start = time.perf_counter()
    import jax  # noqa: F401
    import numpyro  # noqa: F401

    others = time.perf_counter()
    import sersiclab  # noqa: F401

    return {"jax and numpyro": others - start, "sersiclab beyond them": time.perf_counter() - others}


def nuts(asked: float) -> dict[str, float]:
    """From nothing to a posterior of NUTS, compile time apart."""
    import sersiclab as sl

    imported = time.time() - asked
    if cache := os.environ.get("BENCH_CACHE"):
        sl.persistent_cache(cache)
    import hsc

    if hsc.HSC.is_dir():
        image = hsc.galaxy("gal1")
    else:
        from bench_inference import mock

        image = mock(1)
    result = sl.fit(hsc.sersic(), image, sl.NUTS(warmup=120, draws=180), progress=False)
    whole = time.time() - asked
    return {
        "whole": whole,
        "import": imported,
        "compile": result.timing["compile"],
        "run": result.timing["run"],
        "least bulk ESS": float(result.summary()["ess_bulk"].min()),
    }


PARTS = {"import": imports, "NUTS": nuts}


def child(part: str, cache: str | None = None) -> dict[str, float]:
    """A part in a new process, which keeps compiled programs in the folder `cache` or nowhere."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_A_CHILD}
    environment |= {"BENCH_CACHE": cache} if cache else {}
    command = [sys.executable, __file__, "--part", part, "--asked", repr(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def show(title: str, found: list[dict[str, float]]) -> None:
    print(f"--- {title}, {len(found)} processes")
    for name in found[0]:
        values = [one[name] for one in found]
        unit = "" if "ESS" in name else " s"
        print(f"  {name:24s} {np.median(values):7.2f}{unit} ({min(values):.2f} to {max(values):.2f})")
    if any(one.get("least bulk ESS", WANTED_ESS) < WANTED_ESS for one in found):
        print(f"  an ESS below {WANTED_ESS}: more draws are needed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--asked", type=float)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.asked)))
        return
    child("import")  # files come into the system's cache, and Python compiles its modules
    show("import", [child("import") for _ in range(PROCESSES["import"])])
    show("NUTS, nothing compiled", [child("NUTS") for _ in range(PROCESSES["NUTS"])])
    with tempfile.TemporaryDirectory() as cache:
        show("NUTS, first process with persistent_cache", [child("NUTS", cache)])
        show("NUTS, second process", [child("NUTS", cache) for _ in range(PROCESSES["NUTS"])])


if __name__ == "__main__":
    main()
