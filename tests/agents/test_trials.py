"""Who plays where, and which episodes count; the elite; the policy that evaluations play."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rlrun.agents.parts.elite import Elite
from rlrun.agents.parts.trials import Trials
from rlrun.core.types import Space, Step
from rlrun.nets.direct_policy import DirectPolicy
from rlrun.nets.parameters import Parameters
from rlrun.nets.style import STYLE


def step(reward: Any, last: Any) -> Step:
    """A step of which only rewards and ends matter, ``[seed, env]``."""
    given, ends = np.array(reward, np.float64), np.array(last, np.bool_)
    return Step(given, given, given, given, given, ends)


def test_one_environment_plays_the_episodes_of_all_in_turn() -> None:
    trials = Trials(1, 1, individuals=2, episodes=2)
    trials.begin(0)
    played = []
    for length in (1, 3, 2, 4):
        assert trials.fitness(0) is None
        for n in range(length):
            played.append(int(trials.individual[0, 0]))
            trials.add(step([[1.0]], [[n == length - 1]]))
    assert played == [0] * 4 + [1] * 6
    assert trials.fitness(0) == pytest.approx([(1 + 3) / 2, (2 + 4) / 2])


def test_an_environment_without_a_trial_waits_for_the_end_of_its_spare_episode() -> None:
    """Two environments, three individuals: the first plays two, and then a spare episode."""
    trials = Trials(1, 2, individuals=3, episodes=1)
    trials.begin(0)
    assert trials.individual.tolist() == [[0, 1]]
    trials.add(step([[5.0, 1.0]], [[True, False]]))
    assert trials.individual.tolist() == [[2, 1]]
    trials.add(step([[7.0, 1.0]], [[True, False]]))  # no trial is left: spare
    assert trials.fitness(0) is None
    trials.add(step([[100.0, 1.0]], [[False, True]]))
    assert trials.fitness(0) == pytest.approx([5.0, 3.0, 7.0])
    trials.begin(0)  # the second environment begins at once, the first after its spare episode
    assert trials.individual.tolist() == [[2, 0]]
    trials.add(step([[100.0, 2.0]], [[True, False]]))
    assert trials.individual.tolist() == [[1, 0]]
    trials.add(step([[3.0, 2.0]], [[True, True]]))
    trials.add(step([[9.0, 9.0]], [[True, True]]))
    assert trials.fitness(0) == pytest.approx([4.0, 3.0, 9.0])


def test_seeds_do_not_wait_for_each_other() -> None:
    trials = Trials(2, 1, individuals=1, episodes=1)
    for position in (0, 1):
        trials.begin(position)
    assert trials.add(step([[1.0], [2.0]], [[True], [False]])) == [0]
    assert trials.fitness(0) == pytest.approx([1.0])
    assert trials.fitness(1) is None


def test_cut_trials_are_played_anew() -> None:
    trials = Trials(1, 1, individuals=2, episodes=1)
    trials.begin(0)
    trials.add(step([[50.0]], [[False]]))
    trials.cut()
    trials.add(step([[50.0]], [[True]]))  # of an episode whose beginning does not count
    assert trials.fitness(0) is None
    for reward in (1.0, 2.0):
        trials.add(step([[reward]], [[True]]))
    assert trials.fitness(0) == pytest.approx([1.0, 2.0])


def test_the_elite_is_judged_by_all_of_its_evaluations() -> None:
    elite = Elite(1, 2)
    kept, chosen = elite.update(0, np.array([10.0, 90.0, 50.0, 40.0]))
    assert (kept.tolist(), chosen) == ([1, 2], 1)  # nothing was evaluated twice yet
    # again: 90 and 10 for the first, 50 and 60 for the second; a new one is lucky
    kept, chosen = elite.update(0, np.array([10.0, 60.0, 99.0, 20.0]))
    assert (kept.tolist(), chosen) == ([2, 1], 1)  # 99 and 55: the policy is the proven one
    kept, chosen = elite.update(0, np.array([1.0, 55.0, 56.0, 54.0]))
    assert (kept.tolist(), chosen) == ([2, 1], 1)  # 56, (50 + 60 + 55) / 3; 99 and 1 is 50


def policy(hidden: tuple[int, ...], *, bias: bool) -> DirectPolicy:
    spaces = Space("vector", (3,)), Space("discrete", (), (2,))
    return DirectPolicy(*spaces, hidden, STYLE, bias=bias)


def test_a_vector_has_all_weights_without_padding() -> None:
    linear = policy((), bias=False)
    assert len(linear.index) == 3 * 2
    assert linear.unit.tolist() == [0, 1] * 3
    deep = policy((5,), bias=True)
    assert len(deep.index) == 3 * 5 + 5 + 5 * 2 + 2
    assert deep.unit.tolist() == [*range(5)] * 4 + [5, 6] * 6


def test_the_output_of_a_vector() -> None:
    """Weight by weight against a product of matrices."""
    net, draw = policy((5,), bias=True), np.random.default_rng(0).normal(size=32)
    params = Parameters.zeros(1, net.shapes, torch.device("cpu"))
    row = np.zeros(params.flat.shape[1], np.float32)
    row[net.index] = draw
    params.flat[0] = torch.from_numpy(row)
    first, second = draw[:15].reshape(3, 5), draw[20:30].reshape(5, 2)
    obs = np.array([1.0, -2.0, 0.5])
    expected = np.maximum(obs @ first + draw[15:20], 0) @ second + draw[30:]
    tensor = torch.from_numpy(obs.astype(np.float32)).reshape(1, 1, 3)
    assert net.infer(params.pieces, tensor)[0, 0, :2].tolist() == pytest.approx(expected, rel=1e-5)
