"""Table agents beside plain-Python twins that follow the textbook, step by step."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest

from rlrun.core.abilities import Tabular
from rlrun.core.rng import Purpose, Streams
from rlrun.core.types import Array, Step
from rlrun.loop import interact
from tests.support.common import agent_and_envs, host

SEEDS, ENVS, STEPS, LR, EPSILON = 2, 2, 600, 0.3, 0.4
LAKE = ("env=FrozenLake-v1", "env.max_episode_steps=9", "tuned=none", "gamma=0.9")
SETTINGS = (f"agent.lr={LR}", "agent.initial_value=0.5")
BEHAVIOUR = (f"explore.start={EPSILON}", f"explore.end={EPSILON}")
Walk = list[list[tuple[int, int, float, float, int, bool]]]
"""What a seed lived through: for each step, for each environment, s, a, r, discount, s', last."""


def lived(name: str, *words: str, where: tuple[str, ...] = LAKE) -> tuple[Tabular, list[Walk]]:
    """An agent after some hundred steps, and what each of its seeds lived through."""
    size = (f"seeds={SEEDS}", f"env.num_envs={ENVS}")
    agent, envs = agent_and_envs(f"agent={name}", *where, *size, *words)
    steps: list[Step] = []
    for _, t, _ in interact(agent, envs):
        steps.append(Step(*host(list(t))))
        if len(steps) == STEPS:
            break
    walks = [
        [list(zip(*(part[k].tolist() for part in order(t)), strict=True)) for t in steps]
        for k in range(SEEDS)
    ]
    assert sum(row[0][5] for row in walks[0]) > 20  # many episodes, some cut, some ended
    return cast("Tabular", agent), walks


def order(t: Step) -> tuple[Array, ...]:
    return t.obs, t.action, t.reward, t.discount, t.next_obs, t.last


def table() -> Array:
    return np.full((16, 4), 0.5)


def expected(q: Array, s: int) -> float:
    """The value of a state for an epsilon-greedy policy that breaks ties at random."""
    best = [a for a in range(4) if q[s, a] == q[s].max()]
    chance = [EPSILON / 4 + (1 - EPSILON) * (a in best) / len(best) for a in range(4)]
    return float(sum(p * q[s, a] for a, p in enumerate(chance)))


def agrees(agent: Tabular, walks: list[Walk], twin: Any) -> None:
    for k, walk in enumerate(walks):
        assert agent.values[k] == pytest.approx(twin(walk, k), abs=1e-12)
    assert not np.array_equal(agent.values[0], agent.values[1])


def test_q_learning() -> None:
    def twin(walk: Walk, k: int) -> Array:
        q = table()
        for row in walk:
            for s, a, r, d, n, _ in row:
                q[s, a] += LR * (r + d * max(q[n]) - q[s, a])
        return q

    agrees(*lived("q_learning", *SETTINGS, *BEHAVIOUR), twin)


def test_expected_sarsa() -> None:
    def twin(walk: Walk, k: int) -> Array:
        q = table()
        for row in walk:
            for s, a, r, d, n, _ in row:
                q[s, a] += LR * (r + d * expected(q, n) - q[s, a])
        return q

    agrees(*lived("expected_sarsa", *SETTINGS, *BEHAVIOUR), twin)


def test_sarsa() -> None:
    """Each step is learnt from when the next action is known; a cut episode has none."""

    def twin(walk: Walk, k: int) -> Array:
        q = table()
        for now, then in pairwise(walk):
            value = [
                expected(q, n) if last else q[t[0], t[1]]
                for (*_, n, last), t in zip(now, then, strict=True)
            ]
            for (s, a, r, d, _, _), v in zip(now, value, strict=True):
                q[s, a] += LR * (r + d * v - q[s, a])
        return q

    agrees(*lived("sarsa", *SETTINGS, *BEHAVIOUR), twin)


def test_n_step_q_learning() -> None:
    def twin(walk: Walk, k: int) -> Array:
        q = table()
        waiting: list[list[tuple[int, int, float, float]]] = [[] for _ in range(ENVS)]
        for row in walk:
            values = [max(q[n]) for *_, n, _ in row]
            paid = []
            for e, (s, a, r, d, _, last) in enumerate(row):
                waiting[e].append((s, a, r, d))
                ready = len(waiting[e]) if last else int(len(waiting[e]) == 3)
                for i in range(ready):
                    goal = values[e]
                    for _, _, rr, dd in reversed(waiting[e][i:]):
                        goal = rr + dd * goal
                    paid.append((len(waiting[e]) - i, waiting[e][i], goal))
                del waiting[e][:ready]
            for _, (s, a, _, _), goal in sorted(paid, key=lambda p: -p[0]):  # the oldest first
                q[s, a] += LR * (goal - q[s, a])
        return q

    agrees(*lived("q_learning", "agent.n_step=3", *SETTINGS, *BEHAVIOUR), twin)


@pytest.mark.parametrize("name", ["q_learning", "expected_sarsa"])
def test_eligibility_traces(name: str) -> None:
    decay, watkins = 0.8, name == "q_learning"

    def twin(walk: Walk, k: int) -> Array:
        q = table()
        traces: list[dict[tuple[int, int], float]] = [{} for _ in range(ENVS)]
        for row in walk:
            for e, (s, a, *_) in enumerate(row):
                if watkins and q[s, a] < max(q[s]):
                    traces[e].clear()  # an exploring action says nothing about what came before
            values = [max(q[n]) if watkins else expected(q, n) for *_, n, _ in row]
            for e, (s, a, r, d, _, last) in enumerate(row):
                error = r + d * values[e] - q[s, a]
                traces[e][s, a] = 1.0
                for pair, trace in traces[e].items():
                    q[pair] += LR * error * trace
                    traces[e][pair] = 0.0 if last else decay * d * trace
        return q

    agrees(*lived(name, f"agent.trace_decay={decay}", *SETTINGS, *BEHAVIOUR), twin)


def test_no_traces_are_one_step() -> None:
    words = (*SETTINGS, *BEHAVIOUR)
    one, _ = lived("expected_sarsa", *words)
    traced, _ = lived("expected_sarsa", "agent.trace_decay=1e-300", *words, "env.num_envs=1")
    plain, _ = lived("expected_sarsa", *words, "env.num_envs=1")
    assert traced.values == pytest.approx(plain.values, abs=1e-12)
    assert not np.array_equal(one.values, plain.values)


def test_double_q_learning() -> None:
    def twin(walk: Walk, k: int) -> Array:
        coins = Streams(range(SEEDS), Purpose.TABLE)
        both = (table(), table())
        for row in walk:
            coin = coins.uniform(ENVS)[k]
            for e, (s, a, r, d, n, _) in enumerate(row):
                own, other = both if coin[e] >= 0.5 else both[::-1]
                own[s, a] += LR * (r + d * other[n, own[n].argmax()] - own[s, a])
        return (both[0] + both[1]) / 2

    agrees(*lived("double_q_learning", *SETTINGS, *BEHAVIOUR), twin)


@pytest.mark.parametrize("visit", ["first", "every"])
def test_monte_carlo_is_the_mean_of_returns(visit: str) -> None:
    """A cut episode's rest is worth what the exploring policy's value is there."""

    def twin(walk: Walk, k: int) -> Array:
        q, found = table(), defaultdict(list)
        episodes: list[list[tuple[int, int, float, float]]] = [[] for _ in range(ENVS)]
        for row in walk:
            rest = [expected(q, n) for *_, n, _ in row]
            for e, (s, a, r, d, _, last) in enumerate(row):
                episodes[e].append((s, a, r, d))
                if not last:
                    continue
                goal, goals = rest[e], []
                for *_, rr, dd in reversed(episodes[e]):
                    goal = rr + dd * goal
                    goals.append(goal)
                seen = set()
                for (ss, aa, *_), goal in zip(episodes[e], reversed(goals), strict=True):
                    if visit == "every" or (ss, aa) not in seen:
                        found[ss, aa].append(goal)
                        q[ss, aa] = sum(found[ss, aa]) / len(found[ss, aa])
                    seen.add((ss, aa))
                episodes[e].clear()
        return q

    means = ("agent.lr=1", "agent.lr_decay=1", "agent.initial_value=0.5")
    words = (f"agent.visit={visit}", *means, *BEHAVIOUR)
    agrees(*lived("monte_carlo", *words), twin)


def test_td_prediction() -> None:
    def twin(walk: Walk, k: int) -> Array:
        v, visits = np.full((16, 1), 0.5), np.zeros(16)
        for row in walk:
            for s, _, r, d, n, _ in row:
                v[s] += LR / (1 + 0.1 * visits[s]) * (r + d * v[n] - v[s])
                visits[s] += 1
        return v

    agrees(*lived("td_prediction", *SETTINGS, "agent.lr_decay=0.1"), twin)


def test_the_policy_predicted_is_the_one_that_acts() -> None:
    agent, walks = lived("td_prediction", "agent.policy=2")
    assert {a for row in walks[0] for _, a, *_ in row} == {2}
    assert agent.policy()[0].tolist() == [[0, 0, 1, 0]] * 16
    each = [s % 4 for s in range(16)]
    agent, walks = lived("td_prediction", f"agent.policy={each}".replace(" ", ""))
    assert all(a == s % 4 for row in walks[1] for s, a, *_ in row)
    agent, walks = lived("td_prediction")
    counts = np.bincount([a for row in walks[0] for _, a, *_ in row])
    assert counts / counts.sum() == pytest.approx([0.25] * 4, abs=0.06)


def test_sarsa_backs_the_exploration_function_up_too() -> None:
    def twin(walk: Walk, k: int) -> Array:
        q, visits = table(), np.zeros((16, 4))
        for now, then in pairwise(walk):
            f = q + 2.0 / (1.0 + visits)
            value = [
                f[n].max() if last else f[t[0], t[1]]
                for (*_, n, last), t in zip(now, then, strict=True)
            ]
            for (s, a, r, d, _, _), v in zip(now, value, strict=True):
                q[s, a] += LR * (r + d * v - q[s, a])
                visits[s, a] += 1
        return q

    agrees(*lived("sarsa", *SETTINGS, "explore=bonus", "explore.k=2"), twin)
