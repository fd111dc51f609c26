"""Videos show what was played, and change neither a run nor how it goes on."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from rlrun import build
from rlrun.cli.verbs import record
from rlrun.core.errors import BadInput
from rlrun.core.types import Array
from rlrun.media import video
from rlrun.run_folder.files import check_files
from rlrun.run_folder.reader import find_runs
from tests.soak.compare import left, unlike
from tests.support.common import parts_and_env, settings
from tests.support.resume import resume, run, stopped_at
from tests.support.trained import digests, evaluated, result, said, trained
from tests.support.videos import animation


def frames_of(path: Path) -> tuple[tuple[int, int], float, Array]:
    """Size (width, height), frames in a second, and uint8 ``[frame, height, width, 3]``."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    about = re.search(r"Video: h264.*?, (\d+)x(\d+).*?, ([\d.]+) fps", done.stderr.decode())
    assert about is not None
    width, height, fps = int(about[1]), int(about[2]), float(about[3])
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)
    return (width, height), fps, frames


def duration(data: bytes) -> int:
    """Of all frames, in milliseconds: those that are alike are one that is shown longer."""
    image, told = Image.open(io.BytesIO(data)), 0
    for frame in range(getattr(image, "n_frames", 1)):
        image.seek(frame)
        image.load()
        told += int(image.info["duration"])
    return told


def change(frames: Array) -> Array:
    """How much each frame differs from the one before, ``[frame - 1]``."""
    moved: Array = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean((1, 2, 3))
    return moved


@pytest.mark.slow
def test_a_video_of_the_best_learner(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "dqn", "total_steps=300")
    best, before = result(folder)["best"], digests(folder)
    seed = int(np.argmax(best["per_seed"]))
    code, out, err = said("record", str(folder))
    assert (code, err) == (0, "")
    path = folder / "videos" / f"best-seed_{seed}-step_{best['step'][seed]}.mp4"
    assert out.splitlines()[0] == (
        f"dqn on CartPole-v1, seed {seed}, policy of step {best['step'][seed]:,}"
    )
    assert out.splitlines()[-1] == f"video:  {path}"
    played = evaluated(folder, "which=best", f"seed={seed}", "episodes=2")  # the same two starts
    size, fps, frames = frames_of(path)
    assert (size, fps, len(frames)) == ((600, 400), 50, played["lengths"][0][0] + 1)
    assert (change(frames) > 0.01).mean() > 0.8

    events = EventAccumulator(str(folder / f"seed_{seed}"), {"images": 0}).Reload()
    (shown,) = events.Images("video/best")
    assert (shown.step, shown.width) == (best["step"][seed], 200)
    assert duration(shown.encoded_image_string) == 20 * len(frames)
    assert events.Scalars("eval/mean_reward")
    new = digests(folder).keys() - before.keys()
    assert {name: digest for name, digest in digests(folder).items() if name not in new} == before
    check_files(folder)
    assert find_runs([tmp_path]) == [folder]


@pytest.mark.slow
def test_a_recorded_run_goes_on_as_if_nobody_had_looked(tmp_path: Path) -> None:
    twin, folder = tmp_path / "twin", tmp_path / "run"
    for place in (twin, folder):
        run(place, "total_steps=150")
    assert said("record", str(folder), "which=final", "seed=1")[0] == 0
    (film,) = folder.glob("seed_1/*.film")
    before = film.read_bytes()
    for place in (twin, folder):
        assert resume(str(place), "total_steps=300") == 0
    assert film.read_bytes() == before
    ours, theirs = left(folder), left(twin)
    assert ours["exact"] is theirs["exact"] is True
    assert ours["curves"]["seed_1"].pop("pictures") == {"video/final": [150]}
    assert theirs["curves"]["seed_1"].pop("pictures") == {}
    assert ours["metrics"] == theirs["metrics"]
    assert ours["curves"] == theirs["curves"]
    assert ours["result"] == theirs["result"]


@pytest.mark.slow
def test_films_while_training_change_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither what is learnt, nor how a run that died goes on."""
    without, filmed, died = (tmp_path / name for name in ("without", "filmed", "died"))
    run(without)
    run(filmed, "record.every=100")
    one, other = left(without), left(filmed)
    assert one["metrics"] == other["metrics"]
    assert one["result"] == other["result"]
    pictures = [run.pop("pictures") for run in other["curves"].values()]
    assert [each for each in pictures if each] == [{"video/training": [100, 200, 300]}]
    names = [f"step_{step:09d}-seed_0.mp4" for step in (100, 200, 300)]
    assert sorted(path.name for path in (filmed / "videos").iterdir()) == names
    told = [line for line in (filmed / "run.log").read_text().splitlines() if "filmed" in line]
    length = round(float(told[-1].split("return ")[1].split()[0]))  # CartPole pays 1 for a step
    assert len(frames_of(filmed / "videos" / names[-1])[2]) == length + 1

    stopped_at(monkeypatch, 70, died, "record.every=100")
    assert resume(str(died)) == 0
    assert unlike(filmed, died) == []


def test_training_goes_on_where_a_film_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(path: Path, fps: float) -> Any:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("rlrun.training.filming.open_video", fail)
    run(tmp_path / "run", "record.every=100")
    assert result(tmp_path / "run")["status"] == "done"
    assert (tmp_path / "run" / "run.log").read_text().count("filming is disabled") == 1


@pytest.mark.slow
def test_a_game_is_filmed_in_its_own_colours(tmp_path: Path) -> None:
    """It is the game that is played: its frames, made grey and small, are what the agent sees."""
    parts, env = parts_and_env("env=ALE/Breakout-v5", "agent=random")
    filmed: list[Array] = []
    seen, twin = [], build.evaluation_envs(parts, env, 1, seeds=(3,))
    envs = build.evaluation_envs(parts, env, 1, seeds=(3,), film=filmed.append)
    draws = np.random.default_rng(0)
    over = False
    while not over:
        seen.append(envs.obs[0, 0, -1])
        action = draws.integers(envs.spec.action.choices[0], size=(1, 1))
        one, other = envs.step(action), twin.step(action)
        assert (one.next_obs == other.next_obs).all()
        assert (one.reward == other.reward).all()
        over = bool(one.last.any())
    envs.close()
    twin.close()
    assert len(filmed) == len(seen) + 1
    assert {frame.shape for frame in filmed} == {(210, 160, 3)}
    assert any(frame.std(-1).max() > 30 for frame in filmed)
    for frame, obs in zip(filmed[:-1], seen, strict=True):
        small = Image.fromarray(frame).convert("L").resize((84, 84), Image.Resampling.BOX)
        assert np.abs(np.array(small, np.int16) - obs).mean() < 2
    assert env.fps == 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "size", "fps"),
    [
        ("planner", ("env=rlrun/MarsRover-v0",), (720, 230), 4),
        ("table", (), (256, 256), 4),
        ("images", (), (160, 144), 30),  # it cannot render: what is observed, enlarged
        ("game", ("env.max_episode_steps=20",), (160, 210), 15),
    ],
)
def test_what_is_seen(
    tmp_path: Path, name: str, words: tuple[str, ...], size: tuple[int, int], fps: float
) -> None:
    folder = trained(tmp_path / "run", name, *words)
    code, _, err = said("record", str(folder), "which=final", "seed=1", "episodes=2")
    assert (code, err) == (0, "")
    (path,) = (folder / "videos").iterdir()
    told, speed, frames = frames_of(path)
    assert (told, speed) == (size, fps)
    assert len(frames) > 2
    assert change(frames).max() > 0


def test_without_ffmpeg_it_is_an_animated_webp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = trained(tmp_path / "run", "dqn")
    for module in (record, video):
        monkeypatch.setattr(module, "can_mp4", lambda: False)
    code, out, _ = said("record", str(folder), "which=final", "seed=0")
    assert code == 0
    assert "this is an animated WebP: pip install imageio-ffmpeg" in out
    steps = int(out.split(" in ")[1].split()[0])
    (path,) = (folder / "videos").iterdir()
    assert path.name == "final-seed_0-step_120.webp"
    assert len(animation(path.read_bytes())) > 3
    assert duration(path.read_bytes()) == 20 * (steps + 1)
    assert "format=mp4 needs the package" in said("record", str(folder), "format=mp4")[2]


def test_a_file_of_its_own_leaves_the_run_alone(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "dqn")
    before, out = digests(folder), tmp_path / "there" / "mine.gif"
    assert said("record", str(folder), "--out", str(out), "episode_seed=9")[0] == 0
    shown = animation(out.read_bytes())
    assert shown[0].shape == (400, 600, 3)
    assert digests(folder) == before
    shutil.rmtree(folder / "best")  # as of a run without evaluations: the last policy is taken
    told = said("record", str(folder), f"--out={tmp_path / 'last.gif'}")[1]
    assert told.splitlines()[0].endswith("policy of step 120")
    code, _, err = said("record", str(folder), f"--out={tmp_path / 'mine.avi'}")
    assert (code, "must end with .mp4 or .webp or .gif" in err) == (2, True)
    assert "--out needs a value" in said("record", str(folder), "--out")[2]
    assert "unknown setting fps" in said("record", str(folder), "fps=3")[2]


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    folder = trained(tmp_path / "run", "dqn", "env=rlrun/Constant-v0")
    code, _, err = said("record", str(folder))
    assert code == 2
    assert err.startswith("rlrun: rlrun/Constant-v0 cannot be filmed: it has no render mode")
    assert not (folder / "videos").exists()
    with pytest.raises(BadInput, match="cannot be filmed"):
        build.validate(settings("env=rlrun/Constant-v0", "record.every=5"))
