"""Gymnasium's asynchronous vector environment, with the calls of `rlrun.envs.vector.sync.Grid`.

Every environment has a process of its own. One that dies, fails or does not answer is named, and
nothing waits for it for ever.
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
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

from rlrun.core.types import Array
from rlrun.envs import global_generators
from rlrun.envs.conform import Conform, one_number
from rlrun.envs.vector.sync import EnvFault

PR_SET_PDEATHSIG = 1  # of prctl: the signal a process gets when its parent dies


class _Place(gym.Wrapper[Any, Any, Any, Any]):
    """One environment in its process, which can be made anew and repeat an episode.

    ``run`` is the process of the run, in which Gymnasium makes one, too, to look at it.
    """

    def __init__(
        self,
        make: Callable[[], gym.Env[Any, Any]],
        place: int,
        rebuild: bool,
        run: int,
        global_seed: Sequence[int],
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

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if self._rebuild:
            self.env.close()
            self.env = self._make()
        obs, _ = self.env.reset(seed=seed)
        self._obs = self._conform(obs)
        return self._obs, {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, _ = self.env.step(action)
        self._obs = self._conform(obs)
        return self._obs, one_number(reward), terminated, truncated, {}

    def too_large(self) -> float | None:
        """The last number that the type of its space cannot hold."""
        return self._conform.too_large

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Any, list[float]]:
        """This place's part of `AsyncGrid.play`."""
        self.reset(seed=seeds[self._place])
        rewards = []
        for action in actions[begun[self._place] :]:
            rewards.append(float(self.step(action[self._place])[1]))
        return self._obs, rewards


def _belong_to_the_run() -> None:
    """In a worker: signals are for the run, which ends its workers; it does not survive the run."""
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class AsyncGrid(AsyncVectorEnv[Array, Array]):
    """`rlrun.envs.vector.sync.Grid` with a process for each environment.

    Args:
        make: makes each environment.
        rebuild: make an environment anew for every episode.
        timeout: seconds after which an environment that does not answer counts as hanging.
        global_seed: what the global generators of each process are seeded from, with the number of
            its environment; empty where they are left alone.
    """

    ended: list[int]
    """The environments whose episode ended in the last step."""

    def __init__(
        self,
        make: Sequence[Callable[[], gym.Env[Any, Any]]],
        rebuild: bool,
        timeout: float | None,
        global_seed: Sequence[int] = (),
    ) -> None:
        self._timeout, run = timeout, os.getpid()

        def placed(place: int) -> Callable[[], gym.Env[Any, Any]]:
            return lambda: _Place(make[place], place, rebuild, run, global_seed)

        super().__init__(
            [placed(place) for place in range(len(make))],
            copy=False,
            autoreset_mode=AutoresetMode.DISABLED,
        )

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Observations, rewards, terminations, truncations ``[env, ...]``, and no infos."""
        obs, rewards, terminations, truncations, _ = self._answer(
            lambda: self.step_async(actions), self.step_wait
        )
        self.ended = np.flatnonzero(terminations | truncations).tolist()
        return obs, rewards, terminations, truncations, {}

    def reset(
        self,
        *,
        seed: Any = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """The observations of all, after a reset of those in ``options["reset_mask"]``."""
        obs, _ = self._answer(lambda: self.reset_async(seed, dict(options or {})), self.reset_wait)
        return obs, {}

    def play(
        self, seeds: Sequence[int], actions: Sequence[Array], begun: Sequence[int]
    ) -> tuple[Array, list[list[float]]]:
        """Reset every environment and repeat what it did; the observations, and all rewards."""
        found = self._answer(
            lambda: self.call_async("play", seeds, actions, begun),
            lambda timeout: self.call_wait(timeout and timeout * (1 + len(actions))),
        )
        # where a masked reset looks for those that it does not touch
        np.copyto(self.observations, [obs for obs, _ in found])
        return self.observations, [rewards for _, rewards in found]

    def too_large(self, place: int) -> float | None:
        """The last number of that environment that the type of its space cannot hold."""
        found = self._answer(lambda: self.call_async("too_large"), self.call_wait)
        number: float | None = found[place]
        return number

    def _answer(self, ask: Callable[[], None], wait: Callable[[float | None], Any]) -> Any:
        """What the environments answer; raises EnvFault for the one that does not."""
        try:
            ask()
            return wait(self._timeout)
        except multiprocessing.TimeoutError as error:
            raise EnvFault(self._silent(), TimeoutError(_hangs(self._timeout))) from error
        except (EOFError, OSError) as error:
            died = RuntimeError("its process has died")
            raise EnvFault(self._dead(), died) from error

    def _raise_if_errors(self, successes: Iterable[bool]) -> None:
        """Raises EnvFault for the first environment that raised."""
        if not all(successes):
            try:
                place, _, value, trace = self.error_queue.get(timeout=10)
            except queue.Empty:  # an exception that cannot go from one process to another
                raise EnvFault(self._silent(), RuntimeError("it raised an exception")) from None
            lines = re.findall(r'File "(.+)", line (\d+)', str(trace))
            where = f"{lines[-1][0]}, line {lines[-1][1]}" if lines else ""
            raise EnvFault(place, value, where)

    def _silent(self) -> int:
        """The first environment that has not answered."""
        waiting = [i for i, pipe in enumerate(self.parent_pipes) if pipe and not pipe.poll(0)]
        return next(iter(waiting), 0)

    def _dead(self) -> int:
        """The first environment whose process has ended."""
        for _ in range(20):  # its end may be a moment later than that of its pipe
            gone = [i for i, process in enumerate(self.processes) if not process.is_alive()]
            if gone:
                return gone[0]
            time.sleep(0.05)
        return 0

    def close_extras(self, timeout: float | None = None, terminate: bool = False) -> None:
        """End the processes, also those that hang or are dead."""
        for process in self.processes:
            process.kill()
        for pipe in self.parent_pipes:
            if pipe is not None:
                pipe.close()
        for process in self.processes:
            process.join(5)


def _hangs(timeout: float | None) -> str:
    return f"it has not answered for {timeout:g} seconds (env.timeout)"
