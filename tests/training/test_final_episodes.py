"""The final evaluation has episodes of its own, and what plays a run again plays those."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rlrun.core.rng import Numbers, Purpose
from rlrun.run import start_run
from tests.support.common import SMALL_DQN, settings
from tests.support.resume import resume
from tests.support.trained import evaluated, result, said

pytestmark = pytest.mark.slow

WORDS = (
    *SMALL_DQN,
    "env=tests.support.numbered:Numbered-v0",
    "seed=5",
    "seeds=2",
    "total_steps=20",
    "eval.every=10",
    "eval.episodes=2",
    "eval.final_episodes=30",
)


def episodes(purpose: Purpose, seed: int, count: int) -> list[float]:
    """The numbers of a seed's episodes: at most ten environments play in turns."""
    envs = min(count, 10)
    numbers = Numbers(purpose)
    return [float(numbers(seed, e, n)) for e in range(envs) for n in range(count // envs)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    start_run(settings(*WORDS), path, "rlrun again")
    return path


def test_no_evaluation_in_training_has_played_them(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    shown = {
        (x["step"], x["seed"]): x["eval/mean_reward"] for x in lines if "eval/mean_reward" in x
    }
    for place, seed in enumerate((5, 6)):
        trained, final = (
            episodes(Purpose.EVAL_EPISODES, seed, 2),
            episodes(Purpose.FINAL_EPISODES, seed, 30),
        )
        assert not set(trained) & set(final)
        assert shown[10, seed] == shown[20, seed] == np.mean(trained)
        assert result(folder)["final"]["per_seed"][place] == np.mean(final)
        assert result(folder)["best"]["per_seed"][place] == np.mean(trained)


def test_they_are_played_again(folder: Path) -> None:
    own = [episodes(Purpose.FINAL_EPISODES, seed, 30) for seed in (5, 6)]
    assert evaluated(folder)["returns"] == own
    assert evaluated(folder, "which=best")["returns"] == own
    other = episodes(Purpose.FINAL_EPISODES, 9, 30)
    assert evaluated(folder, "episode_seed=9")["returns"] == [other, other]


def test_a_video_is_of_the_first_of_them(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    words = ("env=tests.support.pixels:Film-v0", "eval.max_steps=5")
    start_run(settings(*WORDS, *words), path, "rlrun again")
    first = evaluated(path, "seed=6", "episodes=1")["returns"][0][0]
    out = said("record", str(path), "which=final", "seed=6", f"--out={tmp_path / 'film.gif'}")[1]
    assert f"return {first:,.4g} in " in out


def test_a_run_of_0_1_0_keeps_its_episodes(folder: Path) -> None:
    """Nothing in its meta.json says that they are its own: played again, or trained longer."""
    meta = json.loads((folder / "meta.json").read_text())
    assert meta.pop("own_final_episodes") is True
    (folder / "meta.json").write_text(json.dumps(meta))
    old = [episodes(Purpose.EVAL_EPISODES, seed, 30) for seed in (5, 6)]
    assert evaluated(folder)["returns"] == old
    assert resume(str(folder), "total_steps=30") == 0
    assert result(folder)["final"]["per_seed"] == [np.mean(each) for each in old]
    assert "own_final_episodes" not in json.loads((folder / "meta.json").read_text())
