"""Steps per second while learning, on the device and on one thread of the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.gpu.given import DeviceName, Given, synchronize
from tests.gpu.learners import Learner, learner

WORKS: dict[str, tuple[str, ...]] = {
    "dqn, CartPole": ("experiment=bench_dqn", "agent.learning_starts=1000"),
    "ppo, CartPole": ("experiment=bench_ppo",),
    "sac 256-256, Pendulum": ("experiment=bench_sac", "agent.hidden=[256,256]"),
    "dqn, Pong": ("experiment=bench_atari",),
}
WARM, WARM_ROLLOUTS = 20, 2
"""Calls of `learn` with updates before a window begins: of agents with a replay, and others."""
PEER = "Stable-Baselines3, Pong"


def main(given: Given) -> None:
    sizes = given.sizes
    given.note(
        f"steps/s of all seeds together while they learn, in a window of {sizes.seconds:g} s; "
        f"settings of make bench: {'; '.join(' '.join(words) for words in WORKS.values())}"
    )
    rows: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "dqn, CartPole": (sizes.rows, sizes.host_rows),
        "ppo, CartPole": (sizes.rows, sizes.host_rows),
        "dqn, Pong": (sizes.pixel_rows, ()),
        "sac 256-256, Pendulum": (sizes.control_rows, sizes.control_rows[:-1]),
    }
    for name, (on_device, on_host) in rows.items():
        if name == "dqn, Pong":
            given.attempt("speed", PEER, lambda: peer(given), rows=1, on=given.device)
        for number in on_device:
            _measure(given, name, number, given.device)
        for number in on_host:
            _measure(given, name, number, "cpu")


def _measure(given: Given, name: str, rows: int, device: DeviceName) -> None:
    known = {"rows": rows, "on": device}
    given.attempt("speed", name, lambda: measured(given, name, rows, device), **known)


def measured(given: Given, name: str, rows: int, device: DeviceName) -> dict[str, Any]:
    """Return the speed of a work with so many rows; its seeds are numbered from 0."""
    words = [*WORKS[name], f"seeds={rows}", f"device.name={device}", "total_steps=1000000"]
    with learner(*words) as each:
        if each.note:
            given.note(each.note)
        steps, seconds = window(each, device, given.sizes.seconds, given.sizes.most)
    speed = steps * each.seeds / seconds
    return {
        "steps/s": round(speed),
        "each row": round(speed / rows, 1),
        "window": round(seconds, 1),
    }


def window(
    each: Learner, device: str, seconds: float, most: float, clock: Callable[[], float] = time.time
) -> tuple[int, float]:
    """Return the steps of each seed in a window after a warm-up, and its length.

    The window begins and ends at an update, so that it has whole rollouts. It ends early if all
    that takes longer than ``most`` seconds. Raises RuntimeError if it has not begun by then.
    """
    begun = clock()
    warm = WARM if hasattr(each.agent, "_replay") else WARM_ROLLOUTS
    updates, start, steps = 0, 0.0, 0
    found: tuple[int, float] | None = None
    while True:
        _, metrics = each.step()
        now = clock()
        if now - begun > most:
            if found is not None:
                return found
            raise RuntimeError(f"no window of {seconds:g} s within {most:g} s")
        if not metrics:
            continue
        updates += 1
        synchronize(device)
        now = clock()
        if start:
            found = each.clock - steps, now - start
            if found[1] >= seconds:
                return found
        elif updates >= warm:
            start, steps = now, each.clock


def peer(given: Given) -> dict[str, Any]:
    """Return the speed of Stable-Baselines3 on the same game, device and settings."""
    device, seconds = given.device, given.sizes.seconds
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu.peer", device, str(seconds), str(given.sizes.most)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        text=True,
        capture_output=True,
        timeout=given.sizes.most + 30,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    speed = float(done.stdout.splitlines()[-1])
    return {"steps/s": round(speed), "each row": round(speed, 1), "window": seconds}
