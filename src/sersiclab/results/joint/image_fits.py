"""The fit of one of several images: its own model, and draws of the parameters of that model."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.data.image_set import Images
from sersiclab.model import Model
from sersiclab.model.accuracy import enable_x64
from sersiclab.model.joint_frames import frames_of
from sersiclab.model.reprojection import mapped_model, mapped_values
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.joint import ImageLinks, image_links
from sersiclab.parameters.priors import Angle
from sersiclab.results import circular
from sersiclab.results.drawn import AbstractDrawn
from sersiclab.results.fit import Fit
from sersiclab.results.spaces import spaces_of


BATCH = 1024  # draws whose values are computed at once


def fit_of_image(fit: AbstractDrawn, images: Images, place: int) -> Fit:
    """Return the fit of one image, with the draws and best values of its own parameters, in its own pixels."""
    name = fit.model.images[place].name
    view = _View(
        fit.model.of(name), image_links(fit.model.owners, fit.model.images), place, frames_of(fit.model, images)[name]
    )
    own = Fit(
        model=view.own_model,
        image=images[name],
        method=fit.method,
        seed=fit.seed,
        draws=view.own_values(fit.draws) if fit.draws else {},
        best={path: float(value) for path, value in view.own_values(fit.best).items()},
        stats=fit.stats,
        status=fit.status,
        message=fit.message,
        timing=fit.timing,
        versions=fit.versions,
        part_of=fit,
    )
    return dataclasses.replace(own, covariance=_covariance(fit, own, view))


class _View(NamedTuple):
    """One image of a joint model: the ordinary model, in the first image's pixels, and the map to the image's own."""

    model: Model
    links: ImageLinks
    place: int
    frame: Frame | None

    @property
    def own_model(self) -> Model:
        return self.model if self.frame is None else mapped_model(self.model, self.frame)

    def mapped(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of the model's free parameters as those of `own_model`."""
        return dict(values) if self.frame is None else mapped_values(self.model, values, self.frame)

    def own_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return joint values, or draws, as those of the image's own parameters; angles wrapped or unwrapped."""
        array = np.stack([np.asarray(each, dtype=float) for each in values.values()], axis=-1)
        with enable_x64():
            rows = jnp.asarray(array.reshape(-1, array.shape[-1]))
            found = np.asarray(_known(self.links, rows))[:, self.links.places[self.place]]
        columns = found.T.reshape(-1, *array.shape[:-1])
        mapped = self.mapped(dict(zip(self.links.paths[self.place], columns, strict=True)))
        settle = circular.unwrap if array.ndim > 1 else circular.wrap
        free = self.own_model.free
        return {path: settle(mapped[path]) if isinstance(free[path], Angle) else mapped[path] for path in free}


@jax.jit
def _known(links: ImageLinks, rows: Float[Array, "draw d"]) -> Float[Array, "draw known"]:
    return jax.lax.map(links.known, rows, batch_size=BATCH)


def _covariance(fit: AbstractDrawn, own: Fit, view: _View) -> Any:
    """Return the covariance of an image's parameters in their unconstrained space, to first order; None if unknown."""
    if fit.covariance is None:
        return None
    with enable_x64():
        spaces, there = spaces_of(fit), spaces_of(own)

        def inner(u: Float[Array, " d"]) -> Float[Array, " p"]:
            values = jnp.stack([space.value(each) for space, each in zip(spaces.values(), u, strict=True)])
            numbers = view.links.known(values)[view.links.places[view.place]]
            mapped = view.mapped(dict(zip(view.links.paths[view.place], numbers, strict=True)))
            return jnp.stack([space.inverse(mapped[path]) for path, space in there.items()])

        u = jnp.stack([jnp.asarray(space.u, dtype=float) for space in spaces.values()])
        by_u = np.asarray(jax.jacfwd(inner)(u), dtype=float) if there else np.zeros((0, len(spaces)))
    found = by_u @ np.asarray(fit.covariance, dtype=float) @ by_u.T
    return found if np.isfinite(found).all() else None
