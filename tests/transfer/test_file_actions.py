"""Files of demonstrations whose actions the environment does not have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlrun import build
from rlrun.core.errors import BadInput
from rlrun.data.demonstrations import write
from rlrun.envs.settings import EnvSettings
from rlrun.replay.demonstrations import Demonstration
from tests.support.common import SMALL_DQN, settings


@pytest.mark.parametrize("wrong", [-1, 2])
def test_they_are_refused(tmp_path: Path, wrong: int) -> None:
    obs, action = np.zeros((3, 4), np.float32), np.array([0, wrong, 1])
    episode = Demonstration(obs, action, np.ones(3), obs[0], False, 5, 70)
    write(tmp_path / "a.npz", EnvSettings(id="CartPole-v1", obs=None), [episode])
    said = f"has an action {wrong}, which CartPole-v1 does not have"
    with pytest.raises(BadInput, match=said):
        build.validate(settings("env=CartPole-v1", *SMALL_DQN, f"data={tmp_path / 'a.npz'}"))
