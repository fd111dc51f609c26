"""Runs in which something goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rlrun.core.rng import Numbers, Purpose
from tests.support.common import SMALL_DQN, settings

WORDS = (
    *SMALL_DQN,
    "seed=5",
    "seeds=3",
    "total_steps=200",
    "log.every=20",
    "eval.every=100",
    "eval.episodes=2",
    "eval.final_episodes=2",
    "checkpoint.every_steps=10",
)


VICTIM = Numbers(Purpose.TRAIN_EPISODES)(6, 0, 0)  # how seed 6's environment begins


def faulty(what: str, *words: str, victim: int | None = VICTIM) -> dict[str, Any]:
    kwargs = [f"env.kwargs.what={what}"] + ([f"env.kwargs.victim={victim}"] if victim else [])
    return settings(*WORDS, "env=tests.support.faulty:Faulty-v0", *kwargs, *words)


def meta(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "meta.json").read_text())
    return found
