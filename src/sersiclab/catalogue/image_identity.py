"""What identifies the image of a job, so that a run that is resumed can tell whether it is still the same.

An image in memory is identified by digests of its pixels, errors, mask and PSF; a file by its size and by samples of
its bytes; a stamp of a mosaic as in `stamp_identity`; several images by the identities of all. None of this depends on
the names or the dates of files, so that files can be moved. Other functions that return images are not looked at, and
neither are world coordinates.
"""

import functools
import inspect
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from sersiclab.catalogue.image_digests import (
    MARK,
    NONE,
    SCALES,
    Parts,
    digest_of_file,
    digest_of_pixels,
    value_in_words,
)
from sersiclab.catalogue.job import Job
from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.runtime.errors import SersiclabError


PLANES = ("data", "sigma", "weight", "invvar", "psf", "mask")  # the arguments of `Image.read` that may be files
SIGNATURE = inspect.signature(Image.read)
KINDS = {"image": "an image in memory", "file": "a file", "stamp": "a stamp of a mosaic", "images": "several images"}
MOST_SHARED = 128  # objects that stamps share, of which a mosaic has three


def image_difference(old: str, new: str) -> str:
    """Return in words how two identities of images differ: an empty text if they are the same, or one is unknown."""
    if old == new or not old or not new:
        return ""
    before, after = json.loads(old), json.loads(new)
    if before["kind"] != after["kind"]:
        was, now = (KINDS.get(each["kind"], each["kind"]) for each in (before, after))
        return f"it was {was}, now it is {now}, and the two can't be compared"
    changed = [name for name in before if name in after and before[name] != after[name]]
    unlike = [name for name in changed if before[name].startswith(MARK) and after[name].startswith(MARK)]
    words = [f"its {' and '.join(unlike)} differ{'s' if len(unlike) == 1 else ''}"] if unlike else []
    words += [
        f"{name} was {_shown(before[name])}, now it is {_shown(after[name])}" for name in changed if name not in unlike
    ]
    return "; ".join(words)


def _shown(value: str) -> str:
    return "given" if value.startswith(MARK) else value


class ImageIdentifier:
    """Identifies images. What the stamps of a mosaic have in common is examined once."""

    def __init__(self) -> None:
        self._shared: dict[int, tuple[Any, Any]] = {}

    def __call__(self, job: Job) -> str:
        """Return the identity of a job's image; an empty text if it is not known, such as that of a missing file."""
        try:
            parts = self._parts(job.image)
        except (SersiclabError, OSError):
            return ""
        return json.dumps(parts) if parts else ""

    def _parts(self, image: Any) -> Parts:
        from sersiclab.catalogue.joint_stamps import JointStamp  # which import astropy's units
        from sersiclab.catalogue.stamp_identity import stamp_parts
        from sersiclab.catalogue.stamps import Stamp

        if isinstance(image, JointStamp):
            parts = self._parts_of_several(dict(zip(image.names, image.stamps, strict=True)))
            return parts | {"wavelengths": value_in_words(dict(image.wavelengths))}
        if isinstance(image, Images):
            return self._parts_of_several(image) | {"wavelengths": value_in_words(image.wavelengths)}
        if isinstance(image, Mapping):
            return self._parts_of_several(image)
        if isinstance(image, Image):
            return parts_of_image(image)
        if isinstance(image, str | os.PathLike):
            return parts_of_files(image)
        if isinstance(image, Stamp):
            return stamp_parts(image, self._once)
        if isinstance(image, functools.partial) and image.func == Image.read:
            return parts_of_files(*image.args, **image.keywords)
        return {}

    def _parts_of_several(self, images: Mapping[str, Any]) -> Parts:
        """Return the parts of several images, with the names of the images before those of the parts."""
        found = {"kind": "images", "images": ", ".join(images)}
        for name, image in images.items():
            found |= {f"{name} {key}": value for key, value in self._parts(image).items()}
        return found

    def _once(self, source: Any, examine: Any) -> Any:
        """Return what `examine` returns, which is called once for each object as long as the same ones are used."""
        if id(source) not in self._shared:
            if len(self._shared) >= MOST_SHARED:
                self._shared.clear()
            self._shared[id(source)] = source, examine()
        return self._shared[id(source)][1]


def parts_of_image(image: Image) -> Parts:
    """Return the parts of an image in memory."""
    sampling = f"{image.psf_oversampling} {image.psf_includes_pixel} {image.psf_centre}"
    parts = {"kind": "image", "shape": f"{image.shape[1]} x {image.shape[0]} pixels (x, y)"}
    parts |= {name: digest_of_pixels(getattr(image, name)) for name in ("data", "sigma", "mask")}
    parts["psf"] = NONE if image.psf is None else digest_of_pixels(image.psf, sampling)
    return parts | {name: value_in_words(getattr(image, name)) for name in SCALES}


def parts_of_files(*arguments: Any, **options: Any) -> Parts:
    """Return the parts of an image that `Image.read` reads with these arguments; none if it can't."""
    try:
        given = SIGNATURE.bind(*arguments, **options)
    except TypeError:
        return {}
    given.apply_defaults()
    parts = {"kind": "file"}
    for name, value in given.arguments.items():
        if name in PLANES and isinstance(value, str | os.PathLike):
            parts[name] = digest_of_file(name, value)
        elif value is None or isinstance(value, str | int | float | np.ndarray | tuple):
            parts[name] = value_in_words(value)
    return parts
