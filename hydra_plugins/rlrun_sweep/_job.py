"""What the process of a job does under the launcher `local`.

In a file of its own: Hydra executes those of its plugins apart from Python's table of modules, so
that processes could not find a function in them.
"""

from __future__ import annotations

import pickle

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from omegaconf import open_dict


def execute(shared: bytes, words: list[str], number: int) -> None:
    """One job, in its process: compose what it is, and run it.

    ``shared`` are pickled by the sweep's process: Hydra's context, the configuration that all jobs
    are composed from, the task and the state of Hydra's singletons. They come through the pipe
    that a process is started with, and never from a file: unpickling one could run anything.
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
        task_function=task,
        config=composed,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
