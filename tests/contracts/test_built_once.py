"""A run builds each of its objects once, and reads each file once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import functools, json, os, sys
from collections import Counter
import gymnasium
from rlrun.__main__ import main
from rlrun.agents.dqn import DQN
from rlrun.envs import environment, reproducible
from rlrun.explore.policies import EpsilonGreedy
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.device import Device
from rlrun.replay.ring import Replay

built, read = Counter(), Counter()
make = gymnasium.make

def counted(*args, **kwargs):
    built["environment"] += 1
    return make(*args, **kwargs)

gymnasium.make = counted
environment.reproducible.doubt = lambda open_one: ""  # the self-test makes environments anew
for cls in (DQN, Replay, Device, Optimizer, EpsilonGreedy):
    def count(cls=cls, init=cls.__init__):
        @functools.wraps(init)
        def counting(self, *args, **kwargs):
            built[cls.__name__] += 1
            init(self, *args, **kwargs)
        cls.__init__ = counting
    count()

def opened(event, args):
    path, mode = (args[0], args[1]) if event == "open" else ("", "")
    if isinstance(path, str) and str(mode).startswith("r") and "/the_run/" in os.path.abspath(path):
        read[os.path.abspath(path).partition("/the_run/")[2]] += 1

sys.addaudithook(opened)
sys.argv = ["rlrun", *sys.argv[1:]]
code = main()
json.dump([code, built, read], open("counts.json", "w"))
"""

COMPARED = (8 + 1) + (1 + 1)  # several and one, each with the spaces of its array version


def counts(folder: Path, *words: str) -> tuple[dict[str, int], dict[str, int]]:
    """What a command builds, by class, and what it reads of the run, by file."""
    subprocess.run([sys.executable, "-c", PROGRAM, *words], cwd=folder, check=True, timeout=600)
    code, built, read = json.loads((folder / "counts.json").read_text())
    assert code == 0
    return built, read


@pytest.mark.slow
def test_a_run_and_its_resume_build_everything_once_and_read_each_file_once(tmp_path: Path) -> None:
    run = ("agent=dqn", "env=Acrobot-v1", "seeds=2", "total_steps=40", "hydra.run.dir=the_run")
    built, _ = counts(tmp_path, *run, "eval.every=0", "eval.final_episodes=0")
    once = {"DQN": 1, "Replay": 1, "Device": 1, "Optimizer": 1, "EpsilonGreedy": 1}
    # two seeds, too few for arrays, and one to see the spaces
    assert built == {**once, "environment": 2 + 1 + COMPARED}
    built, read = counts(tmp_path, "resume", "the_run", "total_steps=60")
    assert built == {**once, "environment": 2 + 1 + COMPARED}
    written = {name for name in read if name.startswith("checkpoint/arrays-")}
    assert {"meta.json", "config.yaml", "result.json", "metrics.jsonl"} <= read.keys() - written
    assert set(read.values()) == {1}
    assert len(written) == 2  # the one that it resumes from, and the checksum of its own


@pytest.mark.slow
@pytest.mark.parametrize("vector", ["sync", "auto"])
def test_environments_are_made_for_training_evaluation_and_films(
    vector: str, tmp_path: Path
) -> None:
    words = ("agent=random", "env=CartPole-v1", "seeds=2", "env.num_envs=3", "total_steps=40")
    evaluated = ("eval.every=20", "eval.episodes=2", "eval.final_episodes=5", "record.every=20")
    given = (*words, *evaluated, f"env.vector={vector}", "hydra.run.dir=the_run")
    built, _ = counts(tmp_path, *given)
    training, look, evaluation, final, films = 2 * 3, 1, 2 * 2, 2 * 5, 2
    if vector == "auto":  # one for the spaces of each array version
        training, evaluation, final, look = 1, 1, 1, look + COMPARED
    assert built["environment"] == training + look + evaluation + final + films
