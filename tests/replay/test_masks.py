"""Masks of legal actions in storage: they stay with their steps, and without masks take nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlrun.core.types import Array, Space, Spec, Step
from rlrun.replay.episodes import Episodes
from rlrun.replay.options import REPLAY, UniformReplaySettings
from rlrun.replay.ring import Replay
from rlrun.replay.rollout import Rollout, step_bytes
from rlrun.replay.sizes import storage_bytes
from tests.support.common import differences, host
from tests.support.rings import random_step, spec, stack_and_alone

WIDTH = 9  # bits of a mask, which tell where it comes from


def masked_spec(num_envs: int) -> Spec:
    """Masks of nine choices, in two parts of the action."""
    action = Space("multi_discrete", (2,), (4, 5))
    return dataclasses.replace(spec(num_envs), action=action, masked=True)


def bits(numbers: Array) -> Array:
    masks: Array = (numbers[..., None] >> np.arange(WIDTH)) % 2 == 1
    return masks


def number_of(masks: Array) -> Array:
    numbers: Array = masks @ (1 << np.arange(WIDTH))
    return numbers


def masked_step(rng: np.random.Generator, seeds: int, envs: int, number: int) -> Step:
    """Its masks are drawn, so that almost all differ."""
    t = random_step(rng, seeds, envs, number)
    legal, next_legal = rng.integers(0, 2**WIDTH, (2, seeds, envs))
    action = np.stack([t.action, t.action + 1], -1)
    return t._replace(action=action, legal=bits(legal), next_legal=bits(next_legal))


def masked_replay(seeds: tuple[int, ...], num_envs: int, slots: int) -> Replay:
    settings = UniformReplaySettings(capacity=slots * num_envs)
    return settings.build(masked_spec(num_envs), seeds, 100)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [4, 12, 31])
def test_sampled_masks_are_what_a_plain_list_gives(steps: int, count: int) -> None:
    """``next_legal`` is that of the step at which the n-step return stops."""
    rng, slots = np.random.default_rng(count), 12
    replay, added = masked_replay((4, 9), 2, slots), []
    for number in range(count):
        added.append(masked_step(rng, 2, 2, number))
        replay.add(added[-1])
    batch = replay.sample(200, steps, step=0)
    assert batch.legal.shape == batch.next_legal.shape == (2, 200, WIDTH)
    for s in range(2):
        for b in range(200):
            start, env = int(batch.obs[s, b, 0]), int(batch.obs[s, b, 1]) - 100 * s
            end = start
            while not added[end].last[s, env] and end - start + 1 < steps and end < count - 1:
                end += 1
            first, last = added[start].legal, added[end].next_legal
            assert first is not None and last is not None
            assert batch.legal[s, b].tolist() == first[s, env].tolist()
            assert batch.next_legal[s, b].tolist() == last[s, env].tolist()
            assert batch.next_obs[s, b].tolist() == added[end].next_obs[s, env].tolist()


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])  # goals are not in images
def test_masks_of_images_are_stored_with_their_frames(kind: str) -> None:
    """Each frame, its mask and its action are one number; the next mask is one more."""
    image = Space("image", (2, 3, 4), stack=2)
    images = Spec("images", image, Space("discrete", (), (WIDTH,)), 1, masked=True)
    replay = REPLAY[kind](capacity=10).build(images, (7,), 100)
    for number in range(1, 24):
        pair = np.array([number - 1, number, number + 1])[:, None, None].repeat(3, 1).repeat(4, 2)
        now, then = (pair[None, None, part].astype(np.uint8) for part in (slice(2), slice(1, 3)))
        mark, no = np.full((1, 1), number), np.zeros((1, 1), np.bool_)
        half = np.full((1, 1), 0.5)
        t = Step(now, mark % WIDTH, half, half, then, no, legal=bits(mark))
        replay.add(t._replace(next_legal=bits(mark + 1)))
    batch = replay.sample(50, 3, step=0)
    assert len(np.unique(batch.obs[:, :, 1])) == 10
    assert number_of(batch.legal).tolist() == batch.obs[:, :, 1, 0, 0].tolist()
    assert number_of(batch.next_legal).tolist() == batch.next_obs[:, :, 1, 0, 0].tolist()


def test_a_seed_samples_the_same_masks_in_every_stack() -> None:
    stack, alone = stack_and_alone(lambda seeds: masked_replay(seeds, 1, 20), masked_step)
    a, b = stack.sample(40, 3, step=0), alone.sample(40, 3, step=0)
    assert a.legal[1:].tolist() == b.legal.tolist()
    assert a.next_legal[1:].tolist() == b.next_legal.tolist()


def test_a_rollout_and_episodes_keep_which_actions_were_legal() -> None:
    rng = np.random.default_rng(2)
    steps = [masked_step(rng, 2, 2, number) for number in range(4)]
    ends = np.array([[False, False], [False, True]])
    steps = [t._replace(last=ends & (number == 2)) for number, t in enumerate(steps)]
    rollout, episodes = Rollout(masked_spec(2), 2, 4), Episodes(masked_spec(2), 2)
    for t in steps:
        rollout.add(t)
        episodes.add(t, np.zeros((2, 2)))
    masks = np.stack([number_of(t.legal) for t in steps if t.legal is not None], 2)
    drained = rollout.drain()
    assert drained.legal is not None and drained.next_legal is None
    assert number_of(drained.legal).tolist() == masks.swapaxes(1, 2).tolist()
    (episode,) = episodes.drain(1)
    assert episode.legal is not None
    assert number_of(episode.legal).tolist() == masks[1, 1, :3].tolist()


@pytest.mark.parametrize("count", [5, 12, 30])
def test_masks_are_sampled_alike_after_a_load(count: int) -> None:
    rng = np.random.default_rng(1)
    one, other = masked_replay((7,), 2, 12), masked_replay((7,), 2, 12)
    for number in range(count):
        one.add(masked_step(rng, 1, 2, number))
    other.load_state_dict(host(one.state_dict()))
    a, b = one.sample(40, 2, step=0), other.sample(40, 2, step=0)
    assert differences(host([a.legal, a.next_legal]), host([b.legal, b.next_legal])) == []


def test_episodes_of_masks_are_restored() -> None:
    rng = np.random.default_rng(1)
    one, other = Episodes(masked_spec(2), 1), Episodes(masked_spec(2), 1)
    for number in range(9):
        one.add(masked_step(rng, 1, 2, number), np.zeros((1, 2)))
    assert one.ended(0) > 0
    other.load_state_dict(host(one.state_dict()))
    for each in (one, other):
        each.add(masked_step(np.random.default_rng(2), 1, 2, 9), np.zeros((1, 2)))
    assert differences(host(one.state_dict()), host(other.state_dict())) == []
    assert differences(host(one.drain(0)), host(other.drain(0))) == []


Build = Callable[[Spec], Any]
BUILDERS: dict[str, tuple[Build, set[str]]] = {
    "replay": (
        lambda each: UniformReplaySettings(capacity=20).build(each, (7,), 100),
        {"legal", "next_legal"},
    ),
    "rollout": (lambda each: Rollout(each, 1, 5), {"legal"}),
    "episodes": (lambda each: Episodes(each, 1), {"legal"}),
}
with_builders = pytest.mark.parametrize("what", BUILDERS)


def added(what: str, of: Spec) -> Any:
    """The storage with three steps of an environment, whose masks it is given in any case."""
    one, rng = BUILDERS[what][0](of), np.random.default_rng(4)
    for number in range(3):
        t = masked_step(rng, 1, 2, number)
        t = t if of.masked else t._replace(action=t.action[..., 0])
        one.add(*((t, np.zeros((1, 2))) if what == "episodes" else (t,)))
    return one


def stored_names(what: str, of: Spec) -> set[str]:
    state = added(what, of).state_dict()
    if what == "replay":
        return set(state["tail"]) | set(state["head"])
    return set(state["under_way"][0]["0"]) if what == "episodes" else set(state) - {"count"}


@with_builders
def test_without_masks_nothing_is_stored(what: str) -> None:
    plain = stored_names(what, spec(2))
    assert not plain & {"legal", "next_legal"}
    assert stored_names(what, masked_spec(2)) - plain == BUILDERS[what][1]


def test_without_masks_none_are_returned() -> None:
    batch = added("replay", spec(2)).sample(4, step=0)
    assert batch.legal is None and batch.next_legal is None
    episodes = Episodes(spec(2), 1)
    t = random_step(np.random.default_rng(0), 1, 2, 0)
    episodes.add(t._replace(last=np.ones((1, 2), np.bool_)), np.zeros((1, 2)))
    saved = episodes.state_dict()
    assert set(saved["ended"][0]["0"]) == {"obs", "action", "reward", "discount", "after"}
    restored = Episodes(spec(2), 1)
    restored.load_state_dict(host(saved))
    for each in (episodes, restored):
        assert each.drain(0)[0].legal is None


@with_builders
@pytest.mark.parametrize("saved_with_masks", [False, True])
def test_what_was_saved_with_masks_and_without_is_not_mixed_up(
    what: str, saved_with_masks: bool
) -> None:
    """Both have the same action space, so that nothing but the masks differs."""
    masked = masked_spec(2)
    plain = dataclasses.replace(masked, masked=False)
    source, target = (masked, plain) if saved_with_masks else (plain, masked)
    one, other = (BUILDERS[what][0](each) for each in (source, target))
    t = masked_step(np.random.default_rng(4), 1, 2, 0)
    one.add(*((t, np.zeros((1, 2))) if what == "episodes" else (t,)))
    has, must = (" legal,", "") if saved_with_masks else ("", " legal,")
    sentence = f"^the saved {what} has action.*{has}.* of each step, but must have action.*{must}"
    with pytest.raises(ValueError, match=sentence):
        other.load_state_dict(host(one.state_dict()))


def test_the_bytes_of_masks_by_hand() -> None:
    # twice two float32 observed, an action of two int64, two float32, a bool; two masks of nine
    assert storage_bytes(masked_spec(2), 100) == 100 * (16 + 16 + 8 + 1 + 18)
    replay = masked_replay((7,), 2, 50)
    assert sum(array.nbytes for array in replay._data.values()) == 100 * 59
    # the numbers of a rollout are float64, and it has one mask
    assert step_bytes(masked_spec(2)) == 16 + 16 + 16 + 1 + 9
