"""The particle tasks are those of the installed `mpe2`, bit for bit: the tolerance is 0 for all."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from rlrun.envs.mpe.registry import TASKS
from tests.support.particles import VARIANTS, Twin, played

pytest.importorskip("mpe2")
KINDS = pytest.mark.parametrize("continuous", [False, True], ids=["discrete", "continuous"])
CALLERS = {"max_cycles", "continuous_actions", "render_mode", "dynamic_rescaling", "benchmark_data"}
OTHER_GAMES = {"curriculum", "terminate_on_success", "num_agent_neighbors"}
OTHER_GAMES |= {"num_landmark_neighbors"}
COPIES, STEPS = 10, 1_000  # 100,000 steps in all, of 5 tasks and 2 kinds of actions


@KINDS
@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_every_number_is_that_of_mpe2(
    name: str, arguments: dict[str, Any], continuous: bool
) -> None:
    for expected, found in played(name, continuous, arguments, copies=4, steps=60):
        assert expected.dtype == found.dtype and expected.shape == found.shape
        assert expected.tobytes() == found.tobytes()


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("name", TASKS)
def test_the_largest_deviation_in_many_steps_is_0(name: str, continuous: bool) -> None:
    """Observed in these 10,000 steps of each of the five tasks and two kinds of actions: 0."""
    largest, contacts, outside = np.array(0.0), 0, 0
    for expected, found in played(name, continuous, {}, COPIES, STEPS):
        largest = np.maximum(largest, np.abs(expected - found).max())
        if expected.ndim == 2 and name == "simple_spread_v3":  # only contacts distinguish agents
            contacts += int((np.ptp(expected, axis=1) > 0).sum())
        if expected.ndim == 2 and name == "simple_tag_v3":
            contacts += int((expected[:, 0] > 0).sum())
            outside += int((expected[:, -1] % 10 != 0).sum())
    assert largest == 0.0
    assert contacts > 20 or name not in ("simple_spread_v3", "simple_tag_v3")
    assert outside > 20 or name != "simple_tag_v3"


@KINDS
@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
def test_agents_and_widths_are_those_of_mpe2(
    name: str, arguments: dict[str, Any], continuous: bool
) -> None:
    task = TASKS[name].make(2, continuous, **arguments)
    twin = Twin(name, continuous, 1, arguments)
    actions = [twin.envs[0].action_space(agent) for agent in twin.names]
    observed = [twin.envs[0].observation_space(agent).shape for agent in twin.names]
    assert task.names == twin.names
    assert [(width,) for width in task.obs_widths] == observed
    assert list(task.action_widths) == [
        space.shape[0] if continuous else space.n for space in actions
    ]


@pytest.mark.parametrize("name", TASKS)
def test_every_argument_of_mpe2_is_known_or_another_game_or_the_callers(name: str) -> None:
    theirs = inspect.signature(import_module(f"mpe2.{name}").raw_env.__init__).parameters
    ours = set(TASKS[name].arguments)
    assert ours < theirs.keys() or not ours
    assert theirs.keys() - {"self"} - ours <= CALLERS | OTHER_GAMES
    made = inspect.signature(TASKS[name].make).parameters
    assert {key: made[key].default for key in ours} == {key: theirs[key].default for key in ours}
