"""Small runs of every kind, and what a verb that looks at one says."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from rlrun.__main__ import main
from rlrun.run import start_run
from tests.support.common import SMALL_CONTROL, SMALL_DQN, SMALL_DRQN, SMALL_PPO, settings

SMALL = (
    "seeds=3",
    "total_steps=120",
    "log.every=60",
    "eval.every=60",
    "eval.episodes=2",
    "eval.final_episodes=4",
    "eval.max_steps=60",
)
RUNS = {
    "table": ("agent=q_learning", "env=FrozenLake-v1", "tuned=none"),
    "planner": ("agent=value_iteration", "env=rlrun/MarsRover-v0"),
    "dqn": (*SMALL_DQN, "env=CartPole-v1", "env.num_envs=2"),
    "drqn": (*SMALL_DRQN, "env=CartPole-v1", "env.num_envs=2"),
    "ppo": (*SMALL_PPO, "env=Acrobot-v1", "agent.normalize_obs=true", "env.num_envs=2"),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, "env=Pendulum-v1"),
    "random": ("agent=random", "env=CartPole-v1", "tuned=none"),
    "images": (
        *SMALL_DQN,
        "agent=rainbow",
        "agent.n_step=5",
        "env=tests.support.pixels:Film-v0",
        "env.frame_stack=2",
        "seeds=2",
    ),
    "game": (
        *SMALL_DQN,
        "env=ALE/Pong-v5",
        "agent.learning_starts=1000",
        "seeds=2",
        "total_steps=40",
        "eval.every=20",
        "eval.episodes=1",
        "eval.final_episodes=2",
        "eval.max_steps=20",
    ),
}


def trained(folder: Path, name: str, *words: str) -> Path:
    """The folder of a run that was trained a little."""
    folder.mkdir(parents=True)
    start_run(settings(*RUNS[name][:1], *SMALL, *RUNS[name], *words), folder, "rlrun again")
    return folder


def said(*words: str) -> tuple[int, str, str]:
    """The exit code of a command line, and what it printed."""
    before, out, err = sys.argv, io.StringIO(), io.StringIO()
    sys.argv = ["rlrun", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main()
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def evaluated(folder: Path, *words: str) -> dict[str, Any]:
    """What `rlrun evaluate FOLDER WORDS --json` says."""
    code, out, err = said("evaluate", str(folder), *words, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert isinstance(told, dict)
    return told


def result(folder: Path) -> dict[str, Any]:
    told = json.loads((folder / "result.json").read_text())
    assert isinstance(told, dict)
    return told


def digests(folder: Path) -> dict[str, str]:
    """Every file in a folder, and what is in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
