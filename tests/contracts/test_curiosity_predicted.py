"""RND and ICM keep the contracts, and PPO's second value is that of bonuses without ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.agents import ppo
from rlrun.agents.parts.minibatches import rollout_to_batch
from rlrun.checkpoint import store
from rlrun.core.types import Array, Step
from rlrun.nets.device import Device, DeviceSettings
from tests.contracts.test_curiosity import CASES
from tests.support.common import agent_and_envs, differences, drive, host, row
from tests.support.every_agent import SHORT, SMALL

SMALLER = (
    *("curiosity.warm_up=20", "curiosity.hidden=[8]"),
    *("curiosity.features=5", "curiosity.batch_size=7", "env.num_envs=2"),
)
PREDICTED = {
    "dqn, rnd": (*CASES["dqn"], "curiosity=rnd"),
    "dqn of frames, icm": (*CASES["dqn of frames"], "curiosity=icm"),
    "dqn of a grid, rnd": (*SMALL["dqn"], "env=tests.support.pixels:Film-v0", "curiosity=rnd"),
    "rainbow, icm": (*CASES["rainbow"], "curiosity=icm"),
    "sac, icm": (*CASES["sac"], "curiosity=icm"),
    "sac_discrete, rnd": (*CASES["sac_discrete"], "curiosity=rnd"),
    "ppo, rnd": (*CASES["ppo, scaled"], "curiosity=rnd"),
    "ppo, rnd in its rewards": (*CASES["ppo"], "curiosity=rnd", "curiosity.episodic=true"),
    "ppo with a memory, rnd": (*SMALL["ppo with a memory"], "env=CartPole-v1", "curiosity=rnd"),
    "a2c, icm": (*CASES["a2c"], "curiosity=icm"),
    "q_learning, icm": (*CASES["q_learning"], "curiosity=icm"),
    "monte_carlo, rnd": (*CASES["monte_carlo"], "curiosity=rnd", SHORT),
}
every = pytest.mark.parametrize("case", PREDICTED)


@pytest.mark.slow
@every
def test_a_seed_in_a_stack_has_the_bonuses_of_the_seed_alone(case: str) -> None:
    words = (*PREDICTED[case], *SMALLER)
    stack, envs = agent_and_envs(*words, "seed=5", "seeds=3")
    together = drive(stack, envs, 160)
    found = [metrics for _, metrics in together if "train/bonus" in metrics]
    assert max(each["train/bonus"].max() for each in found) > 0
    assert all("train/predictor_loss" in each for each in found)
    alone, own = agent_and_envs(*words, "seed=6", "seeds=1")
    apart = drive(alone, own, 160)
    for a, b in zip(together, apart, strict=True):
        assert differences(row(a[1], 1), b[1]) == []
    assert differences(row(host(stack.state_dict()), 1), host(alone.state_dict())) == []


@pytest.mark.slow
@every
def test_a_run_resumes_where_it_was(case: str, tmp_path: Path) -> None:
    words = (*PREDICTED[case], *SMALLER, "seeds=2")
    one, envs = agent_and_envs(*words)
    drive(one, envs, 122)
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    expected = drive(one, envs, 60, 122)
    other, others = agent_and_envs(*words)
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    assert differences(expected, drive(other, others, 60, 122)) == []
    assert differences(host(one.state_dict()), host(other.state_dict())) == []


def rolled(*more: str) -> tuple[Any, Step, list[Any]]:
    """A PPO with two values at its first update: the rollout, and what it became."""
    words = (*SMALL["ppo"], "env=CartPole-v1", "curiosity=rnd", "curiosity.discount=0.9", *SMALLER)
    one: Any
    one, envs = agent_and_envs(*words, "agent.n_steps=30", "agent.batch_size=null", *more)
    steps: list[Step] = []
    results: list[Any] = []

    def capture(*given: Any) -> Any:
        steps.append(given[2]._replace(**{k: v.copy() for k, v in _arrays(given[2]).items()}))
        results.append((given[4], *rollout_to_batch(*given)))
        return results[-1][1:]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppo, "rollout_to_batch", capture)
        drive(one, envs, 60)
    return one, steps[0], results[0]


def _arrays(t: Step) -> dict[str, Array]:
    return {k: v for k, v in t._asdict().items() if isinstance(v, np.ndarray) and v.size}


def test_bonuses_have_advantages_that_do_not_end_with_an_episode() -> None:
    """By recursion from the end, with the values that the rollout was given before the update."""
    _, t, (stream, batch, _) = rolled("seeds=2", "agent.trace_decay=0.8")
    assert t.last[:, :-1].any() and stream.bonus.any()
    numbers = batch.numbers.numpy().reshape(2, 30, 2, 6).astype(np.float64)
    advantage, target, _, value, bonus_target, bonus_value = np.moveaxis(numbers, -1, 0)
    intrinsic = bonus_target - bonus_value
    for time in range(29):
        delta = stream.bonus[:, time] + 0.9 * bonus_value[:, time + 1] - bonus_value[:, time]
        expected = delta + 0.9 * 0.8 * intrinsic[:, time + 1]
        assert intrinsic[:, time] == pytest.approx(expected, abs=1e-5)
    extrinsic = target - value
    ends = t.last[:, :-1]
    following = np.where(ends, 0.0, value[:, 1:] + 0.8 * extrinsic[:, 1:])
    delta = t.reward[:, :-1] + 0.99 * following - value[:, :-1]
    assert ((t.discount[:, :-1] == 0) == ends).all()  # CartPole's episodes of 30 steps terminate
    assert extrinsic[:, :-1] == pytest.approx(delta, abs=1e-5)
    assert advantage == pytest.approx(extrinsic + intrinsic, abs=1e-5)


def test_the_extrinsic_value_is_learnt_from_extrinsic_rewards_alone() -> None:
    """More bonus changes the advantage and the returns of bonuses, but no other return."""
    one, t, (stream, _, _) = rolled("seeds=2", "agent.target_kl=null")
    device, more = Device(DeviceSettings(name="cpu")), stream._replace(bonus=stream.bonus + 1.0)
    same, other = (rollout_to_batch(one._actor, device, t, 0.8, s)[0] for s in (stream, more))
    changed = (other.numbers != same.numbers).flatten(0, 1).any(0)
    assert changed.nonzero().flatten().tolist() == [0, 4]


def test_a_memory_has_one_value_to_which_bonuses_are_added() -> None:
    one: Any
    one, envs = agent_and_envs(*PREDICTED["ppo with a memory, rnd"], *SMALLER, "seeds=1")
    drive(one, envs, 60)
    assert not one._two_values
