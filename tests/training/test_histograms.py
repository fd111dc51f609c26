"""Histograms: what is written is read back as TensorBoard shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing import (  # type: ignore[import-untyped]
    data_provider,
    plugin_event_multiplexer,
)
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from tensorboard.context import RequestContext  # type: ignore[import-untyped]
from tensorboard.plugins.base_plugin import TBContext  # type: ignore[import-untyped]
from tensorboard.util.tensor_util import make_ndarray  # type: ignore[import-untyped]

from rlrun.agents.dqn import DQN
from rlrun.core.errors import RunFailed
from rlrun.core.types import Array
from rlrun.run import start_run
from rlrun.run_folder.logger import Logger
from tests.support.common import SMALL_DQN, settings
from tests.support.faults import faulty
from tests.support.resume import resume, run, stopped_at

pytestmark = pytest.mark.slow

Shown = dict[str, list[tuple[int, float, float, float]]]


def shown(folder: Path) -> Shown:
    """(step, lowest, highest, how many) of each histogram by tag."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()
    try:
        tags = sorted(events.PluginTagToContent("histograms"))
    except KeyError:
        return {}
    found: Shown = {}
    for tag in tags:
        for event in events.Tensors(tag):
            left, right, count = make_ndarray(event.tensor_proto).T
            found.setdefault(tag, []).append((event.step, left[0], right[-1], count.sum()))
    return found


def test_a_row_for_each_seed(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [4, 9], {}, show_seeds=True)
    weights = np.array([[0, 0, 0, 30], [-1, -1, 2, np.nan]], np.float32)
    logger.histograms(10, {"weights/online": weights, "replay/priority": np.ones((2, 3))})
    logger.histograms(20, {"weights/online": np.array([[np.inf, np.nan], [5, 6]])})
    logger.histograms(30, {"weights/online": np.empty((2, 0))})
    logger.close()
    assert shown(tmp_path / "seed_4") == {
        "replay/priority": [(10, 1, 1, 3)],
        "weights/online": [(10, 0, 30, 4)],
    }
    assert shown(tmp_path / "seed_9") == {
        "replay/priority": [(10, 1, 1, 3)],
        "weights/online": [(10, -1, 2, 3), (20, 5, 6, 2)],
    }
    events = EventAccumulator(str(tmp_path / "seed_4")).Reload()
    buckets = make_ndarray(events.Tensors("weights/online")[0].tensor_proto)
    assert buckets[0].tolist() == [0, 1, 3] and buckets[-1].tolist() == [29, 30, 1]
    assert buckets[1:-1, 2].tolist() == [0] * 28


def test_what_only_a_seed_has_names_it_where_seeds_are_no_runs(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [4, 9], {})
    logger.histograms(10, {"weights/online": np.array([[1.0, 2.0], [5.0, np.nan]])})
    logger.pictures(10, "eval/table", [np.zeros((2, 3, 3), np.uint8)] * 2)
    logger.animation(10, "video/training", b"GIF", (3, 2))
    logger.close()
    assert shown(tmp_path / "mean") == {
        "weights/online/seed_4": [(10, 1, 2, 2)],
        "weights/online/seed_9": [(10, 5, 5, 1)],
    }
    events = EventAccumulator(str(tmp_path / "mean")).Reload()
    assert events.Tags()["images"] == [
        "eval/table/seed_4",
        "eval/table/seed_9",
        "video/training/seed_4",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mean", "metrics.jsonl"]


@pytest.mark.filterwarnings("ignore:html5lib:DeprecationWarning")  # of what the tab imports
def test_the_tab_of_histograms_lists_them(tmp_path: Path) -> None:
    from tensorboard.plugins.histogram.histograms_plugin import (  # type: ignore[import-untyped]
        HistogramsPlugin,
    )

    logger = Logger(tmp_path, [4, 9], {}, show_seeds=True)
    logger.histograms(10, {"weights/online": np.ones((2, 3))})
    logger.close()
    runs_read = plugin_event_multiplexer.EventMultiplexer()
    runs_read.AddRunsFromDirectory(str(tmp_path))
    runs_read.Reload()
    provider = data_provider.MultiplexerDataProvider(runs_read, str(tmp_path))
    tab = HistogramsPlugin(TBContext(data_provider=provider))
    listed = tab.index_impl(RequestContext(), experiment="")
    assert {run: list(tags) for run, tags in listed.items()} == {
        "seed_4": ["weights/online"],
        "seed_9": ["weights/online"],
    }


def test_a_second_logger_takes_back_what_was_not_saved(tmp_path: Path) -> None:
    logger = Logger(tmp_path, [4], {})
    logger.histograms(1, {"w": np.ones((1, 2))})
    position = logger.position(1)
    logger.histograms(2, {"w": np.full((1, 2), -1.0)})
    logger.close()
    again = Logger(tmp_path, [4], {}, position)
    again.histograms(2, {"w": np.full((1, 2), 2.0)})
    again.close()
    assert shown(tmp_path / "seed_4") == {"w": [(1, 1, 1, 2), (2, 2, 2, 2)]}


def weights(self: Any) -> Mapping[str, Array]:
    return {"weights/online": self._online.flat.numpy(force=True)}


WORDS = (
    *SMALL_DQN,
    "seeds=2",
    "total_steps=300",
    "eval.episodes=1",
    "eval.final_episodes=1",
    "env.max_episode_steps=20",
)


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (("log.histograms=true", "eval.every=100"), [100, 200, 300]),
        (("log.histograms=true", "eval.every=200"), [200, 300]),
        (("log.histograms=true", "eval.every=0", "eval.final_episodes=0"), [300]),
        (("eval.every=100",), []),
    ],
)
def test_a_run_shows_them_at_its_evaluations_and_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], steps: list[int]
) -> None:
    monkeypatch.setattr(DQN, "histograms", weights, raising=False)
    start_run(settings(*WORDS, *words), tmp_path, "rlrun again")
    tables = [shown(tmp_path / name) for name in ("seed_0", "seed_1")]
    assert [[point[0] for point in t.get("weights/online", [])] for t in tables] == [steps] * 2
    if len(steps) > 1:
        assert tables[0] != tables[1]
        assert len({point[1:] for point in tables[0]["weights/online"]}) == len(steps)


def test_an_agent_without_any_is_told_of(tmp_path: Path) -> None:
    words = ("agent=random", "total_steps=40", "eval.every=20", "eval.episodes=1", "seeds=2")
    for name, asked in (("asked", "true"), ("not", "false")):
        folder = tmp_path / name
        folder.mkdir()
        start_run(settings(*words, f"log.histograms={asked}"), folder, "rlrun again")
        assert shown(folder / "seed_0") == {}
    sentence = "log.histograms is true, but this agent has no histograms to show"
    assert (tmp_path / "asked" / "run.log").read_text().count(sentence) == 1
    assert "histograms" not in (tmp_path / "not" / "run.log").read_text()


def test_a_seed_that_was_given_up_shows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DQN, "histograms", weights, raising=False)
    with pytest.raises(RunFailed, match="failed seeds: 6"):
        start_run(faulty("nan reward", "log.histograms=true"), tmp_path, "rlrun again")
    steps = [
        [point[0] for point in shown(tmp_path / f"seed_{seed}").get("weights/online", [])]
        for seed in (5, 6, 7)
    ]
    assert steps == [[100, 200], [], [100, 200]]


def test_a_run_that_died_shows_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was saved at step 200, showed its histograms, and died: that is told again."""
    monkeypatch.setattr(DQN, "histograms", weights, raising=False)
    whole, died = tmp_path / "whole", tmp_path / "died"
    run(whole, "log.histograms=true")
    stopped_at(monkeypatch, 101, died, "log.histograms=true")
    assert [point[0] for point in shown(died / "seed_1")["weights/online"]] == [100, 200]
    assert resume(str(died)) == 0
    for seed in ("seed_0", "seed_1"):
        assert shown(died / seed) == shown(whole / seed)
        assert [point[0] for point in shown(died / seed)["weights/online"]] == [100, 200, 300]
