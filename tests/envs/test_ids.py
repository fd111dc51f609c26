"""Ids of environments: suggestions for unknown ones, the newest version, packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rlrun.core.errors import BadInput
from rlrun.envs.ids import closest_id, env_ids, env_spec

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("env_id", "words"),
    [
        ("Acrobott-v1", ["no environment 'Acrobott-v1'", "Did you mean Acrobot-v1?"]),
        ("LunarLander-v2", ["deprecated", "LunarLander-v3"]),
        ("CartPole-v9", ["CartPole-v1?"]),
        ("ALE/Pongg-v5", ["Did you mean ALE/Pong-v5?"]),
        ("Nowhere/Pong-v5", ["Namespace Nowhere not found"]),
        ("no_such_package:Name-v0", ["no Python package 'no_such_package'"]),
        ("os.path; x:Name-v0", ["not the name of a Python package"]),
        ("", ["no environment ''"]),
    ],
)
def test_an_unknown_id_is_refused_with_a_suggestion(env_id: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as refusal:
        env_spec(env_id)
    for word in words:
        assert word in str(refusal.value)


def test_a_name_without_a_version_means_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Acrobot-v1" in env_ids()
    some = ["FrozenLake-v1", "LunarLander-v2", "LunarLander-v3"]  # other tests register more
    monkeypatch.setattr("rlrun.envs.ids.env_ids", lambda: some)
    assert closest_id("lunarlander") == "LunarLander-v3"
    assert closest_id("lake", ["lake_small"]) == "lake_small"


def test_a_package_that_does_not_import_is_not_called_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_envs.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        env_spec("half_envs:Name-v0")
