"""A run that learns from data: its clock counts updates, and it resumes exactly."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import hydra
import pytest
import torch

from rlrun.agents.dqn import DQN
from rlrun.checkpoint import store
from rlrun.cli.config.paths import config_root
from rlrun.cli.multirun.prepare import _check_unchanged
from rlrun.core.errors import BadInput
from rlrun.core.rng import Purpose
from rlrun.envs.environment import Environment
from rlrun.envs.gym_envs import GymEnvs
from rlrun.loop import evaluate
from rlrun.run import start_run
from tests.soak.compare import left, unlike
from tests.support.common import SMALL_DQN, settings
from tests.support.logged import lines
from tests.support.resume import Stop, resume
from tests.support.trained import evaluated, result, said, trained

pytestmark = pytest.mark.slow

WORDS = (
    *SMALL_DQN,
    "env=CartPole-v1",
    "seeds=2",
    "total_steps=60",
    "log.every=20",
    "eval.every=20",
    "eval.episodes=2",
    "eval.final_episodes=4",
    "eval.max_steps=30",
    "checkpoint.every_steps=16",
    "agent.lr_end=0",
    "agent.target_every=8",
    "replay=prioritized",
)


def run(folder: Path, source: Path, *words: str) -> Path:
    folder.mkdir(parents=True)
    start_run(settings(*WORDS, f"data={source}", *words), folder, "rlrun again")
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("source") / "run", "dqn")


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("whole") / "run", source)


def test_the_clock_counts_updates(whole: Path) -> None:
    assert (result(whole)["steps"], result(whole)["clock"]) == (60, "updates")
    updates = [(row["step"], row["train/n_updates"]) for row in lines(whole) if "train/loss" in row]
    assert updates == [(step, step) for step in (20, 40, 60) for _ in range(2)]
    assert [row["step"] for row in lines(whole) if "eval/mean_reward" in row] == [
        *(20, 20, 40, 40, 60, 60)
    ]
    rates = [row["train/learning_rate"] for row in lines(whole) if "train/loss" in row]
    # the means of 1e-3 (1 - k/60) for k from 0 to 19, and so on
    means = [1e-3 * (1 - k / 60) for k in (9.5, 29.5, 49.5)]
    assert rates == pytest.approx([mean for mean in means for _ in range(2)])
    assert store.load(whole / "checkpoint")["step"] == 60


def test_there_are_no_metrics_of_episodes_that_nobody_played(whole: Path) -> None:
    tags = {tag for row in lines(whole) for tag in row}
    assert not [tag for tag in tags if tag.startswith("rollout/")]
    assert {"train/loss", "train/q_mean", "eval/mean_reward", "eval/q_bias"} <= tags


def test_steps_per_second_are_the_updates_of_all_seeds(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlrun.training.clock.WallClock.training", property(lambda self: 4.0))
    assert result(run(tmp_path / "run", source))["steps_per_second"] == 60 * 2 / 4


def test_only_evaluations_step_an_environment(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All environments are those of evaluations, and all their steps are in evaluations."""
    purposes, playing, steps = [], [False], {True: 0, False: 0}
    opened, stepped = Environment.open, GymEnvs.step

    def counted_open(self: Environment, *args: Any, **kwargs: Any) -> Any:
        purposes.append(kwargs.get("purpose", Purpose.TRAIN_EPISODES))
        return opened(self, *args, **kwargs)

    def played(*args: Any) -> Any:
        playing[0] = True
        scores = evaluate(*args)
        playing[0] = False
        return scores

    def step(self: GymEnvs, action: Any) -> Any:
        steps[playing[0]] += 1
        return stepped(self, action)

    monkeypatch.setattr(Environment, "open", counted_open)
    monkeypatch.setattr(Environment, "check_reproducible", lambda *_: "")  # it tries one out
    monkeypatch.setattr("rlrun.training.evaluator.evaluate", played)
    monkeypatch.setattr(GymEnvs, "step", step)
    run(tmp_path / "run", source)
    assert purposes == [Purpose.EVAL_EPISODES, Purpose.FINAL_EPISODES]
    assert steps[False] == 0 < steps[True]


def test_a_run_says_what_it_learns_from(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path / "run", source)
    out, err = capsys.readouterr()
    assert "dqn on CartPole-v1 from data, seeds 0 to 1" in err
    sentence = f"learns from the data in {source}: no environment is stepped except in evaluations"
    assert sentence in err and sentence in (folder / "run.log").read_text()
    assert "update 60 of 60" in err and "updates/s" in err
    assert "60 updates per seed" in out and "at update" in out
    assert "step" not in out.replace("updates", "")


@pytest.mark.parametrize("count", [1, 17, 40, 59])
def test_a_run_that_died_resumes_exactly_without_its_data(
    whole: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Without any checkpoint it begins again; later its checkpoint has the transitions."""
    folder, data = tmp_path / "run", source
    died_at(monkeypatch, count, folder, data)
    if count > 16:
        monkeypatch.setattr("rlrun.run.open_data", None)  # not called
    assert resume(str(folder)) == 0
    assert unlike(whole, folder) == []
    assert left(folder)["exact"] is True


def died_at(
    monkeypatch: pytest.MonkeyPatch, count: int, folder: Path, source: Path, *words: str
) -> None:
    """A run that dies at its count-th update."""
    real = DQN.update

    def update(self: Any, step: int) -> Any:
        if step == count:
            raise Stop
        return real(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(DQN, "update", update)
        with pytest.raises(Stop):
            run(folder, source, *words)


def test_a_checkpoint_without_the_replay_needs_the_data_again(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(source, tmp_path / "data"))
    folder = tmp_path / "run"
    died_at(monkeypatch, 40, folder, data, "checkpoint.replay=false")
    data.rename(tmp_path / "elsewhere")
    code, _, err = said("resume", str(folder))
    assert (code, err) == (1, f"rlrun: data: there is no folder {data}.\n")
    (tmp_path / "elsewhere").rename(data)
    assert resume(str(folder)) == 0
    assert left(folder)["exact"] is False
    assert "it was filled again from the data" in (folder / "run.log").read_text()
    assert result(folder)["steps"] == 60
    assert [row["train/n_updates"] for row in lines(folder) if "train/loss" in row][-1] == 60


def test_a_run_is_made_longer(source: Path, tmp_path: Path) -> None:
    folder = run(tmp_path / "run", source, "total_steps=30")
    assert resume(str(folder), "total_steps=60") == 0
    assert (result(folder)["steps"], result(folder)["clock"]) == (60, "updates")


def test_a_seed_in_a_stack_is_the_seed_alone(whole: Path, source: Path, tmp_path: Path) -> None:
    alone = run(tmp_path / "run", source, "seed=1", "seeds=1")
    assert result(alone)["final"]["per_seed"] == result(whole)["final"]["per_seed"][1:]
    policies = [store.load(f / "checkpoint")["agent"]["policy"]["online"] for f in (whole, alone)]
    assert torch.equal(policies[0][1:], policies[1])


def test_policies_play_without_the_data(source: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(source, tmp_path / "data"))
    folder = run(tmp_path / "run", data)
    shutil.rmtree(data)
    assert evaluated(folder)["per_seed"] == result(folder)["final"]["per_seed"]


def test_a_sweep_resumes_a_job_that_took_the_layout_of_its_data(whole: Path, source: Path) -> None:
    """Its config.yaml has the data's two environments per seed, the command line has one."""
    with hydra.initialize_config_dir(str(config_root()), version_base="1.3"):
        words = [*WORDS, f"data={source}"]
        _check_unchanged(whole, hydra.compose("config", overrides=words))
        other = hydra.compose("config", overrides=[*words, "agent.lr=0.5"])
    with pytest.raises(BadInput, match=r"agent\.lr was 0\.001 when the job began"):
        _check_unchanged(whole, other)


def test_images_are_learnt_from(tmp_path: Path) -> None:
    source = trained(tmp_path / "source", "images")
    words = ("env=tests.support.pixels:Film-v0", "env.frame_stack=2", "agent.n_step=3")
    folder = run(tmp_path / "run", source, *words, "total_steps=6", "eval.max_steps=5")
    assert [row["train/n_updates"] for row in lines(folder) if "train/loss" in row] == [6, 6]


@pytest.mark.parametrize("agent", ["ddpg", "sac"])
def test_continuous_actions_are_learnt_from(tmp_path: Path, agent: str) -> None:
    """Another agent than that of the run may learn from it."""
    source = trained(tmp_path / "source", "ddpg")
    words = (f"agent={agent}", "agent.hidden=[16,16]", "tuned=none", "env=Pendulum-v1", "seeds=2")
    how = ("total_steps=6", "eval.every=0", "eval.final_episodes=0", f"data={source}")
    folder = tmp_path / "run"
    folder.mkdir()
    start_run(settings(*words, *how), folder, "rlrun again")
    rows = [row for row in lines(folder) if "train/critic_loss" in row]
    assert [row["train/n_updates"] for row in rows] == [6, 6]
