"""Eligibility traces of tables: each kind beside its definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rlrun.core.types import Array
from rlrun.tables.traces import TracedStep, TraceKind, Traces
from tests.agents.test_tables import BEHAVIOUR, LR, SETTINGS, Walk, agrees, expected, lived, table
from tests.support.online_returns import Visit, online_lambda_return

DECAY = 0.8
ONE = (f"agent.trace_decay={DECAY}", *SETTINGS, *BEHAVIOUR, "env.num_envs=1")


@pytest.mark.parametrize("name", ["expected_sarsa", "sarsa"])
def test_dutch_traces_are_the_online_lambda_return_algorithm(name: str) -> None:
    """The theorem of true online TD(λ), van Seijen et al. 2016, theorem 1."""

    def twin(walk: Walk, k: int) -> Array:
        q, episode = table(), []
        steps = [row[0] for row in walk]
        for (s, a, r, d, n, last), (ns, na, *_) in pairwise(steps):
            if name == "expected_sarsa" or last:
                value = lambda w, n=n: expected(w.reshape(16, 4), n)  # noqa: E731
            else:
                value = lambda w, pair=(ns, na): float(w.reshape(16, 4)[pair])  # noqa: E731
            x = np.zeros((16, 4))
            x[s, a] = 1.0
            episode.append(Visit(x.ravel(), np.full(64, LR), r, d, value))
            if last:
                q = online_lambda_return(q.ravel(), episode, DECAY).reshape(16, 4)
                episode = []
        return online_lambda_return(q.ravel(), episode, DECAY).reshape(16, 4)

    agent, walks = lived(name, "agent.traces=dutch", *ONE)
    if name == "expected_sarsa":  # it has learnt from the last step too
        for walk in walks:
            walk.append(walk[-1])
    agrees(agent, walks, twin)


def test_accumulating_traces() -> None:
    def twin(walk: Walk, k: int) -> Array:
        q, trace = table(), np.zeros((16, 4))
        for ((s, a, r, d, n, last),) in walk:
            trace[s, a] += 1.0
            q += LR * (r + d * expected(q, n) - q[s, a]) * trace
            trace *= 0.0 if last else DECAY * d
        return q

    agrees(*lived("expected_sarsa", "agent.traces=accumulating", *ONE), twin)


@pytest.mark.parametrize(
    ("kind", "value"), [("replacing", 4.0), ("accumulating", 4.5), ("dutch", 4.375)]
)
def test_two_visits_of_a_pair_by_hand(kind: TraceKind, value: float) -> None:
    """α = γ = λ = 0.5; rewards 4 and 6 without any value of the next state.

    The first moves the value to 2, so that the second error is 4. The trace is 1, 1.25, or with
    dutch traces 1.125; then the second λ-return makes the first one 4 + 0.25 · 6 = 5.5, and the
    value is half of 5.5, moved half of the way to 6.
    """
    weights, traces = np.zeros((1, 2)), Traces(1, 1, 2, 0.5, kind)
    found = []
    for target in (4.0, 6.0):
        one, half, zero = np.ones((1, 1)), np.array([0.5]), np.zeros(1)
        now = weights[:, 0].copy(), np.array([target]), zero, half
        t = TracedStep(np.array([0]), np.array([[0]]), one, one, half, None, *now)
        traces.move(weights, 0, t)
        found.append(float(weights[0, 0]))
    assert found == [2.0, value]
    assert weights[0, 1] == 0.0
