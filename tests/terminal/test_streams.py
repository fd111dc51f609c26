"""Printing never ends a command: closed and full streams, pipes without a reader, encodings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from rlrun.core.text import readable
from rlrun.terminal.streams import dropping

FULL = Path("/dev/full")
RUN = ("agent=random", "seeds=1", "total_steps=200", "eval.final_episodes=1")
REPORTED = "rlrun: part of the output could not be written: No space left on device.\n"


def closing(*numbers: int) -> Callable[[], None]:
    """A function that closes these streams of a new process before it begins."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


def rlrun(
    *words: str, cwd: Path, env: dict[str, str] | None = None, **streams: Any
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rlrun", *words]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    names = dict.fromkeys(("encoding", "errors"), "utf-8") | {"errors": "surrogateescape"}
    more = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=cwd, env=more, check=False, **both, **names)  # type: ignore[no-any-return,call-overload]


def check_complete(folder: Path) -> None:
    assert json.loads((folder / "meta.json").read_text())["status"] == "done"
    assert json.loads((folder / "result.json").read_text())["final"]["episodes"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [(2,), (0, 1, 2)])
def test_a_run_needs_no_stream(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    done = rlrun(*RUN, "hydra.run.dir=a", cwd=tmp_path, preexec_fn=closing(*numbers))
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (0, False)
    check_complete(tmp_path / "a")
    assert bool(done.stdout) == (1 not in numbers)
    assert bool(done.stderr) == (2 not in numbers)


def test_files_do_not_get_the_numbers_of_closed_streams(tmp_path: Path) -> None:
    """Otherwise what a library prints would be written into them."""
    code = (
        "import os; from rlrun.terminal.streams import dropping\n"
        "with dropping():\n"
        "    with open('file', 'w') as file: os.write(2, b'noise'); number = file.fileno()\n"
        "open('number', 'w').write(str(number))"
    )
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=tmp_path, preexec_fn=closing(0, 1, 2), check=True)
    assert (tmp_path / "file").read_text() == ""
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "buffered"), [("stdout", True), ("stderr", True), ("both", False)]
)
def test_a_full_disk_under_a_stream_ends_no_run(tmp_path: Path, which: str, buffered: bool) -> None:
    with FULL.open("w") as full:
        streams = {name: full for name in ("stdout", "stderr") if which in (name, "both")}
        env = {} if buffered else {"PYTHONUNBUFFERED": "1"}
        done = rlrun(*RUN, "hydra.run.dir=a", cwd=tmp_path, env=env, **streams)
    assert done.returncode == 0, done.stderr
    check_complete(tmp_path / "a")
    if which == "stdout":
        assert done.stderr.endswith(REPORTED)
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["local", "joblib"])
def test_jobs_print_to_a_full_disk_too(tmp_path: Path, launcher: str) -> None:
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = ("-m", *RUN, "seed=0,1", "hydra.sweep.dir=a", f"hydra/launcher={launcher}")
    with FULL.open("w") as full:
        done = rlrun(*words, cwd=tmp_path, stdout=full, stderr=full)
    assert done.returncode == 0
    for job in ("0_seed=0", "1_seed=1"):
        check_complete(tmp_path / "a" / job)


@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 0), (["--version"], 0), (["resume", "nowhere"], 2)]
)
def test_the_exit_code_is_that_of_the_command(tmp_path: Path, words: list[str], code: int) -> None:
    with FULL.open("w") as full:
        assert rlrun(*words, cwd=tmp_path, stdout=full, stderr=full).returncode == code
    assert rlrun(*words, cwd=tmp_path, preexec_fn=closing(1, 2)).returncode == code
    done = rlrun(*words, cwd=tmp_path, preexec_fn=closing(2))
    assert done.returncode == code
    assert code == 0 or done.stdout == ""  # an error message is no result


def test_what_a_full_disk_accepts_is_written(tmp_path: Path) -> None:
    """A failure drops the output it concerns, not what follows."""
    path = tmp_path / "out"
    code = (
        "import os, resource; from rlrun.terminal.streams import dropping\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "with dropping():\n"
        "    print('one', flush=True)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))\n"
        "    print('two', flush=True)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "    print('three', flush=True)\n"
    )
    with path.open("w") as out:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=True)
    assert path.read_text() == "one\nthree\n"
    assert done.stderr == "rlrun: part of the output could not be written: File too large.\n"


def test_streams_in_memory_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with dropping():
        assert (sys.stdout, sys.stderr) == before
        print("here")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "here\n"


def replaced(monkeypatch: pytest.MonkeyPatch, file: IO[str]) -> None:
    monkeypatch.setattr(sys, "stdout", file)


def test_a_name_that_is_not_utf8_is_printed_with_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a command that is printed can be copied; other characters are written as numbers."""
    path = tmp_path / "out"
    with path.open("w", encoding="ascii") as file:
        replaced(monkeypatch, file)
        with dropping():
            print(os.fsdecode(b"l\xe9tin"), "ß")
        assert sys.stdout is file
        print("after", flush=True)
    assert path.read_bytes() == b"l\xe9tin \\xdf\nafter\n"


def test_streams_keep_their_properties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", encoding="latin-1", buffering=1) as file:
        replaced(monkeypatch, file)
        with dropping():
            assert sys.stdout.encoding == "latin-1"
            assert sys.stdout.fileno() == file.fileno()
            assert not sys.stdout.isatty()
            print("é")
            assert (tmp_path / "out").read_bytes() == b"\xe9\n"  # line by line, as before


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("é".encode(), "é"),
        (b"l\xe9tin", r"l\xe9tin"),
        (b"\xff\xc3\xa9", r"\xffé"),
    ],
)
def test_readable(raw: bytes, text: str) -> None:
    assert readable(os.fsdecode(raw)) == text
    surrogates = raw.decode("ascii", "surrogateescape")  # as under LC_ALL=C
    assert readable(surrogates) == text
    assert readable("\ud800") == r"\ud800"  # in no name of a file


C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "env", "text"), [(b"l\xe9tin", {}, r"l\xe9tin"), ("é".encode(), C, "é")]
)
def test_a_folder_may_have_any_name(
    tmp_path: Path, name: bytes, env: dict[str, str], text: str
) -> None:
    """A run and its report; TensorBoard shows the name as text."""
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    done = rlrun(*RUN, f"hydra.run.dir='{os.fsdecode(name)}/a'", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert f"--logdir '{os.fsdecode(name)}/a'" in done.stdout
    check_complete(folder / "a")
    (events,) = (folder / "a" / "seed_0").glob("events*")
    assert trial(events, tmp_path / "copy").endswith(f"/{text}".encode())


@pytest.mark.slow
def test_a_sweep_in_a_folder_that_is_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"l\xe9tin")
    for words in (
        ("-m", *RUN, "seed=0,1", f"hydra.sweep.dir='{name}/a'"),
        ("resume", f"{name}/a/0_seed=0", "total_steps=300"),
        ("report", name),
    ):
        done = rlrun(*words, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stderr)
    check_complete(tmp_path / name / "a" / "0_seed=0")
    check_complete(tmp_path / name / "a" / "1_seed=1")
    assert done.stdout == f"{name}/report/index.html\n"


def trial(events: Path, copy: Path) -> bytes:
    """The name of a run's line in TensorBoard's HParams tab."""
    from tensorboard.backend.event_processing.event_file_loader import (  # type: ignore[import-untyped]
        EventFileLoader,
    )
    from tensorboard.plugins.hparams.plugin_data_pb2 import (  # type: ignore[import-untyped]
        HParamsPluginData,
    )

    shutil.copy(events, copy)  # TensorBoard itself only opens files whose names are UTF-8
    contents = [
        value.metadata.plugin_data.content
        for event in EventFileLoader(str(copy)).Load()
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    ]
    runs = [HParamsPluginData.FromString(each).session_start_info for each in contents]
    (name,) = (each.group_name for each in runs if each.group_name)  # one is about the columns
    return str(name).encode()
