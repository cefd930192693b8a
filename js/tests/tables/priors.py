"""Write priors.json: densities, distribution functions and quantiles of the priors by SciPy."""

import json
import math
from pathlib import Path

from scipy import stats


PARTS = (1e-6, 0.001, 0.05, 0.16, 0.5, 0.84, 0.95, 0.999)


def truncated(loc: float, scale: float, low: float | None, high: float | None):
    ends = [-math.inf if low is None else low, math.inf if high is None else high]
    a, b = ((end - loc) / scale for end in ends)
    return stats.truncnorm(a, b, loc=loc, scale=scale)


def fields_of(loc: float, scale: float, low: float | None, high: float | None):
    return {"type": "TruncatedNormal", "loc": loc, "scale": scale, "low": low, "high": high}


TRUNCATED = [
    (4.0, 1.0, 0.5, 8.0),
    (2.0, 3.0, 0.5, None),
    (1.0, 0.5, None, 1.2),
    (0.0, 1.0, 5.0, 9.0),
    (9.0, 1.0, 0.0, 2.0),
]
CASES = [
    ({"type": "Normal", "loc": 60.0, "scale": 1.5}, stats.norm(60.0, 1.5)),
    ({"type": "LogNormal", "loc": 0.7, "scale": 0.4}, stats.lognorm(0.4, scale=math.exp(0.7))),
    ({"type": "Uniform", "low": -2.0, "high": 5.0}, stats.uniform(-2.0, 7.0)),
    ({"type": "LogUniform", "low": 0.5, "high": 200.0}, stats.loguniform(0.5, 200.0)),
    ({"type": "Angle"}, stats.uniform(0.0, math.pi)),
    *((fields_of(*numbers), truncated(*numbers)) for numbers in TRUNCATED),
]


def rows() -> list[dict[str, object]]:
    """One row for each prior: points by the mass below them, and the density there."""
    found = []
    for prior, law in CASES:
        x = [float(law.ppf(part)) for part in PARTS]
        found.append({"prior": prior, "parts": list(PARTS), "x": x, "pdf": [float(law.pdf(v)) for v in x]})
    return found


if __name__ == "__main__":
    text = ",\n".join(json.dumps(row) for row in rows())
    Path(__file__).with_name("priors.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
