"""The model of an image: named components, a noise model and a renderer. Everything but the data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx

from sersiclab import parameters
from sersiclab.model import display, linking, scaling
from sersiclab.model.component_checks import by_name, check_parts, check_shift, check_tied_limits, labels_of
from sersiclab.noise import AbstractNoise, GaussianNoise
from sersiclab.parameters import AbstractPrior, Parameter, Tied, joint, ties
from sersiclab.parameters.base import AbstractVarying, ImageLabel
from sersiclab.parameters.image_shift import SHIFT, Shift
from sersiclab.parameters.links import AbstractLink, Ratio, RatioAbove, TotalFlux
from sersiclab.parameters.scalars import Scalar
from sersiclab.profiles import AbstractProfile
from sersiclab.rendering import AbstractRenderer, HybridRenderer
from sersiclab.runtime.errors import InputError


_checked_changes, _checked_values = (by_name(argument, '{"galaxy.n": 4.0}') for argument in ("changes", "values"))


class Model(eqx.Module):
    """A model of an image, or of several: everything but the data. It is immutable; methods return new models.

    Arguments:
        components: profiles and skies by name, such as `{"galaxy": Sersic(...)}`. Each of their parameters is a number
            (fixed), a prior (free), a tie to another parameter, or a function of band or image, such as
            `PerBand(prior)`.
        noise: the distribution of the data about the model image.
        renderer: how sources are drawn.
        links: what components share, such as a total flux; made by `with_total_flux` and `with_order`.
        images: the names, bands and wavelengths of the images, if parameters vary between them; set by `for_images`.
        shift: how far images are shifted against the first; made by `with_shift`.

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

    components: dict[str, AbstractProfile] = eqx.field(converter=by_name("components", '{"galaxy": Sersic(...)}'))
    noise: AbstractNoise = eqx.field(default_factory=GaussianNoise, kw_only=True)
    renderer: AbstractRenderer = eqx.field(default_factory=HybridRenderer, kw_only=True)
    links: dict[str, AbstractLink] = eqx.field(
        default_factory=dict, kw_only=True, converter=by_name("links", '{"total": TotalFlux(...)}')
    )
    images: tuple[ImageLabel, ...] = eqx.field(default=(), kw_only=True, static=True, converter=labels_of)
    shift: Shift | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        check_parts(self.components, self.noise, self.renderer, self.links)
        for name, component in self.components.items():
            for variant in joint.variants(component):
                self.renderer.check(name, variant)
        check_shift(self.shift, [*self.components, *self.links])
        ties.check_ties(self.owners)
        check_tied_limits(self.owners, self.renderer)
        if self.images:
            joint.image_links(self.owners, self.images)
        if self.images and self.shift is not None:
            self.shift.check(self.images)

    def __repr__(self) -> str:
        return display.text(self)

    def _repr_html_(self) -> str:
        links = {"links": self.links} if self.links else {}
        return display.table(self.owners, {"noise": self.noise, "renderer": self.renderer, **links})

    @property
    def owners(self) -> dict[str, eqx.Module]:
        """The parts that have parameters, by name: the components, the links, the shift of images and the noise."""
        shift = {} if self.shift is None else {SHIFT: self.shift}
        return {**self.components, **self.links, **shift, "noise": self.noise}

    @property
    def free(self) -> dict[str, AbstractPrior]:
        """The priors of the free parameters, by path, such as "bulge.n", or "bulge.flux.g" if it varies."""
        return parameters.free(self.owners, self.images)

    @property
    def initial(self) -> dict[str, float]:
        """The initial value of every free parameter, by path."""
        return parameters.initial(self.owners, self.images)

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
        if self.varies:
            return self._with_owners(parameters.at_joint(self.owners, _checked_values(values), self.images))
        holds_draws = any(getattr(value, "ndim", 0) for value in _checked_values(values).values())
        parameters.check_values(self.owners, values, draws=holds_draws)
        owners = parameters.at(self.owners, values)
        if not holds_draws:
            return self._with_owners(owners)
        components, links = ({name: owners[name] for name in part} for part in (self.components, self.links))
        found = (components, links, owners["noise"], owners.get(SHIFT))
        return eqx.tree_at(
            lambda m: (m.components, m.links, m.noise, m.shift), self, found, is_leaf=lambda x: x is None
        )

    def replace(self, changes: Mapping[str, Parameter]) -> "Model":
        """Return a new model with some parameters replaced. A link that no parameter follows any more is removed.

        Arguments:
            changes: `{path: number, prior, tie or function of band}`.

        Raises:
            ValueError: a path is unknown, a number lies outside its range, or a tie is impossible.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(0.0)}).replace({"sky.level": sl.Normal(0.0, 0.1)})
            >>> model.free
            {'sky.level': Normal(loc=0.0, scale=0.1)}
        """
        return self._with_owners(parameters.replace(self.owners, _checked_changes(changes), self.images))._pruned()

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
        return dataclasses.replace(self, components=components)

    @property
    def varies(self) -> bool:
        """Whether a parameter is a function of the image, such as `PerBand(prior)`."""
        return any(isinstance(value, AbstractVarying) for value in parameters.parameters(self.owners).values())

    def of(self, name: str) -> "Model":
        """Return the model of one image, in which a parameter that varies between images is an ordinary one.

        Arguments:
            name: the name of the image; before `for_images` it may be that of a band.

        Returns:
            A model with the priors, or numbers, that belong to the image, in the pixels of the first image.

        Raises:
            ValueError: there is no such image, or its wavelength would have to be known: see `for_images`.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(sl.PerImage({"g": sl.Normal(0.0, 1.0), "r": 2.0}))})
            >>> model.of("g").free
            {'sky.level': Normal(loc=0.0, scale=1.0)}
        """
        names = [label.name for label in self.images]
        if not isinstance(name, str) or (self.images and name not in names):
            raise InputError(f"{name!r} is not an image of this model; it has {names}")
        labels = self.images or (ImageLabel(name, name, None),)
        place = names.index(name) if names else 0
        owners = joint.in_image(self.owners if self.images else joint.chosen(self.owners, name), labels, place)
        shift = owners.get(SHIFT)
        if isinstance(shift, Shift) and shift.is_zero:
            del owners[SHIFT]
        return self._with_owners(owners, images=())

    def for_images(self, images: Any) -> "Model":
        """Return this model with the names, bands and wavelengths of the images to which it is fitted; `fit` does it.

        Arguments:
            images: `Images`, or their labels.

        Raises:
            ValueError: a parameter needs a wavelength that is not known, or lacks a prior for one of the images.

        Example:
            >>> image = sl.Image(np.zeros((4, 5)), sigma=1.0)
            >>> model = sl.Model({"sky": sl.FlatSky(sl.PerImage(sl.Normal(0.0, 1.0)))})
            >>> list(model.for_images(sl.Images({"g": image, "r": image})).free)
            ['sky.level.g', 'sky.level.r']
        """
        return dataclasses.replace(self, images=getattr(images, "labels", images))

    @property
    def first(self) -> "Model":
        """The model of the first image."""
        return self.of(self.images[0].name) if self.images else self._with_owners(joint.first_of(self.owners))

    @property
    def starts(self) -> dict[str, Any]:
        """The starting value of every parameter, in the first image."""
        return parameters.parameters(parameters.at(self.first.owners, self.first.initial))

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
            flux: a number or a prior of the total, in the image's unit, or a function of band; by default log-uniform
                within a factor of ten about the sum of the initial fluxes, in each band if the flux of `first` varies.
            fraction: a number or a prior of the share, by default uniform from 0 to 1; `PerBand(prior)` gives each band
                a B/T of its own.
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
        flux, fraction = linking.total_flux(self.starts, self.owners, first, second, flux=flux, fraction=fraction)
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
        least, settled = linking.order(self.starts, self.owners, smaller, larger, ratio=ratio)
        share = Tied(f"{name}.ratio")
        if least == 0.0:
            return self._linked(name, Ratio(ratio=settled), {smaller: Tied(larger, by=share)})
        link = RatioAbove(ratio=settled, excess=Tied(larger, offset=-least, by=share))
        return self._linked(name, link, {smaller: Tied(f"{name}.excess", offset=least)})

    def with_shift(self, name: str, *, prior: Parameter) -> "Model":
        """Return a new model in which an image may be shifted against the first, along both axes.

        The sources of the image lie at the positions that its WCS gives them, plus `images.dx.name` and
        `images.dy.name`, in its own pixels. `without("images")` removes all shifts.

        Arguments:
            name: the name of the image, which is not the first.
            prior: of both shifts, in pixels of the image: a prior or a number.

        Raises:
            ValueError: there is no such image, it is the first, or the model does not know its images: see
                `for_images`.

        Example:
            >>> images = sl.Images({name: sl.Image(np.zeros((4, 5)), sigma=1.0) for name in "gr"})
            >>> star = sl.PointSource(xc=sl.Normal(2.0, 1.0), yc=2.0, flux=1.0)
            >>> model = sl.Model({"star": star}).for_images(images).with_shift("r", prior=sl.Normal(0.0, 0.5))
            >>> list(model.free)
            ['star.xc', 'images.dx.r', 'images.dy.r']
        """
        names = [label.name for label in self.images]
        return self._with_owners({**self.owners, SHIFT: linking.shifted(self.owners, names, name, prior=prior)})

    def without(self, name: str) -> "Model":
        """Return a new model without the component `name`; `"images"` stands for the shifts between images.

        Parameters that were tied to it stay tied: the first gets the value or prior that they followed, and the others
        are tied to the first.

        Raises:
            ValueError: there is no such component, or it shares a link with another one.

        Example:
            >>> model = sl.Model({"sky": sl.FlatSky(0.0), "star": sl.PointSource(xc=3.0, yc=4.0, flux=1.0)})
            >>> list(model.without("star").components)
            ['sky']
        """
        if isinstance(name, str) and name == SHIFT and self.shift is not None:
            return self._with_owners({key: owner for key, owner in self.owners.items() if key != SHIFT})
        if not isinstance(name, str) or name not in self.components:
            raise InputError(f"{name!r} is not a component of this model; it has {list(self.components)}")
        kept = {key: value for key, value in self.components.items() if key != name}
        linking.check_unshared(self.owners, self.links, name)
        others = {key: owner for key, owner in self.owners.items() if key not in self.components}
        owners = ties.detach({**kept, **others}, name, self.components[name])
        return self._with_owners(owners)._pruned()

    def _with_owners(self, owners: Mapping[str, Any], *, images: Any = None) -> "Model":
        components: Any = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractProfile)}
        links: Any = {name: owner for name, owner in owners.items() if isinstance(owner, AbstractLink)}
        labels = self.images if images is None else images
        shift: Any = owners.get(SHIFT)
        return Model(components, noise=owners["noise"], renderer=self.renderer, links=links, images=labels, shift=shift)

    def _linked(self, name: str, link: AbstractLink, followers: Mapping[str, Tied]) -> "Model":
        if name in self.owners:
            raise InputError(f"name must differ from those of the model's parts, got {name!r}; taken: {[*self.owners]}")
        owners = parameters.replace(self.owners, followers)
        return self._with_owners({**owners, name: link})._pruned()

    def _pruned(self) -> "Model":
        links = {name: link for name, link in self.links.items() if linking.followers_of(self.owners, name)}
        return self if links == self.links else eqx.tree_at(lambda model: model.links, self, links)


def scaled(model: Model, exponent: int) -> Model:
    """Return the model of an image that is two to the power of `exponent` times as bright."""
    return model if exponent == 0 else model._with_owners(scaling.scaled(model.owners, exponent))
