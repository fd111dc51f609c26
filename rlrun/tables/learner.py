"""What compiled code learns with, from the parts of an agent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlrun.core.types import Array
from rlrun.tables.pending import NewestStep, PendingSteps
from rlrun.tables.qtable import QTable

MAX, TAKEN, EXPECTED = range(3)  # compiled code, which is kept, has these numbers in it
BOOTSTRAPS = {"max": MAX, "taken": TAKEN, "expected": EXPECTED}


class Learner(NamedTuple):
    """What one-step TD control learns with, in the order that `rlrun.tables.compiled.run` takes.

    Its arrays are those of the agent, and change in place.
    """

    bootstrap: int
    lr: Array
    """``[seed]``."""
    lr_decay: Array
    """``[seed]``."""
    frozen: Array
    """``[seed]``, bool: its values do not change."""
    possible: Array
    """``[state, action]``, bool; empty if all actions are possible."""
    q: Array
    """``[seed, state, action]``."""
    visits: Array
    """``[seed, state, action]``, which step sizes depend on; empty if they depend on the step."""
    error: Array
    """``[seed]``, with `TAKEN` the mean absolute error of the step that was learnt from last."""
    waits: Array
    """``[seed, env]``, bool: with `TAKEN`, whether the latest step is still to be learnt from."""
    pair: Array
    """``[seed, env]``, its pair, numbered through all seeds."""
    reward: Array
    discount: Array
    last: Array
    next_obs: Array
    next_legal: Array
    """``[seed, env, action]``, bool; empty if nothing is ever illegal."""


def learner(
    bootstrap: str, table: QTable, pending: PendingSteps, newest: NewestStep, error: Array
) -> Learner:
    """Return the arrays of an agent."""
    pair, reward, discount, waits = pending.newest
    legal = newest.next_legal if len(table.possible_pairs) else None
    lr, lr_decay = (
        np.broadcast_to(np.array(each, np.float64), len(table.q)).copy()
        for each in (table.settings.lr, table.settings.lr_decay)
    )
    return Learner(
        bootstrap=BOOTSTRAPS[bootstrap],
        lr=lr,
        lr_decay=lr_decay,
        frozen=table.frozen_seeds,
        possible=table.possible_pairs,
        q=table.q,
        visits=np.zeros((0, 0, 0), np.int64) if table.visits is None else table.visits,
        error=error,
        waits=waits,
        pair=pair,
        reward=reward,
        discount=discount,
        last=newest.last,
        next_obs=newest.next_obs,
        next_legal=np.zeros((0, 0, 0), np.bool_) if legal is None else legal,
    )
