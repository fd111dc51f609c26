"""The launcher `hydra/launcher=local`: each job in a separate process, several at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class LocalConf:
    _target_: str = "hydra_plugins.rlrun_sweep.launcher.LocalLauncher"


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalConf, provider="rlrun")


class LocalLauncher(Launcher):
    """Runs `sweep.jobs` jobs at once, from a server that has imported torch; see rlrun/sweep."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; their outcomes are in the ledger, so the list returned is empty."""
        import cloudpickle

        from hydra_plugins.rlrun_sweep._job import execute
        from rlrun.sweep import ledger, server
        from rlrun.sweep.batch import job_of

        setup_globals()
        state = Singleton.get_state()
        # plain pickle rejects resolvers; all jobs share the same bytes
        shared = cloudpickle.dumps((self._context, self._config, self._task, state))
        jobs = {
            job_of(words): (shared, list(words), number)
            for number, words in enumerate(job_overrides, initial_job_idx)
        }
        sweep, folder = self._config.sweep, Path(self._config.hydra.sweep.dir)
        searching = self._config.hydra.runtime.choices["hydra/sweeper"] == "optuna"
        server.run(
            folder,
            jobs,
            execute,
            at_once=int(sweep.jobs),
            threads=int(self._config.device.threads),
            stop_on_error=sweep.on_error == "stop",
            total=self._config.search.trials if searching else len(ledger.recorded(folder)),
        )
        return []
