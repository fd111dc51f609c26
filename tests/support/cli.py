"""What the tests of the command line share: a user's files, and what a command did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FILES = {
    "my/agent/dead.yaml": "defaults: [dqn, _self_]\nepsilonn: 3\n",
    "my/agent/negative.yaml": "defaults: [dqn, _self_]\nlr: -3\n",
    "my/agent/broken.yaml": "name: dqn\n  lr: : 3\n",
    "my/env/lake.yaml": "id: FrozenLake-v1\nkwargs: {is_slipery: true}\n",
    "my/env/game.yaml": "id: ALE/Pong-v5\n",
    "my/env/gone.yaml": "id: Acrobott-v1\n",
    "my/experiment/dead.yaml": "# @package _global_\nseedss: 2\n",
    "my/experiment/two.yaml": "# @package _global_\nseeds: 2\n",
    "taken/file": "",
}


@dataclass
class Outcome:
    """What a command did: its exit code, what it printed, the runs it started and how to repeat."""

    code: int
    out: str
    err: str
    runs: list[tuple[dict[str, Any], Path]]
    commands: list[str]


Rlrun = Callable[..., Outcome]


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def lines_refused(cases: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Give a test each command line, and the message that it is refused with."""
    return pytest.mark.parametrize(("line", "message"), cases, ids=[line for line, _ in cases])


def check_refused(rlrun: Rlrun, folder: Path, line: str, message: str) -> None:
    """A command line is refused in one sentence that holds the message, and leaves nothing."""
    write_files(folder)
    before = tree(folder)
    outcome = rlrun(*line.split(" "))
    assert outcome.code == 2
    assert message.removesuffix(".") in outcome.err
    assert outcome.err.startswith("rlrun: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.rstrip()[-1] in ".?)"
    assert outcome.out == ""
    assert outcome.runs == []
    assert tree(folder) == before
