"""Where the time of a vector step goes: torch's profiler, and the host's clock around the parts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from tests.gpu.given import DeviceName, Given, synchronize
from tests.gpu.learners import Learner, learner
from tests.gpu.speed import WORKS

TOP = 12
LAUNCHES = ("cudaLaunch", "cuLaunch")
CASES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "dqn": ("dqn, CartPole", 100, ("agent.train_every=1",)),
    "dqn, waiting": ("dqn, CartPole", 100, ("agent.train_every=1",)),
    "pong": ("dqn, Pong", 1, ()),
    "sac": ("sac 256-256, Pendulum", 10, ()),
    # a rollout as long as what is profiled, with as many updates a step as the work has
    "ppo": ("ppo, CartPole", 100, ("agent.n_steps={steps}", "agent.batch_size={batch}")),
}


def main(given: Given) -> None:
    given.note(
        "per vector step: milliseconds by the host's clock, without the profiler, and the number "
        "of launches, copies and waits; 'tensor' and 'array' are the transfers to the device and "
        "back, with their waits, and lie within 'act' and 'learn'; with 'waiting' each transfer to "
        "the device waits until it is done"
    )
    for name in CASES:
        given.attempt("profile", name, lambda name=name: profiled(given, name))  # type: ignore[misc]


def profiled(given: Given, name: str) -> dict[str, Any]:
    """Profile a work; write its tables to a file, and return its sums."""
    work, rows, more = CASES[name]
    steps = 64 if given.device == "cuda" else given.sizes.profiled
    rows = min(rows, given.sizes.rows[-1])
    words = [each.format(steps=steps, batch=4 * steps) for each in more]
    words += ["agent.learning_starts=100"] if name != "ppo" else []
    words += [f"seeds={rows}", f"device.name={given.device}", "total_steps=1000000"]
    with learner(*WORKS[work], *words) as each:
        while each.clock < 200:  # learning has begun, and a whole number of rollouts is over
            _repeat(each, steps)
        synchronize(given.device)
        if name.endswith("waiting"):
            _wait_for_transfers(each, given.device)
        found = {"rows": rows, **_timed(each, steps, given.device)}
        if name.endswith("waiting"):
            return found
        activities = [ProfilerActivity.CPU]
        if given.device == "cuda":
            activities.append(ProfilerActivity.CUDA)
        with profile(activities=activities) as result:
            start = time.perf_counter()
            _repeat(each, steps)
            synchronize(given.device)
            wall = time.perf_counter() - start
    averages = list(result.key_averages())
    found |= sums(averages, steps, wall)
    title = f"{name}: {work}, {rows} rows, {steps} vector steps, {wall:.3f} s with the profiler"
    text = f"{title}\n\n{_top(averages, True, steps)}\n\n{_top(averages, False, steps)}\n"
    (given.folder / f"profile-{name}.txt").write_text(text)
    return found


def _wait_for_transfers(each: Learner, device: str) -> None:
    to_device: Any = each.agent._device  # type: ignore[attr-defined]
    real = to_device.tensor

    def waiting(array: Any) -> Any:
        tensor = real(array)
        synchronize(device)
        return tensor

    to_device.tensor = waiting


def _repeat(each: Learner, steps: int) -> None:
    for _ in range(steps):
        each.step()


def _timed(each: Learner, steps: int, device: DeviceName) -> dict[str, float]:
    """Return the milliseconds of a vector step, and of its parts by the host's clock."""
    spent: Counter[str] = Counter()
    agent: Any = each.agent
    parts = [(agent, "learn"), (agent, "act"), (each.envs, "step")]
    parts += [(agent._device, "tensor"), (agent._device, "array")]
    if hasattr(agent, "_replay"):
        parts.append((agent._replay, "sample"))
    before = [vars(owner).get(name) for owner, name in parts]
    for owner, name in parts:
        setattr(owner, name, _watched(getattr(owner, name), name, spent))
    each.restart()
    start = time.perf_counter()
    _repeat(each, steps)
    synchronize(device)
    spent["ms"] = time.perf_counter() - start  # type: ignore[assignment]
    for (owner, name), own in zip(parts, before, strict=True):
        delattr(owner, name) if own is None else setattr(owner, name, own)
    each.restart()
    order = ["ms", *(name for _, name in parts)]
    return {name: round(1000 * spent[name] / steps, 3) for name in order}


def _watched(function: Callable[..., Any], name: str, spent: Counter[str]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - start  # type: ignore[assignment]

    return watched


def sums(averages: list[Any], steps: int, wall: float) -> dict[str, Any]:
    """Return what is counted of a vector step, and the share of time that the device computes."""
    counts: Counter[str] = Counter()
    for each in averages:
        if each.key.startswith(LAUNCHES):
            counts["launches"] += each.count
        elif each.key.startswith("cudaMemcpy"):
            counts["copies"] += each.count
        elif each.key in ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize"):
            counts["waits"] += each.count
    busy = sum(_own(each) for each in averages if _on_device(each)) / 1e6
    return {
        **{name: round(counts[name] / steps, 1) for name in ("launches", "copies", "waits")},
        "busy": round(busy / wall, 3),
        "profiled ms": round(1000 * wall / steps, 3),
    }


def _on_device(each: Any) -> bool:
    return bool(each.device_type == DeviceType.CUDA)


def _own(each: Any) -> float:
    """Return microseconds of an operation without those that it calls."""
    return float(each.self_device_time_total if _on_device(each) else each.self_cpu_time_total)


def _top(averages: list[Any], on_device: bool, steps: int) -> str:
    """Return the operations that take the most time, on the device or on the host."""
    rows = sorted((e for e in averages if _on_device(e) == on_device), key=_own, reverse=True)
    total = sum(map(_own, rows)) or 1.0
    place = "device" if on_device else "host"
    lines = [f"{'us a step':>10}{'share':>8}{'calls a step':>14}  on the {place}"]
    for each in rows[:TOP]:
        own = _own(each)
        lines.append(
            f"{own / steps:10.1f}{own / total:8.1%}{each.count / steps:14.1f}  {each.key[:110]}"
        )
    return "\n".join(lines)
