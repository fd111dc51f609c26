"""`hydra/sweeper=ledger`: runs the jobs of a sweep that stand in its ledger and are not done."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore

from rlrun.cli.config.hydra_api import BasicSweeper


@dataclass
class LedgerConf:
    _target_: str = "hydra_plugins.rlrun_sweep.sweeper.LedgerSweeper"
    params: dict[str, str] | None = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="ledger", node=LedgerConf, provider="rlrun"
)


class LedgerSweeper(BasicSweeper):
    """The grid of Hydra's basic sweeper, whose jobs have been queued before it is called."""

    def __init__(self, params: dict[str, str] | None = None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> Any:
        """Run what is left; a job that fails is the ledger's business, and not an exception."""
        from rlrun.sweep import batch, ledger

        assert self.config is not None and self.launcher is not None
        folder = Path(self.config.hydra.sweep.dir)
        with batch.holding(folder):
            batch.launch(self.launcher, folder, list(ledger.recorded(folder)), arguments)
