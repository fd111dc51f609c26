"""Several agents in storage: each has its own rewards, returns and masks; episodes end for all."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.episodes import Episodes
from rlrun.replay.options import REPLAY, UniformReplaySettings
from rlrun.replay.ring import Replay
from rlrun.replay.rollout import Rollout, step_bytes
from rlrun.replay.sizes import storage_bytes
from tests.support.common import differences, host
from tests.support.rings import random_step, spec, stack_and_alone

NAMES = ("ant", "bee", "cat")


def spec_of(num_envs: int) -> Spec:
    return dataclasses.replace(spec(num_envs), masked=True, agents=NAMES)


def step_of(rng: np.random.Generator, seeds: int, envs: int, number: int) -> Step:
    """Everything of an agent but its observations is drawn for itself; all end at once."""
    t = random_step(rng, seeds, envs, number)
    shape = (seeds, envs, len(NAMES))
    agents = np.arange(3)[:, None] * np.array([0.0, 1000.0])  # added to where it comes from
    legal, next_legal = rng.random((2, *shape, 3)) < 0.5
    return t._replace(
        obs=(t.obs[:, :, None] + agents).astype(np.float32),
        next_obs=(t.next_obs[:, :, None] + agents).astype(np.float32),
        action=rng.integers(0, 3, shape),
        reward=rng.integers(-4, 5, shape).astype(np.float64),
        discount=rng.choice([0.0, 0.5, 0.25], shape, p=[0.2, 0.4, 0.4]),
        legal=legal,
        next_legal=next_legal,
        alive=rng.random(shape) < 0.7,
    )


def replay_of(seeds: tuple[int, ...], num_envs: int, slots: int) -> Replay:
    return UniformReplaySettings(capacity=slots * num_envs).build(spec_of(num_envs), seeds, 100)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_bonus_is_each_agents_own(steps: int) -> None:
    shapes: set[tuple[int, ...]] = set()

    def bonus(t: Step) -> Array:
        shapes.add(t.reward.shape)
        return np.add(t.action, [0.0, 8.0, 64.0])

    rng = np.random.default_rng(0)
    plain, more = replay_of((4, 9), 2, 12), replay_of((4, 9), 2, 12)
    for number in range(20):
        t = step_of(rng, 2, 2, number)
        t = t._replace(discount=np.where(t.discount == 0.25, 0.5, t.discount))
        plain.add(t)
        more.add(t._replace(reward=t.reward + t.action + np.array([0.0, 8.0, 64.0])))
    expected = more.sample(60, steps, step=0).reward
    assert np.array_equal(plain.sample(60, steps, step=0, bonus=bonus).reward, expected)
    assert shapes == {(2, 60 * steps, 3)}


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("count", [3, 12, 31])
def test_samples_are_what_a_plain_list_gives_each_agent(steps: int, count: int) -> None:
    """An agent's discount of 0 ends its own return, the last step of the episode that of all."""
    rng, replay = np.random.default_rng(count), replay_of((4, 9), 2, 12)
    added: list[Any] = []
    for number in range(count):
        added.append(step_of(rng, 2, 2, number))
        replay.add(added[-1])
    batch = replay.sample(150, steps, step=0)
    assert batch.reward.shape == batch.discount.shape == batch.alive.shape == (2, 150, 3)
    for s, b in np.ndindex(2, 150):
        start, env = int(batch.obs[s, b, 0, 0]), int(batch.obs[s, b, 0, 1]) - 100 * s
        end, reward, discount = start, np.zeros(3), np.ones(3)
        while True:
            reward = reward + discount * added[end].reward[s, env]
            discount = discount * added[end].discount[s, env]
            if added[end].last[s, env] or end - start + 1 == steps or end == count - 1:
                break
            end += 1
        assert batch.reward[s, b].tolist() == reward.tolist()
        assert batch.discount[s, b].tolist() == discount.tolist()
        for name in ("obs", "action", "legal", "alive"):
            whole = getattr(added[start], name)[s, env]
            assert getattr(batch, name)[s, b].tolist() == whole.tolist(), name
        for name in ("next_obs", "next_legal"):
            assert getattr(batch, name)[s, b].tolist() == getattr(added[end], name)[s, env].tolist()


def test_a_seed_samples_the_same_in_every_stack() -> None:
    stack, alone = stack_and_alone(lambda seeds: replay_of(seeds, 1, 20), step_of)
    a, b = stack.sample(40, 3, step=0), alone.sample(40, 3, step=0)
    for name in ("obs", "reward", "discount", "next_obs", "legal", "alive"):
        assert getattr(a, name)[1:].tobytes() == getattr(b, name).tobytes(), name


def test_a_replay_of_several_agents_is_restored() -> None:
    rng = np.random.default_rng(1)
    one, other = replay_of((7,), 2, 12), replay_of((7,), 2, 12)
    for number in range(30):
        one.add(step_of(rng, 1, 2, number))
    other.load_state_dict(host(one.state_dict()))
    batches = [host(list(each.sample(40, 2, step=0))) for each in (one, other)]
    assert differences(*batches) == []
    single = UniformReplaySettings(capacity=24).build(spec(2), (7,), 100)
    with pytest.raises(ValueError, match=r"^the saved replay has action, alive, .* but must have"):
        single.load_state_dict(host(one.state_dict()))


def test_rollouts_and_episodes_keep_the_agents() -> None:
    rng = np.random.default_rng(2)
    steps = [step_of(rng, 2, 2, number) for number in range(3)]
    ends = np.array([[False, False], [False, True]])
    steps = [t._replace(last=ends & (number == 2)) for number, t in enumerate(steps)]
    rollout, episodes = Rollout(spec_of(2), 2, 3), Episodes(spec_of(2), 2)
    bootstrap = np.arange(12.0).reshape(2, 2, 3)
    for t in steps:
        rollout.add(t)
        episodes.add(t, bootstrap)
    restored = Episodes(spec_of(2), 2)
    restored.load_state_dict(host(episodes.state_dict()))
    drained, (episode,) = rollout.drain(), restored.drain(1)
    assert episode.bootstrap.tolist() == [9.0, 10.0, 11.0]
    for name in ("obs", "action", "reward", "discount", "legal", "alive"):
        all_steps: Array = np.stack([getattr(t, name) for t in steps], 2)  # [seed, env, time, ...]
        assert getattr(drained, name).tolist() == all_steps.swapaxes(1, 2).tolist(), name
        assert getattr(episode, name).tolist() == all_steps[1, 1].tolist(), name
    assert drained.last.shape == (2, 3, 2)


def test_the_bytes_of_three_agents_by_hand() -> None:
    # each agent: twice two float32 observed, an action of int64, two float32, two masks of three,
    # a bool; and one more bool for all of them
    assert storage_bytes(spec_of(2), 10) == 10 * (3 * (16 + 8 + 8 + 6 + 1) + 1)
    assert sum(array.nbytes for array in replay_of((7,), 2, 5)._data.values()) == 10 * 118
    assert step_bytes(spec_of(2)) == 3 * (16 + 8 + 16 + 3 + 1) + 1


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])  # goals are not in images
def test_images_of_several_agents_are_refused(kind: str) -> None:
    image = Space("image", (4, 84, 84), stack=4)
    of = Spec("pictures", image, Space("discrete", (), (2,)), 1, agents=NAMES)
    for refusing in (
        lambda: REPLAY[kind](capacity=10).check(of, 1),
        lambda: REPLAY[kind](capacity=10).build(of, (7,), 100),
    ):
        with pytest.raises(BadInput, match="cannot store the images of several agents, which pict"):
            refusing()
