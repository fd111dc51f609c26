"""The checks of `make gpu`, with the CPU standing in for the device."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch._C._autograd import DeviceType

from tests.gpu import agents, equality, profiles, report, speed
from tests.gpu.__main__ import main
from tests.gpu.given import TINY, Given
from tests.gpu.learners import SEARCHES, deep_agents, learner, words_of

DQN = equality.Case(tuple(words_of("dqn")))
STEPS = 55


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given("part", "cpu", TINY, tmp_path, time.time() + 600)


def kept(given: Given) -> Any:
    return json.loads((given.folder / "part.json").read_text())


def test_the_deep_agents_are_those_with_a_device() -> None:
    found = deep_agents()
    assert {"dqn", "rainbow", "td3", "sac", "ppo", "a2c", "reinforce", *SEARCHES} <= set(found)
    assert not {"random", "q_learning", "policy_iteration"} & set(found)
    assert {name for name in found if name not in SEARCHES} <= equality.cases().keys()


def test_an_agent_that_runs_has_learnt(given: Given) -> None:
    found = agents.run(given, "dqn", words_of("dqn"))
    assert found["updates"] == TINY.steps - 50 + 1


def test_an_agent_that_does_not_learn_is_noticed(given: Given) -> None:
    words = [*words_of("dqn")[:-3], "agent.learning_starts=1000"]
    with pytest.raises(RuntimeError, match="it did not learn"):
        agents.run(given, "dqn", words)


def test_an_agent_that_fails_does_not_stop_the_others(given: Given) -> None:
    given.attempt("agents", "none", lambda: agents.run(given, "none", ["agent=none"]))
    given.attempt("agents", "next", lambda: {"updates": 1})
    first, second = kept(given)["tables"]["agents"]
    assert "none" in first["error"]
    assert second["updates"] == 1
    assert "RuntimeError" in kept(given)["traces"]["agents: none"]


def test_nothing_begins_after_the_deadline(given: Given) -> None:
    given.deadline = time.time() - 1
    given.attempt("agents", "late", lambda: pytest.fail("it began"))
    assert kept(given)["tables"]["agents"] == [{"name": "late", "error": "no time was left"}]


def test_a_seed_in_a_stack_is_compared_with_the_seed_alone(given: Given) -> None:
    row = equality.compared(given, DQN)
    assert row == {"updates": 5, "again": "equal", "in 2": "equal", "beside the CPU": "equal"}


def test_other_seeds_are_noticed() -> None:
    stack = equality.course(DQN, "cpu", 0, 2, STEPS)
    assert equality.described(stack, 0, stack, 0) == "equal"
    assert equality.described(stack, 0, stack, 1) == "other initial weights"


def test_one_weight_that_differs_in_its_last_bit_is_noticed() -> None:
    one, other = (equality.course(DQN, "cpu", 0, 1, STEPS) for _ in range(2))
    end = other.weights[2]
    place = np.unravel_index(np.abs(end).argmax(), end.shape)
    end[place] = np.nextafter(end[place], np.float32(9))
    found = equality.described(one, 0, other, 0)
    assert found.startswith(("0e+00 to 1e-07", "0e+00 to 6e-08"))
    assert "actions" not in found


def test_an_action_that_differs_is_noticed() -> None:
    one, other = (equality.course(DQN, "cpu", 0, 1, STEPS) for _ in range(2))
    other.actions[0, 7] = 1 - other.actions[0, 7]
    assert equality.described(one, 0, other, 0) == "0e+00 to 0e+00, actions from step 7"


def test_an_agent_that_learnt_nothing_is_not_equal() -> None:
    course = equality.course(DQN, "cpu", 0, 1, 10)
    assert equality.described(course, 0, course, 0) == "nothing was learnt"


def test_differences_are_relative_to_the_largest_number() -> None:
    assert equality.difference(np.array([1.0, -3.0]), np.array([2.0, -4.0])) == 0.25


def test_a_window_begins_and_ends_at_updates(given: Given) -> None:
    """Of a clock that a step advances by a second, with an update every third step."""
    each = _counting(period=3)
    warm = speed.WARM_ROLLOUTS * 3  # the step of the update at which the window begins
    steps, seconds = speed.window(each, "cpu", 10, 100, lambda: each.clock / 8)
    assert (steps, seconds) == (8 * 12, 12)  # the first update after 10 seconds
    assert each.clock == 8 * (warm + 12)


def test_a_window_that_takes_too_long_is_given_up() -> None:
    each = _counting(period=3)
    with pytest.raises(RuntimeError, match="no window of 10 s within 7 s"):
        speed.window(each, "cpu", 10, 7, lambda: each.clock / 8)


def test_a_window_is_cut_short_at_its_last_update() -> None:
    """It begins at second 6, and the last update before second 14 is at second 12."""
    each = _counting(period=3)
    assert speed.window(each, "cpu", 10, 13, lambda: each.clock / 8) == (8 * 6, 6)


def test_launches_copies_waits_and_the_busy_share_are_summed() -> None:
    def average(key: str, count: int, on_device: float = 0, on_host: float = 0) -> Any:
        device = DeviceType.CUDA if on_device else DeviceType.CPU
        return SimpleNamespace(
            key=key,
            count=count,
            device_type=device,
            self_device_time_total=on_device,
            self_cpu_time_total=on_host,
        )

    averages = [
        average("cudaLaunchKernel", 6, on_host=40),
        average("cuLaunchKernelEx", 2, on_host=10),
        average("cudaMemcpyAsync", 4, on_host=9),
        average("cudaStreamSynchronize", 2, on_host=5),
        average("gemm", 6, on_device=2000),
        average("Memcpy HtoD", 4, on_device=500),
    ]
    assert profiles.sums(averages, steps=2, wall=0.01) == {
        "launches": 4,
        "copies": 2,
        "waits": 1,
        "busy": 0.25,
        "profiled ms": 5,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", profiles.CASES)
def test_a_profile_has_the_parts_of_a_step_and_leaves_the_agent_as_it_was(
    given: Given, name: str
) -> None:
    found = profiles.profiled(given, name)
    parts = found["learn"] + found["act"] + found["step"]
    assert 0 < parts <= found["ms"]
    assert found["learn"] > found["array"]
    if name == "dqn":
        assert "aten::" in (given.folder / "profile-dqn.txt").read_text()


def test_the_methods_are_as_before_after_a_measurement() -> None:
    with learner(*words_of("dqn"), "seeds=1", "device.name=cpu") as each:
        before = {**vars(each.agent)}
        profiles._timed(each, 3, "cpu")
        assert vars(each.agent).keys() == before.keys()


def test_a_table_is_aligned() -> None:
    rows = [{"name": "a", "steps/s": 12345}, {"name": "bcd", "steps/s": 7, "error": "no"}]
    assert report.table("speed", rows).splitlines() == [
        "== speed",
        "name  steps/s  error",
        "a      12,345",
        "bcd         7  no",
    ]


def test_numbers_as_they_are_read() -> None:
    numbers = [0.25, 1234.5, 3e-7, 12, None, True]
    assert list(map(report.written, numbers)) == ["0.25", "1,234.5", "3.0e-07", "12", "", "yes"]


@pytest.mark.slow
def test_a_killed_run_that_resumes_is_found_equal(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    assert main(["--device", "cpu", "--tiny", "--only", "resume", "--json", str(file)]) == 0
    part = json.loads(file.read_text())["parts"]["resume"]
    assert part["status"] == "done"
    [row] = part["tables"]["resume"]
    assert (row["name"], row["resumed"]) == ("dqn", "equal")
    assert "equal" in file.with_suffix(".txt").read_text()


@pytest.mark.slow
def test_without_time_the_results_are_written_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    words = ["--device", "cpu", "--tiny", "--minutes", "0", "--only", "profile"]
    assert main([*words, "--json", str(file)]) == 1
    assert json.loads(file.read_text())["parts"]["profile"]["status"] != "done"


def _counting(period: int) -> Any:
    """Return a stand-in for a learner of 8 environments per seed."""

    def step() -> Iterator[tuple[None, dict[str, Any]]]:
        number = 0
        while True:
            number += 1
            each.clock += 8
            yield None, {} if number % period else {"train/loss": 1}

    steps = step()
    each = SimpleNamespace(clock=0, agent=object(), step=lambda: next(steps))
    return each
