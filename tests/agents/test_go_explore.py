"""Go-Explore: it returns to its cells exactly, explores from them, and replays its best episode."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.rng import Numbers, Purpose
from rlrun.core.types import Envs, Step
from rlrun.loop import evaluate, interact
from tests.support.common import agent_and_envs, ended, host

FIXED = ("agent=go_explore", "env.episode_seed=fixed")
SLIPPERY = (*FIXED, "env=FrozenLake-v1", "seed=3", "seeds=2", "env.num_envs=2")
SEA = (*FIXED, "env=rlrun/DeepSea-v0", "env.kwargs.size=4")
DOORS = "env=tests.support.masked:DoorsOfNumbers-v0"


def explored(steps: int, *words: str) -> tuple[Any, Envs, list[Step]]:
    """The agent after some steps of each seed, and those."""
    agent, envs = agent_and_envs(*words)
    taken = []
    for step, t, _ in interact(agent, envs):
        taken.append(t)
        if step >= steps:
            break
    return agent, envs, taken


def test_the_actions_to_each_cell_lead_there_on_slippery_ice() -> None:
    """Played again in Gymnasium's own environment, from the seed of the episodes."""
    agent, _, _ = explored(6000, *SLIPPERY)
    for number, seed in zip((3, 4), agent._seeds, strict=True):
        assert len(seed.archive) > 8 and seed.missed == 0
        for key, trajectory in zip(seed.archive.keys, seed.archive.trajectories, strict=True):
            env: Any = gym.make("FrozenLake-v1")
            state, _ = env.reset(seed=Numbers(Purpose.TRAIN_EPISODES)(number, 0, 0))
            total, done = 0.0, False
            for action in trajectory.all_actions():
                assert not done
                state, reward, done, truncated, _ = env.step(int(action))
                total += float(reward)
                assert not truncated
            assert state == int(np.frombuffer(key, np.int64)[0]) and not done
            assert (total, len(trajectory.all_actions())) == (trajectory.score, trajectory.length)


def test_it_returns_before_it_explores_and_both_are_steps() -> None:
    agent, _, taken = explored(4000, *SEA, "seed=5", "seeds=1")
    (seed,) = agent._seeds
    assert len(seed.archive) == 10  # 1 + 2 + 3 + 4: the cells of water that can be reached
    lengths = [each.length for each in seed.archive.trajectories]
    assert sorted(lengths) == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    episodes = [length for *_, length in ended(*taken)]
    assert episodes == [4] * 1000
    chosen = seed.archive.chosen  # since each was stored, which all were early
    assert 0 < 4000 - seed.returned < 4000
    assert abs(seed.returned - int((chosen * lengths).sum())) < 400


def test_the_best_episode_is_found_and_replayed() -> None:
    agent, envs, _ = explored(2000, *SEA, "seed=5", "seeds=3")
    for seed in agent._seeds:
        assert seed.best == pytest.approx(0.99) and len(seed.policy) == 4
        assert 4 <= seed.found[1] <= seed.found[0] <= 2000
    before = host(agent.state_dict())
    played = evaluate(agent, envs, 0, 2)
    assert played.returns == pytest.approx(np.full((3, 2), 0.99))  # nothing is drawn there
    assert before["expeditions"][0]["best"] == agent._seeds[0].best


def test_after_the_best_episode_the_first_action_follows() -> None:
    agent, _, _ = explored(2000, *SEA, "seeds=1")
    obs, first = np.zeros((1, 3), np.int64), np.array([[False, False, True]])
    memory = np.array([[2, 4, 99]])
    action, following = agent.act(obs, 0, memory, first, explore=False)
    policy = agent._seeds[0].policy
    assert action.tolist() == [[policy[2], 0, policy[0]]]
    assert following.tolist() == [[3, 5, 1]]


def test_the_state_in_which_an_episode_ends_is_no_cell() -> None:
    agent, envs, taken = explored(6000, *SLIPPERY)
    ends = {int(state) for t in taken for state in t.next_obs[t.last]}
    assert ends - {15}  # holes
    for seed in agent._seeds:
        states = {int(np.frombuffer(key, np.int64)[0]) for key in seed.archive.keys}
        assert not states & {5, 7, 11, 12, 15}  # holes and the goal
    assert envs.spec.obs.choices == (16,)


def test_metrics_count_the_steps() -> None:
    agent, envs = agent_and_envs(*SEA, "seeds=2", "env.num_envs=2")
    for step, _, metrics in interact(agent, envs):
        assert bool(metrics) == (step % 100 == 0)
        if step == 2000:
            break
    latest = host(metrics)
    assert latest["archive/cells"].tolist() == [10, 10]
    assert latest["archive/missed"].tolist() == [0, 0]
    assert (latest["archive/explored_to_best"] <= latest["archive/steps_to_best"]).all()
    assert ((latest["archive/return_share"] > 0.2) & (latest["archive/return_share"] < 0.8)).all()
    assert latest["archive/best_return"] == pytest.approx([0.99, 0.99])


def test_repeated_actions_form_runs() -> None:
    def changes(repeat: float) -> float:
        words = (*FIXED, "env=rlrun/DeepSea-v0", "env.kwargs.size=60", f"agent.repeat={repeat}")
        agent, _, taken = explored(60, *words, "seeds=20", "seed=0")
        actions = np.stack([t.action[:, 0] for t in taken])  # the first episode only explores
        assert not any(seed.returned for seed in agent._seeds)
        return float((np.diff(actions, axis=0) != 0).mean())

    # of two equally likely actions one differs from the last one with probability (1 - p) / 2;
    # within 4 standard errors of 20 · 59 of them
    assert changes(0.0) == pytest.approx(0.5, abs=4 * 0.5 / 34)
    assert changes(0.9) == pytest.approx(0.05, abs=4 * 0.22 / 34)


def test_only_legal_actions_are_taken() -> None:
    words = (*FIXED, DOORS, "env.max_episode_steps=30", "agent.repeat=0.5", "seeds=2")
    agent, envs, taken = explored(2000, *words)
    for t in taken:
        assert t.legal is not None
        assert np.take_along_axis(t.legal, t.action[..., None], -1).all()
    assert evaluate(agent, envs, 0, 1).returns.shape == (2, 1)  # else it would end with an error


def test_a_frozen_seed_keeps_its_archive_and_its_policy() -> None:
    agent, envs, _ = explored(300, *SLIPPERY)
    agent.freeze(1)
    before = host(agent.state_dict())
    for step, _, _ in interact(agent, envs, 300):
        if step >= 3000:
            break
    after = host(agent.state_dict())
    frozen, learning = (
        [state["expeditions"][k]["archive"] for state in (before, after)] for k in (1, 0)
    )
    assert all(np.array_equal(frozen[0][name], frozen[1][name]) for name in frozen[0])
    assert any(not np.array_equal(learning[0][name], learning[1][name]) for name in learning[0])
    assert np.array_equal(*(state["policy"]["actions"][1] for state in (before, after)))


def test_nothing_is_learnt_from_an_episode_that_was_cut() -> None:
    agent, envs, _ = explored(6, *SEA, "seeds=1")  # in the middle of the second episode
    before = host(agent.state_dict()["expeditions"][0]["archive"])
    agent.cut()
    for step, t, _ in interact(agent, envs, 6):
        after = host(agent.state_dict()["expeditions"][0]["archive"])
        if t.last.any():
            assert step == 8 and agent._seeds[0].walks[0].known  # the next episode is known again
            return
        assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("env=FrozenLake-v1",), "write env.episode_seed=fixed"),
        (
            ("env=Pendulum-v1", "env.episode_seed=fixed"),
            "Pendulum-v1 has 3 continuous observations: cells need bins, [from, to, number",
        ),
        (
            ("env=FrozenLake-v1", "env.episode_seed=fixed", "explore=linear"),
            "the agent go_explore has no use for explore: write explore=none",
        ),
    ],
)
def test_what_it_cannot_do_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadInput) as error:
        agent_and_envs("agent=go_explore", *words)
    assert message in str(error.value)


@pytest.mark.train
def test_it_finds_the_treasure_of_a_deep_sea() -> None:
    """One of 2^20 series of actions; five seeds need 5,400 to 11,600 exploring steps elsewhere."""
    words = (*FIXED, "env=rlrun/DeepSea-v0", "env.kwargs.size=20")
    agent, _, _ = explored(70_000, *words, "seed=40", "seeds=5")
    assert all(seed.best == pytest.approx(0.99) for seed in agent._seeds)
    assert max(seed.found[1] for seed in agent._seeds) <= 2 * 11_600
