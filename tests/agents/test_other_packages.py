"""Agents of other packages, which an entry point adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from rlrun import build
from rlrun.agents.random import Random
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Spec
from rlrun.envs.environment import Environment
from rlrun.settings import Settings
from tests.support.common import settings

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class MySettings:
    """The settings of `Mine`."""

    size: int
    """How large it is."""


class Mine(Random):
    """An agent of another package."""

    settings_class: ClassVar[type[Any]] = MySettings

    def __init__(self, spec: Spec, seeds: Sequence[int], settings: MySettings) -> None:
        super().__init__(spec, seeds)
        self.size = settings.size


def test_an_installed_package_can_add_an_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = SimpleNamespace(name="mine", load=lambda: Mine)
    monkeypatch.setattr("rlrun.agents.entry_points", lambda group: [point])
    given = settings("agent=random", "env=CartPole-v1")
    given["agent"] = {"name": "mine", "size": 3}
    parts = construct(Settings, given, "")
    agent = build.build_agent(parts, Environment(parts.env, parts.gamma).spec)
    assert isinstance(agent, Mine)
    assert agent.size == 3
    given["agent"] = {"name": "mine", "sice": 3}
    with pytest.raises(BadInput, match=r"agent\.sice.*Did you mean size"):
        build.validate(given)


def test_an_agent_of_another_package_that_is_incomplete_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Old:
        observes = acts = ("vector", "discrete")

    class Asks(Mine):
        def __init__(self, spec: Spec, seeds: Sequence[int], lr: float) -> None: ...

    given = {**settings("agent=random", "env=CartPole-v1"), "agent": {"name": "mine", "size": 3}}
    for cls, message in (
        (Old, "has no settings_class"),
        (Asks, "has a parameter lr, which is not"),
    ):
        point = SimpleNamespace(name="mine", load=lambda cls=cls: cls)
        monkeypatch.setattr("rlrun.agents.entry_points", lambda group, point=point: [point])
        with pytest.raises(BadInput, match=message):
            build.validate(given)
