"""Agents for one that train each of several: rows of a stack, and nothing more."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.agents.parts.independent import Independent, row_seeds, spec_of_one
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput
from rlrun.core.types import Array, Step
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_PPO,
    agent_and_envs,
    differences,
    host,
    parts_and_env,
)

MEETING, PULLING = "env=tests.support.players:meeting", "env=tests.support.players:pulling"
LINES = {
    "dqn": (*SMALL_DQN, MEETING, "explore.fraction=0.001"),
    "ppo": (*SMALL_PPO, MEETING),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, PULLING),
}


def of_agent(t: Step, agent: int) -> Step:
    """The step of one agent, by hand: it is the last one of those who leave with it."""
    assert t.alive is not None
    over = t.last | ~t.alive[:, :, agent] | (t.discount[:, :, agent] == 0)
    legal = [None if each is None else each[:, :, agent] for each in (t.legal, t.next_legal)]
    own = [each[:, :, agent] for each in (t.obs, t.action, t.reward, t.discount, t.next_obs)]
    obs, action, reward, discount, next_obs = own
    return Step(obs, action, reward, discount, next_obs, over, legal=legal[0], next_legal=legal[1])


@pytest.mark.parametrize("name", LINES)
def test_each_agent_learns_as_an_agent_alone_would(name: str) -> None:
    """As many single agents with one row each, fed by hand with what each of them lives through."""
    words = (*LINES[name], "agent.independent=true", "seed=3", "seeds=2", "env.num_envs=2")
    one, envs = agent_and_envs(*words)
    assert isinstance(one, Independent)
    parts, _ = parts_and_env(*LINES[name], "seed=3", "seeds=2", "env.num_envs=2")
    spec, agents = envs.spec, len(envs.spec.agents)
    alone: list[Any] = [
        build.build_agent(parts, spec_of_one(spec), [seed]) for seed in row_seeds([3, 4], spec)
    ]
    for step in range(0, 160, 2):
        obs, legal = envs.obs, envs.legal
        masks = {} if legal is None or not one.uses_masks else {"legal": legal}
        action = one.act(obs, step, legal=masks.get("legal"))
        for row, each in enumerate(alone):
            seed, agent = divmod(row, agents)
            mask = {key: m[seed : seed + 1, :, agent] for key, m in masks.items()}
            own = each.act(obs[seed : seed + 1, :, agent], step, **mask)
            assert np.array_equal(own[0], action[seed, :, agent])
        t = envs.step(action)
        metrics = host(one.learn(t, step + 2))
        own_metrics = []
        for row, each in enumerate(alone):
            seed, agent = divmod(row, agents)
            lived = of_agent(t, agent)
            part = Step(*(None if x is None else x[seed : seed + 1] for x in lived[:6]))
            part = part._replace(
                legal=_row(lived.legal, seed), next_legal=_row(lived.next_legal, seed)
            )
            own_metrics.append(host(each.learn(part, step + 2)))
        for tag, values in metrics.items():
            by_row = np.array([each[tag][0] for each in own_metrics]).reshape(2, agents)
            wanted = by_row[:, 0] if by_row.dtype.kind == "i" else by_row.mean(-1)
            assert np.allclose(values, wanted, rtol=1e-6), tag


def _row(mask: Array | None, seed: int) -> Array | None:
    return None if mask is None else mask[seed : seed + 1]


@pytest.mark.parametrize("name", LINES)
def test_a_restored_one_continues_bit_for_bit(name: str, tmp_path: Path) -> None:
    words = (*LINES[name], "agent.independent=true", "seeds=2")
    one, envs = agent_and_envs(*words)
    other, others = agent_and_envs(*words)

    def play(agent: Any, grid: Any, start: int, steps: int) -> list[Any]:
        found = []
        for step in range(start, start + steps):
            masks = {"legal": grid.legal} if agent.uses_masks and grid.legal is not None else {}
            t = grid.step(agent.act(grid.obs, step, **masks))
            found += [host(t), host(agent.learn(t, step + 1))]
        return found

    play(one, envs, 0, 70)
    store.save(tmp_path, {"agent": one.state_dict(), "envs": envs.state_dict()})
    saved = store.load(tmp_path)
    other.load_state_dict(saved["agent"])
    others.load_state_dict(saved["envs"])
    assert differences(play(one, envs, 70, 60), play(other, others, 70, 60)) == []


def test_a_fault_of_one_agent_stops_its_seed_and_names_it() -> None:
    frozen: list[int] = []
    faults = {4: "the loss is nan"}
    rows: Any = SimpleNamespace(faults=faults, learn=lambda t, step: {}, freeze=frozen.append)
    spec: Any = SimpleNamespace(agents=("ant", "bee", "cat"))
    one, flags = Independent(rows, spec), np.zeros((2, 1, 3))
    t = Step(flags, flags, flags, flags, flags, np.zeros((2, 1), np.bool_))
    one.learn(t._replace(alive=np.ones((2, 1, 3), np.bool_)), 1)
    assert one.faults == {1: "the loss is nan (agent bee)"}
    assert frozen == [3, 4, 5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("env=CartPole-v1", *SMALL_DQN), "is for environments with several agents, and CartPole"),
        ((MEETING, *SMALL_PPO, "agent.memory=gru"), "does not go with a memory"),
        ((MEETING, *SMALL_DQN, "data=x.npz"), "data does not go with agent.independent=true"),
    ],
)
def test_what_it_is_not_for_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parts, env = parts_and_env(*words, "agent.independent=true")
        build.check(parts, env.spec)


def test_it_is_named_where_an_agent_for_one_meets_several() -> None:
    parts, env = parts_and_env(*SMALL_DQN, MEETING)
    with pytest.raises(BadInput, match=r"agent\.independent=true trains one for each of them\. "):
        build.check(parts, env.spec)
