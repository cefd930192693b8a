"""The model: named components, a noise model and a renderer. Everything but the data."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float

from sersiclab import parameters
from sersiclab.image import Image
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractPrior, Parameter, Scalar
from sersiclab.profiles import AbstractProfile
from sersiclab.rendering import AbstractCanvas, AbstractRenderer, HybridRenderer


class Model(eqx.Module):
    """A model of an image: `components` by name, which may be profiles and skies.

    Raises `ValueError` if a tie leads nowhere or round in a circle.
    """

    components: dict[str, AbstractProfile] = eqx.field(converter=dict)
    noise: AbstractNoise = eqx.field(default_factory=GaussianNoise, kw_only=True)
    renderer: AbstractRenderer = eqx.field(default_factory=HybridRenderer, kw_only=True)

    def __check_init__(self) -> None:
        if not self.components:
            raise ValueError("components must hold at least one profile, got none")
        for name, component in self.components.items():
            _check_name(name)
            if not isinstance(component, AbstractProfile):
                raise TypeError(f"components[{name!r}] must be a profile such as Sersic(...), got {component!r}")
        if not isinstance(self.noise, AbstractNoise):
            raise TypeError(f"noise must be a noise model such as GaussianNoise(), got {self.noise!r}")
        if not isinstance(self.renderer, AbstractRenderer):
            raise TypeError(f"renderer must be a renderer such as HybridRenderer(), got {self.renderer!r}")
        for name, component in self.components.items():
            self.renderer.check(name, component)
        parameters.check_ties(self.owners)

    @property
    def owners(self) -> dict[str, eqx.Module]:
        """What owns parameters, by name: the components and the noise."""
        return {**self.components, "noise": self.noise}

    @property
    def free(self) -> dict[str, AbstractPrior]:
        """The free parameters' priors by path, such as "bulge.n"."""
        return parameters.free(self.owners)

    @property
    def initial(self) -> dict[str, float]:
        """The starting value of every free parameter by path."""
        return parameters.initial(self.owners)

    def at(self, values: Mapping[str, Scalar]) -> "Model":
        """This model with a number for every parameter."""
        return self._with_owners(parameters.at(self.owners, values))

    def replace(self, changes: Mapping[str, Parameter]) -> "Model":
        """A new model with some parameters, `{path: number, prior or tie}`, replaced."""
        return self._with_owners(parameters.replace(self.owners, changes))

    def with_component(self, name: str, component: AbstractProfile) -> "Model":
        """A new model with one component more, or another in its place."""
        return Model({**self.components, name: component}, noise=self.noise, renderer=self.renderer)

    def without(self, name: str) -> "Model":
        """A new model with one component less.

        Parameters that were tied to it go on together: the first inherits what it was tied to, the
        others are tied to the first.
        """
        if name not in self.components:
            raise ValueError(f"{name!r} is not a component of this model; it has {list(self.components)}")
        kept = {key: value for key, value in self.components.items() if key != name}
        owners = parameters.detach({**kept, "noise": self.noise}, name, self.components[name])
        return self._with_owners(owners)

    def _with_owners(self, owners: Mapping[str, Any]) -> "Model":
        components = {name: owner for name, owner in owners.items() if name != "noise"}
        return Model(components, noise=owners["noise"], renderer=self.renderer)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier() or name in ("noise", "renderer"):
        raise ValueError(f"a component's name must be an identifier other than 'noise' and 'renderer', got {name!r}")


def lower(tree: Any) -> Any:
    """The same tree with arrays for numbers, so that jitted functions trace them, and without `init`s."""

    def without_init(node: Any) -> Any:
        if isinstance(node, AbstractPrior) and node.init is not None:
            return eqx.tree_at(lambda prior: prior.init, node, None)
        return node

    def to_array(leaf: Any) -> Any:
        # The user's default precision, float32 or float64, whatever the arrays came in.
        kind = jnp.result_type(leaf).kind
        return jnp.asarray(leaf, dtype={"f": float, "c": complex}.get(kind))

    tree = jax.tree.map(without_init, tree, is_leaf=lambda node: isinstance(node, AbstractPrior))
    return jax.tree.map(to_array, tree)


def _drawn(model: Model, values: Mapping[str, Scalar] | None) -> Model:
    values = {} if values is None else values
    parameters.check_values(model.owners, values)
    return lower(model.at({**model.initial, **values}))


@eqx.filter_jit
def _render(model: Model, canvas: AbstractCanvas) -> Float[Array, "y x"]:
    return model.renderer.render(model.components, canvas)


@eqx.filter_jit
def _render_components(model: Model, canvas: AbstractCanvas) -> dict[str, Float[Array, "y x"]]:
    return model.renderer.render_components(model.components, canvas)


def render(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> np.ndarray:
    """The model image, PSF-convolved and with sky, on the pixels of `image`.

    `values` is `{path: number}`; free parameters that it lacks have their initial value. Raises
    `ValueError` if it names an unknown path or a number outside its parameter's range.
    """
    return np.asarray(_render(_drawn(model, values), model.renderer.prepare(image)))


def render_components(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> dict[str, np.ndarray]:
    """The image of each component; they sum to `render(model, image, values)`."""
    parts = _render_components(_drawn(model, values), model.renderer.prepare(image))
    return {name: np.asarray(parts[name]) for name in model.components}


def joint(model: Model, image: Image) -> None:
    """The numpyro model: every free parameter is a sample site named by its path, the data `"data"`."""
    values: dict[str, Any] = {path: numpyro.sample(path, prior.distribution()) for path, prior in model.free.items()}
    drawn = model.at(values)
    canvas = model.renderer.prepare(image)
    mean = drawn.renderer.render(drawn.components, canvas)
    sigma = jnp.where(image.mask, 1.0, image.sigma)
    data = jnp.where(image.mask, 0.0, image.data)
    noise = drawn.noise.among(image.valid).distribution(mean, sigma).mask(jnp.asarray(~image.mask))
    numpyro.sample("data", noise, obs=data)
