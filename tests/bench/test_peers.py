"""The suite of benchmarks, without its peers: equal settings, versions, results and the page."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

import pytest

from tests.bench import compare
from tests.bench.peers.measure import command
from tests.bench.peers.page import DATA, PAGE, ROOT, page
from tests.bench.peers.results import rows
from tests.bench.peers.suite import USUAL
from tests.bench.peers.works import described, works
from tests.support.common import settings

WORKS = works()
LEARNERS = [name for name, work in WORKS.items() if work.algorithm]
KEYS = {  # the keyword argument of Stable-Baselines3, and rlrun's setting
    "learning_rate": "agent.lr",
    "buffer_size": "replay.capacity",
    "learning_starts": "agent.learning_starts",
    "batch_size": "agent.batch_size",
    "tau": "agent.tau",
    "gamma": "gamma",
    "train_freq": "agent.train_every",
    "gradient_steps": "agent.gradient_steps",
    "target_update_interval": "agent.target_every",
    "exploration_fraction": "explore.fraction",
    "exploration_initial_eps": "explore.start",
    "exploration_final_eps": "explore.end",
    "max_grad_norm": "agent.max_grad_norm",
    "n_steps": "agent.n_steps",
    "n_epochs": "agent.epochs",
    "gae_lambda": "agent.trace_decay",
    "clip_range": "agent.clip",
    "vf_coef": "agent.value_coef",
}


@pytest.mark.parametrize("name", LEARNERS)
def test_the_peers_have_the_settings_of_rlrun(name: str) -> None:
    work, found = WORKS[name], settings(*WORKS[name].rlrun)
    theirs = dict(work.settings)
    assert theirs.pop("policy_kwargs") == {"net_arch": found["agent"]["hidden"]}
    entropy = theirs.pop("ent_coef", None)
    if work.algorithm == "SAC":
        assert (entropy, found["agent"]["ent_coef"]) == ("auto", None)  # learnt by both
    elif work.algorithm == "PPO":
        assert entropy == found["agent"]["entropy_coef"]
    for key, value in theirs.items():
        assert value == _at(found, KEYS[key]), key
    assert found["agent"]["name"] == work.algorithm.lower()
    assert found["env"]["id"] == work.env
    assert found["env"]["num_envs"] == work.num_envs
    assert found["eval"]["every"] == found["eval"]["final_episodes"] == 0
    if "max_grad_norm" not in theirs and "max_grad_norm" in found["agent"]:
        assert found["agent"]["max_grad_norm"] is None


def test_the_loops_over_tables_have_the_settings_of_rlrun() -> None:
    work, found = WORKS["tables"], settings(*WORKS["tables"].rlrun)
    agent, explore = found["agent"], found["explore"]
    assert work.settings == {
        "lr": agent["lr"],
        "gamma": found["gamma"],
        "epsilon": explore["start"],
    }
    assert explore["start"] == explore["end"]
    assert (agent["lr_decay"], agent["initial_value"], agent["n_step"]) == (0, 0, 1)
    assert (agent["bootstrap"], agent["trace_decay"]) == ("max", 0)


def test_the_versions_are_those_of_the_constraints() -> None:
    lines = ROOT.joinpath("constraints.txt").read_text("utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    versions = described()["versions"]
    assert {name: pinned[name] for name in versions} == versions


def test_the_page_is_made_of_the_measurements() -> None:
    assert page(json.loads(DATA.read_text("utf-8"))) == PAGE.read_text("utf-8")


def test_the_page_has_the_works_of_the_suite() -> None:
    """With the settings of today, so that it is measured again when they change."""
    found = json.loads(DATA.read_text("utf-8"))["works"]
    assert tuple(found) == USUAL
    for name, each in found.items():
        kept = {key: getattr(WORKS[name], key) for key in ("steps", "settings", "rlrun")}
        assert {key: each[key] for key in kept} == kept


def test_the_gates_are_of_contenders() -> None:
    for work in WORKS.values():
        assert {work.reference, *work.gates, *work.gates_per_second} <= set(work.contenders)
        assert all(command(work, contender)[0] == "-m" for contender in work.contenders)


def test_rows_have_medians_ratios_and_gates() -> None:
    first, second = rows(_measured())
    assert (first.median, first.least, first.greatest, first.ratio) == (10, 5, 20, 1)
    assert (second.median, second.ratio, second.cpu, second.cpu_ratio) == (30, 3, 60, 3)
    assert (first.gate, second.gate) == ("", "2: reached")
    assert second.outside == 4


def test_a_missed_gate() -> None:
    work = _measured() | {"gates": {"rlrun 1": 3.5}}
    assert rows(work)[1].gate == "3.5: missed"
    work = _measured() | {"gates": {}, "gates_per_second": {"rlrun 1": 31}}
    assert rows(work)[1].gate == "31 steps/s: missed"


def test_few_runs_are_compared_by_their_extremes() -> None:
    assert compare.ratio([2.0, 4.0], [1.0, 2.0]) == (2, 1, 4)
    assert compare.verdict(1, 4) == "within the noise"


def test_a_clear_difference_is_found() -> None:
    new, old = [2.0, 2.1, 1.9, 2.2, 2.0], [1.0, 1.1, 0.9, 1.05, 1.0]
    middle, low, high = compare.ratio(new, old)
    assert middle == statistics.median(new) / statistics.median(old) == 2
    assert 1 < low < 2 < high
    assert compare.verdict(low, high) == "faster"
    assert compare.verdict(*compare.ratio(old, new)[1:]) == "slower"


def _measured() -> dict[str, Any]:
    def runs(*walls: float) -> list[Mapping[str, float]]:
        return [{"steps": 100, "wall": wall, "cpu": wall / 2, "whole": wall + 4} for wall in walls]

    return {
        "contenders": ["sb3 1", "rlrun 1"],
        "reference": "sb3 1",
        "gates": {"rlrun 1": 2},
        "gates_per_second": {},
        "measured": {"sb3 1": runs(10, 20, 5), "rlrun 1": runs(10 / 3, 10 / 3)},
    }


def _at(found: Mapping[str, Any], path: str) -> Any:
    for key in path.split("."):
        found = found[key]
    return found
