"""Runs that imitate rules, earlier runs and files: what they see, and how they resume."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlrun.agents.behaviour_cloning import BehaviourCloning
from rlrun.agents.dagger import DAgger
from rlrun.core.errors import BadInput
from rlrun.playback import load_player
from rlrun.run import start_run
from rlrun.run_folder.reader import read_run
from rlrun.transfer.checks import validate
from tests.soak.compare import unlike
from tests.support.common import SMALL_CLONE, agent_of, parts_and_env, settings
from tests.support.resume import Stop, resume
from tests.support.trained import result, said, trained

pytestmark = pytest.mark.slow

SHORT = ("total_steps=60", "eval.every=20", "eval.episodes=2", "eval.final_episodes=2")
CLONING = ("agent=behaviour_cloning", *SMALL_CLONE, "env=CartPole-v1", "seeds=2")
DAGGER = (*CLONING, "agent=dagger", "agent.n_steps=20", "agent.updates=3")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the seeds 0 to 2."""
    return trained(tmp_path_factory.mktemp("source") / "run", "dqn")


def shown(*words: str) -> list[dict[str, Any]]:
    """The pairs of each seed that an agent learns from."""
    parts, env = parts_and_env(*words, "agent.validation=0")
    pairs: list[dict[str, Any]] = agent_of(parts, env).state_dict()["demos"]["training"]
    return pairs


def test_seed_k_imitates_seed_k_of_a_run(source: Path) -> None:
    """The actions are those of the policy of k modulo 3, in the observations of k's episodes."""
    words = *CLONING, f"demos.expert={source}", "seed=2", "demos.every=1"
    player = load_player(read_run(source), "final", (2, 0))
    for k, pairs in enumerate(shown(*words)):
        obs = np.broadcast_to(pairs["obs"][None], (2, *pairs["obs"].shape))
        assert np.array_equal(player.agent.act(obs, player.step, explore=False)[k], pairs["action"])


def test_each_seed_takes_episodes_of_a_file_of_its_own(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    assert said("record-data", str(source), "episodes=7", "--out", str(file))[0] == 0
    words = *CLONING, f"demos.expert={file}", "demos.episodes=3", "demos.every=1"
    one, two = shown(*words)
    assert not np.array_equal(one["obs"][:5], two["obs"][:5])
    (alone,) = shown(*words, "seed=1", "seeds=1")
    assert np.array_equal(alone["obs"], two["obs"])
    with pytest.raises(BadInput, match=r"has 21 episodes, and demos\.episodes is 22"):
        validate(settings(*words, "demos.episodes=22"))
    with pytest.raises(BadInput, match=r"asks its expert what it would do.*only has its episodes"):
        validate(settings(*DAGGER, f"demos.expert={file}"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("demos.expert=cartpole_pf",), "neither a folder nor a rule"),
        (("demos.expert=pendulum",), "rule=pendulum takes 3 numbers"),
        (("demos.expert=SOURCE", "env=Acrobot-v1"), "the observations of Acrobot-v1 differ"),
        (("demos.expert=SOURCE", "env=Pendulum-v1"), "the observations of Pendulum-v1 differ"),
        (("demos.expert=nothing.npz",), r"there is no file nothing\.npz|only has its episodes"),
    ],
)
def test_experts_that_cannot_be_imitated_are_refused(
    source: Path, words: tuple[str, ...], sentence: str
) -> None:
    given = [word.replace("SOURCE", str(source)) for word in words]
    for agent in (CLONING, DAGGER):
        with pytest.raises(BadInput, match=sentence) as caught:
            validate(settings(*agent, *given))
        assert caught.value.key == "demos.expert"


def test_an_expert_with_a_memory_is_cloned_but_not_asked(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    words = "agent=ppo", "agent.memory=gru", "agent.hidden=[8]", "env=CartPole-v1", "seeds=1"
    start_run(settings(*words, *SHORT, "tuned=none"), source, "rlrun again")
    validate(settings(*CLONING, f"demos.expert={source}"))
    assert len(shown(*CLONING, f"demos.expert={source}")) == 2
    with pytest.raises(BadInput, match="has a memory of its own episodes"):
        validate(settings(*DAGGER, f"demos.expert={source}"))


def imitate(folder: Path, *words: str) -> Path:
    folder.mkdir(parents=True)
    start_run(settings(*words, *SHORT, "checkpoint.every_steps=16"), folder, "rlrun again")
    return folder


@pytest.mark.parametrize("count", [1, 17, 40])
def test_a_clone_that_died_resumes_exactly_without_its_expert(
    source: Path, tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "source"))
    words = *CLONING, f"demos.expert={copy}"
    imitate(tmp_path / "whole", *words)
    real = BehaviourCloning.imitate

    def dying(self: Any, step: int) -> Any:
        if step == count:
            raise Stop
        return real(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(BehaviourCloning, "imitate", dying)
        with pytest.raises(Stop):
            imitate(tmp_path / "died", *words)
    if count > 16:  # it has a checkpoint
        shutil.rmtree(copy)
    assert resume(str(tmp_path / "died")) == 0
    assert unlike(tmp_path / "whole", tmp_path / "died") == []
    assert result(tmp_path / "whole")["clock"] == "updates"
    assert read_run(tmp_path / "whole").counts_updates


@pytest.mark.parametrize("count", [1, 30, 47])
def test_dagger_that_died_resumes_exactly(
    source: Path, tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = *DAGGER, f"demos.expert={source}"
    imitate(tmp_path / "whole", *words)
    real = DAgger.learn

    def dying(self: Any, t: Any, step: int) -> Any:
        if step == count:
            raise Stop
        return real(self, t, step)

    with monkeypatch.context() as patch:
        patch.setattr(DAgger, "learn", dying)
        with pytest.raises(Stop):
            imitate(tmp_path / "died", *words)
    assert resume(str(tmp_path / "died")) == 0
    assert unlike(tmp_path / "whole", tmp_path / "died") == []
    assert not read_run(tmp_path / "whole").counts_updates


def test_a_run_says_whom_it_imitates_and_is_played_without_its_expert(
    source: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "source"))
    folder = tmp_path / "run"
    words = *CLONING, *SHORT, f"demos.expert={copy}", f"hydra.run.dir={folder}"
    code, out, err = said(*words)
    assert code == 0 and "60 updates per seed" in out, err
    assert f"imitates {copy}: 2 episodes for each seed, with a mean return of " in err
    shutil.rmtree(copy)
    code, out, err = said("evaluate", str(folder), "episodes=2")
    assert code == 0, err


def test_ppo_starts_from_a_clone(tmp_path: Path) -> None:
    clone = imitate(tmp_path / "clone", *CLONING, "demos.expert=cartpole_pd")
    folder = tmp_path / "ppo"
    words = "agent=ppo", "agent.hidden=[16,16]", "env=CartPole-v1", "tuned=none", "seeds=2"
    code, _, err = said(*words, *SHORT, f"init={clone}", f"hydra.run.dir={folder}")
    assert code == 0, err
    assert f"starts from the weights in {clone} (policy); fresh here: value" in err
