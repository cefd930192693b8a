"""Coordinates for the sampler in which a bent posterior, cut off by the bounds of its priors, is about normal.

As in `bend`, coordinates are bent as the ridge of the posterior is. A trajectory, unlike candidates, must not meet a
wall where a bound is: so a coordinate can go on for ever, but from half a sigma before the bound on its parameter
hardly follows. A ridge that ends at the bound of a parameter is followed in the coordinate of this parameter, and all
others go along with it to the end (a triangular map: Rosenblatt 1952, Ann. Math. Stat. 23, 470).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.bend import Bend, bent, unbent
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search.minimum import Minimum


NEAR = 4.0  # sigma from the mode: a parameter with a bound as near has an axis of its own ...
LEADING = 3  # ... if no more of them have nearer ones
SOFT = 0.5  # sigma, the depth of a wall
LEAST, SMALL = -15.0, 1e-20  # below which a softplus is an exponential, and an exponential minus one its argument
TINY = 1e-290  # less than any distance from a bound that has digits
ROWS = 128


class Walls(NamedTuple):
    """Which coordinates v have a lower bound, at 0, and an upper one, at `LENGTH` (1 or 0), and how deep these are.

    With one bound v = depth ln(1 + exp(w / depth)), with two v = depth ln((1 + exp(w / depth)) / (1 + exp((w - LENGTH)
    / depth))), else v = w.
    """

    low: Array
    high: Array
    depth: Array

    def inside(self, w: Array) -> Array:
        """The coordinates v of w."""
        from_low = jnp.logaddexp(0.0, w / self.depth)
        from_both = from_low - self.high * jnp.logaddexp(0.0, (w - LENGTH) / self.depth)
        return jnp.where(self.low > 0, self.depth * from_both, w)

    def unconstrained(self, w: Array) -> tuple[Array, Array]:
        """The u of `Straight`, which has its digits near a bound too, and ln du/dw."""
        log_depth = jnp.log(self.depth)
        from_low, from_high = self._log_distances(w)
        slope_low, slope_high = -jnp.logaddexp(0.0, -w / self.depth), -jnp.logaddexp(0.0, (w - LENGTH) / self.depth)
        alone = log_depth + _log_softplus(w / self.depth)
        distance = jnp.exp(alone)
        log_end = jnp.where(distance < SMALL, alone, jnp.log(-jnp.expm1(-jnp.maximum(distance, 0.1 * SMALL))))
        u = self._choose(from_low - from_high, distance + log_end, w)
        slope_high = slope_high + jnp.log1p(-jnp.exp(-LENGTH / self.depth)) + np.log(LENGTH) - from_low - from_high
        return u, self._choose(slope_low + slope_high, slope_low - log_end, jnp.zeros_like(w))

    def _log_distances(self, w: Array) -> tuple[Array, Array]:
        """The logs of the distances from two bounds."""
        length = LENGTH / self.depth

        def log_distance(x: Array) -> Array:
            near = jnp.maximum(x, LEAST)
            exact = jnp.log(jnp.logaddexp(0.0, near) - jnp.logaddexp(0.0, near - length))
            return jnp.log(self.depth) + jnp.where(x < LEAST, x + jnp.log1p(-jnp.exp(-length)), exact)

        return log_distance(w / self.depth), log_distance((LENGTH - w) / self.depth)

    def _choose(self, between: Array, alone: Array, free: Array) -> Array:
        return jnp.where(self.high > 0, between, jnp.where(self.low > 0, alone, free))


class Ridge(NamedTuple):
    """w = middle + axes y, with y_k = t_k - t_i forms_kij t_j / 2 for i, j < k, and t = s + centre.

    The row of `leads` of an axis that leads a parameter to its bound is one at that parameter, the others' are zero.
    Along such an axis, one of the first, t and y are then changed so that middle + axes y is v, not w.
    """

    middle: Array
    axes: Float[Array, "d d"]
    forms: Float[Array, "d d d"]
    centre: Array
    leads: Float[Array, "lead d"]
    walls: Walls

    def point(self, s: Array) -> tuple[Array, Float[Array, ""]]:
        """The point u, and the log of its volume du/ds up to a constant."""
        t, led = s + self.centre, jnp.zeros_like(s)
        for k, lead in enumerate(self.leads):
            before = t[:k]
            y = t[k] - 0.5 * _dot(before, _dot(self.forms[k, :k, :k], before))
            row = _dot(lead, self.axes)
            w = _dot(lead, self.middle) + _dot(row[:k], before) + row[k] * y
            used = lead.sum()
            walls = Walls(
                _dot(lead, self.walls.low), _dot(lead, self.walls.high), _dot(lead, self.walls.depth) + 1 - used
            )
            change = used * (walls.inside(w) - w) / (row[k] + 1 - used)
            t = t.at[k].set(jnp.where(used > 0, y + change, t[k]))
            led = led + lead * w
        y = t - 0.5 * _dot(_dot(self.forms, t), t)
        y = jnp.where(self._follows(), y, t)
        w = jnp.where(self.leads.sum(axis=0) > 0, led, self.middle + _dot(self.axes, y))
        u, log_slope = self.walls.unconstrained(w)
        return u, jnp.sum(log_slope)

    def _follows(self) -> Bool[Array, " d"]:
        """Which axes lead no parameter."""
        leading = self.leads.sum(axis=1) > 0
        return jnp.ones(self.middle.shape, bool).at[: len(leading)].set(~leading)

    def points(self, s: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """The points u; always so many rows at a time, to compile once."""
        padded = np.resize(s, (-(-len(s) // ROWS) * ROWS, s.shape[1])).astype(self.middle.dtype)
        blocks = [np.asarray(_POINTS(self, block), dtype=float) for block in np.split(padded, len(padded) // ROWS)]
        return np.concatenate(blocks)[: len(s)]

    def coordinates(self, u: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """The s of points u."""
        v, w = _without_walls(self.walls, u)
        middle, axes, forms, centre, leads = (np.asarray(part, dtype=float) for part in self[:5])
        t = np.linalg.solve(axes, (np.where(leads.sum(axis=0) > 0, v, w) - middle).T).T
        s = t.copy()
        for k in range(u.shape[1]):
            before = t[:, :k]
            s[:, k] += 0.5 * np.sum((before @ forms[k, :k, :k]) * before, axis=1)
            if k < len(leads) and leads[k].any():
                i = int(np.argmax(leads[k]))
                s[:, k] += (w[:, i] - v[:, i]) / axes[i, k]
            else:
                t[:, k] = s[:, k]
        return s - centre


_POINTS = jax.jit(lambda ridge, rows: jax.vmap(lambda s: ridge.point(s)[0])(rows))


def straight_ridge(size: int) -> Ridge:
    """A ridge of so many parameters that is not bent and has no bounds."""
    zero, one = jnp.zeros(size), jnp.ones(size)
    leads = jnp.zeros((min(LEADING, size), size))
    return Ridge(zero, jnp.eye(size), jnp.zeros((size, size, size)), zero, leads, Walls(zero, zero, one))


def ridge(problem: Problem, monitor: Monitor, minimum: Minimum) -> Ridge:
    """The coordinates about a mode: s is about standard normal. Raises `Cancelled`."""
    flat = unbent(problem, monitor, minimum)
    straight, centre = flat.straight, flat.middle + flat.axes @ flat.centre
    sd = np.linalg.norm(flat.axes, axis=1)
    gap = np.minimum(centre - straight.low, straight.high - centre) / sd
    leading = [int(i) for i in np.argsort(gap)[:LEADING] if gap[i] < NEAR]
    found = bent(problem, monitor, _led(flat, leading))
    bounds = (straight.between | straight.beyond, straight.between, np.minimum(SOFT * sd, LENGTH / 4))
    walls = Walls(*(jnp.asarray(part, dtype=float) for part in bounds))
    leads = np.zeros((min(LEADING, len(sd)), len(sd)))
    leads[range(len(leading)), leading] = 1.0
    middle = np.where(leads.sum(axis=0) > 0, found.middle, _without_walls(walls, minimum.u[None])[1][0])
    parts = (jnp.asarray(part, dtype=float) for part in (middle, found.axes, found.forms, found.centre, leads))
    return Ridge(*parts, walls=walls)


def _led(flat: Bend, leading: list[int]) -> Bend:
    """The same normal distribution with other axes: along the first, one of these parameters after the other moves."""
    if not leading:
        return flat
    covariance = flat.axes @ flat.axes.T
    among = np.linalg.cholesky(covariance[np.ix_(leading, leading)])
    first = np.linalg.solve(among, covariance[leading]).T
    others = np.setdiff1d(np.arange(len(covariance)), leading)
    values, vectors = np.linalg.eigh((covariance - first @ first.T)[np.ix_(others, others)])
    rest = np.zeros((len(covariance), len(others)))
    rest[others] = (vectors * np.sqrt(np.maximum(values, 1e-12 * values.max(initial=0.0))))[:, ::-1]
    axes = np.hstack([first, rest])
    return flat._replace(axes=axes, centre=np.linalg.solve(axes, flat.axes @ flat.centre))


def _without_walls(
    walls: Walls, u: Float[np.ndarray, "row d"]
) -> tuple[Float[np.ndarray, "row d"], Float[np.ndarray, "row d"]]:
    """The v and w of points u."""
    low, high, depth = (np.asarray(part, dtype=float) for part in walls)
    straight = Straight(high > 0, (low > 0) & ~(high > 0))
    v, to_high = straight.v(u), np.where(high > 0, straight.v(-u), np.inf)
    from_low, to_high = np.maximum(np.abs(v), TINY), np.maximum(to_high, TINY)
    w = v + depth * (np.log(-np.expm1(-from_low / depth)) - np.log(-np.expm1(-to_high / depth)))
    return v, np.where(low > 0, w, u)


def _log_softplus(x: Array) -> Array:
    return jnp.where(x < LEAST, x, jnp.log(jnp.logaddexp(0.0, jnp.maximum(x, LEAST))))


def _dot(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)
