"""A run that is loaded gives what it has left, and its policies act as they do in evaluations."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv

from rlrun import build, load_run
from rlrun.api import Policy
from rlrun.core.errors import BadInput, RunFailed
from rlrun.core.rng import Numbers, Purpose
from rlrun.core.schema import construct
from rlrun.envs.environment import Environment
from rlrun.run_folder.files import FolderError, refuse_own_code
from rlrun.settings import Settings
from tests.support.trained import digests, evaluated, result, trained

pytestmark = pytest.mark.slow

LIMIT = 60  # steps of an evaluation's episode, in tests.support.trained


def played(
    policy: Policy,
    env: gym.Env[Any, Any],
    seed: int,
    purpose: Purpose = Purpose.FINAL_EPISODES,
) -> tuple[float, int]:
    """Return and length of the episode that an evaluation of the seed number begins with."""
    obs, _ = env.reset(seed=Numbers(purpose)(seed, 0, 0))
    policy.reset()
    total, steps, over = 0.0, 0, False
    reward: Any = None
    while not over and steps < LIMIT:
        action = policy.act(obs, reward=reward)
        assert env.action_space.contains(action)
        obs, reward, terminated, truncated, _ = env.step(action)
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    return total, steps


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dqn", ()),
        ("dqn", ("env=Acrobot-v1", "env.scale_obs=true")),
        ("drqn", ()),
        ("ppo", ()),
        ("ddpg", ()),
        ("ddpg", ("env=tests.support.control:Turn-v0",)),
        ("ppo", ("env=tests.support.control:Turn-v0", "agent.normalize_obs=false")),
        ("random", ()),
        ("images", ()),
        ("images", ("env=tests.support.pixels:Grid-v0",)),
        ("dqn", ("env=Blackjack-v1",)),
        ("dqn", ("env.frame_stack=3", "env.last_action=true", "env.last_reward=true")),
        ("ddpg", ("env.last_action=true",)),
    ],
)
def test_a_policy_plays_the_evaluations_episodes(
    tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    """In Gymnasium's own environment, with its own observations and actions."""
    folder = trained(tmp_path / "run", name, *words)
    run = load_run(folder)
    env = gym.make(run.env)
    for seed in run.seeds[:2]:
        told = evaluated(folder, f"seed={seed}", "episodes=1")
        again = played(run.policy(seed), env, seed)
        assert again == (told["returns"][0][0], told["lengths"][0][0])


def test_a_table_says_what_its_table_says(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "table", "total_steps=2000")
    policy = load_run(folder).policy(seed=2)
    rows = (folder / "q_table.csv").read_text().splitlines()[1:]
    values = np.array([row.split(",")[2:] for row in rows if row.startswith("2,")], float)
    assert [policy.act(np.int64(state)) for state in range(16)] == values.argmax(-1).tolist()


def test_a_game_is_seen_as_ale_shows_it(tmp_path: Path) -> None:
    """As stacks of frames, or as the frames one by one, of which the first ones are missing."""
    folder = trained(tmp_path / "run", "game")
    run = load_run(folder)
    by_stack, by_frame = run.policy(seed=1), run.policy(seed=1)
    parts = construct(Settings, run.settings, "")
    ours = build.evaluation_envs(parts, Environment(parts.env, parts.gamma), 1, seeds=(1,))
    game = AtariVectorEnv(
        "pong",
        1,
        repeat_action_probability=0.25,
        use_fire_reset=False,
        num_threads=1,
    )
    number = Numbers(Purpose.EVAL_EPISODES)(1, 0, 0)
    seen, _ = game.reset(seed=np.array([number]))
    agent = run.policy(seed=1)._player.agent
    for _ in range(30):
        expected = agent.act(ours.obs, 0, explore=False)
        action = by_stack.act(seen[0])
        assert action == by_frame.act(seen[0, -1]) == expected[0, 0]
        ours.step(expected)
        seen, *_ = game.step(np.array([action]))
    game.close()
    vars(game).pop("ale", None)
    ours.close()


def test_what_a_run_has_left(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "dqn")
    before = digests(folder)
    run = load_run(str(folder))
    assert repr(run) == "<run of dqn on CartPole-v1, 3 seeds: done>"
    assert (run.agent, run.env, run.seeds, run.status) == ("dqn", "CartPole-v1", (0, 1, 2), "done")
    assert run.settings["agent"]["hidden"] == [16, 16]
    assert run.result == result(folder)
    curve = run.metrics["eval/mean_reward"]
    assert curve.steps.tolist() == [60, 120]
    assert curve.values.shape == (3, 2)
    with pytest.raises(BadInput) as refusal:
        run.metrics["eval/mean_rewrad"]
    assert isinstance(refusal.value, KeyError) and "eval/mean_rewrad" not in run.metrics
    sentence = "the run has no metric 'eval/mean_rewrad'. Did you mean eval/mean_reward? It has: "
    assert str(refusal.value).startswith(sentence) and "train/loss" in str(refusal.value)
    best = run.policy(seed=2, which="best")
    assert (best.seed, best.step) == (2, result(folder)["best"]["step"][2])
    with pytest.raises(BadInput, match="has no seed 3"):
        run.policy(seed=3)
    with pytest.raises(BadInput, match=re.escape("must have the shape (4,), not (3, 4)")):
        run.policy().act(np.zeros((3, 4)))
    with pytest.raises(
        BadInput, match=r"not an observation of CartPole-v1: \[.*nan.*\] is not in Box"
    ):
        run.policy().act(np.array([0.0, np.nan, 0.0, 0.0]))
    assert digests(folder) == before


def test_what_is_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FolderError, match="is not the folder of a run"):
        load_run(tmp_path)
    folder = trained(tmp_path / "run", "images", "eval.every=0")
    run = load_run(folder)
    with pytest.raises(RunFailed, match="has no best policies"):
        run.policy(which="best")
    with pytest.raises(FolderError, match="there is no folder"):
        load_run(tmp_path / "nosuch")
    edited = shutil.copytree(folder, tmp_path / "edited")
    with (edited / "config.yaml").open("a") as file:
        file.write("nonsense: 1\n")
    with pytest.raises(FolderError, match=r"edited/config\.yaml is not valid: unknown setting"):
        load_run(edited).policy()
    monkeypatch.chdir(folder)
    with pytest.raises(BadInput, match="use it from another directory"):
        load_run(".").policy()


@pytest.mark.parametrize("module", ["shared.run.code", "shared.code", "shared", "link.code"])
def test_a_module_in_or_beside_a_run_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """The current directory is where environments are looked for: here it holds the run."""
    run = tmp_path / "shared" / "run"
    run.mkdir(parents=True)
    (tmp_path / "link").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=f"in this one {module} could be imported from"):
        refuse_own_code(Path("shared/run"), f"{module}:Evil-v0")
    refuse_own_code(Path("shared/run"), "elsewhere.code:Good-v0")
    refuse_own_code(Path("shared/run"), "CartPole-v1")


def test_the_example_in_the_documentation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Path(__file__).parents[1].joinpath("docs/python.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    folder = trained(tmp_path / "run", "dqn")
    code, count = re.subn(r'"outputs/[^"]*"', repr(str(folder)), code)
    assert count == 1
    capsys.readouterr()
    exec(compile(code, "docs/python.md", "exec"), {})
    first, _, last = capsys.readouterr().out.splitlines()
    assert first == "<run of dqn on CartPole-v1, 3 seeds: done>"
    assert re.fullmatch(r"return \d+ in an episode of CartPole-v1", last)
