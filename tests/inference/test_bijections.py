"""The laws of a change of coordinates: it can be undone, knows its volume, and is finite at all bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sersiclab.inference.coordinates.bend import Bend
from sersiclab.inference.coordinates.flow import identity, transport
from sersiclab.inference.coordinates.potential import Coordinates
from sersiclab.inference.coordinates.ridge import Ridge, Translation, ridge_of, straight_ridge
from sersiclab.inference.coordinates.straight import LENGTH, Straight
from sersiclab.inference.coordinates.turning import Turns
from sersiclab.inference.coordinates.walls import Walls


LOW, HIGH, DEPTH = (1.0, 1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 1.0, 0.0, 0.0), (0.3, 0.3, 0.2, 1.0, 1.0)
SIZE = len(LOW)
STEP = 1e-5


def walls() -> Walls:
    """Between two bounds, beyond one, between two, and two parameters without bounds."""
    return Walls(*(jnp.asarray(part) for part in (LOW, HIGH, DEPTH)))


def straight() -> Straight:
    return Straight(np.array(HIGH) > 0, np.array(LOW) > np.array(HIGH))


def turns() -> Turns:
    """The fourth parameter is the angle, the first the ellipticity."""
    numbers = (0.4, 0.2, 0.0, 0.9 / LENGTH, 0.01)
    return Turns(np.array([3]), np.array([0]), *(np.array([part]) for part in numbers))


def axes_and_forms(leading: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Axes of which the first move the `leading` parameters one by one, and the shifts by products of coordinates."""
    rng = np.random.default_rng(4)
    axes = 0.5 * np.eye(SIZE) + 0.3 * rng.normal(size=(SIZE, SIZE))
    for k, parameter in enumerate(leading):
        axes[parameter, k + 1 :] = 0.0
        axes[parameter, k] = 0.6
    forms = np.zeros((SIZE, SIZE, SIZE))
    for k in range(SIZE):
        half = 0.15 * rng.normal(size=(k, k))
        forms[k, :k, :k] = half + half.T
    return axes, forms


def ridge(leading: list[int]) -> Ridge:
    axes, forms = axes_and_forms(leading)
    middle, log_det = np.array([3.5, 0.3, 2.0, 0.0, 1.0]), float(np.linalg.slogdet(axes)[1])
    return ridge_of(axes, forms, middle, np.full(SIZE, 0.1), leading, walls(), log_det=log_det)


def bend() -> Bend:
    axes, forms = axes_and_forms([])
    return Bend(straight(), turns(), np.array([2.0, 1.5, 2.0, 0.4, 1.0]), 0.3 * axes, forms, np.full(SIZE, 0.1))


TRACED = {
    "shift": lambda: Translation(jnp.arange(1.0 * SIZE)),
    "shear": lambda: ridge([]).shear,
    "shear of two leads": lambda: ridge([0, 1]).shear,
    "axes": lambda: ridge([]).axes,
    "axes of two leads": lambda: ridge([0, 1]).axes,
    "axes of three leads": lambda: ridge([2, 0, 1]).axes,
    "walls": walls,
    "ridge": lambda: ridge([]),
    "ridge of two leads": lambda: ridge([0, 1]),
    "ridge of three leads": lambda: ridge([2, 0, 1]),
    "straight ridge": lambda: straight_ridge(SIZE),
    "straight ridge of two parameters": lambda: straight_ridge(2),
}
ON_ROWS = {"straight": straight, "turning": turns, "bend": bend}


def points(size: int) -> np.ndarray:
    return 2 * np.random.default_rng(7).normal(size=(40, size))


def mapped(bijection, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The images of rows, their log determinants, and the Jacobians of both (the last row that of the determinant)."""

    def one(row):
        both = jax.jacfwd(lambda row: jnp.append(*bijection.forward(row)))(row)
        image, log_det = bijection.forward(row)
        return image, log_det, both

    return tuple(np.asarray(part) for part in jax.jit(jax.vmap(one))(jnp.asarray(rows)))


def size_of(name: str) -> int:
    return 2 if "two parameters" in name else SIZE


@pytest.mark.parametrize("name", TRACED)
def test_a_bijection_can_be_undone(name, x64):
    bijection, rows = TRACED[name](), points(size_of(name))
    images, _, _ = mapped(bijection, rows)
    np.testing.assert_allclose(bijection.inverse(np.asarray(images)), rows, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("name", TRACED)
def test_log_det_is_that_of_the_jacobian(name, x64):
    _, log_det, jacobians = mapped(TRACED[name](), points(size_of(name)))
    # The distance from a bound is computed in two ways, each best on its side of a wall, which differ by 3e-7.
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobians[:, :-1])[1], atol=3e-7)


@pytest.mark.parametrize("name", TRACED)
def test_it_is_finite_in_single_precision_far_beyond_all_bounds(name):
    bijection = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), TRACED[name]())
    size = size_of(name)
    far = 30.0 if "ridge" in name or "shear" in name else 1e4  # a shear squares, and walls take exponentials of it
    rows = np.tile([[-far], [-30.0], [-1.0], [0.0], [LENGTH], [LENGTH + 1], [30.0], [far]], size).astype(np.float32)
    for part in mapped(bijection, rows):
        assert np.isfinite(part).all()
    for end in (0.0, -1e4, 1e4):  # where the coordinates of a parameter at its bound have no digits left
        assert np.isfinite(bijection.inverse(np.full((1, size), end))).all()


@pytest.mark.parametrize("name", ON_ROWS)
def test_a_bijection_of_rows_can_be_undone(name):
    bijection, rows = ON_ROWS[name](), inside(ON_ROWS[name]())
    np.testing.assert_allclose(bijection.inverse(bijection.forward(rows)[0]), rows, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("name", ON_ROWS)
def test_log_det_on_rows_is_that_of_finite_differences(name):
    bijection, rows = ON_ROWS[name](), inside(ON_ROWS[name]())
    ends = [bijection.forward(rows + sign * STEP * unit)[0] for unit in np.eye(SIZE) for sign in (1, -1)]
    columns = [(above - below) / (2 * STEP) for above, below in zip(ends[::2], ends[1::2], strict=True)]
    expected = np.linalg.slogdet(np.stack(columns, axis=-1))[1]
    if isinstance(bijection, Bend):
        expected = expected - np.linalg.slogdet(bijection.axes)[1]
    np.testing.assert_allclose(bijection.forward(rows)[1], expected, atol=1e-6)


def inside(bijection) -> np.ndarray:
    """Points that are not beyond a bound, nor within a step of where the unit of an angle has a kink."""
    rows = 0.4 * points(SIZE)
    if isinstance(bijection, Turns):
        rows = rows + 0.5 * LENGTH
        rows = rows[np.abs(0.9 / LENGTH * rows[:, 0] - 0.2) > 1e-3]
    rows = rows[np.isfinite(bijection.forward(rows)[1])]
    assert len(rows) > 20
    return rows


def test_walls_change_nothing_but_what_is_near_them(x64):
    w = np.array([0.5 * LENGTH, 0.5 * LENGTH, 0.4 * LENGTH, -3.0, 7.0])
    v = walls().inside(jnp.asarray(w))
    np.testing.assert_allclose(v, w, atol=2e-3)
    np.testing.assert_allclose(walls().unconstrained(jnp.asarray(w))[0], straight().inverse(np.asarray(v)), rtol=1e-9)


def test_slopes_far_beyond_walls_are_right_in_single_precision():
    slopes = jax.jit(lambda w: (walls().unconstrained(w)[1], jax.jacfwd(lambda w: walls().unconstrained(w)[0])(w)))
    for w in (-1e4, -30.0, -1.0, 0.0, LENGTH, LENGTH + 1, 30.0, 1e4):
        log_slope, slope = slopes(jnp.full(SIZE, w))
        np.testing.assert_allclose(log_slope, np.log(np.diag(slope)), rtol=2e-3, atol=2e-3)


def test_many_points_are_those_of_one_by_one(x64):
    found, rows = ridge([0, 1]), points(SIZE)
    np.testing.assert_allclose(found.points(rows), mapped(found, rows)[0], atol=1e-10)


@pytest.mark.parametrize("kind", ["straight", "flow", "ridge"])
def test_coordinates_of_a_posterior_know_their_volume_but_for_a_constant(kind, x64):
    axes, _ = axes_and_forms([])
    blank = jnp.zeros((2, 3))
    here = Coordinates(jnp.arange(1.0 * SIZE), jnp.asarray(axes), blank, jnp.zeros(SIZE))
    if kind == "flow":
        flow = identity(SIZE, jax.random.key(1))
        flow = jax.tree.map(lambda leaf: leaf + 0.1 * jnp.sin(jnp.arange(leaf.size)).reshape(leaf.shape), flow)
        here = here._replace(flow=flow)
        assert np.isfinite(transport(flow, jnp.ones(SIZE))[0]).all()
    elif kind == "ridge":
        here = here._replace(ridge=ridge([0, 1]))
    rows = jnp.asarray(0.5 * points(SIZE))
    images, log_det, jacobians = mapped(here, rows)
    expected = np.linalg.slogdet(jacobians[:, :-1])[1] - np.linalg.slogdet(axes)[1]
    np.testing.assert_allclose(log_det, expected, atol=1e-8)
    np.testing.assert_allclose(here.points(rows), images, atol=1e-9)
