"""Files of demonstrations: recorded episodes in npz, without pickle, read as untrusted data."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rlrun.core.errors import BadInput
from rlrun.core.memory import in_words, shortage
from rlrun.core.types import Array, Spec
from rlrun.envs.settings import EnvSettings
from rlrun.replay.demonstrations import Demonstration
from rlrun.run_folder.files import DAMAGE

FORMAT = "rlrun demonstrations 1"
SUFFIX = ".npz"
STEPS = ("obs", "action", "reward", "terminated", "truncated", "episode")
EPISODES = ("seed", "episode_seed", "last_obs")
MASKS = ("legal", "last_legal")
SAME = ("shaping", "reward_clip", "reward_scale", "scale_obs")
"""Settings of the environment that stored rewards and observations depend on."""


class Recorded(NamedTuple):
    """The content of a file."""

    path: Path
    env_id: str
    settings: dict[str, Any]
    """Those of the environment in `SAME`."""
    episodes: list[Demonstration]

    @property
    def steps(self) -> int:
        """The number of steps of all episodes."""
        return sum(len(each.action) for each in self.episodes)

    def check(self, env: EnvSettings, spec: Spec) -> None:
        """Raise BadInput unless a run in this environment can learn from the file."""
        for key, stored in self.settings.items():
            wanted = getattr(env, key)
            if not np.array_equal(stored, wanted):
                raise BadInput(
                    f"env.{key} is {json.dumps(wanted)}, but the episodes in {self.path} were "
                    f"recorded with {json.dumps(stored)}: write env.{key}={json.dumps(stored)}.",
                    f"env.{key}",
                )
        first = self.episodes[0]
        for name, array, space in (
            ("observations", first.obs, spec.obs),
            ("actions", first.action, spec.action),
        ):
            if array.shape[1:] != space.shape or array.dtype != space.dtype:
                raise BadInput(
                    f"the {name} in {self.path}, which are from {self.env_id}, are {array.dtype} "
                    f"of shape {list(array.shape[1:])}, but those of {spec.env_id} are "
                    f"{space.dtype} of shape {list(space.shape)}."
                )
        choices = np.array(spec.action.choices, np.int64)
        for each in self.episodes if choices.size else ():
            wrong = (each.action < 0) | (each.action >= choices.reshape(spec.action.shape or ()))
            if wrong.any():
                number = int(each.action[wrong][0])
                raise BadInput(
                    f"{self.path} has an action {number}, which {spec.env_id} does not have."
                )
        if (first.legal is not None) != spec.masked:
            raise BadInput(
                f"{self.path} has {'' if first.legal is not None else 'no '}masks of legal "
                f"actions, unlike {spec.env_id}."
            )


def write(path: Path, env: EnvSettings, episodes: Sequence[Demonstration]) -> None:
    """Write a file of episodes, replacing an earlier one as a whole."""
    lengths = [len(each.action) for each in episodes]
    ends = np.zeros(sum(lengths), np.bool_)
    ends[np.cumsum(lengths) - 1] = True
    final = np.repeat([each.final for each in episodes], lengths)
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in episodes])
        for name in ("obs", "action", "reward")
    }
    arrays |= {"terminated": ends & final, "truncated": ends & ~final}
    arrays["episode"] = np.repeat(np.arange(len(episodes)), lengths)
    arrays |= {name: np.array([getattr(each, name) for each in episodes]) for name in EPISODES}
    if episodes[0].legal is not None:
        arrays["legal"] = np.concatenate(
            [each.legal for each in episodes if each.legal is not None]
        )
        arrays["last_legal"] = np.array([each.last_legal for each in episodes])
    about = {"env": env.id, **{name: getattr(env, name) for name in SAME}}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        np.savez_compressed(
            file, format=np.array(FORMAT), about=np.array(json.dumps(about)), **arrays
        )
    os.replace(temporary, path)


def read(path: Path, key: str) -> Recorded:
    """Read a file of demonstrations. Raises BadInput, about the setting ``key``."""
    try:
        _check_size(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _recorded(path, arrays)
    except FileNotFoundError as error:
        raise BadInput(f"{key}: there is no file {path}.", key) from error
    except OSError as error:
        raise BadInput(f"{key}: {path} cannot be read: {error.strerror or error}.", key) from error
    except (*DAMAGE, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(
            f"{key}: {path} is not a file of demonstrations, as `rlrun record-data` writes it: "
            f"{error}.",
            key,
        ) from error


def _check_size(path: Path) -> None:
    """Raise ValueError if the arrays in the file do not fit into the memory."""
    with zipfile.ZipFile(path) as file:
        size = sum(each.file_size for each in file.infolist())
    if (free := shortage(size)) is not None:
        raise ValueError(f"it takes {in_words(size)}, and {in_words(free)} of memory are free")


def _recorded(path: Path, arrays: Mapping[str, Array]) -> Recorded:
    """Return the content of a file, checked. Raises an exception in `DAMAGE`."""
    if str(arrays.get("format")) != FORMAT:
        raise ValueError(f"its format is not '{FORMAT}'")
    masks = MASKS if "legal" in arrays else ()
    missing = [name for name in (*STEPS, *EPISODES, *masks) if name not in arrays]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    about = json.loads(str(arrays["about"]))
    of_step = {name: arrays[name] for name in (*STEPS, *masks[:1])}
    ends = np.flatnonzero(of_step["terminated"] | of_step["truncated"])
    steps, count = len(of_step["action"]), len(ends)
    if not count or ends[-1] != steps - 1:
        raise ValueError("its last episode has no end")
    numbers = np.repeat(np.arange(count), np.diff(ends, prepend=-1))
    if any(len(each) != steps for each in of_step.values()) or any(
        len(arrays[name]) != count for name in (*EPISODES, *masks[1:])
    ):
        raise ValueError("its arrays are not of one length")
    if not np.array_equal(numbers, of_step["episode"]):
        raise ValueError("its episodes do not end where the next ones begin")
    for name in ("obs", "action", "reward", "last_obs"):
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} has numbers that are not finite")
    bounds = zip([0, *(ends[:-1] + 1).tolist()], (ends + 1).tolist(), strict=True)
    episodes = [
        Demonstration(
            **{name: of_step[name][start:stop] for name in ("obs", "action", "reward", *masks[:1])},
            **{name: arrays[name][number] for name in ("last_obs", *masks[1:])},
            final=bool(of_step["terminated"][stop - 1]),
            seed=int(arrays["seed"][number]),
            episode_seed=int(arrays["episode_seed"][number]),
        )
        for number, (start, stop) in enumerate(bounds)
    ]
    return Recorded(path, str(about["env"]), {name: about[name] for name in SAME}, episodes)
