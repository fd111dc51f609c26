"""The function that runs in a job's process under the launcher `local`.

It is in a separate file because Hydra loads plugin files outside Python's table of modules, where
other processes could not find a function.
"""

from __future__ import annotations

import pickle
from functools import partial

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from omegaconf import open_dict

from rlrun.terminal.progress import Listener


def execute(shared: bytes, words: list[str], number: int, listener: Listener) -> None:
    """Compose one job's configuration and run it, in the job's process.

    ``shared`` is pickled by the sweep's process: Hydra's context, the configuration that all jobs
    are composed from, the task function and the state of Hydra's singletons. It comes through the
    pipe that a process is started with, never from a file: unpickling one could run anything.
    ``listener`` receives the progress of the run.
    """
    context, config, task, state = pickle.loads(shared)
    setup_globals()
    Singleton.set_state(state)
    composed = context.config_loader.load_sweep_config(config, words)
    with open_dict(composed):
        composed.hydra.job.id = composed.hydra.job.num = number
    HydraConfig.instance().set_config(composed)
    run_job(
        hydra_context=context,
        task_function=partial(task, listener=listener),
        config=composed,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
