"""Writes defaults.json: the default priors of every source's parameters, if it was measured, and of every sky."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from sersiclab.documents.spec import to_document
from sersiclab.profiles import PROFILES, AbstractSky, AbstractSource
from sersiclab.profiles.base import usual_parameters
from sersiclab.profiles.default_priors import (
    MEASURED_BRIGHTNESS,
    MEASURED_FLUX,
    MEASURED_LENGTH,
    Spread,
    default_prior,
    start_value,
)


PATH = Path(__file__).with_name("defaults.json")
SOURCE = {"x": 52.3, "y": 40.8, "flux": 730.0, "size": 5.2}
# What is not measured where the user points, and the mean brightness within the size.
MEASURED = {
    "xc": SOURCE["x"],
    "yc": SOURCE["y"],
    "flux": SOURCE["flux"],
    "i_b": SOURCE["flux"] / (2.0 * 3.141592653589793 * SOURCE["size"] ** 2),
    "ellip": 0.2,
    "theta": 0.0,
    "n": 2.0,
}
SPREAD = Spread(
    position=1.0,
    flux=MEASURED_FLUX,
    brightness=MEASURED_BRIGHTNESS,
    length=MEASURED_LENGTH,
    sky=1.0,
    shape=(1.0, 1.0),
)


def rows() -> list[dict[str, Any]]:
    """One row for each parameter of each source: its start and its prior, as documents have it."""
    found = []
    for cls in PROFILES:
        for name, info in usual_parameters(cls).items() if issubclass(cls, AbstractSource) else ():
            value = start_value(info, size=SOURCE["size"], found=MEASURED.get(name))
            prior = None if value is None else default_prior(info, value, SPREAD)
            document = None if prior is None else to_document(prior)
            found.append({"profile": cls.__name__, "parameter": name, "start": value, "prior": document})
    return found


def skies() -> dict[str, Any]:
    """The skies that are added to an image of this noise and shape (rows, columns)."""
    noise, shape = 0.5, (30, 40)
    spread = dataclasses.replace(SPREAD, sky=noise, shape=shape)
    kinds = [cls for cls in PROFILES if issubclass(cls, AbstractSky)]
    added = [
        cls(**{name: default_prior(info, 0.0, spread) for name, info in usual_parameters(cls).items()}) for cls in kinds
    ]
    return {"noise": noise, "shape": shape, "components": [to_document(sky) for sky in added]}


def table() -> dict[str, Any]:
    """Everything that the file holds, as JSON has it."""
    return json.loads(json.dumps({"source": SOURCE, "rows": rows(), "skies": skies()}))


if __name__ == "__main__":
    PATH.write_text(json.dumps(table(), indent=2) + "\n", encoding="utf-8")
