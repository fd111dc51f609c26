"""Fixtures that several test files need."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import Box2D  # type: ignore[import-untyped]  # noqa: F401
import pytest
import torch

from rlrun.__main__ import main
from rlrun.core.errors import BadInput
from tests.support.cli import Outcome, Rlrun

# Box2D is imported here, under the filters of pyproject.toml: Hypothesis takes them off, and as an
# error a warning of its bindings crashes the interpreter.
pytest.register_assert_rewrite("tests.support.checkpoints", "tests.support.rows")
torch.set_num_threads(1)  # what is promised to the bit is promised for one thread


@pytest.fixture
def rlrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Rlrun:
    """Run a command line in an empty folder, with a stand-in for the training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    runs: list[tuple[dict[str, Any], Path]] = []
    commands: list[str] = []

    def train(
        settings: dict[str, Any], folder: Path, command: str, listener: object = None
    ) -> float:
        runs.append((settings, folder))
        commands.append(command)
        match settings["seed"]:
            case 66:
                raise BadInput("seed 66 is bad luck")
            case 77:
                raise RuntimeError("exploded")
            case 88:
                sys.exit(3)
            case 99:
                raise KeyboardInterrupt
        (folder / "result.json").write_text("{}")
        return 1.0

    for module in ("rlrun.cli.multirun.job", "rlrun.run"):  # where it is looked up
        monkeypatch.setattr(f"{module}.start_run", train)

    def call(*words: str) -> Outcome:
        runs.clear()
        commands.clear()
        here = ["hydra/launcher=basic"] if "-m" in words else []  # the stand-in is in this process
        monkeypatch.setattr(sys, "argv", ["rlrun", *words, *here])
        code = main()
        out, err = capsys.readouterr()
        return Outcome(code, out, err, list(runs), list(commands))

    return call


@pytest.fixture
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A colour terminal of 80 columns, whatever the caller's environment says."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory from which tests.support.faulty can be imported."""
    monkeypatch.chdir(tmp_path)
    root = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    return tmp_path
