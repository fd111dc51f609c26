"""The sweeper `hydra/sweeper=ledger`: runs the jobs in a sweep's ledger that are not done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class LedgerConf:
    _target_: str = "hydra_plugins.rlrun_sweep.sweeper.LedgerSweeper"
    params: dict[str, str] | None = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="ledger", node=LedgerConf, provider="rlrun"
)


class LedgerSweeper(Sweeper):
    """Runs a grid whose jobs were queued before it is called.

    ``params`` are settings in addition to the command line's, in the format of Hydra's own
    sweeper.
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

    def sweep(self, arguments: list[str]) -> Any:
        """Run the unfinished jobs; a failed job is recorded in the ledger and raises nothing."""
        from rlrun.sweep import batch, ledger

        folder = Path(self._config.hydra.sweep.dir)
        with batch.holding(folder):
            batch.launch(self._launcher, folder, list(ledger.recorded(folder)), arguments)
