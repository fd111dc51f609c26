"""Recorded episodes: what was played, in files that run no code, and data to learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import rlrun
from rlrun import build
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.data.demonstrations import read, write
from rlrun.data.recorded import open_data
from rlrun.envs.settings import EnvSettings
from rlrun.replay.demonstrations import Demonstration
from rlrun.settings import Settings
from tests.support.common import SMALL_CONTROL, SMALL_DQN, parts_and_env, settings
from tests.support.trained import said, trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name in ("dqn", "ddpg"):
        trained(folder / name, name)
    return folder


def recorded(run: Path, *words: str) -> list[Demonstration]:
    """The episodes that the command records."""
    code, _, err = said("record-data", str(run), *words)
    assert code == 0, err
    return read(run / "demonstrations.npz", "data").episodes


@pytest.mark.parametrize("name", ["dqn", "ddpg"])
def test_episodes_are_those_of_the_environment_and_the_policy(runs: Path, name: str) -> None:
    """Gymnasium's own environment, reset with the episode's seed, gives every number again."""
    episodes = recorded(runs / name, "episodes=12")
    assert [each.seed for each in episodes] == [0] * 12 + [1] * 12 + [2] * 12
    assert len({each.episode_seed for each in episodes}) == 36
    loaded = rlrun.load_run(runs / name)
    env: Any = gym.make(loaded.env)
    for episode in (episodes[0], episodes[11], episodes[25]):
        policy = loaded.policy(episode.seed)
        obs, _ = env.reset(seed=episode.episode_seed)
        ended = cut = False
        for n in range(len(episode.action)):
            assert not ended and not cut
            assert np.allclose(obs, episode.obs[n])
            action = policy.act(obs)
            action_stored = action if name == "dqn" else action / 2
            assert np.allclose(action_stored, episode.action[n], atol=1e-6)
            obs, reward, ended, cut, _ = env.step(action)
            assert reward == pytest.approx(episode.reward[n])
        assert np.allclose(obs, episode.last_obs)
        assert ended == episode.final and (ended or cut or len(episode.action) == 60)


def test_few_episodes_are_the_first_of_many(runs: Path) -> None:
    many = recorded(runs / "dqn", "episodes=12", "seed=1")
    for count in (1, 2, 11):
        few = recorded(runs / "dqn", f"episodes={count}", "seed=1")
        assert [each.episode_seed for each in few] == [each.episode_seed for each in many[:count]]
        assert all(
            np.array_equal(a.obs, b.obs) and np.array_equal(a.action, b.action)
            for a, b in zip(few, many, strict=False)
        )


def test_sampled_episodes_differ_and_repeat(runs: Path) -> None:
    greedy = recorded(runs / "dqn", "episodes=3", "seed=0")
    first, again = (recorded(runs / "dqn", "episodes=3", "seed=0", "sample=true") for _ in range(2))
    assert all(np.array_equal(a.action, b.action) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a.action, b.action) for a, b in zip(greedy, first, strict=True))
    assert greedy[0].episode_seed == first[0].episode_seed


def test_the_command_says_what_it_wrote(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "episodes.npz"
    code, out, _ = said("record-data", str(runs / "dqn"), "episodes=2", "--out", str(file))
    assert code == 0 and file.exists()
    steps = sum(len(each.action) for each in read(file, "data").episodes)
    first, second = out.splitlines()
    assert first.startswith(
        f"dqn on CartPole-v1, seeds 0 to 2: 2 episodes of each, {steps} steps, mean return "
    )
    assert second == f"file:  {file}"
    code, out, _ = said("record-data", str(runs / "dqn"), "episodes=2", "--out", str(file))
    assert out.splitlines()[1] == f"file:  {file} (it replaces an earlier file)"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("episodes=0",), "episodes must be between 1 and"),
        (("seed=9",), "has no seed 9: it has seeds 0 to 2"),
        (("env.id=Acrobot-v1",), "env.id is fixed by the run"),
        (("episode=3",), "unknown setting episode. Did you mean episodes?"),
        (("--out", "x.csv"), "--out x.csv must end with .npz."),
        (("which=best",), ""),
    ],
)
def test_mistakes_are_sentences(runs: Path, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = said("record-data", str(runs / "dqn"), *words)
    assert (code == 2) == bool(sentence) and sentence in err


def sample_file(path: Path, count: int = 2) -> list[Demonstration]:
    """A file of episodes of 3 and 4 steps, the first of which terminates."""
    rng = np.random.default_rng(0)
    episodes = [
        Demonstration(
            rng.random((3 + n, 4)).astype(np.float32),
            rng.integers(2, size=3 + n),
            np.arange(3.0 + n),
            rng.random(4).astype(np.float32),
            n == 0,
            5,
            70 + n,
        )
        for n in range(count)
    ]
    write(path, construct(EnvSettings, settings("env=CartPole-v1")["env"], "env"), episodes)
    return episodes


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    episodes = sample_file(tmp_path / "a.npz")
    file = read(tmp_path / "a.npz", "data")
    assert (file.env_id, file.steps) == ("CartPole-v1", 7)
    for one, two in zip(episodes, file.episodes, strict=True):
        for a, b in zip(one, two, strict=True):
            assert type(a) is type(b) and np.array_equal(a, b)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


class Trap:
    """An object that says so when it is unpickled."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("unpickled",))


def test_a_file_is_never_unpickled(tmp_path: Path) -> None:
    sample_file(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    for name in ("obs", "extra"):
        with (tmp_path / "b.npz").open("wb") as out:
            np.savez(out, **{**arrays, name: np.array([Trap()], object)})
        with pytest.raises(BadInput, match="is not a file of demonstrations"):
            read(tmp_path / "b.npz", "data")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": np.array("other")}, "its format is not 'rlrun demonstrations 1'"),
        ({"obs": None}, "it has no obs"),
        ({"reward": np.zeros(6)}, "not of one length"),
        ({"last_obs": np.zeros((3, 4), np.float32)}, "not of one length"),
        ({"terminated": np.zeros(7, bool), "truncated": np.zeros(7, bool)}, "has no end"),
        ({"episode": np.array([0, 0, 1, 1, 1, 1, 1])}, "do not end where the next ones begin"),
        ({"obs": np.full((7, 4), np.nan, np.float32)}, "obs has numbers that are not finite"),
        ({"about": np.array("{")}, "is not a file of demonstrations"),
        ({"about": np.array("3")}, "is not a file of demonstrations"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    sample_file(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = {name: each for name, each in {**file, **change}.items() if each is not None}
    np.savez(tmp_path / "b.npz", **arrays)
    with pytest.raises(BadInput, match=f"^data: .*{sentence}"):
        read(tmp_path / "b.npz", "data")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(BadInput, match=r"^data: .* is not a file of demonstrations"):
        read(tmp_path / "a.npz", "data")
    with pytest.raises(BadInput, match=r"^data: there is no file"):
        read(tmp_path / "b.npz", "data")


def test_every_seed_learns_from_all_transitions_of_a_file(tmp_path: Path) -> None:
    episodes = sample_file(tmp_path / "a.npz")
    words = *SMALL_DQN, "env=CartPole-v1", "seeds=3", "gamma=0.9", f"data={tmp_path / 'a.npz'}"
    laid_out, data = open_data(settings(*words))
    parts = construct(Settings, laid_out, "")
    agent: Any = build.build_agent(parts, build.environment(parts).spec, data=data)
    state = agent._replay.state_dict()
    piece = {
        name: np.concatenate([np.asarray(state[part][name]) for part in ("head", "tail")], 1)
        for name in state["tail"]
    }
    assert (parts.env.num_envs, parts.replay.settings.capacity) == (1, 7)
    for k in range(3):
        assert np.array_equal(piece["obs"][k, :, 0], np.concatenate([e.obs for e in episodes]))
        assert piece["reward"][k, :, 0].tolist() == [0, 1, 2, 0, 1, 2, 3]
        assert piece["discount"][k, :, 0].tolist() == pytest.approx([0.9, 0.9, 0, *[0.9] * 4])
        assert piece["last"][k, :, 0].tolist() == [False, False, True, *[False] * 3, True]
        assert np.array_equal(piece["next_obs"][k, 2, 0], episodes[0].last_obs)
        assert np.array_equal(piece["next_obs"][k, 6, 0], episodes[1].last_obs)
        assert np.array_equal(piece["next_obs"][k, 0, 0], episodes[0].obs[1])
    assert agent._replay.check_valid() == (True, "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("env=Acrobot-v1", *SMALL_DQN), "the observations in .* which are from CartPole-v1"),
        (("env=Pendulum-v1", "agent=ddpg", *SMALL_CONTROL), "the observations in"),
        (("env=CartPole-v1", *SMALL_DQN, "env.reward_scale=0.5"), "write env.reward_scale=1.0"),
    ],
)
def test_files_of_other_environments_are_refused(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    sample_file(tmp_path / "a.npz")
    with pytest.raises(BadInput, match=sentence):
        build.validate(settings(*words, f"data={tmp_path / 'a.npz'}"))


def test_a_run_learns_from_a_file_and_resumes_without_it(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    assert said("record-data", str(runs / "dqn"), "episodes=3", "--out", str(file))[0] == 0
    words = *SMALL_DQN, "env=CartPole-v1", "seeds=2", "total_steps=40", "eval.every=0"
    whole = tmp_path / "whole"
    code, out, _ = said(*words, f"data={file}", f"hydra.run.dir={whole}")
    assert code == 0 and "40 updates per seed" in out
    file.unlink()
    code, out, err = said("resume", str(whole), "total_steps=60")
    assert code == 0 and "60 updates per seed" in out, err
    assert json.loads((whole / "result.json").read_text())["clock"] == "updates"


def test_masks_are_recorded(tmp_path: Path) -> None:
    words = "agent=random", "env=tests.support.masked:Doors-v0", "seeds=1"
    parts, env = parts_and_env(*words)
    from rlrun.transfer.demonstrations import play_episodes

    agent = build.build_agent(parts, env.spec)
    ((episode,),) = play_episodes(agent, parts, env, (0,), 1)
    write(tmp_path / "a.npz", parts.env, [episode])
    (again,) = read(tmp_path / "a.npz", "data").episodes
    assert episode.legal is not None and again.legal is not None
    assert np.array_equal(episode.legal, again.legal)
    assert np.array_equal(episode.last_legal, again.last_legal)  # type: ignore[arg-type]
    taken = np.take_along_axis(again.legal, again.action.reshape(-1, 1), 1)
    assert again.legal.shape[1] == env.spec.num_masked and taken.all()
