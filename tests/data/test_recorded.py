"""The transitions of a recorded run: they arrive unchanged, seed by seed, or are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun import build
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput, RunFailed
from rlrun.core.schema import construct
from rlrun.data.recorded import RecordedData, open_data
from rlrun.replay.ring import Replay
from rlrun.settings import Settings
from tests.support.common import SMALL_CONTROL, SMALL_DQN, differences, host, row, settings
from tests.support.trained import trained

CARTPOLE = (*SMALL_DQN, "env=CartPole-v1")
FILM = (*SMALL_DQN, "env=tests.support.pixels:Film-v0", "env.frame_stack=2")
SOURCES = {"dqn": CARTPOLE, "images": FILM}  # what can learn from each of these runs


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the seeds 0 to 2 (images: 0 and 1), and one of policies without a replay."""
    folder = tmp_path_factory.mktemp("sources")
    for name in (*SOURCES, "ppo", "ddpg"):
        trained(folder / name, name)
    return folder


@pytest.fixture
def source(sources: Path, tmp_path: Path) -> Path:
    """A copy of the run of dqn, to be damaged."""
    return Path(shutil.copytree(sources / "dqn", tmp_path / "source"))


def filled(source: Path, *words: str) -> Replay:
    """The replay of an agent that learns from the data of a run."""
    laid_out, data = open_data(settings(*words, f"data={source}"))
    parts = construct(Settings, laid_out, "")
    agent: Any = build.build_agent(parts, build.environment(parts).spec, data=data)
    replay: Replay = agent._replay
    return replay


def transitions(state: Any) -> Any:
    return {name: host(part) for name, part in state.items() if name != "sampler"}


@pytest.mark.parametrize("name", SOURCES)
def test_every_seed_has_its_transitions(sources: Path, name: str) -> None:
    """Seed k of the run of n seeds has those of k modulo n, in any stack."""
    stored = transitions(store.load(sources / name / "checkpoint")["agent"]["replay"])
    count = len(stored["tail"]["last"])
    replay = filled(sources / name, *SOURCES[name], "seed=1", "seeds=5")
    assert replay.check_valid() == (True, "")
    found = transitions(replay.state_dict())
    for k in range(5):
        assert differences(row(stored, (1 + k) % count), row(found, k)) == []
    alone = filled(sources / name, *SOURCES[name], "seed=4", "seeds=1")
    assert differences(row(found, 3), transitions(alone.state_dict())) == []


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_sampled_is_what_the_run_had(sources: Path, name: str) -> None:
    """Every number of a batch, against the same place of the run's own replay."""
    replay = filled(sources / name, *SOURCES[name], "seeds=2")
    ours = filled(sources / name, *SOURCES[name], "seeds=2")
    ours.load_state_dict(
        {  # as the run itself would resume
            **_first_two(store.load(sources / name / "checkpoint")["agent"]["replay"]),
            "sampler": replay.state_dict()["sampler"],
        }
    )
    for n in (1, 3):
        a, b = replay.sample(40, n, step=1), ours.sample(40, n, step=1)
        assert differences(host(a._asdict()), host(b._asdict())) == []
        assert len(np.unique(a.index)) > 10


def _first_two(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _first_two(each) for name, each in tree.items()}
    return tree[:2] if isinstance(tree, list | np.ndarray) else tree


def test_the_seeds_of_a_run_that_begins_later_are_matched_by_number(tmp_path: Path) -> None:
    """A run of the seeds 4 to 6: seed 5 has its own, 7 those of 4 and 3 those of 6."""
    trained(tmp_path / "source", "dqn", "seed=4")
    stored = transitions(store.load(tmp_path / "source" / "checkpoint")["agent"]["replay"])
    for seed, place in ((5, 1), (7, 0), (3, 2)):
        replay = filled(tmp_path / "source", *CARTPOLE, f"seed={seed}", "seeds=1")
        assert differences(row(stored, place), transitions(replay.state_dict())) == []


def test_priorities_begin_equal(sources: Path) -> None:
    replay = filled(sources / "dqn", *CARTPOLE, "replay=prioritized", "seeds=2")
    priorities = replay.priorities()
    assert priorities is not None and priorities.shape == (2, 120)
    assert (priorities == 1.0).all()


def test_the_replay_is_laid_out_as_the_data(sources: Path) -> None:
    """The run had room for 150 transitions, of two environments."""
    words = (*CARTPOLE, "replay.capacity=999", "env.num_envs=5", f"data={sources / 'dqn'}")
    laid_out, _ = open_data(settings(*words))
    assert (laid_out["replay"]["capacity"], laid_out["env"]["num_envs"]) == (150, 2)
    assert build.validate(settings(*words)).bytes == build.validate(settings(*CARTPOLE)).bytes


def test_without_data_settings_are_unchanged() -> None:
    given = settings(*CARTPOLE)
    assert open_data(given) == (given, None)


REFUSED: list[tuple[str, tuple[str, ...], str]] = [
    ("gone", CARTPOLE, "data: there is no folder"),
    ("dqn/checkpoint", CARTPOLE, "data: {place} is not the folder of a run: it has no meta.json."),
    ("ppo", CARTPOLE, "data: {place} has no replay, because its agent ppo keeps no steps: choose"),
    (
        "dqn",
        (*SMALL_DQN, "env=Acrobot-v1"),
        "data: the observations of Acrobot-v1 differ from those of CartPole-v1, where the",
    ),
    (
        "ddpg",
        ("agent=ddpg", *SMALL_CONTROL, "env=tests.support.control:Reach-v0"),
        "data: the actions of tests.support.control:Reach-v0 differ from those of Pendulum-",
    ),
    (
        "dqn",
        (*CARTPOLE, "gamma=0.5"),
        "gamma is 0.5, but the transitions in {place} were stored with 0.99: write gamma=0.99.",
    ),
    (
        "dqn",
        (*CARTPOLE, "env.reward_scale=0.1"),
        "env.reward_scale is 0.1, but the transitions in {place} were stored with 1.0: write",
    ),
    (
        "dqn",
        (*CARTPOLE, "env.shaping=pole_angle"),
        "env.shaping is pole_angle, but the transitions in {place} were stored with null: write",
    ),
    ("dqn", (*CARTPOLE, "env.reward_clip=1"), "were stored with null: write env.reward_clip=null."),
    (
        "ddpg",
        ("agent=ddpg", *SMALL_CONTROL, "env=Pendulum-v1", "env.scale_obs=true"),
        "env.scale_obs is true, but the transitions in {place} were stored with false: write env.",
    ),
    (
        "dqn",
        ("agent=ppo", "env=CartPole-v1"),
        "the agent ppo cannot learn from data: it learns from its own steps. Agents that can: dqn,",
    ),
    (
        "dqn",
        (*CARTPOLE, "curiosity=count"),
        "curiosity=count rewards what the agent visits, and with data it visits nothing: write",
    ),
    ("dqn", ("agent=random", "env=CartPole-v1"), "the agent random cannot learn from data"),
]


@pytest.mark.parametrize(("name", "words", "sentence"), REFUSED)
def test_what_cannot_be_learnt_from_is_refused(
    sources: Path, name: str, words: tuple[str, ...], sentence: str
) -> None:
    place = sources / name
    with pytest.raises(BadInput) as refusal:
        build.validate(settings(*words, f"data={place}"))
    assert sentence.format(place=place) in str(refusal.value)


def rewrite(source: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the checkpoint of a run."""
    state = store.load(source / "checkpoint")
    change(state)
    shutil.rmtree(source / "checkpoint")
    store.save(source / "checkpoint", state)


def test_a_run_saved_without_its_replay_is_refused(tmp_path: Path) -> None:
    source = trained(tmp_path / "source", "dqn", "checkpoint.replay=false")
    with pytest.raises(BadInput, match=r"has no replay, because of checkpoint\.replay=false: "):
        build.validate(settings(*CARTPOLE, f"data={source}"))


def test_a_run_without_a_checkpoint_is_refused(source: Path) -> None:
    shutil.rmtree(source / "checkpoint")
    with pytest.raises(BadInput, match=r"data: .* has no checkpoint yet, so it has no transition"):
        build.validate(settings(*CARTPOLE, f"data={source}"))


def test_settings_are_read_as_data(source: Path) -> None:
    text = (source / "config.yaml").read_text()
    (source / "config.yaml").write_text(text.replace("CartPole-v1", "${oc.env:HOME}"))
    with pytest.raises(BadInput, match=r"config\.yaml is damaged"):
        build.validate(settings(*CARTPOLE, f"data={source}"))


def test_settings_of_another_checkpoint_are_refused(source: Path) -> None:
    text = (source / "config.yaml").read_text()
    (source / "config.yaml").write_text(text.replace("capacity: 150", "capacity: 160"))
    with pytest.raises(RunFailed, match="is not the one that the checkpoint was made with"):
        filled(source, *CARTPOLE)


def test_a_checkpoint_without_what_its_settings_promise_is_refused(source: Path) -> None:
    rewrite(source, lambda state: state["agent"].pop("replay"))
    with pytest.raises(RunFailed, match=r"has no replay, because of checkpoint\.replay=false"):
        filled(source, *CARTPOLE)


def test_an_empty_replay_is_refused(source: Path, sources: Path) -> None:
    parts = construct(Settings, settings(*CARTPOLE, "seeds=3", "env.num_envs=2"), "")
    empty: Any = build.build_agent(parts, build.environment(parts).spec)
    rewrite(source, lambda state: state["agent"].update(replay=empty._replay.state_dict()))
    with pytest.raises(RunFailed, match="is empty: train that run for longer"):
        filled(source, *CARTPOLE)


def test_a_replay_of_another_shape_is_refused(source: Path) -> None:
    def cut(state: dict[str, Any]) -> None:
        replay = state["agent"]["replay"]
        replay["tail"] = {name: part[:, :-1] for name, part in replay["tail"].items()}

    rewrite(source, cut)
    with pytest.raises(RunFailed, match="does not match the settings of its run: the replay's seg"):
        filled(source, *CARTPOLE)


def test_nothing_of_the_environment_may_come_from_the_folder(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (source / "config.yaml").read_text()
    (source / "config.yaml").write_text(text.replace("CartPole-v1", "mine:CartPole-v1"))
    (source / "mine.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(source)
    with pytest.raises(BadInput, match="could be imported from the run's own files"):
        RecordedData(source)
