"""The model: named components, a noise model and a renderer. Everything but the data."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float

from sersiclab import parameters
from sersiclab.data.checking import checked_image
from sersiclab.data.image import Image
from sersiclab.model import scaling
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractPrior, Parameter, Tied, ties
from sersiclab.parameters.links import AbstractLink, Ratio, RatioAbove, TotalFlux
from sersiclab.parameters.priors import LogUniform, Uniform
from sersiclab.parameters.scalars import Scalar
from sersiclab.profiles import AbstractMixture, AbstractProfile
from sersiclab.rendering import AbstractCanvas, AbstractRenderer, HybridRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


def _by_name(argument: str, example: str) -> Callable[[Any], dict[str, Any]]:
    def converted(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputTypeError(f"{argument} must be a mapping of names, such as {example}, got {value!r}")
        return dict(value)

    return converted


_CHANGES, _VALUES = (_by_name(argument, '{"galaxy.n": 4.0}') for argument in ("changes", "values"))


class Model(eqx.Module):
    """A model of an image: `components` by name, which may be profiles and skies.

    `links` hold what components share, such as a total flux: see `with_total_flux` and `with_order`.
    Raises `ValueError` if a tie leads nowhere, round in a circle or out of its parameter's range.
    """

    components: dict[str, AbstractProfile] = eqx.field(converter=_by_name("components", '{"galaxy": Sersic(...)}'))
    noise: AbstractNoise = eqx.field(default_factory=GaussianNoise, kw_only=True)
    renderer: AbstractRenderer = eqx.field(default_factory=HybridRenderer, kw_only=True)
    links: dict[str, AbstractLink] = eqx.field(
        default_factory=dict, kw_only=True, converter=_by_name("links", '{"total": TotalFlux(...)}')
    )

    def __check_init__(self) -> None:
        if not self.components:
            raise InputError("components must hold at least one profile, got none")
        for name, component in self.components.items():
            check_name(name)
            if not isinstance(component, AbstractProfile):
                raise InputTypeError(f"components[{name!r}] must be a profile such as Sersic(...), got {component!r}")
        if not isinstance(self.noise, AbstractNoise):
            raise InputTypeError(f"noise must be a noise model such as GaussianNoise(), got {self.noise!r}")
        if not isinstance(self.renderer, AbstractRenderer):
            raise InputTypeError(f"renderer must be a renderer such as HybridRenderer(), got {self.renderer!r}")
        for name, link in self.links.items():
            check_name(name)
            if not isinstance(link, AbstractLink):
                raise InputTypeError(f"links[{name!r}] must be a link such as TotalFlux(...), got {link!r}")
            if name in self.components:
                raise InputError(f"links: {name!r} is the name of a component")
        for name, component in self.components.items():
            self.renderer.check(name, component)
        ties.check_ties(self.owners)
        self._check_tied_limits()

    @property
    def owners(self) -> dict[str, eqx.Module]:
        """What owns parameters, by name: the components, the links and the noise."""
        return {**self.components, **self.links, "noise": self.noise}

    @property
    def free(self) -> dict[str, AbstractPrior]:
        """The free parameters' priors by path, such as "bulge.n"."""
        return parameters.free(self.owners)

    @property
    def initial(self) -> dict[str, float]:
        """The starting value of every free parameter by path."""
        return parameters.initial(self.owners)

    def at(self, values: Mapping[str, Scalar]) -> "Model":
        """This model with a number for every parameter; with arrays of numbers if `values` holds draws."""
        holds_draws = any(getattr(value, "ndim", 0) for value in _VALUES(values).values())
        parameters.check_values(self.owners, values, draws=holds_draws)
        owners = parameters.at(self.owners, values)
        if not holds_draws:
            return self._with_owners(owners)
        components, links = ({name: owners[name] for name in part} for part in (self.components, self.links))
        return eqx.tree_at(lambda m: (m.components, m.links, m.noise), self, (components, links, owners["noise"]))

    def replace(self, changes: Mapping[str, Parameter]) -> "Model":
        """A new model with some parameters, `{path: number, prior or tie}`, replaced.

        A link that nothing follows any more is left out.
        """
        return self._with_owners(parameters.replace(self.owners, _CHANGES(changes)))._pruned()

    def with_component(self, name: str, component: AbstractProfile) -> "Model":
        """A new model with one component more, or another in its place."""
        components = {**self.components, name: component}
        return Model(components, noise=self.noise, renderer=self.renderer, links=self.links)

    def with_total_flux(
        self,
        first: str,
        second: str,
        *,
        flux: Parameter = None,
        fraction: Parameter = None,
        name: str = "total",
    ) -> "Model":
        """A new model with the flux of two components as a total and the share of the first, `total.fraction` (B/T).

        `flux` and `fraction` are numbers or priors: by default log-uniform within a factor of ten about the sum of
        the initial fluxes, and uniform from 0 to 1. The components' own fluxes follow, in every draw.
        """
        if first == second:
            raise InputError(f"first and second must be two components, got {first!r} twice")
        start = parameters.parameters(parameters.at(self.owners, self.initial))
        one, other = (self._initial_of(f"{component}.flux", start) for component in (first, second))
        total = one + other
        if flux is None:
            if not total > 0:
                raise InputError(f"flux must be given where the initial fluxes' sum is not positive, {total:g}")
            flux = LogUniform(low=0.1 * total, high=10.0 * total, init=total)
        if fraction is None:
            fraction = Uniform(low=0.0, high=1.0, init=_inside(one / total) if total > 0 else 0.5)
        shares = {first: Tied(f"{name}.fraction"), second: Tied(f"{name}.fraction", scale=-1.0, offset=1.0)}
        followers = {f"{component}.flux": Tied(f"{name}.flux", by=share) for component, share in shares.items()}
        return self._linked(name, TotalFlux(flux=flux, fraction=fraction), followers)

    def with_order(self, smaller: str, larger: str, *, ratio: Parameter = None, name: str = "order") -> "Model":
        """A new model in which one parameter is never larger than another: `with_order("bulge.r_eff", "disk.r_eff")`.

        The smaller one follows the larger, times `order.ratio`, a number or a prior between 0 and 1: by default
        uniform. Where it can't be zero, as `n` can't, the ratio is that of the distances from `a`, the lowest value
        that the priors of the two allow: smaller = a + (larger - a) ratio. Both stay within their ranges.

        The larger one keeps its prior p. With a uniform ratio the smaller one is uniform between `a`, or zero, and the
        larger, so that its prior is q(x) = integral of p(y) / (y - a) from x up. For a p uniform on [a, b] that is
        q(x) = ln((b - a) / (x - a)) / (b - a). Neither parameter can be one that may be negative.
        """
        start = parameters.parameters(parameters.at(self.owners, self.initial))
        low, high = (self._initial_of(path, start) for path in (smaller, larger))
        for path in (smaller, larger):
            if self._info(path).low < 0.0:
                raise InputError(f"{path} may be negative: a ratio between 0 and 1 puts no order on it")
        least = self._info(smaller).low
        if least > 0.0:
            least = max(least, min(self._lowest(path) for path in (smaller, larger)))
        if ratio is None:
            ratio = Uniform(low=0.0, high=1.0, init=_inside((low - least) / (high - least) if high > least else 0.5))
        share = Tied(f"{name}.ratio")
        if least == 0.0:
            return self._linked(name, Ratio(ratio=ratio), {smaller: Tied(larger, by=share)})
        link = RatioAbove(ratio=ratio, excess=Tied(larger, offset=-least, by=share))
        return self._linked(name, link, {smaller: Tied(f"{name}.excess", offset=least)})

    def without(self, name: str) -> "Model":
        """A new model with one component less.

        Parameters that were tied to it go on together: the first inherits what it was tied to, the
        others are tied to the first.
        """
        if not isinstance(name, str) or name not in self.components:
            raise InputError(f"{name!r} is not a component of this model; it has {list(self.components)}")
        kept = {key: value for key, value in self.components.items() if key != name}
        for link in self.links:
            sharers = {path.split(".")[0] for path in self._followers(link)}
            if name in sharers and sharers != {name}:
                others = ", ".join(path for path in self._followers(link) if not path.startswith(f"{name}."))
                raise InputError(f"{name} shares {link!r} with {others}; give it a prior of its own first")
        owners = ties.detach({**kept, **self.links, "noise": self.noise}, name, self.components[name])
        return self._with_owners(owners)._pruned()

    def _check_tied_limits(self) -> None:
        """Raise if the renderer can't draw a component all over the range of a tied parameter."""
        mixtures = {name: part for name, part in self.components.items() if isinstance(part, AbstractMixture)}
        narrow = {f"{name}.{key}" for name, part in mixtures.items() for key in part.limits}
        for path, ends in ties.ranges(self.owners).items() if narrow else ():
            for end in ends if path in narrow else ():
                name, key = path.split(".", 1)
                try:
                    self.renderer.check(name, parameters.with_parameters(mixtures[name], {key: end}))
                except ValueError as error:
                    raise InputError(f"{path} is tied, and may be {end:g}: {error}") from None

    def _with_owners(self, owners: Mapping[str, Any]) -> "Model":
        components: Any = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractProfile)}
        links: Any = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractLink)}
        return Model(components, noise=owners["noise"], renderer=self.renderer, links=links)

    def _linked(self, name: str, link: AbstractLink, followers: Mapping[str, Tied]) -> "Model":
        if name in self.owners:
            raise InputError(f"name must differ from those of the model's parts, got {name!r}; taken: {[*self.owners]}")
        owners = parameters.replace(self.owners, followers)
        return self._with_owners({**owners, name: link})._pruned()

    def _info(self, path: str) -> parameters.ParameterInfo:
        owner, key = path.split(".", 1)
        return parameters.parameter_info(self.owners[owner])[key]

    def _lowest(self, path: str) -> float:
        """The lowest value that a parameter may have."""
        value: Any = parameters.parameters(self.owners)[path]
        if isinstance(value, Tied):
            return ties.ranges(self.owners)[path][0]
        return value.support()[0] if isinstance(value, AbstractPrior) else float(value)

    def _initial_of(self, path: str, start: Mapping[str, Any]) -> float:
        if path not in start:
            raise InputError(f"{path!r} is not a parameter of this model; it has {list(start)}")
        return float(start[path])

    def _followers(self, link: str) -> list[str]:
        """The parameters that are tied to a link, without its own."""
        held = parameters.parameters({name: owner for name, owner in self.owners.items() if name != link}).items()
        followed = {path: value.targets for path, value in held if isinstance(value, Tied)}
        return [path for path, targets in followed.items() if any(to.split(".")[0] == link for to in targets)]

    def _pruned(self) -> "Model":
        links = {name: link for name, link in self.links.items() if self._followers(name)}
        return self if links == self.links else eqx.tree_at(lambda model: model.links, self, links)


def _inside(share: float) -> float:
    """A share at which a search can start."""
    return min(max(share, 0.05), 0.95)


def check_name(name: Any) -> None:
    """Raise `ValueError` unless a component may be called so."""
    if not isinstance(name, str) or not name.isidentifier() or name in ("noise", "renderer"):
        raise InputError(f"a component's name must be an identifier other than 'noise' and 'renderer', got {name!r}")


def checked_model(model: Any) -> Model:
    """Return the model; raise `TypeError`, which says how to make one, for a profile or anything else."""
    if isinstance(model, Model):
        return model
    made = 'make one with sl.Model({"galaxy": profile})'
    raise InputTypeError(f"model must be a Model, got {type(model).__name__}: {made}")


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


def scaled(model: Model, exponent: int) -> Model:
    """The model of an image that is two to the power of `exponent` times as bright."""
    return model if exponent == 0 else model._with_owners(scaling.scaled(model.owners, exponent))


def _drawn(model: Model, values: Mapping[str, Scalar] | None, exponent: int) -> Model:
    values = {} if values is None else _VALUES(values)
    parameters.check_values(model.owners, values)
    others = {path: parameters.start(path, prior) for path, prior in model.free.items() if path not in values}
    return lower(scaled(model.at({**others, **values}), exponent))


def _finite(picture: Any) -> Any:
    """The picture; warns if some of its pixels are no numbers. A traced one can't be looked at."""
    if isinstance(picture, np.ndarray) and not np.isfinite(picture).all():
        warnings.warn(
            f"{np.count_nonzero(~np.isfinite(picture))} pixels of the picture are not finite: the model's brightness "
            "exceeds the numbers of this precision somewhere",
            stacklevel=3,
        )
    return picture


@eqx.filter_jit
def _render(model: Model, canvas: AbstractCanvas) -> Float[Array, "y x"]:
    return model.renderer.render(model.components, canvas)


@eqx.filter_jit
def _render_components(model: Model, canvas: AbstractCanvas) -> dict[str, Float[Array, "y x"]]:
    return model.renderer.render_components(model.components, canvas)


def render(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> Any:
    """The model image, PSF-convolved and with sky, on the pixels of `image`, as a NumPy array.

    `values` is `{path: number}`; free parameters that it lacks have their initial value. Raises
    `ValueError` if it names an unknown path or a number outside its parameter's range. Warns if a pixel is not finite.

    It may be called inside `jax.jit`, `jax.grad` and `jax.vmap`, and inside a numpyro model: model, image and values
    may be traced, and the result is then an array of JAX's. A traced number outside its parameter's range can't be
    refused: the picture is finite, but means nothing.
    """
    canvas, exponent = checked_model(model).renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    return _finite(scaling.times(_render(_drawn(model, values, exponent), canvas), -exponent))


def render_components(model: Model, image: Image, values: Mapping[str, Scalar] | None = None) -> dict[str, Any]:
    """The image of each component; they sum to `render(model, image, values)`, and may be traced as it may."""
    canvas, exponent = checked_model(model).renderer.prepare(checked_image(image)), scaling.exponent_of(image)
    parts = _render_components(_drawn(model, values, exponent), canvas)
    return {name: _finite(scaling.times(parts[name], -exponent)) for name in model.components}


def joint(model: Model, image: Image) -> None:
    """The numpyro model: every free parameter is a sample site named by its path, the data `"data"`."""
    free, image = checked_model(model).free, checked_image(image)
    values: dict[str, Any] = {path: numpyro.sample(path, prior.distribution()) for path, prior in free.items()}
    drawn = model.at(values)
    mean = _render(lower(drawn), model.renderer.prepare(image))
    sigma = jnp.where(image.mask, 1.0, image.sigma)
    data = jnp.where(image.mask, 0.0, image.data)
    noise = drawn.noise.among(image.valid).distribution(mean, sigma).mask(jnp.asarray(~image.mask))
    numpyro.sample("data", noise, obs=data)
