"""The functions our configuration files call: ${rlrun.tuned:...} and its like."""

from __future__ import annotations

from typing import Any

from hydra.core.default_element import ConfigDefault, GroupDefault
from omegaconf import OmegaConf

from rlrun.cli.config.loader import loader
from rlrun.cli.config.paths import slug, stamp

NO_EXPLORE = "-without-explore"


def register() -> None:
    """Make them known to OmegaConf; called in every process that composes a configuration."""
    for name, function, cached in (
        ("rlrun.slug", slug, False),
        ("rlrun.stamp", stamp, True),  # asked several times in a run, which has one time
        ("rlrun.tuned", tuned, False),
    ):
        OmegaConf.register_new_resolver(name, function, use_cache=cached, replace=True)


def tuned(agent: str, env: str, explore: str) -> str:
    """The option of the group `tuned` for a pair: its own file, else that of the family.

    A file in conf/env may give another name to an environment, so the pair is found by the id:
    `dqn/ALE/Pong-v5`, or `dqn/_ALE` for all Atari games. Its settings of exploration are for the
    agent's usual one; with another the option is `dqn/ALE/Pong-v5-without-explore`, without them.
    """
    option = _tuned(agent, env)
    return option if explore == _usual_explore(f"agent/{agent}") else f"{option}{NO_EXPLORE}"


def _usual_explore(config: str) -> str:
    """What is explored with when nobody says anything: by an agent's file, else by config.yaml."""
    found = loader().repository.load_config(config)
    entries = [] if found is None else found.defaults_list
    for entry in entries:
        if isinstance(entry, GroupDefault) and str(entry.group).lstrip("/") == "explore":
            return str(entry.value)
    for entry in entries:
        if isinstance(entry, ConfigDefault) and not entry.is_self():  # a file it builds on
            return _usual_explore(f"agent/{entry.path}")
    return _usual_explore("config")


def _tuned(agent: str, env: str) -> str:
    repository = loader().repository
    found = repository.load_config(f"env/{env}")
    env_id = str(_env_id(found.config) or env) if found else env
    name = env_id.rpartition(":")[2]
    family = f"{agent}/_{name.rpartition('/')[0]}"
    pair = f"{agent}/{name}"
    if not repository.config_exists(f"tuned/{pair}") and repository.config_exists(
        f"tuned/{family}"
    ):
        return family
    return pair


def _env_id(config: Any) -> Any:
    """The id in an environment's file, which may be written for the top level."""
    return config.get("id") or OmegaConf.select(config, "env.id")
