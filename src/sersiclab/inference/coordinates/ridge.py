"""Coordinates for the sampler in which a bent posterior, cut off by the bounds of its priors, is about normal.

As in `bend`, the coordinates are bent as the ridge of the posterior is. Candidates may lie beyond a bound, but a
trajectory must not meet a wall there. So coordinates are unlimited, and within half a sigma of its bound a parameter
hardly follows them any more (`walls`). A ridge that ends at the bound of a parameter is followed in the coordinate of
this parameter, and the others come to rest with it: a triangular map (Rosenblatt 1952, Ann. Math. Stat. 23, 470).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sersiclab.inference.base import Problem
from sersiclab.inference.coordinates.bend import Bend, bent, unbent
from sersiclab.inference.coordinates.bijections import chain, dot, inverse_chain
from sersiclab.inference.coordinates.straight import LENGTH
from sersiclab.inference.coordinates.walls import Walls
from sersiclab.inference.running.monitor import Monitor
from sersiclab.inference.search.minimum import Minimum


# A parameter leads if its bound is within this many sigma of the mode, and if it is among the nearest few.
NEAR_BOUND = 4.0
MOST_LEADS = 3
# Depth of a wall, in sigma.
SOFTNESS = 0.5
# Points that are computed at once.
ROWS = 128


class Leads(NamedTuple):
    """The first few axes, along each of which one parameter is led to its bound.

    The k-th of them is `used` (1) or not (0). Its parameter is w_k = middle_k + rows_kj t_j + rows_kk y_k, for j < k,
    where t_j = y_j + (v_j - w_j) / rows_jj is the coordinate y_j stopped by the wall of its own parameter: with it the
    straight coordinate of this parameter, middle_j + rows_ji t_i, is v_j.
    """

    used: Float[Array, " lead"]
    middle: Float[Array, " lead"]
    rows: Float[Array, "lead lead"]
    walls: Walls

    def stopped(self, k: int, before: Any, y: Any, xp: Any = jnp) -> tuple[Any, Any]:
        """Return t_k and w_k, given the t before; by the functions of the array library `xp`."""
        row, product = self.rows[k], dot if xp is jnp else np.matmul
        w = self.middle[k] + product(before, row[:k]) + row[k] * y
        walls = Walls(*(part[k] for part in self.walls))
        return y + (walls.inside(w, xp) - w) / row[k], w

    def all_stopped(self, y: Any, xp: Any = jnp) -> tuple[Any, Any]:
        """Return (t, w) of all leads, given all y; t is y where a lead is not used."""
        t, w = y[..., :0], y[..., :0]
        for k in range(len(self.used)):
            stopped, along = self.stopped(k, t, y[..., k], xp)
            t = _appended(t, xp.where(self.used[k] > 0, stopped, y[..., k]), xp)
            w = _appended(w, along, xp)
        return t, w

    def doubles(self) -> "Leads":
        """Return the same in NumPy's double precision."""
        return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float), self)


def _appended(head: Any, last: Any, xp: Any) -> Any:
    return xp.concatenate([head, last[..., None]], axis=-1)


class Translation(NamedTuple):
    """t = s + centre: the s are standard normal about the centre of the posterior, which need not be its mode."""

    centre: Float[Array, " d"]

    def forward(self, s: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return t, and the log of a volume of one."""
        return s + self.centre, jnp.zeros(())

    def inverse(self, t: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return s."""
        return t - np.asarray(self.centre, dtype=float)


class Shear(NamedTuple):
    """y_k = t_k - t_i forms_kij t_j / 2, for i, j < k: every coordinate is shifted by those before it, and none scaled.

    Coordinates that lead shift others by where they are stopped.
    """

    forms: Float[Array, "d d d"]
    leads: Leads

    def forward(self, t: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return y, and the log of a volume of one."""
        count = len(self.leads.used)
        head, tail = t[:0], t[count:]
        first = []
        for k, form in enumerate(self.forms[:count]):
            y = t[k] - 0.5 * dot(head, dot(form[:k, :k], head))
            stopped, _ = self.leads.stopped(k, head, y)
            head = _appended(head, jnp.where(self.leads.used[k] > 0, stopped, t[k]), jnp)
            first.append(y)
        before = jnp.concatenate([head, tail])
        rest = tail - 0.5 * dot(dot(self.forms[count:], before), before)
        return jnp.concatenate([jnp.stack(first), rest]), jnp.zeros(())

    def inverse(self, y: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return t."""
        forms, leads = np.asarray(self.forms, dtype=float), self.leads.doubles()
        t, before = y.copy(), y.copy()
        before[:, : len(leads.used)] = leads.all_stopped(y[:, : len(leads.used)], np)[0]
        for k in range(y.shape[1]):
            head = before[:, :k]
            t[:, k] += 0.5 * np.sum((head @ forms[k, :k, :k]) * head, axis=1)
            if not (k < len(leads.used) and leads.used[k]):
                before[:, k] = t[:, k]
        return t


class Axes(NamedTuple):
    """w = middle + axes y, but for the parameters that lead and, beyond their walls, for the others that follow them.

    `places` is one at the parameter of each lead that is used. `log_det` is ln |det axes|, or zero where densities are
    needed up to a constant only.
    """

    middle: Float[Array, " d"]
    axes: Float[Array, "d d"]
    places: Float[Array, "lead d"]
    leads: Leads
    log_det: Float[Array, ""]

    def forward(self, y: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return w, and `log_det`."""
        count = len(self.leads.used)
        stopped, leading = self.leads.all_stopped(y[:count])
        following = self.middle + dot(self.axes, jnp.concatenate([stopped, y[count:]]))
        w = jnp.where(self.places.sum(axis=0) > 0, dot(leading, self.places), following)
        return w, self.log_det

    def inverse(self, w: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return y."""
        middle, axes, places = (np.asarray(part, dtype=float) for part in self[:3])
        leads, used = self.leads.doubles(), places.sum(axis=1) > 0
        leading = w @ places.T
        inside = leads.walls.inside(leading, np)
        v = np.where(places.sum(axis=0) > 0, inside @ places, w)
        y = np.linalg.solve(axes, (v - middle).T).T
        y[:, : len(used)] += np.where(used, (leading - inside) / np.diag(leads.rows), 0.0)
        return y


class Ridge(NamedTuple):
    """The bijection from coordinates s, about standard normal, to the unconstrained space: a chain of four.

    s + centre = t, sheared to y, along axes to w, and by walls to u.
    """

    shift: Translation
    shear: Shear
    axes: Axes
    walls: Walls

    def forward(self, s: Float[Array, " d"]) -> tuple[Float[Array, " d"], Float[Array, ""]]:
        """Return the point u, and ln |det du/ds| up to the constant that `axes` leaves out."""
        return chain(self, s)

    def inverse(self, u: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return the s of points u."""
        return inverse_chain(self, u)

    def points(self, s: Float[np.ndarray, "row d"]) -> Float[np.ndarray, "row d"]:
        """Return the points u of rows s, a fixed number of rows at a time so that it compiles once."""
        padded = np.resize(s, (-(-len(s) // ROWS) * ROWS, s.shape[1])).astype(self.axes.middle.dtype)
        blocks = [np.asarray(_POINTS(self, block), dtype=float) for block in np.split(padded, len(padded) // ROWS)]
        return np.concatenate(blocks)[: len(s)]


_POINTS: Callable[..., Any] = jax.jit(lambda ridge, rows: jax.vmap(lambda s: ridge.forward(s)[0])(rows))


def ridge_of(
    axes: Float[np.ndarray, "d d"],
    forms: Float[np.ndarray, "d d d"],
    middle: Float[np.ndarray, " d"],
    centre: Float[np.ndarray, " d"],
    leading: list[int],
    walls: Walls,
    *,
    log_det: float = 0.0,
) -> Ridge:
    """Return the coordinates with these axes, of which the first lead the parameters `leading`, one each.

    `middle` is in w; for a parameter that leads it is in v.
    """
    size, used = len(middle), len(leading)
    count = min(MOST_LEADS, size)
    places, rows, start = np.zeros((count, size)), np.eye(count), np.zeros(count)
    places[range(used), leading] = 1.0
    rows[:used, :used] = axes[leading, :used]
    start[:used] = middle[leading]
    low, high, depth = (places @ np.asarray(part) for part in walls)
    depth[used:] = 1.0
    leads = Leads(_array(places.sum(axis=1)), _array(start), _array(rows), Walls(*map(_array, (low, high, depth))))
    return Ridge(
        Translation(_array(centre)),
        Shear(_array(forms), leads),
        Axes(_array(middle), _array(axes), _array(places), leads, _array(log_det)),
        walls,
    )


def _array(numbers: Any) -> Array:
    """Return an array of JAX in the user's precision."""
    return jnp.asarray(numbers, dtype=float)


def straight_ridge(size: int) -> Ridge:
    """Return coordinates of this many parameters that are not bent and have no bounds."""
    zero, one = np.zeros(size), np.ones(size)
    walls = Walls(_array(zero), _array(zero), _array(one))
    return ridge_of(np.eye(size), np.zeros((size, size, size)), zero, zero, [], walls)


def ridge(problem: Problem, monitor: Monitor, minimum: Minimum) -> Ridge:
    """Return the coordinates about a mode in which the posterior is about standard normal. Raises `Cancelled`."""
    flat = unbent(problem, monitor, minimum)
    straight, centre = flat.straight, flat.middle + flat.axes @ flat.centre
    sd = np.linalg.norm(flat.axes, axis=1)
    gap = np.minimum(centre - straight.low, straight.high - centre) / sd
    leading = [int(i) for i in np.argsort(gap)[:MOST_LEADS] if gap[i] < NEAR_BOUND]
    found = bent(problem, monitor, _led(flat, leading))
    bounds = (straight.between | straight.beyond, straight.between, np.minimum(SOFTNESS * sd, LENGTH / 4))
    walls = Walls(*map(_array, bounds))
    middle = walls.inverse(minimum.u[None])[0]
    middle[leading] = found.middle[leading]
    # A constant volume would only take digits from the potential.
    return ridge_of(found.axes, found.forms, middle, found.centre, leading, walls, log_det=0.0)


def _led(flat: Bend, leading: list[int]) -> Bend:
    """Return the same normal distribution with other axes: along the first, the leading parameters move one by one."""
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
