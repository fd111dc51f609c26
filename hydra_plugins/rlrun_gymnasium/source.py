"""The source `gymnasium://`: every registered environment is an option of the group `env`.

It also provides tuned settings without exploration: `tuned=dqn/CartPole-v1-without-explore`.

Hydra imports this module at every start, in every process, so it also registers what a composition
needs: rlrun's resolvers and the settings that all environments share (`env_base`). Gymnasium itself
is imported only for an id that has no YAML file.
"""

from __future__ import annotations

import copy
import re
import sys

from hydra.core.config_store import ConfigStore
from hydra.core.default_element import ConfigDefault
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf

from rlrun.cli.config import resolvers
from rlrun.cli.config.loader import loader

GROUP = "env/"
VERSIONED = re.compile(r"([\w.]+:)?([\w-]+/)*[\w.-]+-v\d+")


class GymnasiumSource(ConfigSource):
    """Environments without a YAML file, by id: `env=Acrobot-v1`, `env=package:Name-v0`."""

    @staticmethod
    def scheme() -> str:
        return "gymnasium"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path in ("env", "")

    def is_config(self, config_path: str) -> bool:
        if (tuned := _without_explore(config_path)) is not None:
            return bool(loader().repository.config_exists(tuned))
        name = self._name(config_path)
        if name is None:
            return False
        return ":" in name or VERSIONED.fullmatch(name) is not None or _registered(name)

    def load_config(self, config_path: str) -> ConfigResult:
        from rlrun.envs.ids import env_spec, is_atari
        from rlrun.envs.vector.atari import USUAL

        if (tuned := _without_explore(config_path)) is not None:
            loaded: ConfigResult = copy.deepcopy(loader().repository.load_config(tuned))
            assert isinstance(loaded.config, DictConfig)
            loaded.config.pop("explore", None)
            # Hydra has removed the defaults list; the files it is based on lack exploration too
            loaded.config["defaults"] = [
                entry.path if entry.is_self() else f"{entry.path}{resolvers.NO_EXPLORE}"
                for entry in loaded.defaults_list or ()
                if isinstance(entry, ConfigDefault)
            ]
            return loaded
        name = self._name(config_path)
        assert name is not None, config_path
        spec = env_spec(name)  # raises BadInput for an unknown id, with a suggestion
        usual = USUAL if is_atari(spec) else {}
        return ConfigResult(
            provider=self.provider,
            path=f"gymnasium://{name}",
            config=OmegaConf.create({"id": name, **usual}),
            header={"package": "env"},
        )

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the ids during shell completion only: they would flood other lists of options."""
        completing = "-sc" in sys.argv or "--shell-completion" in sys.argv
        if config_path != "env" or not completing or results_filter is ObjectType.GROUP:
            return []
        from rlrun.envs.ids import env_ids

        return env_ids()

    @staticmethod
    def _name(config_path: str) -> str | None:
        path = config_path.removesuffix(".yaml")
        return path.removeprefix(GROUP) if path.startswith(GROUP) else None


def _without_explore(config_path: str) -> str | None:
    """Return the tuned file that is requested without exploration; None for other requests."""
    path = config_path.removesuffix(".yaml")
    plain = path.removesuffix(resolvers.NO_EXPLORE)
    return plain if path.startswith("tuned/") and plain != path else None


def _registered(name: str) -> bool:
    """Return whether a name without a version is an id; only the registry shows that."""
    import gymnasium

    return name in gymnasium.registry


def _register_env_base() -> None:
    shared = {
        "num_envs": 1,
        "max_episode_steps": None,
        "bins": None,
        "episode_seed": "fresh",
        "rebuild": False,
        "vector": "auto",
        "timeout": 600.0,
        "obs": None,
        "scale_obs": False,
        "last_action": False,
        "last_reward": False,
        "mask": "none",
        "facts": False,
        "frame_stack": None,
        "action_mask": "auto",
        "shaping": None,
        "reward_clip": None,
        "reward_scale": 1.0,
        "resume_actions": None,
    }
    node = OmegaConf.create({"id": "???", **shared, "kwargs": {}})
    OmegaConf.set_struct(node.kwargs, False)  # open: env.kwargs.is_slippery=false without a "+"
    ConfigStore.instance().store(name="env_base", node=node, provider="rlrun")


resolvers.register()
_register_env_base()
