"""Marked cells of grid worlds, and whether their pictures are legible as thumbnails."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.types import Array, Model
from rlrun.envs.games.table import TableEnv, Transitions
from rlrun.envs.model import read_model
from rlrun.media.canvas import Picture
from rlrun.tables.marks import Marks, arrows, ends, marks
from rlrun.tables.pictures import GROUNDS, THUMBNAIL, grid_world, short, whole_table

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left


class Island(TableEnv):
    """A grid drawn with letters: S start, . floor, G goal, T trap, # wall, C cliff, $ reward.

    A step costs 1; into the cliff it costs 50 and leads back to the start, against a wall or the
    edge it leads nowhere. The goal ends the episode with 5, the trap with -20; $ gives 3.
    """

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.shape = (len(lines), len(lines[0]))
        letters, columns = "".join(lines), len(lines[0])
        start = letters.index("S")
        rewards = {"G": 5.0, "T": -20.0, "$": 3.0}
        model: Transitions = {}
        for state in range(len(letters)):
            row, column = divmod(state, columns)
            model[state] = {}
            for action, (down, right) in enumerate(MOVES):
                r, c = row + down, column + right
                inside = 0 <= r < self.shape[0] and 0 <= c < columns
                target = r * columns + c if inside else state
                letter = letters[target]
                if letter == "C":
                    outcome = (1.0, start, -50.0, False)
                elif letter == "#":
                    outcome = (1.0, state, -1.0, False)
                else:
                    outcome = (1.0, target, rewards.get(letter, -1.0), letter in "GT")
                model[state][action] = [outcome]
        super().__init__(model, start, letters, "urdl")


def model_of(env: gym.Env[Any, Any]) -> Model:
    found = read_model(env, 0.9)
    assert found is not None
    return found


def letters(found: Marks, count: int) -> str:
    signs = {"goal": "G", "hole": "T", "cliff": "C", "wall": "#"}
    return "".join(
        "S"
        if s in found.starts
        else "$"
        if s in found.rewards
        else signs.get(found.kinds.get(s, ""), ".")
        for s in range(count)
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("S..", "#.G"),
        ("S.T.", "..#.", ".$.G"),
        ("....", "....", "SCCG"),
        ("S#.", ".T.", "..G"),
        ("S.$.",),
        ("S.T.",),
    ],
)
def test_cells_are_what_happens_at_them(lines: tuple[str, ...]) -> None:
    drawn = "".join(lines)
    assert letters(marks(model_of(Island(lines))), len(drawn)) == drawn


def test_starts_are_marked_unless_they_are_everywhere() -> None:
    env = Island(("S..", "..G"))
    env.initial_state_distrib = np.array([0.5, 0.0, 0.0, 0.5, 0.0, 0.0])
    assert marks(model_of(env)).starts == {0, 3}
    env.initial_state_distrib = np.array([0.2] * 5 + [0.0])
    assert marks(model_of(env)).starts == set()


def test_a_cell_behind_a_trap_is_not_marked() -> None:
    """Nothing reaches it, and no step shows what it is."""
    found = marks(model_of(Island(("ST.",))))
    assert found == Marks(frozenset({0}), {1: "hole"})


@pytest.mark.parametrize(
    ("env_id", "drawn"),
    [
        ("FrozenLake-v1", "S....T.T...TT..G"),
        ("CliffWalking-v1", "." * 36 + "S" + "C" * 10 + "G"),
        ("CliffWalkingSlippery-v1", "." * 36 + "S" + "C" * 10 + "G"),
        ("rlrun/MarsRover-v0", ".$.S.$."),
        ("rlrun/StochasticMarsRover-v0", ".$.S.$."),
        ("rlrun/GridWorld-v0", "...G.#.TS..."),
    ],
)
def test_the_usual_grid_worlds_are_marked(env_id: str, drawn: str) -> None:
    found = marks(model_of(gym.make(env_id)))
    assert letters(found, len(drawn)) == drawn
    if "Mars" in env_id:
        assert found.rewards == {1: 1.0, 5: 10.0}


def test_a_larger_lake_is_marked_like_its_map() -> None:
    env = gym.make("FrozenLake8x8-v1")
    desc: Any = env.unwrapped
    drawn = b"".join(desc.desc.ravel().tolist()).decode().replace("F", ".").replace("H", "T")
    assert letters(marks(model_of(env)), 64) == drawn


@pytest.mark.parametrize("env_id", ["Taxi-v4", "rlrun/ThreeStates-v0"])
def test_nothing_is_marked_without_a_grid(env_id: str) -> None:
    assert marks(model_of(gym.make(env_id))) == Marks()


def picture_of(env_id: str, values: float) -> Array:
    model = model_of(gym.make(env_id))
    assert model.grid is not None
    table = np.full((len(model.start), len(arrows(model))), values)
    policy = np.eye(table.shape[1])[[0] * len(table)]
    return grid_world(table, policy, model.grid, arrows(model), ends(model), marks(model))


def test_marked_cells_have_their_colours() -> None:
    picture = picture_of("FrozenLake-v1", 0.5)
    for state, kind in {5: "hole", 15: "goal"}.items():
        row, column = divmod(state, 4)
        assert tuple(picture[row * 87 + 12, column * 87 + 12]) == GROUNDS[kind]  # type: ignore[index]
    unmarked = grid_world(
        np.full((16, 4), 0.5),
        np.eye(4)[[0] * 16],
        (4, 4),
        arrows(model_of(gym.make("FrozenLake-v1"))),
        (),
    )
    assert not (unmarked == GROUNDS["hole"]).all(-1).any()


@pytest.mark.parametrize(
    ("env_id", "value"),
    [("FrozenLake-v1", 0.54), ("FrozenLake8x8-v1", 0.41), ("CliffWalking-v1", -13.1)],
)
def test_numbers_are_legible_as_thumbnails(
    monkeypatch: pytest.MonkeyPatch, env_id: str, value: float
) -> None:
    """TensorBoard shows pictures 350 pixels wide; text below 9 pixels is hard to read."""
    sizes: dict[str, set[float]] = {}
    real = Picture.text

    def text(self: Picture, x: float, y: float, words: str, size: float, *more: Any) -> None:
        sizes.setdefault(words, set()).add(size)
        real(self, x, y, words, size, *more)

    monkeypatch.setattr(Picture, "text", text)
    width = picture_of(env_id, value).shape[1]
    assert width % THUMBNAIL == 0  # reduced by a whole factor, or not at all
    zoom = width / THUMBNAIL
    assert min(sizes[short(value)]) / zoom >= 9
    assert min(min(each) for each in sizes.values()) / zoom >= 9
    _, columns = model_of(gym.make(env_id)).grid or (0, 0)
    assert all(Picture.width_of(short(value), s) <= width / columns for s in sizes[short(value)])


def test_a_table_is_legible_as_a_thumbnail(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[float] = []
    monkeypatch.setattr(Picture, "text", lambda *words: sizes.append(words[4]))
    width = whole_table(np.linspace(-12.0, 13.0, 60).reshape(10, 6)).shape[1]
    assert min(sizes) * THUMBNAIL / width >= 9


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.4142, "0.41"),
        (-0.4142, "-0.41"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (-13.12, "-13.1"),
        (99.96, "100"),
        (992.6, "993"),
        (-12345.6, "-12346"),
        (123456.0, "1e5"),
        (0.0012, "1e-3"),
        (-0.00012, "-1e-4"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_a_large_grid_has_colours_only() -> None:
    rows, columns = 40, 50
    values = np.linspace(0, 1, rows * columns)[:, None]
    picture = grid_world(values, np.ones((rows * columns, 1)), (rows, columns), [], ())
    assert picture.shape == (rows * 7, columns * 7, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 500
