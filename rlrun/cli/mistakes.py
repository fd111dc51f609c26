"""Mistakes on the command line that Hydra would not explain, and the sentences that answer them.

They are found in the words alone, before Hydra is started; what needs the composed configuration is
in `explain`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence

from rlrun.cli.commands import OPTIONAL, REQUIRED, VERBS
from rlrun.cli.config.paths import config_root
from rlrun.cli.help import run_wide
from rlrun.cli.synonyms import COMMANDS, SETTINGS
from rlrun.core.errors import BadInput, closest, did_you_mean

HOW = "Settings are written KEY=VALUE, such as env=CartPole-v1; rlrun --help lists them."
HOOKS = "hydra.callbacks.rlrun"
FREE = ("env.kwargs.", "hydra")  # keys with any value
OLD_GAME = re.compile(r"([A-Za-z]+?)(?:NoFrameskip|Deterministic)?(?:-v[045])?", re.IGNORECASE)


def refuse_flag(word: str, following: str, flags: Collection[str]) -> None:
    """Raise BadInput for a flag that Hydra does not have; ``following`` is the word after it."""
    name, is_assigned, value = word.partition("=")
    key = name.lstrip("-").replace("-", "_")
    if key in VERBS:
        raise BadInput(f"{key} is a command, not a flag: rlrun {key} --help explains it.")
    if key.lower() == "v":
        raise BadInput(f"there is no flag {name}. Did you mean --version?")
    if not is_assigned:
        value = "VALUE" if not following or following.startswith("-") else following
    known = _setting(key)
    if known or (is_assigned and name.startswith("--")):
        raise BadInput(f"settings have no dashes: write {known or key}={value}.")
    raise BadInput(f"there is no flag {name}.{did_you_mean(name, flags)} {HOW}")


def refuse(words: Sequence[str], *, multirun: bool) -> None:
    """Raise BadInput for settings that are not written KEY=VALUE, or that cannot be set."""
    _refuse_spaces(words)
    _refuse_bare([word for word in words if "=" not in word and not word.startswith("~")], words)
    for word in words:
        _refuse_word(word, multirun=multirun)
        if word.startswith("~"):
            _refuse_removal(word.partition("=")[0].removeprefix("~"))
    _refuse_twice(words)
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        if key == "env":
            for name in value.split(","):
                _refuse_old_game(name)
        if not multirun and word == "hydra/sweeper=optuna":
            raise BadInput("a search is a multirun: add -m, as in rlrun -m hydra/sweeper=optuna.")


def _refuse_spaces(words: Sequence[str]) -> None:
    """Raise BadInput for a setting that spaces have divided: `agent = dqn`, `hidden=[64, 64]`."""
    for i, word in enumerate(words):
        rest = [each for each in words[i + 1 : i + 3] if each != "="]
        before, after = words[i - 1 : i][-1:], rest[:1]
        if word == "=" and before and after:
            raise BadInput(f"there are no spaces around the =: write {before[0]}={after[0]}.")
        if word.startswith("=") and word != "=" and before and "=" not in before[0]:
            raise BadInput(f"there are no spaces around the =: write {before[0]}{word}.")
        bare = bool(after) and "=" not in after[0]
        if word.endswith("=") and len(word) > 1 and bare:
            raise BadInput(f"there are no spaces around the =: write {word}{after[0]}.")
        if word.startswith("="):
            raise BadInput(f"'{word}' has no setting name before the =. {HOW}")
        if "==" in word:
            raise BadInput(f"a setting has one =: write {re.sub('=+', '=', word)}.")
        if "=" in word and bare and (word.endswith(",") or _is_open(word)):
            joined = word
            for each in words[i + 1 :]:
                if not (joined.endswith(",") or _is_open(joined)):
                    break
                joined += each
            if not _is_open(joined):
                raise BadInput(f"there are no spaces in a value: write '{joined}'.")


def _is_open(word: str) -> bool:
    """Return whether a bracket is not closed."""
    return any(word.count(left) > word.count(right) for left, right in ("[]", "{}", "()"))


def _refuse_bare(bare: Sequence[str], words: Sequence[str]) -> None:
    """Raise BadInput for words without a =, with what was probably meant."""
    if not bare:
        return
    first = bare[0]
    others = " ".join(word for word in words if word != first) or "agent=dqn env=CartPole-v1"
    if first in COMMANDS:
        raise BadInput(f"there is no command {first}: {COMMANDS[first].format(settings=others)}.")
    if first in VERBS:
        raise BadInput(f"a command comes first: write rlrun {first}, then its words.")
    meant = [_meant(word) for word in bare]
    if "" not in meant:
        are = "is not a setting by itself" if len(bare) == 1 else "are not settings by themselves"
        quoted = " and ".join(f"'{word}'" for word in bare)
        raise BadInput(f"{quoted} {are}. Did you mean {' '.join(meant)}?")
    word = bare[meant.index("")]
    if os.path.isdir(word):
        raise BadInput(f"{word} is a folder: write rlrun resume {word}, or another command.")
    near = closest(word, (*VERBS, *COMMANDS))
    neither = f"'{word}' is neither a command nor a setting"
    if near in COMMANDS:
        raise BadInput(f"{neither}: {COMMANDS[near].format(settings=others)}.")
    raise BadInput(f"{neither}. {f'Did you mean rlrun {near}?' if near else HOW}")


def _meant(word: str) -> str:
    """Return the setting that a word without a = stands for; "" if that is unclear."""
    from rlrun.cli.config.sources import options
    from rlrun.envs.ids import env_ids

    key, _, value = word.partition(":")
    if value and (known := _setting(key)):
        return f"{known}={value}"  # as in YAML
    for group in (*REQUIRED, *OPTIONAL):
        if word in options(group):
            return f"{group}={word}"
    if word in env_ids():
        return f"env={word}"
    is_command = closest(word, (*VERBS, *COMMANDS)) is not None
    known = _setting(word) or ("" if is_command else _setting(word, exact=False))
    return f"{known}=VALUE" if known else ""


def _setting(name: str, *, exact: bool = True) -> str:
    """Return the full key of a group or setting, or of a synonym of one; "" if there is none."""
    from rlrun.cli.config.loader import compose
    from rlrun.cli.config.names import leaves

    if name in (*REQUIRED, *OPTIONAL):
        return name
    keys = leaves(compose())
    by_last = {key.rpartition(".")[2]: key for key in reversed(keys)}  # the first one wins
    if name in keys or name in by_last:
        return name if name in keys else by_last[name]
    if name in SETTINGS:
        return SETTINGS[name][0].partition("=")[0]
    near = None if exact else closest(name, keys) or closest(name, by_last)
    return "" if near is None else by_last.get(near, near)


def _refuse_word(word: str, *, multirun: bool) -> None:
    """Raise BadInput for a setting that cannot be set."""
    key, is_assigned, value = word.lstrip("+").partition("=")
    if key.startswith(f"{HOOKS}.") and is_assigned:
        raise BadInput(f"{key} is internal to rlrun and cannot be set.")
    if key == "env.id":  # tuned settings are selected by the env option
        raise BadInput("the environment is chosen with env=NAME, not with env.id.")
    inner = _sections().get(key)
    if inner and is_assigned and not value.startswith("{"):
        raise BadInput(f"{key} is a group of settings: write {key}.{inner[0]}={value or 'VALUE'}.")
    numbers = value if value.startswith("[") or multirun else f"[{value}]"
    if key in ("seed", "seeds") and re.fullmatch(r"\[\d+(,\d+)+\]", numbers):
        first, *more = numbers.strip("[]").split(",")
        raise BadInput(
            f"{key} takes one number: seed is the first seed and seeds how many are trained at "
            f"once, as in seed={first} seeds={len(more) + 1}; for a run with each value add -m."
        )


def _sections() -> dict[str, list[str]]:
    """Return the settings in config.yaml by the name of their section: `eval` has `every`."""
    lines = (config_root() / "config.yaml").read_text(encoding="utf-8").splitlines()
    sections: dict[str, list[str]] = {}
    for key, _, _ in run_wide(lines):
        section, _, name = key.rpartition(".")
        if section and section not in OPTIONAL:
            sections.setdefault(section, []).append(name)
    return sections


def _refuse_removal(group: str) -> None:
    if group in REQUIRED:
        raise BadInput(f"{group} cannot be removed: every run needs {group}=NAME.")
    if group not in OPTIONAL and not group.startswith(FREE):
        raise BadInput(f"{group} cannot be removed: write {group}=VALUE.")


def _refuse_twice(words: Sequence[str]) -> None:
    """Raise BadInput for a group that is chosen twice; of a setting the last value counts."""
    for group in (*REQUIRED, *OPTIONAL):
        values = [word.partition("=")[2] for word in words if word.startswith(f"{group}=")]
        if len(values) > 1:
            raise BadInput(
                f"{group} is chosen twice: write {group}={values[-1]} alone, or both for two runs: "
                f"-m {group}={','.join(dict.fromkeys(values))}."
            )


def _refuse_old_game(name: str) -> None:
    """Raise BadInput for an Atari game by the name of another version: `PongNoFrameskip-v4`."""
    match = OLD_GAME.fullmatch(name)
    if match is None or (config_root() / "env" / f"{name}.yaml").is_file():
        return
    from rlrun.cli.config.sources import options
    from rlrun.envs.ids import env_ids

    games = {each[4:-3].lower(): each for each in env_ids() if re.fullmatch(r"ALE/\w+-v5", each)}
    game = games.get(match[1].lower())
    if game and name not in options("env"):
        raise BadInput(
            f"Atari games are played in their newest version: write env={game} instead of {name}.",
            "env",
        )
