"""Seed k in a stack against seed k alone, a run against itself, and the device against the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from rlrun.core.types import Array
from rlrun.nets.device import Device, DeviceSettings
from tests.gpu.given import DeviceName, Given
from tests.gpu.learners import PIXELS, SEARCHES, deep_agents, has_replay, learner, words_of

DETERMINISTIC = "device.deterministic=true"
FEW = 10  # the largest stack that learns from pixels here


@dataclass(frozen=True)
class Case:
    """What is compared."""

    words: tuple[str, ...]
    pixels: bool = False
    tf32: bool = True
    """Whether convolutions may use TF32, which is cuDNN's default."""


@dataclass(frozen=True)
class Course:
    """How seeds learnt."""

    weights: tuple[Array, Array, Array]
    """``[seed, n]``, at the start, after each seed's first update, and at the end."""
    actions: Array
    """``[seed, step, ...]``."""
    updates: Array
    """``[seed]``."""


def cases() -> dict[str, Case]:
    """Return what is compared, by name."""
    names = [name for name in deep_agents() if name not in SEARCHES]
    pong = ("agent=dqn", *PIXELS, "agent.learning_starts=50", "agent.train_every=2", "tuned=none")
    return {
        **{name: Case(tuple(words_of(name))) for name in names},
        "rainbow, deterministic": Case((*words_of("rainbow"), DETERMINISTIC)),
        "dqn, Pong": Case(pong, pixels=True),
        "dqn, Pong, no TF32": Case(pong, pixels=True, tf32=False),
        "dqn, Pong, deterministic": Case((*pong, DETERMINISTIC), pixels=True, tf32=False),
    }


def main(given: Given) -> None:
    given.note(
        f"matrix products use TF32: {torch.backends.cuda.matmul.allow_tf32} (torch's default), "
        f"convolutions: {torch.backends.cudnn.allow_tf32} (cuDNN's), except where 'no TF32' stands"
    )
    given.note(
        "'equal' is bit for bit, weights and actions, from the first step to the last; otherwise "
        "the largest difference of a weight over the largest weight, after the first update and at "
        "the end, and the first step with other actions"
    )
    if given.device == "cuda":
        given.attempt("transfers", "arrays overwritten at once", transferred)
    for name, case in cases().items():
        given.attempt("equality", name, lambda case=case: compared(given, case))  # type: ignore[misc]


def transferred() -> dict[str, Any]:
    """Return whether arrays that are overwritten after their transfer have arrived unchanged.

    The device is busy with other work when each transfer is asked for.
    """
    device = Device(DeviceSettings(name="cuda"))
    work = torch.rand(4096, 4096, device="cuda")
    wrong = []
    for size in (1, 1000, 10**5, 10**7):
        array = np.arange(size, dtype=np.float32)
        for _ in range(50):
            work = work @ work
            work /= work.norm()
        tensor = device.tensor(array)
        array[:] = -1
        if not np.array_equal(device.array(tensor), np.arange(size, dtype=np.float32)):
            wrong.append(size)
    return {"unchanged": f"not with {wrong} numbers" if wrong else "yes"}


def compared(given: Given, case: Case) -> dict[str, Any]:
    """Return how equal the courses of one agent are."""
    device, updates = given.device, given.sizes.updates
    stacks = [size for size in given.sizes.stacks if not case.pixels or size <= FEW]
    starts = 50 if has_replay(case.words[0].removeprefix("agent=")) else 100
    steps = starts + updates

    @cache
    def alone(seed: int) -> Course:
        return course(case, device, seed, 1, steps)

    row: dict[str, Any] = {"updates": int(alone(0).updates[0])}
    row["again"] = described(alone(0), 0, course(case, device, 0, 1, steps), 0)
    for size in stacks:
        stack = course(case, device, 0, size, steps)
        found = {described(stack, seed, alone(seed), 0) for seed in (0, size - 1)}
        row[f"in {size}"] = " / ".join(sorted(found))
    row["beside the CPU"] = described(alone(0), 0, course(case, "cpu", 0, 1, steps), 0)
    return row


def course(case: Case, device: DeviceName, first: int, seeds: int, steps: int) -> Course:
    """Let seeds ``first``, ``first + 1``, ... learn in one stack."""
    words = [f"device.name={device}", f"seed={first}", f"seeds={seeds}", f"total_steps={steps}"]
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = case.tf32
    try:
        with learner(*case.words, *words) as each:
            start, actions = each.weights(), []
            after, updates = start.copy(), np.zeros(seeds, np.int64)
            for _ in range(steps):
                t, metrics = each.step()
                actions.append(t.action.copy())
                now = np.asarray(metrics.get("train/n_updates", updates)).copy()
                if (begun := (updates == 0) & (now > 0)).any():
                    after[begun] = each.weights()[begun]
                updates = now
            return Course((start, after, each.weights()), np.stack(actions, 1), updates)
    finally:
        torch.backends.cudnn.allow_tf32 = before


def described(one: Course, i: int, other: Course, j: int) -> str:
    """Compare seed ``i`` of a course with seed ``j`` of another, in words."""
    if not one.updates[i] or not other.updates[j]:
        return "nothing was learnt"
    pairs = [(a[i], b[j]) for a, b in zip(one.weights, other.weights, strict=True)]
    same = [a.tobytes() == b.tobytes() for a, b in pairs]
    differ = (one.actions[i] != other.actions[j]).reshape(one.actions.shape[1], -1).any(-1)
    if not same[0]:
        return "other initial weights"
    if all(same) and not differ.any():
        return "equal"
    apart = f", actions from step {int(differ.argmax())}" if differ.any() else ""
    return f"{difference(*pairs[1]):.0e} to {difference(*pairs[2]):.0e}{apart}"


def difference(one: Array, other: Array) -> float:
    """Return the largest difference of two arrays over their largest number."""
    return float(np.abs(one - other).max() / np.abs(other).max())
