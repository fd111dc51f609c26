"""The full names of settings in a composed configuration."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig


def leaves(config: Any, path: str = "") -> list[str]:
    """Return the full names of all settings of rlrun, without Hydra's."""
    names = []
    for key in config:
        name = f"{path}.{key}" if path else str(key)
        if name in ("hydra", "search.space"):  # the keys of that one are other settings' names
            continue
        node = config._get_node(key)
        inner = leaves(node, name) if isinstance(node, DictConfig) else []
        names += inner or [name]
    return names
