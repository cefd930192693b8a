"""The findings of a recovery: which errors and values it shows to be wrong, in words."""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sersiclab.recovery.recovery import Recovery


# Standard errors beyond which a bias or a spread of pulls is not chance; a galaxy has some ten parameters.
LIMIT = 3.0


class Findings(NamedTuple):
    """What a recovery says: a level as of a verdict, a text, and the parameters that are wrong in each way."""

    level: Literal["ok", "caution"]
    text: str
    too_small: tuple[str, ...]
    too_large: tuple[str, ...]
    biased: tuple[str, ...]


def findings_of(recovery: Recovery) -> Findings:
    """Compare the pulls of a recovery with those that right errors have: a mean of 0 and an sd of 1."""
    rows, n = recovery.table.to_dict("index"), recovery.number
    chance = LIMIT / math.sqrt(2 * (n - 1))
    spread = {str(path): row["pull_sd"] for path, row in rows.items()}
    too_small = {path: f"by a factor of {sd:.2f}" for path, sd in spread.items() if sd > 1.0 + chance}
    too_large = {path: f"by a factor of {1 / sd:.2f}" for path, sd in spread.items() if sd < 1.0 - chance}
    biased = {
        str(path): f"by {row['pull_mean']:+.2f} sd"
        for path, row in rows.items()
        if abs(row["pull_mean"]) > LIMIT * row["pull_mean_err"]
    }
    found = {"errors too small": too_small, "errors too large": too_large, "values biased": biased}
    parts = [f"{what}: {_listed(paths)}" for what, paths in found.items() if paths]
    known = f"{100 / math.sqrt(2 * (n - 1)):.0f} %"
    right = f"errors match the scatter of {n} mock galaxies, which is known to {known}, and no value is biased"
    level, text = ("caution", "; ".join(parts)) if parts else ("ok", right)
    return Findings(level, f"{level}: {text}.", tuple(too_small), tuple(too_large), tuple(biased))


def _listed(paths: Mapping[str, str]) -> str:
    return ", ".join(f"{path} ({words})" for path, words in paths.items())
