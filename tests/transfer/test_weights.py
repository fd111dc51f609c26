"""Runs that start from the weights of an earlier run: what they take, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from rlrun import build
from rlrun.agents.dqn import DQN
from rlrun.checkpoint import store
from rlrun.core.errors import BadInput, RunFailed
from rlrun.core.schema import construct
from rlrun.run import start_run
from rlrun.settings import Settings
from rlrun.transfer.checks import validate
from rlrun.transfer.weights import InitialWeights
from tests.soak.compare import unlike
from tests.support.common import (
    SMALL_CONTROL,
    SMALL_DQN,
    SMALL_PPO,
    SMALL_REINFORCE,
    differences,
    host,
    row,
    settings,
)
from tests.support.resume import Stop, resume
from tests.support.trained import said

pytestmark = pytest.mark.slow

SHORT = ("total_steps=60", "eval.every=0", "eval.final_episodes=0", "env.max_episode_steps=20")
LEARNERS = {
    "dqn": (*SMALL_DQN, "env=CartPole-v1"),
    "noisy": (*SMALL_DQN, "agent=rainbow", "env=CartPole-v1"),
    "ddpg": ("agent=ddpg", *SMALL_CONTROL, "agent.norm=batch", "env=Pendulum-v1"),
    "td3": ("agent=td3", *SMALL_CONTROL, "env=Pendulum-v1"),
    "sac": ("agent=sac", *SMALL_CONTROL, "env=Pendulum-v1"),
    "sac_discrete": ("agent=sac_discrete", *SMALL_CONTROL, "env=CartPole-v1"),
    "ppo": (*SMALL_PPO, "env=CartPole-v1", "agent.normalize_obs=true"),
    "gaussian": (*SMALL_PPO, "env=Pendulum-v1"),
    "gru": (*SMALL_PPO, "env=CartPole-v1", "agent.memory=gru", "agent.memory_units=8"),
    "pixels": (*SMALL_PPO, "env=tests.support.pixels:Film-v0"),
    "reinforce": (*SMALL_REINFORCE, "env=CartPole-v1"),
}


def trained(folder: Path, *words: str) -> Path:
    folder.mkdir(parents=True)
    start_run(settings(*SHORT, *words), folder, "rlrun again")
    return folder


def started(source: Path, *words: str) -> Any:
    """A new agent with the weights of a run, and the sentence about them."""
    parts = construct(Settings, settings(*words, f"init={source}"), "")
    spec = build.environment(parts).spec
    agent = build.build_agent(parts, spec)
    return agent, InitialWeights(source).give(parts, spec, agent)


def learnt(state: Any) -> Any:
    """The weights in an agent's state."""
    kept = {key: state[key] for key in ("policy", "target") if key in state}
    if "critics" in state:
        kept["critics"] = {key: state["critics"][key] for key in ("online", "target")}
    if "temperature" in state:
        kept["temperature"] = state["temperature"]["log"]
    return host(kept)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of seeds 0 and 1."""
    return trained(tmp_path_factory.mktemp("source") / "run", *LEARNERS["dqn"], "seeds=2")


@pytest.mark.parametrize("name", LEARNERS)
def test_every_weight_arrives_seed_by_seed(name: str, tmp_path: Path) -> None:
    """Seed k of the run of 2 seeds has the weights of k modulo 2, and nothing else is taken."""
    words = LEARNERS[name]
    folder = trained(tmp_path / "run", *words, "seeds=2")
    saved = store.load(folder / "checkpoint")["agent"]
    agent, sentence = started(folder, *words, "seed=1", "seeds=3")
    found, stored = learnt(agent.state_dict()), learnt(saved)
    for k in range(3):
        assert differences(row(found, k), row(stored, (1 + k) % 2)) == []
    assert sentence.startswith(f"starts from the weights in {folder} (")
    assert "fresh here" not in sentence and "not used" not in sentence
    fresh = host(agent.state_dict())
    assert not fresh["updates"].any()
    alone, _ = started(folder, *words, "seed=2", "seeds=1")
    assert differences(row(fresh, 1), host(alone.state_dict())) == []


def test_a_policy_without_a_value_starts_one_with(tmp_path: Path) -> None:
    """The policy of REINFORCE without a baseline is that of PPO, whose value is fresh."""
    common = "env=CartPole-v1", "agent.hidden=[16,16]", "seeds=2"
    folder = trained(
        tmp_path / "run", "agent=reinforce", "agent.episodes=2", "agent.baseline=false", *common
    )
    words = *SMALL_PPO, *common
    agent, sentence = started(folder, *words)
    parts = construct(Settings, settings(*words), "")
    fresh: Any = build.build_agent(parts, build.environment(parts).spec)
    old, _ = started(folder, "agent=reinforce", "agent.baseline=false", *common)
    now, own, other = agent.networks, fresh.networks, old.networks
    assert "(policy); fresh here: value; the optimizer and everything else begin anew" in sentence
    assert differences(host(now["policy"]), host(other["policy"])) == []
    assert differences(host(now["value"]), host(own["value"])) == []
    assert differences(host(now["policy"]), host(own["policy"])) != []


def test_a_run_that_died_resumes_exactly_without_its_source(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "source"))
    words = *LEARNERS["dqn"], f"init={copy}"
    trained(tmp_path / "whole", *words, "seeds=2", "checkpoint.every_steps=16")
    real = DQN.learn

    def learn(self: Any, t: Any, step: int) -> Any:
        if step == 40:
            raise Stop
        return real(self, t, step)

    with monkeypatch.context() as patch:
        patch.setattr(DQN, "learn", learn)
        with pytest.raises(Stop):
            trained(tmp_path / "died", *words, "seeds=2", "checkpoint.every_steps=16")
    shutil.rmtree(copy)
    assert resume(str(tmp_path / "died")) == 0
    assert unlike(tmp_path / "whole", tmp_path / "died") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((*LEARNERS["dqn"], "agent.hidden=[16,15]"), r"shared_0|head_0|15.*write the same agent"),
        (
            (*LEARNERS["dqn"], "agent.hidden=[16,16,16]"),
            "has other layers: shared_2, shared_3 only",
        ),
        ((*LEARNERS["dqn"], "agent.activation=tanh"), "write agent.activation=relu"),
        ((*LEARNERS["noisy"],), r"the network online of .*/source has other layers"),
        ((*LEARNERS["ppo"],), "it has policy and value, and .*/source has online and target"),
        (
            (*SMALL_DQN, "env=Acrobot-v1"),
            "the observations of Acrobot-v1 differ from those of Cart",
        ),
        (("agent=q_learning", "env=FrozenLake-v1"), "q_learning has no networks"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_run(
    source: Path, words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(source, tmp_path / "source"))
    with pytest.raises(BadInput, match=f"^init: .*({sentence})") as caught:
        validate(settings(*words, "seeds=2", f"init={copy}"))
    assert caught.value.key == "init"


def test_a_scale_of_observations_belongs_to_the_policy(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", *LEARNERS["ppo"], "seeds=1")
    with pytest.raises(BadInput, match=r"count, mean, variance only there.*normalize_obs"):
        started(folder, *SMALL_PPO, "env=CartPole-v1", "seeds=1")


def test_folders_without_weights_are_refused(source: Path, tmp_path: Path) -> None:
    words = *LEARNERS["dqn"], "seeds=2"
    (tmp_path / "empty").mkdir()
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    table = trained(tmp_path / "table", "agent=random", "env=CartPole-v1", "seeds=1")
    for place, sentence in (
        (tmp_path / "nowhere", "there is no folder"),
        (tmp_path / "empty", "is not the folder of a run"),
        (table, "the agent random of .* has no networks"),
    ):
        with pytest.raises(BadInput, match=f"^init: .*{sentence}"):
            validate(settings(*words, f"init={place}"))
    shutil.rmtree(copy / "checkpoint")
    with pytest.raises(BadInput, match="has no checkpoint yet"):
        validate(settings(*words, f"init={copy}"))
    edited = Path(shutil.copytree(source, tmp_path / "edited"))
    config = edited / "config.yaml"
    config.write_text(config.read_text().replace("gamma: 0.99", "gamma: 0.9"))
    with pytest.raises(RunFailed, match="is not the one that the checkpoint was made with"):
        validate(settings(*words, f"init={edited}"))


def test_the_command_line_says_what_it_starts_from(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = *LEARNERS["dqn"], *SHORT, "seeds=1", f"hydra.run.dir={folder}"
    code, _, err = said(*words, f"init={source}")
    assert code == 0
    sentence = f"starts from the weights in {source} (online, target); the optimizer"
    assert sentence in err and sentence in (folder / "run.log").read_text()
    refused = tmp_path / "refused"
    code, _, err = said(*words[:-1], f"hydra.run.dir={refused}", f"init={source}", "agent=ppo")
    assert code == 2 and not refused.exists(), err
