"""Real commands that are stopped by signals, or killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlrun.core.signals import Interrupted, Signals
from rlrun.run import start_run
from tests.soak.compare import unlike
from tests.support.common import SMALL_DQN, settings
from tests.support.resume import resume

pytestmark = pytest.mark.slow


def test_signals_leave_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with Signals() as signals:
            signals.check()
            os.kill(os.getpid(), signal.SIGUSR1)
            assert signals.save
            os.kill(os.getpid(), number)
            with pytest.raises(Interrupted) as asked:
                signals.check()
            assert asked.value.code == code
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is before


def started(folder: Path, *words: str, group: bool = False) -> subprocess.Popen[str]:
    """A real command, in a process of its own, that is training."""
    command = [sys.executable, "-m", "rlrun", *words, f"hydra.run.dir={folder}"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=group,
    )
    deadline = time.monotonic() + 600
    while not (folder / "metrics.jsonl").exists() or not (folder / "metrics.jsonl").stat().st_size:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process


LONG = ("agent=q_learning", "env=FrozenLake-v1", "seeds=2", "total_steps=100000", "eval.every=0")


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda p: p.send_signal(signal.SIGINT), 130),
        (lambda p: p.send_signal(signal.SIGTERM), 143),
        (lambda p: p.kill(), -9),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_a_command_that_is_stopped_goes_on(
    tmp_path: Path, ask: Callable[[Any], None], code: int
) -> None:
    folder = tmp_path / "run"
    process = started(folder, *LONG, "checkpoint.every_steps=1000")
    ask(process)
    _, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["status"] == ("running" if code == -9 else "interrupted")
    if code > 0:
        assert "to resume from the last checkpoint: " in err
        assert "Traceback" not in err
    assert resume(str(folder)) == 0
    twin = tmp_path / "twin"
    twin.mkdir()
    start_run(settings(*LONG), twin, "rlrun again")
    assert unlike(twin, folder) == []


ASYNC = ("env=CartPole-v1", "env.vector=async", *SMALL_DQN, "seeds=2", "total_steps=60000")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_the_whole_group_spares_the_environments(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """As a terminal or a batch system sends it: to the processes of environments, too."""
    folder = tmp_path / "run"
    process = started(folder, *ASYNC, "log.every=100", group=True)
    os.killpg(process.pid, signal.SIGUSR1)
    deadline = time.monotonic() + 600
    while not list(folder.glob("checkpoint/manifest-*.json")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    assert "Traceback" not in err
    assert json.loads((folder / "meta.json").read_text())["status"] == "interrupted"


def test_sigusr1_saves_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = started(folder, *LONG)
    assert not (folder / "checkpoint").exists()
    process.send_signal(signal.SIGUSR1)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert (folder / "run.log").read_text().count(": saved") == 2


def test_a_short_soak() -> None:
    """Some of `make soak`: real runs are killed by a real signal, and resumed."""
    cases = ("dqn", "dqn, async", "random, rebuilt", "q_learning", "sarsa", "monte_carlo")
    command = [sys.executable, "-m", "tests.soak", "--kills", "12", "--cases", *cases]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 kills, 12 exact, 0 runs lost" in done.stdout


def test_a_signal_in_the_middle_of_a_print_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python refuses to print while another print is interrupted."""

    class Busy(io.StringIO):
        def write(self, text: str) -> int:
            raise RuntimeError("reentrant call inside <_io.BufferedWriter>")

    with Signals() as signals:
        monkeypatch.setattr(sys, "stderr", Busy())
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            signals.check()
