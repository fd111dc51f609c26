"""`rlrun record RUN`: a video of a trained policy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from rlrun.build import evaluation_envs
from rlrun.cli.verbs.arguments import option, split
from rlrun.cli.verbs.runs import open_run
from rlrun.core.checks import at_least
from rlrun.core.errors import BadInput
from rlrun.core.schema import construct
from rlrun.core.types import Envs
from rlrun.envs.filmed import Film
from rlrun.media.video import FORMATS, Format, can_mp4, usual_format
from rlrun.playback import Player, Which, check_spaces, load_player
from rlrun.run_folder.events import add_film
from rlrun.run_folder.files import VIDEOS
from rlrun.run_folder.reader import RecordedRun
from rlrun.settings import Settings
from rlrun.training.filming import film

HELP = """\
rlrun record RUN [KEY=VALUE ...]   make a video of a trained policy

  RUN is the folder of a run under outputs/, or `last` for the one begun last. The best policy of
  the run's best learner plays; the video is in RUN/videos/, and among TensorBoard's images.

  which=final              the policy of the last step (default: best, at its best evaluation)
  seed=K                   the learner of that seed number (default: the one with the highest score)
  episodes=N               how many episodes, one after another (default: 1)
  episode_seed=K           an episode that belongs to seed number K: another start
  format=webp              or mp4 (which needs the package imageio-ffmpeg) or gif
  env.kwargs.NAME=VALUE    another argument of the environment
  env.max_episode_steps=N, eval.max_steps=N, device=cpu
  --out FILE               write only this file: .mp4, .webp or .gif"""
OWN = ("which", "seed", "episodes", "episode_seed", "format")
WITHOUT = "imageio-ffmpeg is not installed, so this is an animated WebP: pip install imageio-ffmpeg"


class RecordOptions:
    """What is to be filmed.

    Args:
        which: the policy of the last step, or that of the best evaluation; None takes the best one
            where there is one.
        seed: the learner; None takes the one with the highest score.
        episodes: how many, one after another.
        episode_seed: whose episodes are played; None: the learner's own.
        format: of the video; None takes mp4 where it can be made.
    """

    def __init__(
        self,
        *,
        which: Which | None = None,
        seed: int | None = None,
        episodes: int = 1,
        episode_seed: int | None = None,
        format: Format | None = None,
    ) -> None:
        at_least(0, seed=seed, episode_seed=episode_seed)
        at_least(1, episodes=episodes)
        if format == "mp4" and not can_mp4():
            raise ValueError(
                "format=mp4 needs the package imageio-ffmpeg: pip install imageio-ffmpeg"
            )
        self.which, self.seed, self.format = which, seed, format
        self.episodes, self.episode_seed = episodes, episode_seed


def record(words: list[str]) -> int:
    """Run `rlrun record WORDS`; the result is the exit code."""
    out = option(words, "--out", "FILE")
    run = open_run(words, "record")
    told, settings = split(words[1:], OWN, run.settings)
    wanted = construct(RecordOptions, told, "")
    kind = _kind(wanted, out)
    which = wanted.which or ("best" if (run.folder / "best").is_dir() else "final")
    seed = _highest(run, which) if wanted.seed is None else wanted.seed
    player = load_player(run, which, (seed,), settings["device"])
    parts = construct(Settings, settings, "")
    if settings["env"] != run.settings["env"]:
        check_spaces(player, parts)
    try:
        _film(player, parts, wanted, out, kind)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"rlrun: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _film(
    player: Player, parts: Settings, wanted: RecordOptions, out: str | None, kind: str
) -> None:
    """Make the video, show it in TensorBoard, and say what is to be seen."""
    folder, fps = player.run.folder, parts.env.fps
    (seed,), step = player.seeds, player.step
    name = f"{player.which}-seed_{seed}-step_{step}"
    if wanted.episode_seed is not None:
        name += f"-episode_{wanted.episode_seed}"
    path = folder / VIDEOS / f"{name}.{kind}" if out is None else Path(out)
    starts = (seed if wanted.episode_seed is None else wanted.episode_seed,)

    def filmed(frames: Film) -> Envs:
        return evaluation_envs(parts, 1, seeds=starts, film=frames)

    played, reel = film(player.agent, 1, filmed, step, wanted.episodes, path, fps)
    if out is None:
        add_film(
            folder / f"seed_{seed}", step, f"video/{player.which}", reel.encoded("gif"), reel.size
        )
    if kind == "webp" and wanted.format is None and out is None:
        print(WITHOUT)
    returns = ", ".join(f"{value:,.4g}" for value in np.ravel(played.returns))
    print(f"{player.run.agent} on {player.run.env}, seed {seed}, policy of step {step:,}")
    print(f"return {returns} in {played.lengths.sum():,} steps")
    print(f"video:  {path}")


def _kind(wanted: RecordOptions, out: str | None) -> Format:
    """The format of the video: what was asked for, what the file's name says, or what there is."""
    if out is None:
        return wanted.format or usual_format()
    ending = Path(out).suffix.removeprefix(".")
    kind = next((each for each in FORMATS if each == ending), None)
    if kind is None or (wanted.format or kind) != kind:
        raise BadInput(f"--out {out} must end with {' or '.join(f'.{f}' for f in FORMATS)}.")
    construct(RecordOptions, {"format": kind}, "")  # can it be made here?
    return kind


def _highest(run: RecordedRun, which: Which) -> int:
    """The number of the seed with the highest score; the first one where there are no scores.

    A run that has no result yet has its evaluations.
    """
    scores = np.array([-np.inf if score is None else score for score in run.scores(which)])
    curve = run.curves.get("eval/mean_reward")
    if run.result is None and curve is not None:
        evaluated = np.where(np.isfinite(curve.values), curve.values, -np.inf)  # [seed, time]
        scores = evaluated.max(-1) if which == "best" else evaluated[:, -1]
    return run.seeds[int(scores.argmax())]
