"""Printed command lines run when they are pasted into a shell."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rlrun.terminal.commands import command_line, repeating, tensorboard_line

ODD = ("agent.hidden=[64,64]", "~tuned", "env.kwargs.name='a b'", "x=$HOME", "y=`id`", "z=a;b&c|d")
STAND_IN = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done
echo --
"""


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in a folder with odd letters, whose programs no shell finds by name."""
    folder = tmp_path / "an env's; bin"
    folder.mkdir()
    for name in ("rlrun", "tensorboard"):
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return folder


def pasted(line: str) -> list[str]:
    """The words that the programs of a line get, as a shell passes them on."""
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_every_word_reaches_the_program(away: Path) -> None:
    assert pasted(command_line("resume", "a folder's name", *ODD)) == [
        "resume",
        "a folder's name",
        *ODD,
        "--",
    ]
    odd = "outputs/a run's; folder"
    assert pasted(tensorboard_line(away.parent / odd)) == ["--logdir", odd, "--"]


def test_a_run_that_was_resumed_for_longer_is_two_commands(away: Path) -> None:
    command = shlex.join(["rlrun", *ODD])
    assert pasted(repeating(command)) == [*ODD, "--"]
    both = repeating(command, ["total_steps=400"])
    assert pasted(both) == [*ODD, "--", "resume", "last", "total_steps=400", "--"]


def test_a_program_that_the_shell_finds_is_called_by_its_name(
    away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{away}:/usr/bin:/bin")
    assert command_line("resume", "last") == "rlrun resume last"
