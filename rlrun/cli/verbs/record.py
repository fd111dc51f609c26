"""`rlrun record RUN`: a video of a trained policy."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rlrun.cli.config.paths import slug
from rlrun.cli.verbs.arguments import option, split
from rlrun.cli.verbs.runs import open_run, warn_inexact
from rlrun.core.errors import BadInput
from rlrun.core.fields import Count, Natural
from rlrun.core.schema import construct
from rlrun.core.types import Envs
from rlrun.media.video import FORMATS, Format, can_mp4, usual_format
from rlrun.run_folder.board import film_place
from rlrun.run_folder.files import VIDEOS
from rlrun.run_folder.reader import RecordedRun, Which

if TYPE_CHECKING:
    from rlrun.envs.environment import Environment
    from rlrun.envs.filmed import Film
    from rlrun.playback import Player
    from rlrun.settings import Settings

HELP = """\
rlrun record RUN [KEY=VALUE ...]   make a video of a trained policy

  RUN is the folder of a run under outputs/, or `last` for the one started last. The best policy of
  the run's best learner plays; the video is in RUN/videos/, and among TensorBoard's images. Other
  settings give another file, whose name has them.

  which=final              the policy of the last step (default: best, at its best evaluation)
  seed=K                   the learner with seed number K (default: the one with the highest score)
  episodes=N               number of episodes, one after another (default: 1)
  episode_seed=K           play an episode of seed number K: another start
  format=webp              or mp4 (which needs the package imageio-ffmpeg) or gif
  env.kwargs.NAME=VALUE    set an argument of the environment, such as is_slippery=false
  env.max_episode_steps=N, eval.max_steps=N, device=cpu
  --out FILE               write only this file: .mp4, .webp or .gif"""
NAMED = ("which", "seed", "format")  # settings that are in the name of any video
MOST_NAMED = 120  # characters of the other settings in the name
OWN = ("which", "seed", "episodes", "episode_seed", "format")
WITHOUT = "imageio-ffmpeg is not installed, so this is an animated WebP: pip install imageio-ffmpeg"


@dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """The settings of `rlrun record`."""

    which: Which | None = None
    """The policy of the last step, or that of the best evaluation (null: best, if there is one)."""
    seed: Natural | None = None
    """The seed number of the learner (null: the one with the highest score)."""
    episodes: Count = 1
    """Number of episodes, one after another."""
    episode_seed: Natural | None = None
    """The seed number whose episodes are played (null: the learner's own)."""
    format: Format | None = None
    """The format of the video (null: mp4 if it can be written)."""

    def __post_init__(self) -> None:
        if self.format == "mp4" and not can_mp4():
            raise ValueError(
                "format=mp4 needs the package imageio-ffmpeg: pip install imageio-ffmpeg"
            )


def record(words: list[str]) -> int:
    """Run `rlrun record WORDS` and return the exit code."""
    from rlrun.playback import load_player, other_environment  # imported late: it imports torch
    from rlrun.settings import Settings

    out = option(words, "--out", "FILE")
    run = open_run(words, "record")
    values, settings = split(words[1:], OWN, run.settings)
    options = construct(RecordOptions, values, "")
    kind = _kind(options, out)
    which = options.which or ("best" if (run.folder / "best").is_dir() else "final")
    seed = _highest(run, which) if options.seed is None else options.seed
    player = load_player(run, which, (seed,), settings["device"])
    parts = construct(Settings, settings, "")
    env = other_environment(player, parts)
    warn_inexact(env, seed)
    try:
        _film(player, parts, env, options, _changes(words[1:]), out, kind)
    except OSError as error:
        print(f"rlrun: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _film(
    player: Player,
    parts: Settings,
    env: Environment,
    options: RecordOptions,
    changes: str,
    out: str | None,
    kind: str,
) -> None:
    """Make the video, add it to TensorBoard's images, and print what it shows."""
    from rlrun.build import evaluation_envs
    from rlrun.run_folder.events import add_film
    from rlrun.training.filming import film

    folder, fps = player.run.folder, env.fps
    (seed,), step = player.seeds, player.step
    name = f"{player.which}-seed_{seed}-step_{step}{changes}"
    path = folder / VIDEOS / f"{name}.{kind}" if out is None else Path(out)
    replaced = " (it replaces an earlier file)" if out is not None and path.exists() else ""
    starts = (seed if options.episode_seed is None else options.episode_seed,)

    def filmed(frames: Film) -> Envs:
        return evaluation_envs(parts, env, 1, player.run.final_purpose, seeds=starts, film=frames)

    played, reel = film(player.agent, 1, filmed, step, options.episodes, path, fps)
    if out is None:
        place, ending = film_place(folder, seed)
        tag = f"video/{player.which}{changes}{ending}"
        add_film(place, step, tag, reel.encoded("gif"), reel.size)
    if kind == "webp" and options.format is None and out is None:
        print(WITHOUT)
    returns = ", ".join(f"{value:,.4g}" for value in np.ravel(played.returns))
    print(f"{player.run.agent} on {player.run.env}, seed {seed}, policy of step {step:,}")
    print(f"return {returns} in {played.lengths.sum():,} steps")
    print(f"video:  {path}{replaced}")


def _changes(words: Sequence[str]) -> str:
    """Return the end of a video's name: the settings that make it another video, sorted.

    A hash distinguishes settings that the name cannot spell out.
    """
    changes = sorted({word for word in words if word.partition("=")[0] not in NAMED})
    name, spelt = "".join(f"-{slug(word)}" for word in changes), "-" + "-".join(changes)
    if not changes or (name == spelt and len(name) <= MOST_NAMED):
        return name
    return f"{name[:MOST_NAMED]}-{hashlib.sha256(spelt.encode()).hexdigest()[:8]}"


def _kind(options: RecordOptions, out: str | None) -> Format:
    """Return the video's format: by the file's name, else by the setting, else the default."""
    if out is None:
        return options.format or usual_format()
    ending = Path(out).suffix.removeprefix(".")
    kind = next((each for each in FORMATS if each == ending), None)
    if kind is None or (options.format or kind) != kind:
        raise BadInput(f"--out {out} must end with {' or '.join(f'.{f}' for f in FORMATS)}.")
    construct(RecordOptions, {"format": kind}, "")  # raises if it cannot be written here
    return kind


def _highest(run: RecordedRun, which: Which) -> int:
    """Return the number of the seed with the highest score; the first one if there are no scores.

    For a run that has no result yet, the scores are those of its evaluations.
    """
    scores = np.array([-np.inf if score is None else score for score in run.scores(which)])
    curve = run.curves.get("eval/mean_reward")
    if run.result is None and curve is not None:
        evaluated = np.where(np.isfinite(curve.values), curve.values, -np.inf)  # [seed, time]
        scores = evaluated.max(-1) if which == "best" else evaluated[:, -1]
    return run.seeds[int(scores.argmax())]
