"""An agent with a memory, of another package: trained, killed, resumed, evaluated and filmed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlrun import load_run
from rlrun.checkpoint import store
from rlrun.core.rng import Purpose
from rlrun.core.types import Array
from tests.commands.test_evaluate import chosen
from tests.soak.compare import left, unlike
from tests.support.common import differences
from tests.support.every_agent import SMALL
from tests.support.faults import VICTIM
from tests.support.faulty import MENDED
from tests.support.resume import Stop
from tests.support.rows import check_rows
from tests.support.trace import Trace, install
from tests.support.trained import evaluated, result, said
from tests.test_api import played

pytestmark = pytest.mark.slow

CUE = "tests.support.trace:Cue-v0"
FAULTY = "tests.support.faulty:Faulty-v0"
WORDS = (
    *("agent=trace", f"env={CUE}", "seed=5", "seeds=3", "env.num_envs=2", "total_steps=600"),
    *("eval.every=200", "eval.episodes=3", "eval.final_episodes=4"),
    *("log.every=100", "checkpoint.every_steps=14"),
)


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The agent's package is installed in this folder, which Python searches."""
    with pytest.MonkeyPatch.context() as patch:
        found = install(tmp_path_factory.mktemp("package", numbered=False))
        patch.syspath_prepend(str(found))
        yield found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("whole") / "run")


def line(folder: Path, *words: str) -> list[str]:
    """The command line of a run in this folder, which is in a test's folder of temporary files."""
    conf = folder.parents[1] / "package" / "conf"
    given = {word.partition("=")[0] for word in words}
    usual = [word for word in WORDS if word.partition("=")[0] not in given]
    return ["--config-dir", str(conf), *usual, *words, f"hydra.run.dir={folder}"]


def run(folder: Path, *words: str) -> Path:
    code, _, err = said(*line(folder, *words))
    assert code == 0, err
    return folder


def died(monkeypatch: pytest.MonkeyPatch, count: int, folder: Path, *words: str) -> Path:
    """A run that dies when it acts for the count-th time in training."""
    real, acted = Trace.act, [0]

    def act(self: Any, *given: Any, explore: bool = True) -> Any:
        acted[0] += explore
        if acted[0] == count:
            raise Stop
        return real(self, *given, explore=explore)

    with monkeypatch.context() as patch:
        patch.setattr(Trace, "act", act)
        with pytest.raises(Stop):
            said(*line(folder, *words))
    return folder


def test_it_learns_what_only_a_memory_can_know(whole: Path, tmp_path: Path) -> None:
    """Without one it knows the cue in the first of an episode's steps, and later takes action 0."""
    found = evaluated(whole)
    assert found["returns"] == found["lengths"]
    found = evaluated(run(tmp_path / "without", "agent.decay=0"))
    returns, lengths = np.array(found["returns"]), np.array(found["lengths"])
    assert ((returns == lengths) | (returns == 2 - lengths)).all()
    assert (returns == lengths).any() and (returns < lengths).any()
    metrics = (whole / "metrics.jsonl").read_text()
    assert "eval/mean_reward" in metrics and "q_bias" not in metrics  # values are not compared


@pytest.mark.parametrize("count", [9, 101, 200, 299])
def test_a_run_that_died_within_an_episode_resumes_exactly(
    monkeypatch: pytest.MonkeyPatch, whole: Path, tmp_path: Path, count: int
) -> None:
    folder = died(monkeypatch, count, tmp_path / "run")
    saved = store.load(folder / "checkpoint")["memory"]
    assert not saved["first"].all() and saved["memory"].shape == (3, 2, 1)
    assert saved["memory"][~saved["first"]].all()
    assert said("resume", str(folder))[0] == 0
    assert unlike(whole, folder) == []
    assert left(folder)["exact"] is True


def test_a_killed_command_resumes_exactly(tmp_path: Path, site: Path) -> None:
    """In processes of their own, which find the agent by the package's entry point."""
    kill = (
        *(f"env={FAULTY}", "env.kwargs.what=killed", "env.kwargs.at=13", "agent.lr=0.01"),
        *("total_steps=80", "checkpoint.every_steps=4"),
    )
    path = os.pathsep.join([str(site), str(Path(__file__).parents[2])])
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def command(*words: str) -> int:
        process = [sys.executable, "-m", "rlrun", *words]
        where: Any = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": path}}
        return subprocess.run(process, capture_output=True, **where).returncode

    assert command(*line(killed, *kill)) == -9
    saved = store.load(killed / "checkpoint")
    assert saved["step"] == 64
    assert not saved["memory"]["first"].any()
    (tmp_path / MENDED).touch()
    assert command(*line(whole, *kill)) == 0
    assert command("resume", str(killed)) == 0
    assert unlike(whole, killed) == []


def firsts(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> list[Array]:
    """The masks of first steps with which a run acts in training after it was resumed."""
    real, masks = Trace.act, []

    def act(self: Any, *given: Any, explore: bool = True) -> Any:
        if explore:
            masks.append(given[-1].copy())
        return real(self, *given, explore=explore)

    with monkeypatch.context() as patch:
        patch.setattr(Trace, "act", act)
        assert said("resume", str(folder), *words)[0] == 0
    return masks


def test_where_an_environment_is_not_restored_the_memory_is_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, all_first in (("Faulty", False), ("Forgetful", True)):
        words = (f"env=tests.support.faulty:{name}-v0", "agent.lr=1e-9", "total_steps=210")
        folder = run(tmp_path / name, *words)
        masks = firsts(monkeypatch, folder, "total_steps=230")
        assert masks[0].all() == all_first
        assert not masks[1].all()


def test_a_failed_seed_does_not_touch_the_memory_of_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nan = (
        *(f"env={FAULTY}", "env.kwargs.what=nan observation"),
        *(f"env.kwargs.victim={VICTIM}", "agent.lr=0.01"),
    )
    healthy = store.load(run(tmp_path / "healthy", *nan, "env.kwargs.victim=-1") / "checkpoint")
    whole = tmp_path / "whole"
    assert said(*line(whole, *nan))[0] == 1
    saved = store.load(whole / "checkpoint")
    assert list(saved["lost"]) == ["1"]
    for row in (0, 2):
        for part in ("memory", "first"):
            assert np.array_equal(saved["memory"][part][row], healthy["memory"][part][row])
        ours, theirs = (each["agent"]["policy"]["weights"][row] for each in (saved, healthy))
        assert np.array_equal(ours, theirs) and ours.any()
    folder = died(monkeypatch, 150, tmp_path / "run", *nan)
    assert said("resume", str(folder))[0] == 1
    assert unlike(whole, folder) == []


def test_a_checkpoint_without_the_memory_is_refused(tmp_path: Path) -> None:
    """Such as one written before the agent had a memory."""
    folder = run(tmp_path / "run", "total_steps=50")
    state = store.load(folder / "checkpoint")
    del state["memory"]
    shutil.rmtree(folder / "checkpoint")
    store.save(folder / "checkpoint", state)
    code, _, err = said("resume", str(folder), "total_steps=60")
    assert code == 1
    assert "it was saved by an agent without a memory" in err


def test_its_policies_play_the_episodes_of_the_evaluations(tmp_path: Path) -> None:
    """By `rlrun evaluate` and in Python, those of the last step and the best ones."""
    folder = run(tmp_path / "run", "agent.lr=0.02", "explore.end=0.5")  # not all of it is learnt
    again, known = evaluated(folder), result(folder)
    assert again["per_seed"] == known["final"]["per_seed"]
    assert chosen(folder) == known["best"]["per_seed"]
    loaded, env = load_run(folder), gym.make(CUE)
    for which in ("final", "best"):
        for seed in (5, 6, 7):
            told = evaluated(folder, f"which={which}", f"seed={seed}", "episodes=1", "device=cpu")
            own = played(loaded.policy(seed, which), env, seed)
            assert own == (told["returns"][0][0], told["lengths"][0][0])


def test_a_policy_remembers_until_it_is_reset(whole: Path) -> None:
    policy = load_run(whole).policy(seed=6)
    cue, nothing = np.ones(1, np.float32), np.zeros(1, np.float32)
    assert policy.act(nothing) == 0  # the first of two equal values
    policy.reset()
    assert [policy.act(each) for each in (cue, nothing, nothing)] == [1, 1, 1]
    policy.reset()
    assert policy.act(nothing) == 0


def test_films_show_the_first_seed_and_change_nothing(whole: Path, tmp_path: Path) -> None:
    filmed = run(tmp_path / "filmed", "record.every=300")
    one, other = left(whole), left(filmed)
    assert other["curves"]["seed_5"].pop("pictures") == {"video/training": [300, 600]}
    assert one["curves"]["seed_5"].pop("pictures") == {}
    assert one["checkpoint"].pop("settings") != other["checkpoint"].pop("settings")
    assert differences(one, other) == []
    films = re.findall(r"step (\d+): filmed, return (\S+) ", (filmed / "run.log").read_text())
    _, length = played(load_run(filmed).policy(seed=5), gym.make(CUE), 5, Purpose.EVAL_EPISODES)
    assert films == [("300", str(length)), ("600", str(length))]
    code, out, err = said("record", str(filmed), "which=final", "seed=7", "episodes=2")
    assert code == 0, err
    shown = evaluated(filmed, "seed=7", "episodes=1")["returns"][0][0]
    assert f"return {shown:g}, " in out


def test_rows_may_differ_in_what_they_remember() -> None:
    words = (*SMALL["trace"], f"env={CUE}", "env.num_envs=2")
    numbers = ((0.8, 0.5, 5), (0.3, 0.02, 9), (0.95, 0.1, 5))
    check_rows(
        [
            (*words, f"agent.decay={decay}", f"agent.lr={lr}", f"seed={seed}", "seeds=1")
            for decay, lr, seed in numbers
        ]
    )
