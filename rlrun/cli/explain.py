"""Turn exceptions of Hydra, OmegaConf and YAML into sentences for the user."""

from __future__ import annotations

import re
import sys
import traceback
from types import TracebackType

import yaml  # type: ignore[import-untyped]
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from rlrun.cli.commands import VERBS
from rlrun.cli.config import sources
from rlrun.cli.config.loader import loader
from rlrun.cli.config.names import leaves
from rlrun.cli.synonyms import OPTIONS, SETTINGS
from rlrun.core.errors import BadInput, RunFailed, closest, did_you_mean

LAUNCHERS = {
    "joblib": "hydra-joblib-launcher>=1.2",
    "ray": "hydra-ray-launcher>=1.2.2",
    **dict.fromkeys(("submitit_slurm", "submitit_local"), "hydra-submitit-launcher>=1.2"),
}
"""The packages of launchers that are optional, as in pyproject.toml."""
_FRAMES = "rlrun_task_frames"  # the attribute that marks an exception of the run itself


def explain(error: BaseException) -> str:
    """Return a sentence on what is wrong and what would be right, for an error before a run."""
    text = _sentence(error)
    return text if text.endswith((".", "?", "!", ")")) else f"{text}."


def _sentence(error: BaseException) -> str:
    if isinstance(error, BadInput | RunFailed):
        return str(error)
    if isinstance(error, MissingConfigException):
        return _missing(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, yaml.YAMLError):
        return _yaml(error)
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        return _unknown_key(error, cause)
    if str(error).startswith(_NOT_ONE_NAME):
        return _not_a_name(error)
    if isinstance(error, HydraException | OmegaConfBaseException | OSError | ValueError):
        return _first_line(error)
    return f"{type(error).__name__}: {error} (HYDRA_FULL_ERROR=1 shows the traceback)"


_NOT_ONE_NAME = ("Config group override must be", "Error resolving interpolation '${")


def report_crash(error: BaseException) -> None:
    """Print the error that ended a run: its sentence if it has one, else the task's traceback."""
    if isinstance(error, BadInput | RunFailed):
        print(f"rlrun: {explain(error)}", file=sys.stderr)
    else:
        frames = task_frames(error) or error.__traceback__
        traceback.print_exception(type(error), error, frames)


def mark_task_error(error: Exception) -> None:
    """Record that the run itself raised ``error``, with the traceback from the caller down."""
    setattr(error, _FRAMES, error.__traceback__)


def task_frames(error: BaseException) -> TracebackType | None:
    """Return the traceback from the task function down; None if the run had not started."""
    frames: TracebackType | None = getattr(error, _FRAMES, None)
    return frames


def _missing(error: MissingConfigException) -> str:
    """The sentence for an option that a group does not have: `agent=dqnn`."""
    path = error.missing_cfg_file
    if path is None or "/" not in path:
        return _first_line(error)
    group, name = path.rsplit("/", 1) if path.startswith("hydra/") else path.split("/", 1)
    return _no_option(group, name)


def _no_option(group: str, name: str) -> str:
    names = sources.options(group)
    if not name:
        return f"{group}= needs a value: one of {', '.join(names)}."
    if group == "env":
        return _missing_env(name, names)
    if package := LAUNCHERS.get(name) if group == "hydra/launcher" else None:
        return f"{group}={name} is not installed: pip install '{package}'."
    label = f"{group.capitalize()}s" if group == "agent" else f"Options of {group}"
    listed = ", ".join(names) or "none yet"
    other = OPTIONS.get(group, {}).get(name.lower())
    hint = f" Did you mean {other}?" if other in names else did_you_mean(name, names)
    return f"there is no {group} '{name}'.{hint} {label}: {listed}."


def _not_a_name(error: BaseException) -> str:
    """The sentence for a group set to a number, null or a list: `agent=1`.

    Hydra's error does not name the group, so it is looked up on the command line.
    """
    for word in sys.argv[1:]:
        group, _, value = word.lstrip("+").partition("=")
        if not re.fullmatch(r"null|true|false|[-+.\d].*|\[.*", value, re.IGNORECASE):
            continue
        if loader().repository.group_exists(group):
            not_one = f"{group} takes one name, got {value}."
            return not_one if value.startswith("[") else _no_option(group, value)
    return _first_line(error)


def _missing_env(name: str, files: list[str]) -> str:
    """The sentence for a name that is neither a file nor an id, with the closest of both."""
    from rlrun.envs.ids import closest_id

    near = closest_id(name, files)
    hint = f" Did you mean {near}?" if near else ""
    return f"there is no environment '{name}'.{hint} Any registered Gymnasium id works."


def _unreadable(error: OverrideParseException) -> str:
    """The sentence for a word that is not KEY=VALUE."""
    word = error.override
    key, _, value = word.partition("=")
    special = "LexerNoViableAlt" in error.message and not set(value) & set("'[]{}()")
    if special and re.fullmatch(r"[\w./@+~-]+", key, re.ASCII):
        return f"cannot read {word}: it needs quotes, \"{key}='{value}'\"."
    reason = _first_line(error).rstrip(".")
    return f"cannot read '{word}': {reason}. Quote special characters: key='a value'."


def _yaml(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    where = f"{mark.name}, line {mark.line + 1}: " if mark else ""
    return f"{where}not valid YAML: {problem}."


def _unknown_key(error: Exception, cause: OmegaConfBaseException) -> str:
    """The sentence for an unknown key on the command line: `lr=1`, `agent.lrr=1`."""
    key, node = cause.full_key, cause.parent_node
    if not key or not isinstance(node, DictConfig) or cause.key in node:
        return _first_line(cause if str(error) in ("", "None") else error)
    if key in VERBS:
        return f"{key} is a command, not a setting: rlrun {key} --help explains it."
    if atari := _game_setting(key, node):
        return atari
    keys = leaves(node._get_root())
    last = key.rpartition(".")[2]
    near = closest(key, keys)
    same_name = [k for k in keys if k.rpartition(".")[2] == last]
    if same_name:
        near = same_name[0]
    elif meant := [m for m in SETTINGS.get(last, ()) if _exists(m, keys, node)]:
        near = " or ".join(meant)
    elif "." not in key:  # a whole group may have been meant: agnet=dqn
        near = closest(key, [str(k) for k in node]) or near
    siblings = ", ".join(str(k) for k in node if k != "hydra")
    known = f" {key.rpartition('.')[0] or 'rlrun'} has: {siblings}." if siblings else ""
    hint = f" Did you mean {near}?" if near else ""
    return f"unknown setting {key}.{hint}{known}"


def _game_setting(key: str, node: DictConfig) -> str:
    """The sentence for a setting of Atari games named by their id; "" for any other setting."""
    group, _, name = key.partition(".")
    if group != "env":
        return ""
    from rlrun.envs.vector.atari import USUAL

    if name not in USUAL:
        return ""
    env_id = str(node.get("id"))
    if env_id.rpartition(":")[2].startswith("ALE/"):
        return f"this environment's file does not have {key}: write +{key}=VALUE."
    return f"{key} only applies to Atari games (env=ALE/Pong-v5); {env_id} is not one."


def _exists(meant: str, keys: list[str], node: DictConfig) -> bool:
    """Return whether the run has a setting or group, which may be followed by its value."""
    name = meant.partition("=")[0]
    return name in keys or name in node._get_root() or name.startswith("hydra.")


def _first_line(error: BaseException) -> str:
    """Return the first line of an exception's text, or a clearer sentence where there is one."""
    text = str(error).strip() or type(error).__name__
    quoted = text.split("'")[1] if text.count("'") > 1 else ""
    if text.startswith("Ambiguous value for argument"):
        key, _, values = quoted.partition("=")
        group = loader().repository.group_exists(key)
        as_list = "" if group else f", or write {key}=[{values}] for a list"
        return f"{quoted} has several values: add -m to try each{as_list}."
    if text.startswith("Sweep parameters"):
        search = ", and hydra/sweeper=optuna for an interval" if "interval(" in quoted else ""
        return f"{quoted} has several values: add -m{search}."
    if text.startswith("Sweeping over Hydra's configuration"):
        key = text.rpartition(": '")[2].partition("=")[0]  # the text has another quote: Hydra's
        return f"{key} takes one value for the whole multirun."
    if text.startswith("Could not append to config"):
        return f"{quoted} exists already: write {quoted}=VALUE, without the +."
    if " appears more than once in the final defaults list" in text:
        group = text.split()[0]
        return f"{group} is chosen twice: write {group}=NAME, without the +."
    if "does not support sweep type" in text:
        return (
            "a grid needs values, not an interval: list them, such as agent.lr=1e-3,3e-4, or "
            "search it: rlrun -m hydra/sweeper=optuna 'agent.lr=interval(1e-4,1e-2)'."
        )
    return text.splitlines()[0].rstrip(".") + "."
