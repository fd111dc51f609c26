"""The tuned settings that a composed configuration uses, for the record in a run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from rlrun.cli.config.loader import compose, loader
from rlrun.cli.config.resolvers import NO_EXPLORE
from rlrun.results.grouping import flat


def tuned_settings(
    config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str]
) -> dict[str, Any] | None:
    """Return the option of `tuned` in use and the keys whose values it changes; None without one.

    ``config`` is what the words ``overrides`` compose, with these ``choices``. An experiment may
    state the option and its keys, as that of the best trial of a search does.
    """
    if "tuned" in config:
        stated: dict[str, Any] | None = _values(config)["tuned"]
        return stated
    name = choices.get("tuned") or "none"
    file = f"tuned/{name.removesuffix(NO_EXPLORE)}"
    if name == "none" or not loader().repository.config_exists(file):
        return None
    others = [word for word in overrides if word.lstrip("+").partition("=")[0] != "tuned"]
    used, plain = flat(_values(config)), flat(_values(compose([*others, "tuned=none"])))
    keys = [key for key in {**used, **plain} if used.get(key) != plain.get(key)]
    return {"name": name, "keys": keys}


def _values(config: DictConfig) -> dict[str, Any]:
    """Return the values of a composed configuration, resolved, without Hydra's part."""
    names = [str(key) for key in config if key != "hydra"]
    values: Any = OmegaConf.to_container(OmegaConf.masked_copy(config, names), resolve=True)
    return {str(key): value for key, value in values.items()}
