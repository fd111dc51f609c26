"""The rows of hyperparameters in TensorBoard: one for each run, what varies first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing import (  # type: ignore[import-untyped]
    data_provider,
    plugin_event_multiplexer,
)
from tensorboard.context import RequestContext  # type: ignore[import-untyped]
from tensorboard.plugins.base_plugin import TBContext  # type: ignore[import-untyped]
from tensorboard.plugins.hparams import metadata  # type: ignore[import-untyped]

from rlrun.run import start_run
from rlrun.run_folder.logger import Logger
from rlrun.sweep import plan
from rlrun.sweep.plan import Plan
from tests.support.common import settings
from tests.support.logged import hparams
from tests.support.resume import WORDS


def test_each_run_is_a_row_of_its_own(tmp_path: Path) -> None:
    """With a name made of the settings alone, a run that is done again is averaged with itself."""
    names = []
    for folder in (tmp_path / "a" / "run", tmp_path / "b" / "run"):
        folder.mkdir(parents=True)
        Logger(folder, [3, 4], {"agent.lr": 0.5}, show_seeds=True).close()
        content = hparams(folder / "mean")[metadata.SESSION_START_INFO_TAG]
        names.append(metadata.parse_session_start_info_plugin_data(content).group_name)
        for seed in (3, 4):  # a row is a run, not a seed of it
            with pytest.raises(KeyError):
                hparams(folder / f"seed_{seed}")
    assert len(set(names)) == 2
    assert names[0].startswith("run in ")


@pytest.mark.filterwarnings("ignore:html5lib:DeprecationWarning")  # of what the tab imports
def test_the_hparams_tab_shows_the_final_score_and_what_varies_first(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import (
        api_pb2,
        backend_context,
        get_experiment,
        list_session_groups,
    )

    for lr in (0.1, 0.2):
        folder = tmp_path / f"lr={lr}"
        folder.mkdir()
        chosen: dict[str, bool | int | float | str] = {
            "agent.double": True,
            "agent.lr": lr,
            "agent.name": "dqn",
            "seed": 0,
        }
        logger = Logger(folder, range(5), chosen, varying={"agent.lr", "env.id"})
        logger.write(1, {"eval/mean_reward": np.arange(5.0), "train/loss": np.ones(5)})
        logger.write(2, {"final/mean_reward": np.arange(5.0) + lr})
        logger.close()
    runs_read = plugin_event_multiplexer.EventMultiplexer()
    runs_read.AddRunsFromDirectory(str(tmp_path))
    runs_read.Reload()
    provider = data_provider.MultiplexerDataProvider(runs_read, str(tmp_path))
    context = backend_context.Context(TBContext(data_provider=provider))
    asked = api_pb2.GetExperimentRequest()
    shown = get_experiment.Handler(RequestContext(), context, "", asked).run()
    assert [(info.name, info.differs) for info in shown.hparam_infos] == [
        ("agent.lr", True),
        ("agent.double", False),
        ("agent.name", False),
        ("seed", False),
    ]
    assert [info.name.tag for info in shown.metric_infos][:3] == [
        "final/mean_reward",
        "final/best_mean_reward",
        "eval/mean_reward",
    ]
    rows = list_session_groups.Handler(
        RequestContext(),
        context,
        "",
        api_pb2.ListSessionGroupsRequest(allowed_statuses=[api_pb2.STATUS_SUCCESS], slice_size=10),
    ).run()
    found = {
        row.hparams["agent.lr"].number_value: {m.name.tag: m.value for m in row.metric_values}
        for row in rows.session_groups
    }
    assert found == {
        lr: {
            "final/mean_reward": pytest.approx(2 + lr),
            "eval/mean_reward": 2.0,
            "train/loss": 1.0,
        }
        for lr in (0.1, 0.2)
    }


def test_a_job_of_a_sweep_is_one_run_and_its_varying_settings_come_first(tmp_path: Path) -> None:
    words = ("total_steps=4", "eval.every=0", "eval.final_episodes=0")
    alone, job = tmp_path / "alone", tmp_path / "sweep" / "0_lr=0.001"
    for folder in (alone, job):
        if folder == job:
            job.mkdir(parents=True)
            recorded = Plan("rlrun -m", (), (), (), ("agent.lr", "env"), "grid", "2026-01-01")
            plan.write(job.parent, recorded)
        folder.mkdir(exist_ok=True)
        command = "rlrun agent=dqn 'agent.hidden=[8]' seeds=2"
        start_run(settings(*WORDS, *words), folder, command)
    names = [sorted(p.parent.name for p in f.glob("*/events*")) for f in (alone, job)]
    assert names == [["mean", "seed_0", "seed_1"], ["mean"]]
    found = []
    for folder in (alone, job):
        content = hparams(folder / "mean")[metadata.EXPERIMENT_TAG]
        infos = metadata.parse_experiment_plugin_data(content).hparam_infos
        found.append({info.name for info in infos if info.differs})
    assert found == [{"agent.name", "agent.hidden", "seeds"}, {"agent.lr", "env.id"}]
