"""Gymnasium's asynchronous vector environment, with the interface of `SyncGrid`.

Every environment has a separate process. An error names the one that dies, fails or does not
respond, and no call waits for it longer than its time limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import queue
import re
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from rlrun.core.types import Array
from rlrun.envs import global_generators
from rlrun.envs.conform import Conform, one_number
from rlrun.envs.masks import KEY, no_masks
from rlrun.envs.vector.sync import EnvFault

PR_SET_PDEATHSIG = 1  # of prctl: the signal a process gets when its parent dies


class _Place(gym.Wrapper[Any, Any, Any, Any]):
    """Wraps one environment in its process, so that it can be rebuilt and replay an episode.

    ``run`` is the id of the run's process, in which Gymnasium creates one too, to read its spaces.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        place: int,
        rebuild: bool,
        run: int,
        global_seed: Sequence[int],
        masks: bool,
    ) -> None:
        own_process = os.getpid() != run
        if own_process and global_seed:
            global_generators.seed_all(*global_seed, place)
        super().__init__(make())
        if own_process:
            _belong_to_the_run()
        self._make, self._place, self._rebuild = make, place, rebuild
        self._conform = Conform(self.observation_space)
        self._obs: Any = None
        self._masks = masks
        self._info: dict[str, Any] = {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if self._rebuild:
            self.env.close()
            self.env = self._make()
        obs, info = self.env.reset(seed=seed)
        self._obs, self._info = self._conform(obs), self._sent(info)
        return self._obs, self._info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._obs, self._info = self._conform(obs), self._sent(info)
        return self._obs, one_number(reward), terminated, truncated, self._info

    def _sent(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of an info that the run's process needs: the mask, if there are any."""
        return {KEY: info[KEY]} if self._masks else {}

    def too_large(self) -> float | None:
        """Return the last observed number that the type of its space cannot hold."""
        return self._conform.too_large

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Any, list[float], dict[str, Any]]:
        """Do the part of `AsyncGrid.play` for this environment, and return its mask too."""
        self.reset(seed=seeds[self._place])
        rewards = []
        for action in actions[begun[self._place] :]:
            rewards.append(float(self.step(action[self._place])[1]))
        return self._obs, rewards, self._info


def _belong_to_the_run() -> None:
    """Make a worker ignore signals, which the run handles, and end when the run's process ends."""
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class AsyncGrid(AsyncVectorEnv[Array, Array]):
    """`rlrun.envs.vector.sync.SyncGrid` with a separate process for each environment.

    Args:
        make: creates each environment.
        rebuild: whether to create a new environment for every episode.
        timeout: seconds after which an environment that does not respond counts as hanging.
        global_seed: the numbers that the global generators of each process are seeded from,
            followed by the number of its environment; empty if they are not seeded.
        masks: whether the environments are `rlrun.envs.masks.Masked`.
    """

    ended: list[int]
    """The environments whose episode ended in the last step."""

    def __init__(
        self,
        make: Sequence[Callable[[], gym.Env[Any, Any]]],
        rebuild: bool,
        timeout: float | None,
        global_seed: Sequence[int] = (),
        *,
        masks: bool = False,
    ) -> None:
        self._timeout, run = timeout, os.getpid()

        def placed(place: int) -> Callable[[], gym.Env[Any, Any]]:
            return lambda: _Place(make[place], place, rebuild, run, global_seed, masks)

        super().__init__(
            [placed(place) for place in range(len(make))],
            copy=False,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        self.masks = no_masks(len(make), self.single_action_space) if masks else None
        """Which actions are legal now, bool ``[env, choice]``."""

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Return observations, rewards, terminations, truncations ``[env, ...]``, empty infos."""
        obs, rewards, terminations, truncations, infos = self._answer(
            lambda: self.step_async(actions), self.step_wait
        )
        self._read_masks(infos)
        self.ended = np.flatnonzero(terminations | truncations).tolist()
        return obs, rewards, terminations, truncations, {}

    def reset(
        self,
        *,
        seed: Any = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Reset the environments in ``options["reset_mask"]``; return the observations of all."""
        obs, infos = self._answer(
            lambda: self.reset_async(seed, dict(options or {})), self.reset_wait
        )
        self._read_masks(infos)
        return obs, {}

    def _read_masks(self, infos: Mapping[str, Any]) -> None:
        """Update the masks of the environments that were stepped or reset."""
        if self.masks is not None:
            given = infos[f"_{KEY}"]
            self.masks[given] = infos[KEY][given]

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Array, list[list[float]]]:
        """Reset every environment and replay its actions; return observations and all rewards."""
        results = self._answer(
            lambda: self.call_async("play", seeds, actions, begun),
            lambda timeout: self.call_wait(timeout and timeout * (1 + len(actions))),
        )
        # a masked reset reads the observations of the other environments from here
        np.copyto(self.observations, [obs for obs, *_ in results])
        if self.masks is not None:
            self.masks[...] = [info[KEY] for *_, info in results]
        return self.observations, [rewards for _, rewards, _ in results]

    def too_large(self, place: int) -> float | None:
        """Return the last number observed there that the type of its space cannot hold."""
        results = self._answer(lambda: self.call_async("too_large"), self.call_wait)
        number: float | None = results[place]
        return number

    def _answer(self, ask: Callable[[], None], wait: Callable[[float | None], Any]) -> Any:
        """Return the environments' responses. Raises EnvFault for one that does not respond."""
        try:
            ask()
            return wait(self._timeout)
        except multiprocessing.TimeoutError as error:
            raise EnvFault(self._silent(), TimeoutError(_hangs(self._timeout))) from error
        except (EOFError, OSError) as error:
            died = RuntimeError("its process has died")
            raise EnvFault(self._dead(), died) from error

    def _raise_if_errors(self, successes: Iterable[bool]) -> None:
        """Raise EnvFault for the first environment that raised an exception."""
        if not all(successes):
            try:
                place, _, value, trace = self.error_queue.get(timeout=10)
            except queue.Empty:  # an exception that cannot be pickled
                raise EnvFault(self._silent(), RuntimeError("it raised an exception")) from None
            lines = re.findall(r'File "(.+)", line (\d+)', str(trace))
            where = f"{lines[-1][0]}, line {lines[-1][1]}" if lines else ""
            raise EnvFault(place, value, where)

    def _silent(self) -> int:
        """Return the first environment that has not responded."""
        silent = [i for i, pipe in enumerate(self.parent_pipes) if pipe and not pipe.poll(0)]
        return next(iter(silent), 0)

    def _dead(self) -> int:
        """Return the first environment whose process has ended."""
        for _ in range(20):  # a process may end a moment after its pipe
            dead = [i for i, process in enumerate(self.processes) if not process.is_alive()]
            if dead:
                return dead[0]
            time.sleep(0.05)
        return 0

    def close_extras(self, timeout: float | None = None, terminate: bool = False) -> None:
        """End the processes, including those that hang or are dead."""
        for process in self.processes:
            process.kill()
        for pipe in self.parent_pipes:
            if pipe is not None:
                pipe.close()
        for process in self.processes:
            process.join(5)


def _hangs(timeout: float | None) -> str:
    return f"it has not responded for {timeout:g} seconds (env.timeout)"
