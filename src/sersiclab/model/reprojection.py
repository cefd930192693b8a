"""Models and values in the pixels and the unit of another image, to be looked at, drawn and fitted there.

Numbers are mapped exactly as `profiles.mapping` describes. Priors and ties are those of one parameter, and the map may
mix two: they are mapped exactly where it does not, and otherwise as `mapped_model` describes. Skies and the noise
belong to an image, and are not mapped.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from sersiclab.model.model import Model
from sersiclab.parameters import AbstractPrior, Parameter, ParameterInfo, Tied, own_parameters, parameter_info
from sersiclab.parameters import parameters as parameters_of
from sersiclab.parameters.frame import Frame
from sersiclab.parameters.image_shift import SHIFT_OF, frame_with
from sersiclab.parameters.linear import SAME, LinearMap, linear_prior, linear_tie
from sersiclab.parameters.links import AbstractLink
from sersiclab.parameters.priors import Normal, TruncatedNormal, Uniform
from sersiclab.parameters.scalars import is_scalar, to_float
from sersiclab.parameters.ties import ONE, Product, products
from sersiclab.parameters.tree import with_parameters
from sersiclab.profiles import AbstractSource
from sersiclab.profiles.default_priors import MEASURED_LENGTH, STATED_LIGHT, Spread, default_prior
from sersiclab.profiles.mapping import MappedEllipse, ellipse_of, mapped_ellipse, mapped_parameters, unit_factor


AXES = ("xc", "yc")
FREED = 1.0  # standard deviation of a centre that is free because its tie does not hold in the other image, in pixels
NOTHING = 1e-9  # elements of a matrix below this, relative to its size, are zero
SPREAD = Spread(
    position=FREED, flux=STATED_LIGHT, brightness=STATED_LIGHT, length=MEASURED_LENGTH, sky=1.0, shape=(1.0, 1.0)
)


def mapped_values(model: Model, values: Mapping[str, Any], frame: Frame) -> dict[str, Any]:
    """Return all parameters of a model in the pixels and the unit of another image.

    Arguments:
        model: in the pixels of the first image.
        values: `{path: number}` for every free parameter, or `{path: array}`, draws of one shape.
        frame: the map to the other image.

    Returns:
        The numbers or arrays by path, with those of tied and of fixed parameters. Position angles are not reduced
        modulo pi.

    Raises:
        ValueError: a path is unknown or missing, or a number lies outside its parameter's range.
    """
    found: dict[str, Any] = {}
    owners = model.at(values).owners
    frame = frame_with(frame, owners)
    for name, owner in owners.items():
        numbers = _mapped_owner(owner, frame)
        found |= {f"{name}.{key}": to_float(value) if is_scalar(value) else value for key, value in numbers.items()}
    return found


def mapped_model(model: Model, frame: Frame) -> Model:
    """Return the model of another image, in its own pixels and unit.

    Numbers and starting values are mapped. So are priors, to priors of the same kind, with these exceptions:

    - A map that rotates mixes `xc` and `yc`. Two normal priors become normal priors of the combined widths, and two
      uniform ones the box that encloses theirs. Others become normal priors, for which a prior that is neither normal
      nor uniform counts as a standard deviation of one pixel. The new priors are independent of each other, although
      the two coordinates may be correlated.
    - If the map shears, lengths, `ellip` and angles depend on each other. Priors of lengths are scaled by the factor at
      the starting values; that of `ellip` is kept and, if it is uniform, widened to hold its starting value.
    - A prior on a logarithm that would be shifted or reversed is replaced by the default prior.

    A shift of the image becomes part of the centres of its sources: where it is free, so are they, with priors of the
    combined widths.

    A tie that holds in the other image is kept. Otherwise its parameter is free, with the default prior about its
    starting value.

    Arguments:
        model: in the pixels of the first image.
        frame: the map to the other image, of plain numbers.

    Returns:
        The model.
    """
    plan = _Plan.of(model, frame)
    changes: dict[str, dict[str, Parameter]] = {}
    for path, value in plan.held.items():
        name, key = path.split(".", 1)
        if isinstance(model.owners[name], AbstractSource | AbstractLink):
            changes.setdefault(name, {})[key] = plan.mapped(path, value)
    owners = {name: with_parameters(owner, changes.get(name, {})) for name, owner in model.owners.items()}
    components: Any = {name: owners[name] for name in model.components}
    links: Any = {name: owners[name] for name in model.links}
    return Model(components, noise=model.noise, renderer=model.renderer, links=links)


def _mapped_owner(owner: Any, frame: Frame) -> dict[str, Any]:
    if isinstance(owner, AbstractSource):
        return mapped_parameters(owner, frame)
    numbers = own_parameters(owner)
    if not isinstance(owner, AbstractLink):
        return numbers
    return {key: value * float(_link_law(parameter_info(owner)[key], frame).factor) for key, value in numbers.items()}


def _link_law(info: ParameterInfo, frame: Frame) -> LinearMap:
    return LinearMap(float(frame.flux)) if info.unit == "image" else SAME


class _Plan(NamedTuple):
    """Everything about a model and a map from which parameters of the other image follow."""

    frame: Frame  # without the shift of the image
    held: dict[str, Parameter]
    infos: dict[str, ParameterInfo]
    laws: dict[str, LinearMap | None]
    products: dict[str, Product]
    before: dict[str, Any]
    after: dict[str, Any]

    @staticmethod
    def of(model: Model, frame: Frame) -> "_Plan":
        held = parameters_of(model.owners)
        infos = {f"{n}.{key}": info for n, owner in model.owners.items() for key, info in parameter_info(owner).items()}
        started = model.at(model.initial).owners
        before, there = parameters_of(started), frame_with(frame, started)
        laws = {f"{n}.{key}": law for n, owner in model.owners.items() for key, law in _laws(owner, there).items()}
        # Where the shift is free, the map of a coordinate is not known.
        free = {axis for axis, path in SHIFT_OF.items() if not is_scalar(held.get(path, 0.0))}
        laws |= {path: None for path in laws if path.split(".", 1)[1] in free}
        after = mapped_values(model, model.initial, frame)
        return _Plan(frame, held, infos, laws, products(model.owners), before, after)

    def mapped(self, path: str, value: Parameter) -> Parameter:
        """Return a parameter of the other image: a number, a prior or a tie."""
        if isinstance(value, Tied):
            return self.tie(path, value) or self.freed(path)
        if path.split(".", 1)[1] in AXES:
            return self.coordinate(path)
        if isinstance(value, AbstractPrior):
            return self.prior(path, value)
        return self.number(path)

    def number(self, path: str) -> float:
        info = self.infos[path]
        return float(np.clip(self.after[path], info.low, info.high))

    def prior(self, path: str, prior: AbstractPrior) -> Parameter:
        found = linear_prior(prior, self.laws[path] or self.local_law(path))
        return self.freed(path) if found is None else _from(found, self.number(path))

    def local_law(self, path: str) -> LinearMap:
        """Return the map of a parameter that depends on others, near the starting values."""
        info, before, after = self.infos[path], float(self.before[path]), float(self.after[path])
        if info.unit == "rad":
            parity = math.copysign(1.0, float(np.linalg.det(self.frame.matrix)))
            return LinearMap(parity, after - parity * before if info.name == "theta" else 0.0)
        return SAME if info.name == "ellip" or before == 0.0 else LinearMap(after / before)

    def freed(self, path: str) -> Parameter:
        """Return the default prior about the starting value, and a wide one if there is none."""
        start = self.number(path)
        prior = default_prior(self.infos[path], start, SPREAD)
        return Normal(loc=start, scale=max(abs(start), FREED), init=start) if prior is None else prior

    def coordinate(self, path: str) -> Parameter:
        """Return the prior, or the number, of one coordinate of a centre, which may depend on both of the original."""
        name, key = path.split(".", 1)
        i, frame = AXES.index(key), self.frame
        parts = {f"{name}.{axis}": float(m) for axis, m in zip(AXES, _tidy(frame.matrix)[i], strict=True) if m}
        if SHIFT_OF[key] in self.held:
            parts[SHIFT_OF[key]] = 1.0
        priors = {part: self.held[part] for part in parts if not is_scalar(self.held[part])}
        start = self.number(path)
        if not priors:
            return start
        origin = {SHIFT_OF[key]: 0.0}
        origin |= {f"{name}.{axis}": float(x) for axis, x in zip(AXES, frame.origin, strict=True)}
        known = {part: 0.0 if part in priors else float(self.before[part]) for part in parts}
        fixed = float(frame.place[i]) + sum(m * (known[part] - origin[part]) for part, m in parts.items())
        if len(priors) == 1:
            (part, prior), *_ = priors.items()
            found = linear_prior(prior, LinearMap(parts[part], fixed)) if isinstance(prior, AbstractPrior) else None
            if found is not None:
                return _from(found, start)
        if all(isinstance(prior, Uniform) for prior in priors.values()):
            ends = [sorted(parts[part] * float(end) for end in _ends(prior)) for part, prior in priors.items()]
            low, high = (fixed + sum(end[i] for end in ends) for i in range(2))
            return Uniform(low=low, high=high, init=min(max(start, low), high))
        mean, width = fixed, 0.0
        for part, prior in priors.items():
            middle, sd = _middle_and_width(prior, float(self.before[part]))
            mean, width = mean + parts[part] * middle, math.hypot(width, parts[part] * sd)
        return Normal(loc=mean, scale=width, init=start)

    def tie(self, path: str, tie: Tied) -> Tied | None:
        """Return the tie in the other image; None if it does not hold there."""
        own, other = self.laws[path], self.laws.get(tie.to)
        by = SAME if tie.by is None else self.laws.get(tie.by.to)
        if by is None:
            return None
        if own is not None and other is not None:
            return linear_tie(tie, own, other, by)
        if path.split(".", 1)[1] in AXES:
            return self.tie_of_centre(path, tie)
        return self.tie_of_shape(path, tie, by)

    def tie_of_centre(self, path: str, tie: Tied) -> Tied | None:
        """Return the tie of a coordinate to that of another centre if both differ by a constant."""
        (name, key), (leader, *rest) = path.split(".", 1), tie.to.split(".", 1)
        if rest != [key] or leader == name:
            return None
        parts = {axis: m for axis, m in zip(AXES, _tidy(self.frame.matrix)[AXES.index(key)], strict=True) if m}
        offsets = [self.difference(f"{name}.{axis}", f"{leader}.{axis}") for axis in parts]
        if any(offset is None for offset in offsets):
            return None
        return Tied(tie.to, offset=float(np.array([*parts.values()]) @ np.array(offsets, float)))

    def tie_of_shape(self, path: str, tie: Tied, by: LinearMap) -> Tied | None:
        """Return the tie between lengths, or angles, of two sources that share their ellipse."""
        (name, key), (leader, *rest) = path.split(".", 1), tie.to.split(".", 1)
        own, other = self.infos[path], self.infos[tie.to]
        if any(self.difference(f"{name}.{each}", f"{leader}.{each}") != 0.0 for each in ("ellip", "theta")):
            return None
        scales = own.unit in ("pixel", "1/pixel") and (own.unit, own.across) == (other.unit, other.across)
        if scales and tie.offset == 0.0:
            return linear_tie(tie, SAME, SAME, by)
        same = rest == [key] and (tie.scale, tie.offset, tie.by) == (1.0, 0.0, None)
        return tie if same else None

    def difference(self, path: str, leader: str) -> float | None:
        """Return by how much a parameter exceeds another in every draw; None if that varies."""
        one, other = self.products.get(path), self.products.get(leader)
        if one is None or other is None or one.second != other.second:
            return None
        if one.second == ONE and one.first[:2] == other.first[:2]:
            return float(one.first.offset - other.first.offset)
        return float(one.above - other.above) if one.first == other.first else None


def _laws(owner: Any, frame: Frame) -> dict[str, LinearMap | None]:
    """Return the map of each parameter by name; None if it depends on other parameters."""
    infos = parameter_info(owner)
    if isinstance(owner, AbstractLink):
        return {key: _link_law(info, frame) for key, info in infos.items()}
    if not isinstance(owner, AbstractSource):
        return dict.fromkeys(infos, SAME)
    ellipse = _common_ellipse(owner, frame)
    return {key: _source_law(info, ellipse, frame) for key, info in infos.items()}


def _common_ellipse(owner: AbstractSource, frame: Frame) -> MappedEllipse | None:
    """Return the map of an ellipse at `theta` = 0 if its factors are the same for all ellipses."""
    if "theta" not in own_parameters(owner):
        return ellipse_of(owner, frame)
    there = mapped_ellipse(frame.matrix, 0.5, 0.0)
    is_similarity = abs(there.ellip - 0.5) < NOTHING and abs(there.stretch / there.across - 1.0) < NOTHING
    return there._replace(across=there.stretch, turn=0.0) if is_similarity else None


def _source_law(info: ParameterInfo, ellipse: MappedEllipse | None, frame: Frame) -> LinearMap | None:
    if info.name in AXES:
        i = AXES.index(info.name)
        matrix = _tidy(frame.matrix)
        own = float(matrix[i, i])
        return None if matrix[i, 1 - i] else LinearMap(own, float(frame.place[i] - own * frame.origin[i]))
    if info.name == "ellip" or info.unit == "rad":
        if ellipse is None:
            return None
        turn = ellipse.theta if info.name == "theta" else ellipse.turn
        return SAME if info.name == "ellip" else LinearMap(float(ellipse.parity), float(turn))
    if ellipse is None and info.unit in ("pixel", "1/pixel", "image/pixel²"):
        return None
    factor = unit_factor(info, ellipse or mapped_ellipse(frame.matrix, 0.0, 0.0), frame)
    return SAME if factor is None else LinearMap(float(factor))


def _tidy(matrix: Any) -> np.ndarray:
    """Return the matrix without elements that are zero but for rounding."""
    matrix = np.asarray(matrix, float)
    return np.where(np.abs(matrix) < NOTHING * np.abs(matrix).max(), 0.0, matrix)


def _from(prior: AbstractPrior, start: float) -> AbstractPrior:
    """Return the prior with a starting value, and widened to hold it if it is uniform."""
    low, high = prior.support()
    if isinstance(prior, Uniform) and not low <= start <= high:
        return Uniform(low=min(low, start), high=max(high, start), init=start)
    return dataclasses.replace(prior, init=min(max(start, low), high))


def _ends(prior: Any) -> tuple[Any, Any]:
    return prior.low, prior.high


def _middle_and_width(prior: Any, start: float) -> tuple[float, float]:
    """Return the mean and the standard deviation that stand for a prior; `FREED` about the start for most."""
    if isinstance(prior, Normal | TruncatedNormal):
        return float(prior.loc), float(prior.scale)
    if isinstance(prior, Uniform):
        return prior.median(), float(prior.high - prior.low) / math.sqrt(12.0)
    return start, FREED
