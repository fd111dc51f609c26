"""When environments are stepped as arrays, and who can register array versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control import AcrobotEnv

import rlrun
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.core.types import Array
from rlrun.envs import env_info
from rlrun.envs.array_envs import registry
from rlrun.envs.array_envs.acrobot import Acrobot
from rlrun.envs.array_envs.cart_pole import CartPole
from rlrun.envs.array_envs.registry import ARRAY_VERSIONS
from rlrun.envs.vector.sync import SyncGrid
from rlrun.run import resume_run, start_run
from rlrun.run_folder.reader import read_run
from tests.support.arrays import CLASSIC, opened, played
from tests.support.common import agent_and_envs, differences, parts_and_env, settings


@pytest.fixture(autouse=True)
def own_registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is forgotten, and every environment is examined anew."""
    monkeypatch.setattr(env_info, "_CACHE", {})
    before = dict(ARRAY_VERSIONS)
    yield
    ARRAY_VERSIONS.clear()
    ARRAY_VERSIONS.update(before)
    gym.registry.pop("Walk-v0", None)


@pytest.fixture
def only_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """After this no environment can be opened but as arrays."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("not as arrays")

    for name in ("step", "reset"):
        monkeypatch.setattr(SyncGrid, name, refuse)


@pytest.fixture
def never_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("as arrays")

    monkeypatch.setattr("rlrun.envs.vector.factory.ArrayGrid", refuse)


@pytest.mark.parametrize("env_id", CLASSIC)
def test_auto_uses_arrays_for_these_and_the_tested_gymnasium(
    env_id: str, request: pytest.FixtureRequest
) -> None:
    _, env = parts_and_env(f"env={env_id}", "agent=random", "seeds=10")
    assert env.spec.obs.kind == "vector" and not env.arrays_differ()
    request.getfixturevalue("only_arrays")
    least = ARRAY_VERSIONS[env_id].least
    assert least <= 4
    played(env.open(range(least), 1), 5)
    played(env.open([7], least, purpose=Purpose.FINAL_EPISODES), 5)


@pytest.mark.parametrize(
    "words",
    [
        ("env=Pendulum-v1", "seeds=1"),  # which is faster by itself
        ("env=CartPole-v1", "env.vector=sync"),
        ("env=CartPole-v1", "env.rebuild=true"),
        ("env=CartPole-v1", "+env.kwargs.sutton_barto_reward=true"),
        ("env=Pendulum-v1", "+env.kwargs.g=9.81"),
        ("env=Pendulum-v1", "+env.kwargs.render_mode=rgb_array"),
        ("env=LunarLander-v3",),
    ],
)
@pytest.mark.usefixtures("never_arrays")
def test_auto_leaves_everything_else_to_gymnasium(words: tuple[str, ...]) -> None:
    envs: Any = agent_and_envs("agent=random", "seeds=10", *words)[1]
    assert type(envs._vector).__name__ == "SyncGrid"
    assert len(played(envs, 2)) == 2
    envs.close()


@pytest.mark.usefixtures("never_arrays")
def test_a_film_shows_gymnasiums_environment() -> None:
    _, env = parts_and_env("env=CartPole-v1", "agent=random", "env.vector=arrays")
    frames: list[Array] = []
    envs = env.open([0], 1, film=frames.append)
    played(envs, 2)
    envs.close()
    assert [frame.shape for frame in frames] == [(400, 600, 3)] * 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("env=LunarLander-v3",), "only Acrobot-v1, .*, Pendulum-v1 have array versions"),
        (("env=FrozenLake-v1",), "only Acrobot-v1, .*, Pendulum-v1 have array versions"),
        (("env=Pendulum-v1", "+env.kwargs.g=9.81"), "does not know the argument g"),
        (("env=CartPole-v1", "env.rebuild=true"), "env.rebuild=true creates a new environment"),
        (("env=ALE/Pong-v5",), "env.vector does not apply to Atari games"),
    ],
)
def test_arrays_that_are_impossible_are_refused(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        _ = parts_and_env(*words, "agent=random", "env.vector=arrays")[1].spec
    if "Pong" not in words[0]:
        assert str(refused.value).endswith(": write env.vector=auto")


class Heavier(CartPole):
    """A cart that is pushed a little less, from the fifth step on."""

    steps = 0

    def step(self, action: Array) -> tuple[Array, Array]:
        self.steps += 1
        self._state[1] *= 1.0 if self.steps < 5 else 1.0 - 2**-30
        return super().step(action)


class Broken(CartPole):
    def step(self, action: Array) -> tuple[Array, Array]:
        raise IndexError("out of reach")


class Absent(CartPole):
    def __init__(self, num_envs: int) -> None:
        raise ImportError("no library")


class Wider(CartPole):
    """Its observations have double precision."""

    def step(self, action: Array) -> tuple[Array, Array]:
        result = super().step(action)
        self.obs = self.obs.astype(np.float64)
        return result


@pytest.mark.parametrize(
    ("version", "difference"),
    [
        (Absent, r"an error \(ImportError: no library\)"),
        (Wider, "other observations"),
        (Heavier, "other observations"),
        (Broken, r"an error \(IndexError: out of reach\)"),
    ],
)
def test_a_version_that_differs_is_not_used_and_a_run_logs_it(
    tmp_path: Path, version: type[CartPole], difference: str
) -> None:
    registry.register_arrays("CartPole-v1", version)
    words = ("env=CartPole-v1", "agent=random", "seeds=3", "total_steps=30", "tuned=none")
    start_run(settings(*words, "eval.final_episodes=0"), tmp_path, "rlrun again")
    (line,) = re.findall(".*array version of CartPole-v1 is.*", (tmp_path / "run.log").read_text())
    assert re.search(rf"with gymnasium 1\.\S+ and numpy 2\.\S+ .* gives {difference}", line)
    with pytest.raises(BadInput, match=f"the array version gives {difference}: write env.vect"):
        _ = parts_and_env(*words, "env.vector=arrays")[1].spec


class Generous(AcrobotEnv):
    """A student's: the goal pays 100."""

    def step(self, a: Any) -> Any:
        results: Any = super().step(a)  # type: ignore[no-untyped-call]
        obs, reward, terminated, truncated, info = results
        return obs, 100.0 if terminated else reward, terminated, truncated, info


@pytest.mark.filterwarnings("ignore:.*Overriding environment")
def test_another_environment_under_the_same_id_is_not_stepped_as_gymnasiums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(gym.registry, "Acrobot-v1", gym.registry["Acrobot-v1"])
    made: Any = Generous
    gym.register("Acrobot-v1", entry_point=made, max_episode_steps=500)
    words = ("env=Acrobot-v1", "agent=random", "seeds=5")
    with pytest.raises(BadInput, match=r"another environment with the id Acrobot-v1: write env\.v"):
        _ = parts_and_env(*words, "env.vector=arrays")[1].spec
    assert kind_of_grid(*words) == "SyncGrid"
    registry.register_arrays("Acrobot-v1", Acrobot)  # one that claims to be of this environment
    assert kind_of_grid(*words) == "ArrayGrid"


def kind_of_grid(*words: str) -> str:
    """The kind of vector environment that steps them."""
    envs: Any = agent_and_envs(*words)[1]
    return type(envs._vector).__name__


def test_a_run_with_arrays_goes_on_where_they_are_not_possible(tmp_path: Path) -> None:
    words = ("env=CartPole-v1", "agent=random", "seeds=3", "tuned=none", "env.vector=arrays")
    twin, folder = tmp_path / "twin", tmp_path / "run"
    for each, steps in ((twin, 300), (folder, 150)):
        each.mkdir()
        start_run(settings(*words, f"total_steps={steps}"), each, "rlrun again")
    registry.register_arrays("CartPole-v1", Heavier)
    run = read_run(folder)
    assert run.settings["env"]["vector"] == "auto"
    resume_run(run, {**run.settings, "total_steps": 300}, "rlrun again")
    assert "array version of CartPole-v1 is not used" in (folder / "run.log").read_text("utf-8")
    results: list[Any] = [read_run(each).result for each in (twin, folder)]
    assert results[0]["final"]["per_seed"] == results[1]["final"]["per_seed"]


def test_the_example_of_another_package() -> None:
    """docs/packages.md: its array version gives what its environment gives."""
    text = Path(rlrun.__file__).parents[1].joinpath("docs", "packages.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import gymnasium.*?)```", text, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "packages.md", "exec"), scope)
    results, expected = (played(opened("Walk-v0", vector=each), 100) for each in ("arrays", "sync"))
    assert differences(results, expected) == []
    ends = [step["discount"][step["last"]] for step in results]
    assert set(np.concatenate(ends)) == {0.0, 0.99}  # terminations and truncations
