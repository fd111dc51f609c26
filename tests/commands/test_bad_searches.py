"""Searches that are refused, and what is written instead of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Rlrun, tree
from tests.support.sweeps import OPTUNA

pytestmark = pytest.mark.slow

BAD = [
    (
        ("agent.lr=interval(-1,1)",),
        "agent.lr must be positive, got -1.0 (in the search space",
    ),
    (("agent.lr=interval(1,-1)",), "the lower bound must be below the upper bound"),
    (("agent.lr=choice(1e-3,fast)",), "agent.lr must be a number, got 'fast' (in the search space"),
    (("agent.tau=interval(0.1,7)",), "(in the search space: agent.tau=7.0)"),
    (("agent.lrr=interval(1e-3,1)",), "unknown setting agent.lrr. Did you mean agent.lr?"),
    (("agent.target_every=interval(1,9.5)",), "agent.target_every must be a whole number"),
    (("env.max_episode_steps=interval(10,400)",), "must be a whole number or null, got 158.97"),
    (("agent.lr=tag(log,interval(0,1))",), "only positive numbers have a logarithm"),
    (("agent.lr=tag(lgo,interval(0,1))",), "there is no tag lgo: write tag(log,...)"),
    (("agent=choice(dqn,ddpg)",), "the agent ddpg cannot take discrete actions"),
    (("agent=random",), "no setting has several values, and there is no search space random"),
    (("agent=random",), "there is nothing to search: "),
    (("search=nope",), "no search space nope: write 'agent.lr=interval(1e-4,1e-2)'"),
    (("eval.final_episodes=0",), "a search compares final evaluations: eval.final_epi"),
    (("search.trials=0",), "search.trials must be at least 1, got 0"),
    (("search.trials=1,2",), "search.trials takes one value for the whole search"),
    (("search.sampler=tp",), "search.sampler must be one of tpe, random, got 'tp'"),
    (("search.pruner=halve",), "Did you mean halving?"),
    (("search.seed=-1",), "search.seed must be between 0 and 4,294,967,295, got -1"),
    (("sweep.jobs=0",), "sweep.jobs must be at least 1"),
    (("hydra.sweep.subdir=x",), "hydra.sweep.subdir cannot be set"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_searches_are_refused(
    rlrun: Rlrun, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    outcome = rlrun("-m", OPTUNA, *words)
    assert (outcome.code, outcome.runs) == (2, [])
    assert outcome.err.startswith("rlrun: ") and outcome.err.count("\n") == 1
    assert message in outcome.err
    assert tree(tmp_path) == []


def test_intervals_are_for_searches(rlrun: Rlrun, tmp_path: Path) -> None:
    interval = "agent.lr=interval(1e-4,1e-2)"
    assert "or search it: rlrun -m hydra/sweeper=optuna" in rlrun("-m", interval).err
    assert "add -m, and hydra/sweeper=optuna for an interval" in rlrun(interval).err
    assert rlrun("search.trials=0").err == "rlrun: search.trials must be at least 1, got 0.\n"
    assert tree(tmp_path) == []
