"""Loading the image and the model of a job, which may fail, warn, or take too long."""

import threading
import time
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from sersiclab.catalogue.fitting_many import OutOfTime
from sersiclab.catalogue.job import Job
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.inference.running.program import precision
from sersiclab.model import Model


# Warnings are recorded in a place that all threads of a process share.
_ONE_AT_A_TIME = threading.Lock()


class Loaded(NamedTuple):
    """A job's model and image or images, or the error of loading them; the warnings; and the seconds that it took.

    `origin` is the mosaic's pixel, (x, y), that is the first of the image, if that is a stamp. `names` are those of
    the images, if there may be several, also of those that this galaxy lacks.
    """

    content: tuple[Model, Image | Images] | BaseException
    notes: tuple[str, ...]
    seconds: float
    origin: tuple[int, int] | None = None
    names: tuple[str, ...] = ()


def load(job: Job, *, timeout: float | None, double: bool) -> Loaded:
    """Load a job. Recipes that take longer than the timeout are left behind in their thread."""
    from sersiclab.catalogue.joint_stamps import CutJointStamp, JointStamp  # which import astropy's units
    from sersiclab.catalogue.stamps import CutStamp, Stamp

    found: list[tuple[Model, Image | Images] | BaseException] = []
    origins: list[tuple[int, int] | None] = []

    def work() -> None:
        try:
            with precision(double):
                content = job.load()
                if isinstance(job.image, Stamp | CutStamp | JointStamp | CutJointStamp):
                    origins.append(job.image.origin)
                found.append(content)
        except BaseException as error:
            found.append(error)

    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        began = time.perf_counter()
        if timeout is None:
            work()
        else:
            thread = threading.Thread(target=work, name="sersiclab-load", daemon=True)
            thread.start()
            thread.join(timeout)
        seconds = time.perf_counter() - began
        notes = tuple(dict.fromkeys(str(warning.message) for warning in list(said)))
    if not found:
        return Loaded(OutOfTime("making the image and the model took longer than the timeout"), notes, seconds)
    if isinstance(found[0], KeyboardInterrupt):
        raise found[0]
    images = found[0][1] if isinstance(found[0], tuple) else None
    names = _names(job.image, images) if isinstance(images, Images) else ()
    return Loaded(found[0], notes, seconds, origins[0] if origins else None, names)


def _names(source: Any, images: Images) -> tuple[str, ...]:
    """Return the names of the images of a job, in its order, also of those that this galaxy lacks."""
    known = (*images.names, *images.missing)
    given = source if isinstance(source, Mapping) else getattr(source, "names", ())
    return (*(name for name in given if name in known), *(name for name in known if name not in given))
