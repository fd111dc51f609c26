"""Environments of several agents as arrays: spaces, steps, ends, early leavers, resuming."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Array, Step
from rlrun.envs.environment import Environment
from rlrun.envs.parallel_envs import ParallelEnvs
from rlrun.envs.settings import EnvSettings
from tests.support.common import differences, host
from tests.support.players import CUT, LEAVES, PLAYERS, Meeting, Pulling

MEETING, PULLING = "tests.support.players:meeting", "tests.support.players:pulling"
SEEDS = (3, 7)


def opened(env_id: str, seeds: tuple[int, ...] = SEEDS, num_envs: int = 2, **more: Any) -> Any:
    settings = EnvSettings(id=env_id, num_envs=num_envs, **more)
    return Environment(settings, 0.9).open(seeds, num_envs)


def still(envs: Any) -> Array:
    """Everybody stays where they are, and the caller is silent."""
    return np.tile([0, 1, 1], (*envs.obs.shape[:2], 1))


def test_the_agents_share_arrays_of_the_widest_spaces() -> None:
    with closing(opened(MEETING)) as envs:
        spec = envs.spec
        assert spec.agents == tuple(PLAYERS)
        assert (spec.obs.shape, spec.action.choices) == ((3,), (3,))
        assert envs.obs.shape == (2, 2, 3, 3)
        assert not envs.obs[:, :, 0, 1:].any(), "the caller observes one number, padded with zeros"
        assert spec.masked
        assert envs.legal[0, 0].tolist() == [[True, True, False], [True] * 3, [True] * 3]
        assert envs.legal.shape == (2, 2, 3, 3)


def test_steps_are_those_of_the_environment_reset_with_the_episodes_seed() -> None:
    rng = np.random.default_rng(0)
    with closing(opened(MEETING)) as envs:
        own = Meeting()
        for episode in range(4):
            seed = Numbers(Purpose.TRAIN_EPISODES)(SEEDS[1], 1, episode)
            observed, _ = own.reset(seed=seed)
            total, done = 0.0, False
            while not done:
                for k, name in enumerate(PLAYERS):
                    wanted = observed.get(name, np.zeros(0))
                    assert envs.obs[1, 1, k, : len(wanted)].tolist() == wanted.tolist()
                action = rng.integers(0, [2, 3, 3], (2, 2, 3))
                there = {n: int(a) for n, a in zip(PLAYERS, action[1, 1], strict=True)}
                moves = {n: a - (n != "caller") for n, a in there.items() if n in own.agents}
                alive = [name in own.agents for name in PLAYERS]
                observed, rewards, ended, _, _ = own.step(moves)
                t = envs.step(action)
                assert t.alive[1, 1].tolist() == alive
                assert t.reward[1, 1].tolist() == [rewards.get(name, 0.0) for name in PLAYERS]
                total += rewards["walker_0"]
                done = not own.agents
                assert t.last[1, 1] == done
                for k, name in enumerate(PLAYERS):
                    goes_on = name in own.agents or (done and alive[k] and not ended[name])
                    assert t.discount[1, 1, k] == (0.9 if goes_on else 0.0)
            assert t.score[1, 1, 1] == total
            assert t.length[1, 1] == own._time


def test_who_leaves_early_has_no_future_and_who_is_cut_off_with_all_has_one() -> None:
    with closing(opened(MEETING, (11,), 1)) as envs:
        for _ in range(20):  # until an episode in which nobody is there by chance
            steps: list[Step] = []
            while not steps or not steps[-1].last[0, 0]:
                steps.append(envs.step(still(envs)))
            if len(steps) == CUT:
                break
    assert len(steps) == CUT
    alive = [t.alive for t in steps if t.alive is not None]
    assert [each[0, 0, 0] for each in alive] == [True] * LEAVES + [False] * (CUT - LEAVES)
    assert [t.discount[0, 0, 0] for t in steps] == [0.9, 0.9, 0, 0, 0, 0]
    assert [t.discount[0, 0, 1] for t in steps] == [0.9] * CUT
    assert [t.reward[0, 0, 0] for t in steps[LEAVES:]] == [0.0] * (CUT - LEAVES)
    assert steps[LEAVES - 1].next_obs[0, 0, 0].any(), "the last one is the true one"
    assert not steps[LEAVES].next_obs[0, 0, 0].any()


def test_the_next_observation_is_never_that_of_a_reset() -> None:
    with closing(opened(PULLING, (0,), 1)) as envs:
        for _ in range(5):
            t = envs.step(np.full((1, 1, 2, 2), -1.0, np.float32))
        assert t.last.all()
        assert t.next_obs[0, 0, 0, 1] == 5  # its clock
        assert envs.obs[0, 0, 0, 1] == 0


def test_numbers_from_minus_1_to_1_are_scaled_to_each_agents_bounds() -> None:
    with closing(opened(PULLING, (0,), 1)) as envs:
        pulling: Pulling = envs._envs._envs[0]
        envs.step(np.array([[[[-1.0, 0.3], [0.5, -0.5]]]], np.float32))
        assert pulling.forces["left"].tolist() == [-2.0]  # one number: the other is padding
        assert pulling.forces["right"].tolist() == [0.75, 0.25]
        envs.step(np.array([[[[9.0, 0.0], [-9.0, 1.0]]]], np.float32))
        assert pulling.forces["left"].tolist() == [0.0]
        assert pulling.forces["right"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("env_id", [MEETING, PULLING, "mpe2:simple_speaker_listener_v4"])
@pytest.mark.parametrize("at", [0, 4, 23])
def test_a_restored_grid_goes_on_bit_for_bit(env_id: str, at: int) -> None:
    rng = np.random.default_rng(at)

    def action(envs: ParallelEnvs) -> Array:
        shape = envs.obs.shape[:3]
        if envs.spec.action.kind == "vector":
            return rng.uniform(-1, 1, (*shape, 2)).astype(np.float32)
        return rng.integers(0, 2, shape)

    with closing(opened(env_id)) as one, closing(opened(env_id)) as other:
        for _ in range(at):
            one.step(action(one))
        assert other.load_state_dict(host(one.state_dict())) == []
        for _ in range(40):
            chosen = action(one)
            assert differences(host(one.step(chosen)), host(other.step(chosen))) == []


def test_a_seed_in_a_stack_is_the_seed_alone() -> None:
    with closing(opened(MEETING)) as both, closing(opened(MEETING, SEEDS[1:])) as alone:
        for k in range(30):
            action = np.full((2, 2, 3), k % 2)
            one, two = both.step(action), alone.step(action[1:])
            assert np.array_equal(one.obs[1:], two.obs)
            assert np.array_equal(one.reward[1:], two.reward)


def test_a_time_limit_cuts_all_off() -> None:
    with closing(opened(PULLING, (0,), 1, max_episode_steps=3)) as envs:
        steps = [envs.step(np.zeros((1, 1, 2, 2), np.float32)) for _ in range(3)]
    assert [t.last[0, 0] for t in steps] == [False, False, True]
    assert steps[-1].discount[0, 0].tolist() == [0.9, 0.9]


def test_rewards_that_are_not_finite_exclude_their_seed_alone() -> None:
    with closing(opened(MEETING, kwargs={"worth": float("nan")})) as envs:
        t = envs.step(still(envs))
        assert np.isfinite(t.reward).all()
        assert sorted(envs.faults) == [0, 1]
        assert "a reward of tests.support.players:meeting is nan" in envs.faults[0]
