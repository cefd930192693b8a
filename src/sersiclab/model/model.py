"""The model of an image: named components, a noise model and a renderer. Everything but the data."""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import equinox as eqx

from sersiclab import parameters
from sersiclab.model import display, scaling
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractPrior, Parameter, Tied, ties
from sersiclab.parameters.links import AbstractLink, Ratio, RatioAbove, TotalFlux
from sersiclab.parameters.priors import LogUniform, Uniform
from sersiclab.parameters.scalars import Scalar
from sersiclab.profiles import AbstractMixture, AbstractProfile
from sersiclab.rendering import AbstractRenderer, HybridRenderer
from sersiclab.runtime.errors import InputError, InputTypeError


def _by_name(argument: str, example: str) -> Callable[[Any], dict[str, Any]]:
    def converted(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise InputTypeError(f"{argument} must be a mapping of names, such as {example}, got {value!r}")
        return dict(value)

    return converted


_checked_changes, checked_values = (_by_name(argument, '{"galaxy.n": 4.0}') for argument in ("changes", "values"))


class Model(eqx.Module):
    """A model of an image: everything but the data. It is immutable; methods return new models.

    Arguments:
        components: profiles and skies by name, such as `{"galaxy": Sersic(...)}`. Each of their parameters is a number
            (fixed), a prior (free) or a tie to another parameter.
        noise: the distribution of the data about the model image.
        renderer: how sources are drawn.
        links: what components share, such as a total flux; made by `with_total_flux` and `with_order`.

    Raises:
        ValueError: there is no component, a name is not an identifier, or a tie leads nowhere, in a circle, or out of
            its parameter's range.
        TypeError: an argument is of the wrong type.

    Example:
        >>> place = {"xc": sl.Normal(25.0, 1.0), "yc": sl.Normal(20.0, 1.0), "theta": sl.Angle()}
        >>> flux, r_eff = sl.LogUniform(1.0, 1e4), sl.LogUniform(0.5, 20.0)
        >>> galaxy = sl.Sersic(**place, flux=flux, r_eff=r_eff, n=sl.Uniform(0.5, 8.0), ellip=sl.Uniform(0.0, 0.9))
        >>> model = sl.Model({"galaxy": galaxy, "sky": sl.FlatSky(0.0)})
        >>> list(model.free)[:4]
        ['galaxy.xc', 'galaxy.yc', 'galaxy.flux', 'galaxy.r_eff']
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

    def __repr__(self) -> str:
        return display.text(self)

    def _repr_html_(self) -> str:
        links = {"links": self.links} if self.links else {}
        return display.table(self.owners, {"noise": self.noise, "renderer": self.renderer, **links})

    @property
    def owners(self) -> dict[str, eqx.Module]:
        """The parts that have parameters, by name: the components, the links and the noise."""
        return {**self.components, **self.links, "noise": self.noise}

    @property
    def free(self) -> dict[str, AbstractPrior]:
        """The priors of the free parameters, by path, such as "bulge.n"."""
        return parameters.free(self.owners)

    @property
    def initial(self) -> dict[str, float]:
        """The initial value of every free parameter, by path."""
        return parameters.initial(self.owners)

    def at(self, values: Mapping[str, Scalar]) -> "Model":
        """Return this model with a number for every parameter.

        Arguments:
            values: `{path: number}` for every free parameter, in its unit; or `{path: array}`, draws of one shape.

        Raises:
            ValueError: a path is unknown or missing, or a number lies outside its parameter's range.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(sl.Normal(0.0, 1.0))})
            >>> model.at({"sky.level": 0.25}).components["sky"].level
            0.25
        """
        holds_draws = any(getattr(value, "ndim", 0) for value in checked_values(values).values())
        parameters.check_values(self.owners, values, draws=holds_draws)
        owners = parameters.at(self.owners, values)
        if not holds_draws:
            return self._with_owners(owners)
        components, links = ({name: owners[name] for name in part} for part in (self.components, self.links))
        return eqx.tree_at(lambda m: (m.components, m.links, m.noise), self, (components, links, owners["noise"]))

    def replace(self, changes: Mapping[str, Parameter]) -> "Model":
        """Return a new model with some parameters replaced. A link that no parameter follows any more is removed.

        Arguments:
            changes: `{path: number, prior or tie}`.

        Raises:
            ValueError: a path is unknown, a number lies outside its range, or a tie is impossible.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(0.0)}).replace({"sky.level": sl.Normal(0.0, 0.1)})
            >>> model.free
            {'sky.level': Normal(loc=0.0, scale=0.1)}
        """
        return self._with_owners(parameters.replace(self.owners, _checked_changes(changes)))._pruned()

    def with_component(self, name: str, component: AbstractProfile) -> "Model":
        """Return a new model with another component, which replaces one of the same name.

        Arguments:
            name: the name of the component.
            component: a profile.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(0.0)})
            >>> list(model.with_component("star", sl.PointSource(xc=3.0, yc=4.0, flux=1.0)).components)
            ['sky', 'star']
        """
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
        """Return a new model with the fluxes of two components as a total, and the share of the first (B/T).

        The fluxes of the two follow from the new parameters `total.flux` and `total.fraction`, in every draw.

        Arguments:
            first: name of the component of which `total.fraction` is the share.
            second: name of the other component.
            flux: a number or a prior of the total, in the image's unit; by default log-uniform within a factor of ten
                about the sum of the initial fluxes.
            fraction: a number or a prior of the share; by default uniform from 0 to 1.
            name: name of the link.

        Raises:
            ValueError: a component is missing or has no flux, the name is taken, or `flux` is needed because the sum
                of the initial fluxes is not positive.

        Example:
            >>> place = {"xc": 9.0, "yc": 7.0, "ellip": 0.0, "theta": 0.0}
            >>> bulge = sl.DeVaucouleurs(**place, flux=3.0, r_eff=1.0)
            >>> disk = sl.Exponential(**place, flux=7.0, r_eff=4.0)
            >>> model = sl.Model({"bulge": bulge, "disk": disk}).with_total_flux("bulge", "disk")
            >>> model.initial
            {'total.flux': 10.0, 'total.fraction': 0.3}
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
        """Return a new model in which one parameter is never larger than another.

        The smaller one is the larger times the new parameter `order.ratio`. If it can't be zero, as `n` can't, the
        ratio is that of the distances from `a`, the lowest value that the priors of the two allow:
        smaller = a + (larger - a) ratio. Both stay within their ranges.

        The larger one keeps its prior p. With a uniform ratio the smaller one is uniform between `a`, or zero, and the
        larger, so that its prior is q(x), the integral of p(y) / (y - a) over y > x. For a p that is uniform on [a, b]
        it is q(x) = ln((b - a) / (x - a)) / (b - a).

        Arguments:
            smaller: path of the smaller parameter, such as "bulge.r_eff".
            larger: path of the larger one, such as "disk.r_eff".
            ratio: a number or a prior between 0 and 1; by default uniform.
            name: name of the link.

        Raises:
            ValueError: a path is unknown, a parameter may be negative, or the name is taken.

        Example:
            >>> place = {"xc": 9.0, "yc": 7.0, "ellip": 0.0, "theta": 0.0, "flux": 1.0}
            >>> bulge, disk = sl.DeVaucouleurs(**place, r_eff=1.0), sl.Exponential(**place, r_eff=4.0)
            >>> model = sl.Model({"bulge": bulge, "disk": disk}).with_order("bulge.r_eff", "disk.r_eff")
            >>> model.initial
            {'order.ratio': 0.25}
        """
        start = parameters.parameters(parameters.at(self.owners, self.initial))
        low, high = (self._initial_of(path, start) for path in (smaller, larger))
        for path in (smaller, larger):
            if self._info(path).low < 0.0:
                raise InputError(f"{path} may be negative: a ratio between 0 and 1 can't order it")
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
        """Return a new model without the component `name`.

        Parameters that were tied to it stay tied: the first gets the value or prior that they followed, and the others
        are tied to the first.

        Raises:
            ValueError: there is no such component, or it shares a link with another one.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(0.0), "star": sl.PointSource(xc=3.0, yc=4.0, flux=1.0)})
            >>> list(model.without("star").components)
            ['sky']
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
        """Raise if the renderer can't draw a component over the whole range of a tied parameter."""
        mixtures = {name: part for name, part in self.components.items() if isinstance(part, AbstractMixture)}
        narrow = {f"{name}.{key}" for name, part in mixtures.items() for key in part.limits}
        for path, ends in ties.ranges(self.owners).items() if narrow else ():
            for end in ends if path in narrow else ():
                name, key = path.split(".", 1)
                try:
                    self.renderer.check(name, parameters.with_parameters(mixtures[name], {key: end}))
                except InputError as error:
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
        """Return the lowest value that a parameter may have."""
        value: Any = parameters.parameters(self.owners)[path]
        if isinstance(value, Tied):
            return ties.ranges(self.owners)[path][0]
        return value.support()[0] if isinstance(value, AbstractPrior) else float(value)

    def _initial_of(self, path: str, start: Mapping[str, Any]) -> float:
        if path not in start:
            raise InputError(f"{path!r} is not a parameter of this model; it has {list(start)}")
        return float(start[path])

    def _followers(self, link: str) -> list[str]:
        """Return the parameters that are tied to a link, except its own."""
        held = parameters.parameters({name: owner for name, owner in self.owners.items() if name != link}).items()
        followed = {path: value.targets for path, value in held if isinstance(value, Tied)}
        return [path for path, targets in followed.items() if any(to.split(".")[0] == link for to in targets)]

    def _pruned(self) -> "Model":
        links = {name: link for name, link in self.links.items() if self._followers(name)}
        return self if links == self.links else eqx.tree_at(lambda model: model.links, self, links)


def _inside(share: float) -> float:
    """Return a share that is far enough from 0 and 1 to start a search."""
    return min(max(share, 0.05), 0.95)


def is_name(name: Any) -> TypeGuard[str]:
    """Return whether a component may have this name: an identifier of visible characters that is not reserved."""
    return isinstance(name, str) and name.isidentifier() and name.isprintable() and name not in ("noise", "renderer")


def check_name(name: Any) -> None:
    """Raise `ValueError` unless a component may have this name."""
    if not is_name(name):
        raise InputError(f"a component's name must be an identifier other than 'noise' and 'renderer', got {name!r}")


def checked_model(model: Any) -> Model:
    """Return the model. Raises `TypeError`, with a hint at how to make one, for a profile or anything else."""
    if isinstance(model, Model):
        return model
    made = 'make one with sl.Model({"galaxy": profile})'
    raise InputTypeError(f"model must be a Model, got {type(model).__name__}: {made}")


def scaled(model: Model, exponent: int) -> Model:
    """Return the model of an image that is two to the power of `exponent` times as bright."""
    return model if exponent == 0 else model._with_owners(scaling.scaled(model.owners, exponent))
