"""The sweeper `hydra/sweeper=optuna`: a multirun that searches for good settings.

Hydra imports this module at every start, so it imports nothing slow; the search itself is in
`rlrun.cli.multirun.search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Passes trials to the selected launcher.

    ``params`` are dimensions or settings in addition to the command line's, in the format of
    Hydra's own sweeper.
    """

    def __init__(self, params: Mapping[str, str] | None = None) -> None:
        self._params = params  # read from the configuration
        self._launcher: Any = None
        self._config: Any = None

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._config = config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        from rlrun.cli.multirun.search import run_search

        run_search(self._config, self._launcher, arguments)


def _register() -> None:
    target = f"{OptunaSweeper.__module__}.{OptunaSweeper.__qualname__}"
    node = {"_target_": target, "params": None}
    ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=node, provider="rlrun")


_register()
