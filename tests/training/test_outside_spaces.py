"""A seed whose observation is outside its space fails, and the others learn as if alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlrun.checkpoint import store
from rlrun.core.errors import RunFailed
from rlrun.run import start_run
from tests.support.common import SMALL_DQN, SMALL_PPO, differences, host, row, settings
from tests.support.faults import VICTIM, WORDS

pytestmark = pytest.mark.slow

TABLE = ("agent=q_learning", "tuned=none")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "case", "words"),
    [
        (TABLE, "below", "-1, which is not in Discrete(2)"),
        (TABLE, "above", "3, which is not in Discrete(3)"),
        (TABLE, "component", "4, which is not in MultiDiscrete([2 4])"),
        (SMALL_DQN, "above", "3, which is not in Discrete(3)"),
        (SMALL_PPO, "component", "4, which is not in MultiDiscrete([2 4])"),
    ],
)
def test_the_others_are_what_they_would_be_alone(
    tmp_path: Path, agent: tuple[str, ...], case: str, words: str
) -> None:
    name = "tests.support.deviant:Deviant-v0"
    kwargs = (f"env.kwargs.case={case}", f"env.kwargs.victim={VICTIM}")
    used = settings(*WORDS[len(SMALL_DQN) :], *agent, f"env={name}", *kwargs)
    with pytest.raises(RunFailed, match="failed seeds: 6; the others are done"):
        start_run(used, tmp_path, "rlrun again")
    sentence = f"step 6: seed 6 failed: an observation of {name} is {words} (environment 0, "
    assert sentence in (tmp_path / "run.log").read_text()
    scores = json.loads((tmp_path / "result.json").read_text())["final"]["per_seed"]
    assert scores == [2.0, None, 2.0]
    whole = store.load(tmp_path / "checkpoint")["agent"]["policy"]
    for position, seed in ((0, 5), (2, 7)):
        alone = tmp_path / str(seed)
        alone.mkdir()
        start_run({**used, "seed": seed, "seeds": 1}, alone, "rlrun again")
        own = store.load(alone / "checkpoint")["agent"]["policy"]
        assert differences(row(host(whole), position), host(own)) == []
