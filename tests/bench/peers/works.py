"""The works that are measured, as `peers.yaml` describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

FILE = Path(__file__).with_name("peers.yaml")


@dataclass(frozen=True, kw_only=True)
class Work:
    """One work that all contenders do; `peers.yaml` explains the fields."""

    name: str
    title: str
    about: str
    steps: int
    rlrun: Sequence[str]
    env: str
    contenders: Sequence[str]
    reference: str
    gates: Mapping[str, float] = field(default_factory=dict)
    gates_per_second: Mapping[str, float] = field(default_factory=dict)
    algorithm: str = ""
    num_envs: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    sbx_lacks: Sequence[str] = ()
    learns: Mapping[str, Any] = field(default_factory=dict)


@cache
def described() -> dict[str, Any]:
    """Return the content of the file."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def works() -> dict[str, Work]:
    """Return all works by name."""
    return {name: Work(name=name, **each) for name, each in described()["works"].items()}
