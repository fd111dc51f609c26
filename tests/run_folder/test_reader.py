"""Runs read back as data, and beside each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.results.grouping import differing, grouped
from rlrun.run_folder.files import FolderError
from rlrun.run_folder.reader import RecordedRun, find_runs, read_run, read_runs
from tests.support.reports import leave


def recorded(
    folder: Path, scores: Sequence[float | None] | None = None, **given: Any
) -> RecordedRun:
    """A run of seeds 3 and 4 as one leaves it, with settings changed: `agent={"lr": 1.0}`."""
    return read_run(leave(folder, scores, **({"seed": 3} | given)))


def test_curves_leave_out_what_is_missing_and_half_written(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run")
    rows: list[dict[str, float]] = [
        {"step": 10, "seed": 3, "a": 1.5},
        {"step": 10, "seed": 4, "a": 2.5, "b": 7.0},
        {"step": 20, "seed": 4, "a": 3.5},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (run.folder / "metrics.jsonl").write_text(text + '{"step": 30, "se')
    curves = read_run(run.folder).curves
    assert list(curves) == ["a", "b"]
    assert curves["a"].steps.tolist() == [10, 20]
    np.testing.assert_array_equal(curves["a"].values, [[1.5, np.nan], [2.5, 3.5]])
    assert curves["b"].steps.tolist() == [10]
    np.testing.assert_array_equal(curves["b"].values, [[np.nan], [7.0]])


def test_a_run_that_nobody_works_at_any_more_was_interrupted(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run")
    assert run.status == "done"
    path = run.folder / "meta.json"
    path.write_text(path.read_text().replace('"done"', '"running"'))
    assert read_run(run.folder).status == "interrupted"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("result.json", "[1, 2]", "does not hold a run's result"),
        ("result.json", '{"seeds": [3]}', "does not hold a run's result"),
        (
            "result.json",
            '{"seeds": [3, 4], "final": {"per_seed": [1]}, "best": null, "status": "done"}',
            "does not hold a run's result",
        ),
        ("metrics.jsonl", '{"step": 1, "seed": 9, "a": 1.0}\n', "a line of it is not metrics"),
        ("metrics.jsonl", '{"step": 1, "seed": [], "a": 1.0}\n', "a line of it is not metrics"),
        (
            "result.json",
            '{"seeds": [3], "final": {"per_seed": [1]}, "best": null, "status": "done"}',
            "its seeds are not those of the run",
        ),
        (
            "result.json",
            '{"seeds": [3], "final": {"per_seed": [NaN]}, "best": null, "status": "done"}',
            "does not hold a run's result",
        ),
        ("metrics.jsonl", '{"step": 1e999, "seed": 3, "a": 1.0}\n', "a line of it is not metrics"),
        ("metrics.jsonl", '{"step": 1e99, "seed": 3, "a": 1.0}\n', "a line of it is not metrics"),
        ("metrics.jsonl", "5\n", "a line of it is not metrics"),
        ("config.yaml", "agent: dqn\nenv: {id: A}\ntotal_steps: 1\n", "names no agent"),
        ("config.yaml", "agent: {name: a}\nenv: {}\ntotal_steps: 1\n", "no environment"),
        ("config.yaml", "agent: {name: a}\nenv: {id: A}\ntotal_steps: 1\n", "seed must be a whole"),
        (
            "config.yaml",
            "agent: {name: a}\nenv: {id: A}\ntotal_steps: many\nseed: 0\nseeds: 1\n",
            "total_steps must be a whole number",
        ),
        (
            "config.yaml",
            "agent: {name: a}\nenv: {id: A}\ntotal_steps: 1\nseed: 0\nseeds: 0\n",
            "seeds is 0, not from 1",
        ),
        ("config.yaml", "agent: ${oc.env:HOME}\nenv: {}\ntotal_steps: 1\n", "does not hold the"),
    ],
)
def test_damaged_files_are_reported_in_a_sentence(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    folder = recorded(tmp_path / "run").folder
    (folder / name).write_text(content)
    with pytest.raises(FolderError, match=message):
        read_run(folder).curves  # noqa: B018


def test_whole_numbers_may_be_written_as_1e3(tmp_path: Path) -> None:
    """`total_steps=1e3` on the command line is 1000.0 in config.yaml."""
    folder = recorded(tmp_path / "run").folder
    config = "agent: {name: a}\nenv: {id: A}\ntotal_steps: 1.0e+3\nseed: 3.0\nseeds: 2e0\n"
    (folder / "config.yaml").write_text(config)
    run = read_run(folder)
    assert (run.seeds, repr(run.settings["total_steps"])) == ((3, 4), "1000")


def test_runs_are_found_once_at_and_below_folders(tmp_path: Path) -> None:
    for name in ("b", "a/deep", "a/c"):
        recorded(tmp_path / name)
    a, b = tmp_path / "a", tmp_path / "b"
    assert find_runs([b, tmp_path]) == [b, a / "c", a / "deep"]
    assert [run.folder.resolve() for run in read_runs([a])[0]] == [a / "c", a / "deep"]
    with pytest.raises(FolderError, match="there is no folder"):
        find_runs([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="holds no runs"):
        find_runs([tmp_path / "empty"])


def test_runs_that_differ_in_seeds_alone_are_one_setting(tmp_path: Path) -> None:
    runs = [
        recorded(tmp_path / "0", [1.0, 2.0]),
        recorded(tmp_path / "1", [3.0, 4.0], agent={"lr": 0.5}),
        recorded(tmp_path / "2", [5.0, None], seed=4),
    ]
    assert differing(runs) == ["agent.lr"]
    first, second = grouped(runs)
    assert (first.label, second.label) == ("agent.lr=0.001", "agent.lr=0.5")
    assert first.scores() == {3: 1.0, 4: 5.0}  # seed 4 was run again later
    assert second.values == {"agent.lr": 0.5}
    assert grouped(runs[:1])[0].label == "as configured"


def test_an_empty_value_is_a_setting_too(tmp_path: Path) -> None:
    norms = ("layer", None)
    runs = [recorded(tmp_path / str(n), agent={"norm": norms[n]}) for n in range(2)]
    assert [each.label for each in grouped(runs)] == ["agent.norm=layer", "agent.norm=null"]
    older = recorded(tmp_path / "older")  # from when there was no such setting
    assert grouped([runs[0], older])[1].label == "as configured"


def test_other_agents_are_told_apart_by_name_and_not_by_their_settings(tmp_path: Path) -> None:
    runs = [
        recorded(tmp_path / "0"),
        recorded(tmp_path / "1", agent={"name": "ppo", "clip": 0.2, "lr": 1.0}),
        recorded(tmp_path / "2", agent={"name": "ppo", "clip": 0.1, "lr": 1.0}),
    ]
    labels = [setting.label for setting in grouped(runs)]
    assert labels == ["dqn", "ppo agent.clip=0.2", "ppo agent.clip=0.1"]


def test_a_setting_has_one_name_in_every_environment(tmp_path: Path) -> None:
    runs = [
        recorded(tmp_path / f"{i}", env={"id": env}, agent={"name": agent, "lr": rate})
        for i, (env, agent, rate) in enumerate(
            [("A-v0", "dqn", 0.5), ("A-v0", "ppo", 0.1), ("B-v0", "dqn", 0.2), ("B-v0", "ppo", 0.1)]
        )
    ]
    assert [(setting.label, setting.name) for setting in grouped(runs)] == [
        ("dqn A-v0", "dqn"),
        ("ppo A-v0", "ppo"),
        ("dqn B-v0", "dqn"),
        ("ppo B-v0", "ppo"),
    ]
