"""The resolvers that the configuration files call, such as ${rlrun.tuned:...}."""

from __future__ import annotations

from typing import Any

from hydra.core.default_element import ConfigDefault, GroupDefault
from omegaconf import OmegaConf

from rlrun.cli.config.loader import loader
from rlrun.cli.config.paths import slug, stamp

NO_EXPLORE = "-without-explore"


def register() -> None:
    """Register the resolvers with OmegaConf, in every process that composes a configuration."""
    for name, function, cached in (
        ("rlrun.slug", slug, False),
        ("rlrun.stamp", stamp, True),  # resolved several times in a run, which has one time
        ("rlrun.tuned", tuned, False),
    ):
        OmegaConf.register_new_resolver(name, function, use_cache=cached, replace=True)


def tuned(agent: str, env: str, explore: str) -> str:
    """Return the option of the group `tuned` for a pair: its own file, else that of the family.

    A file in conf/env may rename an environment, so the pair is looked up by the id:
    `dqn/ALE/Pong-v5`, or `dqn/_ALE` for all Atari games. The exploration settings of such a file
    belong to the agent's default exploration; with another one the option is
    `dqn/ALE/Pong-v5-without-explore`, which leaves them out.
    """
    option = _tuned(agent, env)
    return option if explore == _default_explore(f"agent/{agent}") else f"{option}{NO_EXPLORE}"


def _default_explore(config: str) -> str:
    """Return the default option of `explore`: the one in an agent's file, else in config.yaml."""
    loaded = loader().repository.load_config(config)
    entries = [] if loaded is None else loaded.defaults_list
    for entry in entries:
        if isinstance(entry, GroupDefault) and str(entry.group).lstrip("/") == "explore":
            return str(entry.value)
    for entry in entries:
        if isinstance(entry, ConfigDefault) and not entry.is_self():  # a file it is based on
            return _default_explore(f"agent/{entry.path}")
    return _default_explore("config")


def _tuned(agent: str, env: str) -> str:
    repository = loader().repository
    loaded = repository.load_config(f"env/{env}")
    env_id = str(_env_id(loaded.config) or env) if loaded else env
    name = env_id.rpartition(":")[2]
    family = f"{agent}/_{name.rpartition('/')[0]}"
    pair = f"{agent}/{name}"
    if not repository.config_exists(f"tuned/{pair}") and repository.config_exists(
        f"tuned/{family}"
    ):
        return family
    return pair


def _env_id(config: Any) -> Any:
    """Return the id in an environment's file, which may be written for the top level."""
    return config.get("id") or OmegaConf.select(config, "env.id")
