"""What can be set about Atari games."""

from __future__ import annotations

import numpy as np
import pytest

from rlrun import build
from rlrun.core.schema import construct
from rlrun.core.types import Space
from rlrun.envs.environment import Environment
from rlrun.envs.vector.atari import Atari, AtariGrid
from rlrun.settings import Settings
from tests.support.atari import OPEN, opened, played
from tests.support.atari import all_are_closed as all_are_closed
from tests.support.common import differences, host, parts_and_env, settings

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("words", "limit"), [((), 27_000), (("env.frame_skip=2",), 54_000)])
def test_the_usual_limit_is_half_an_hour_of_play(words: tuple[str, ...], limit: int) -> None:
    parts, env = parts_and_env("env=ALE/Pong-v5", "agent=random", *words)
    assert env.limit == limit
    assert build.evaluation_limit(parts, env) == limit


def test_colours_are_the_same_picture_as_in_grey() -> None:
    """Channels lie within their frame: the mean of the colours looks like the grey frame."""
    grey, colour = (
        opened("Breakout", "seeds=1", "env.frame_stack=2", f"env.kwargs.grayscale={word}")
        for word in ("true", "false")
    )
    for a, b in zip(played(grey, 20), played(colour, 20), strict=True):
        frames = b.next_obs.reshape(2, 3, 84, 84).mean(1)
        assert np.abs(frames - a.next_obs.reshape(2, 84, 84)).max() < 60
        assert np.corrcoef(frames.ravel(), a.next_obs.ravel())[0, 1] > 0.97


def test_sticky_actions_and_no_ops_are_settings() -> None:
    """Without either an episode's seed decides nothing; each of them alone makes it matter."""

    def pictures(*words: str) -> int:
        envs = opened("Pong", "seeds=4", *words)
        for k in range(40):
            t = envs.step(np.full((4, 1), 2 + k // 3 % 2))  # up and down
        return len({picture.tobytes() for picture in t.next_obs})

    assert pictures("env.sticky=false", "env.noop_max=0") == 1
    assert pictures("env.sticky=true", "env.noop_max=0") > 1
    assert pictures("env.sticky=false") > 1


def test_arguments_go_to_ales_own_environment() -> None:
    assert opened("Breakout", "seeds=1").spec.action == Space("discrete", (), (4,))
    full = opened("Breakout", "seeds=1", "env.kwargs.full_action_space=true")
    assert full.spec.action == Space("discrete", (), (18,))
    stick = opened("Breakout", "seeds=1", "env.kwargs.continuous=true")
    assert stick.spec.action == Space("vector", (3,))
    assert stick.step(np.zeros((1, 1, 3), np.float32)).next_obs.any()


def test_checking_a_game_makes_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = AtariGrid.__init__

    def counted(self: AtariGrid, atari: Atari, num_envs: int, frame_stack: int) -> None:
        made.append(num_envs)
        original(self, atari, num_envs, frame_stack)

    monkeypatch.setattr(AtariGrid, "__init__", counted)
    words = ("env=ALE/Pong-v5", "agent=random", "env.num_envs=8")
    spec = parts_and_env(*words)[1].spec
    assert made == [1]
    assert spec.num_envs == 8


def test_a_game_without_a_file_of_ours_has_the_usual_settings() -> None:
    """A user's file that names the id alone: it does not say the settings of games."""
    given = settings("env=ALE/Breakout-v5", "agent=random", "seeds=1")
    for name in ("frame_skip", "noop_max", "sticky", "life_loss"):
        del given["env"][name]
    given["env"]["frame_stack"] = given["env"]["reward_clip"] = None
    parts = construct(Settings, given, "")
    usual = opened("Breakout", "seeds=1", "env.reward_clip=null")
    bare = Environment(parts.env, parts.gamma).open(parts.seed_numbers, 1)
    OPEN.append(bare)
    for a, b in zip(played(usual, 150), played(bare, 150), strict=True):
        assert differences(host(list(a)), host(list(b))) == []
