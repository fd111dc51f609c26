"""`rlrun list KIND`: what there is, and which agents fit which environments."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rlrun.cli.commands import PARTS, WORDS
from rlrun.cli.verbs.folders import config_folders, find_file, option_names
from rlrun.core.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from rlrun.compatibility import Capabilities
    from rlrun.core.types import Space, Spec

HELP = """\
rlrun list agents [env=NAME] [WORD]   list the agents, or those that fit an environment
rlrun list agents NAME                list the settings of an agent: defaults, values, meanings
rlrun list envs [agent=NAME] [WORD]   list the environments, or those that fit an agent
rlrun list experiments [WORD]         list the experiments that come with the program
rlrun list replay|explore|curiosity   list the options of a group, such as curiosity=count
rlrun list rules [WORD]               list the hand-written rules of agent=scripted

  Only lines that contain WORD are printed. --json prints only JSON. With --config-dir DIR the
  choices in your own folder are listed too."""
KINDS = WORDS["list"]
Row: TypeAlias = dict[str, str]


def listing(words: list[str]) -> int:
    """Run `rlrun list WORDS` and return the exit code."""
    others = [word for word in words if word != "--json"]
    folders = config_folders(others)
    if len(others) == 2 and others[0] == "agents" and others[1] in _agent_options(folders):
        return _agent(others[1], folders, as_json="--json" in words)
    rows = _listed(others, folders)
    if "--json" in words:
        print(json.dumps(rows))
    elif rows:
        _print(rows)
    else:
        names = _agent_options(folders) if others[0] == "agents" else []
        print(f"no matches.{did_you_mean(others[-1], names)}")
    return 0


def _agent(name: str, folders: Sequence[Path], as_json: bool) -> int:
    """Print the settings of one agent and return the exit code."""
    from rlrun.cli.verbs.agent_settings import print_settings, settings_of_agent

    (row,) = [row for row in _agents("", folders) if row["agent"] == name]
    rows = settings_of_agent(name)
    if as_json:
        print(json.dumps([{**row, "settings": rows}]))
    else:
        _print([row])
        print_settings(rows)
    return 0


def _listed(words: Sequence[str], folders: Sequence[Path]) -> list[Row]:
    """Return the rows of the list that the words ask for."""
    what, *others = words or [""]
    if what not in KINDS:
        is_agent = what in _agent_options(folders)
        hint = f" Did you mean agents {what}?" if is_agent else did_you_mean(what, KINDS)
        raise BadInput(f"there is no list of '{what}'.{hint} Lists: {', '.join(KINDS)}.")
    rows: dict[str, Callable[[str, Sequence[Path]], list[Row]]] = {
        "agents": _agents,
        "envs": _envs,
        "experiments": lambda _, folders: _options("experiment", folders),
        **{group: lambda _, folders: _options(what, folders) for group in PARTS},
        "rules": lambda _, folders: _rules(),
    }
    partner = {"agents": "env=", "envs": "agent="}.get(what, "no such setting")
    fits, patterns = "", []
    for word in others:
        if word.startswith(partner):
            fits = word.removeprefix(partner)
        elif "=" in word or word.startswith("-"):
            raise BadInput(f"rlrun list {what} does not take {word.partition('=')[0]}.")
        else:
            patterns.append(word.lower())
    texts = [(row, " ".join(row.values()).lower()) for row in rows[what](fits, folders)]
    return [row for row, text in texts if all(pattern in text for pattern in patterns)]


def _agents(env: str, folders: Sequence[Path]) -> list[Row]:
    """Return a row for each agent, or for each that fits the environment if one is named."""
    from rlrun.compatibility import incompatibility

    spec = _spec_of(env, folders) if env else None
    return [
        {
            "agent": name,
            "observations": _kinds(takes.observes, takes.needs, takes.has_features),
            "actions": _kinds(takes.acts),
            "what": _comment(find_file(folders, f"agent/{name}.yaml")),
        }
        for name, takes in _agent_options(folders).items()
        if spec is None or not incompatibility(takes, spec)
    ]


def _agent_options(folders: Sequence[Path]) -> dict[str, Capabilities]:
    """Return the observations and actions that each agent supports, by the options of `agent`.

    These are the agents of this and other packages, and the files of other folders that set one up.
    """
    from rlrun.agents import AGENTS, agent_class, installed_agents
    from rlrun.compatibility import Capabilities, capabilities_of

    agents = {name: capabilities_of(named) for name, named in AGENTS.items()}
    for name in installed_agents():
        cls = agent_class(name)
        needs, several = getattr(cls, "needs", ""), getattr(cls, "several_agents", False)
        features = getattr(cls, "has_features", False)
        agents[name] = Capabilities(cls.observes, cls.acts, needs, several, features)
    if more := [name for name in option_names(folders, "agent") if name not in agents]:
        from rlrun.cli.verbs.agent_settings import agents_of_options

        agents |= {option: agents[name] for option, name in agents_of_options(more).items()}
    return agents


def _envs(agent: str, folders: Sequence[Path]) -> list[Row]:
    """Return a row for each environment, or for each that fits the agent if one is named."""
    from rlrun.compatibility import incompatibility
    from rlrun.envs.survey import atari_last, newest_ids, spaces_by_id

    agents = _agent_options(folders)
    if agent and agent not in agents:
        hint = did_you_mean(agent, agents)
        raise BadInput(f"there is no agent '{agent}'.{hint} Agents: {', '.join(agents)}.")
    rows = []
    specs = {**spaces_by_id(newest_ids()), **_files_of_envs(folders)}
    for name, spec in sorted(specs.items(), key=lambda item: atari_last(item[0])):
        if not agent or not incompatibility(agents[agent], spec):
            model = ", with a model" if spec.model is not None else ""
            rows.append(
                {
                    "environment": name,
                    "observations": _space(spec.obs) + model,
                    "actions": _space(spec.action) if name[:4] != "ALE/" else "discrete, up to 18",
                }
            )
    return rows


def _files_of_envs(folders: Sequence[Path]) -> dict[str, Spec]:
    """Return the environments whose file in a folder env/ is not named after their id."""
    from rlrun.envs.survey import spaces_by_id

    specs: dict[str, Spec] = {}
    for path in sorted(path for folder in folders for path in folder.glob("env/*.yaml")):
        match = re.search(r"^id: *(\S+)", path.read_text("utf-8"), re.MULTILINE)
        if match and match[1] != path.stem:
            for spec in spaces_by_id([match[1]]).values():
                specs[path.stem] = spec
    return specs


def _spec_of(env: str, folders: Sequence[Path]) -> Spec:
    """Return the description of an environment. Raises BadInput if it cannot be used."""
    from rlrun.envs.ids import env_spec
    from rlrun.envs.survey import spaces_by_id

    files = _files_of_envs(folders)
    if env in files:
        return files[env]
    env_spec(env)
    specs = spaces_by_id([env])
    if env not in specs:
        raise BadInput(f"{env} cannot be created here, or its spaces are not supported.")
    return specs[env]


def _options(group: str, folders: Sequence[Path]) -> list[Row]:
    """Return a row for each option of a group."""
    return [
        {group: name, "what": _comment(find_file(folders, f"{group}/{name}.yaml"))}
        for name in option_names(folders, group)
    ]


def _rules() -> list[Row]:
    """Return a row for each hand-written rule."""
    from rlrun.envs.hand_written import rules

    return [
        {"rule": name, "environments": ", ".join(rule.envs), "what": rule.what}
        for name, rule in rules().items()
    ]


def _comment(path: Path | None) -> str:
    """Return the first sentence of a YAML file's comment; "" if there is no file."""
    lines = path.read_text("utf-8").splitlines() if path is not None else []
    comments = (each[1:].strip() for each in lines if each[:1] == "#" and "@package" not in each)
    return re.split(r"\.(?:$| +(?=[A-Z]))", next(comments, ""))[0]


def _kinds(kinds: Sequence[str], needs: str = "", features: bool = False) -> str:
    """Return kinds of spaces in words."""
    from rlrun.compatibility import KINDS as NAMES

    if needs == "model":
        return "a known model"
    if needs == "table":
        return "discrete, bins or features" if features else "discrete, or bins"
    if needs == "rule":
        return "those of the rule"
    possible = [kind for kind in NAMES if kind not in ("image", "grid") or kind in kinds]
    return "any" if len(kinds) == len(possible) else ", ".join(NAMES[kind] for kind in kinds)


def _space(space: Space) -> str:
    """Return a space in words: continuous 4, image 4x84x84, discrete 2."""
    from rlrun.compatibility import KINDS as NAMES

    numbers = space.choices if space.kind == "discrete" else space.shape
    return f"{NAMES[space.kind]} {'x'.join(map(str, numbers))}"


def _print(rows: list[Row]) -> None:
    """Print columns that fit the terminal; the last one may wrap over several lines."""
    names = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names[:-1]}
    indent = sum(widths.values()) + 2 * len(widths)
    room = max(30, shutil.get_terminal_size().columns - indent)
    for row in [{name: name for name in names}, *rows]:
        start = "".join(f"{row[name]:{width}}  " for name, width in widths.items())
        first, *more = textwrap.wrap(row[names[-1]], room) or [""]
        print((start + first).rstrip())
        for line in more:
            print(" " * indent + line)
