"""Compiled code that acts, steps a table and learns, for many steps at once.

The operations of `TDControl`, `EpsilonGreedy` and `TableEnvs`, in the same order and with the same
random numbers: every number equals theirs, bit for bit. numba compiles them in the first run on a
machine, which takes some seconds, and keeps the result in ``__pycache__`` next to this file, or in
the user's folder of caches if it cannot write there. It compiles them anew only if this file
changes, so they import no other compiled code, and take arrays instead of classes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from rlrun.core.types import Array
from rlrun.tables.learner import MAX, TAKEN

F = TypeVar("F", bound=Callable[..., Any])


def inlined(function: F) -> F:
    """Compile a function as a part of those that call it, which is faster than a call."""
    return cast(F, njit(inline="always")(function))


def compiled(function: F) -> F:
    """Compile a function at its first call, and keep the code for the next process."""
    try:
        code: Any = njit(cache=True)(function)
    except RuntimeError:  # there is no folder that it can write a cache to
        code = njit(function)
    return cast(F, code)


@compiled
def run(  # noqa: C901 - a call with arrays takes as long as half of a step
    step: int,
    # the agent: see `Learner`
    kind: int,
    lr: Array,
    lr_decay: Array,
    frozen: Array,
    possible: Array,
    q: Array,
    visits: Array,
    latest_error: Array,
    waits: Array,
    pair: Array,
    pair_reward: Array,
    pair_discount: Array,
    pair_last: Array,
    pair_next: Array,
    pair_legal: Array,
    # the environments: see `World`
    bounds: Array,
    first: Array,
    next_state: Array,
    terminates: Array,
    starts: Array,
    start_bounds: Array,
    true_reward: Array,
    reward: Array,
    discount: Array,
    limit: int,
    state: Array,
    returns: Array,
    length: Array,
    # random numbers and the schedule: see `Draws`
    explore: Array,
    chance: Array,
    epsilon: Array,
    # what is logged: see `Results`
    slow: Array,
    error: Array,
    value: Array,
    score: Array,
    lengths: Array,
    ended: Array,
) -> None:
    """Act, step and learn as often as there are random numbers, from ``step`` on."""
    (seeds, envs), (_, states, actions) = state.shape, q.shape
    q, possible, visits = q.ravel(), possible.ravel(), visits.ravel()
    taken, outcome = np.zeros(envs, np.int64), np.zeros(envs, np.int64)
    last, target = np.zeros(envs, np.bool_), np.zeros(envs)
    slow_time = 0
    for time in range(len(slow)):
        step += envs
        for k in range(seeds):
            # what is the same for all seeds has a single row
            a = k if epsilon.shape[1] > 1 else 0
            b, c = k if len(reward) > 1 else 0, k if len(discount) > 1 else 0
            table, rate, next_rate = k * states * actions, epsilon[time, a], epsilon[time + 1, a]
            for e in range(envs):
                o, which = state[k, e] * actions, explore[time, envs + e, k]
                if explore[time, e, k] >= rate:
                    o += _best(q, table + o, actions, which)
                elif possible.size:
                    o += _pick(possible, o, actions, which)
                else:
                    o += int(which * actions)
                taken[e] = table + o
                if len(bounds) >= len(first):  # a pair has several outcomes
                    place = o + chance[time, e, k]
                    o = _position(bounds, first[o], first[o + 1] - 1, place)
                s, total, steps = next_state[o], returns[k, e] + true_reward[o], length[k, e] + 1
                outcome[e], last[e] = o, terminates[o] or steps >= limit
                if last[e]:
                    score[k, ended[k]], lengths[k, ended[k]] = total, steps
                    ended[k] += 1
                    s, total, steps = 0, 0.0, 0
                    if len(starts) > 1:
                        s = _position(start_bounds, 0, len(starts) - 1, chance[time, e - envs, k])
                    s = starts[s]
                state[k, e], returns[k, e], length[k, e] = s, total, steps
            if kind == TAKEN:
                for e in range(envs):  # before one of them is learnt from
                    target[e] = q[taken[e]]
                    if pair_last[k, e]:  # no action was taken after it
                        o = pair_next[k, e] * actions
                        target[e] = _expected(q, possible, table, o, actions, next_rate)
                    target[e] = pair_reward[k, e] + pair_discount[k, e] * target[e]
                total, steps = 0.0, 0
                for e in range(envs):
                    if waits[k, e]:
                        p = pair[k, e]
                        size = _step_size(visits, p, lr[k], lr_decay[k], step)
                        moved = target[e] - q[p]
                        if not frozen[k]:
                            q[p] += size * moved
                        total += abs(moved)
                        steps += 1
                    o = outcome[e]
                    pair[k, e], pair_last[k, e], waits[k, e] = taken[e], last[e], True
                    pair_next[k, e], s = next_state[o], next_state[o] * actions
                    for action in range(pair_legal.shape[2]):
                        pair_legal[k, e, action] = possible[s + action]
                    pair_reward[k, e], pair_discount[k, e] = reward[b, o], discount[c, o]
                if steps:
                    latest_error[k] = total / steps
                error[time, k, 0] = latest_error[k]
            else:
                for e in range(envs):
                    p, o = taken[e], outcome[e]
                    s = next_state[o] * actions
                    if kind == MAX:
                        bootstrap = _highest(q, table + s, actions)
                    else:
                        bootstrap = _expected(q, possible, table, s, actions, next_rate)
                    size = _step_size(visits, p, lr[k], lr_decay[k], step)
                    moved = reward[b, o] + discount[c, o] * bootstrap - q[p]
                    if not frozen[k]:
                        q[p] += size * moved
                    error[time, k, e] = abs(moved)
            if slow[time]:
                for e in range(envs):
                    value[slow_time, k, e] = q[taken[e]]
        slow_time += slow[time]


@inlined
def _pick(mask: Array, row: int, actions: int, which: float) -> int:
    """Return one of the actions of a mask, by a number in [0, 1)."""
    count = 0
    for action in range(actions):
        count += mask[row + action]
    place, action = which * count, 0
    count = int(mask[row])
    while count <= place:
        action += 1
        count += mask[row + action]
    return action


@inlined
def _best(q: Array, row: int, actions: int, which: float) -> int:
    """Return a best action, one of several by a number in [0, 1)."""
    top, action, ties = q[row], 0, 1
    for each in range(1, actions):  # without branches, which would be hard to predict
        value = q[row + each]
        above = value > top
        ties = 1 if above else ties + (value == top)
        action = each if above else action
        top = value if above else top
    if ties > 1:
        place, action = which * ties, 0
        ties = int(q[row] == top)
        while ties <= place:
            action += 1
            ties += q[row + action] == top
    return action


@inlined
def _highest(q: Array, row: int, actions: int) -> float:
    top = q[row]
    for action in range(1, actions):
        top = q[row + action] if q[row + action] > top else top
    return float(top)


@inlined
def _position(bounds: Array, start: int, stop: int, place: float) -> int:
    """Return the position of the first bound above a place; `stop` if there is none before it."""
    position = start
    for each in range(start, stop):  # no loop that ends early: its end is hard to predict
        position += bounds[each] <= place
    return position


@inlined
def _expected(
    q: Array, possible: Array, table: int, row: int, actions: int, epsilon: float
) -> float:
    """Return the expected value of an epsilon-greedy action."""
    top, ties, count = _highest(q, table + row, actions), 0, 0
    for action in range(actions):
        ties += q[table + row + action] == top
        count += possible[row + action] if possible.size else 1
    expected = 0.0
    for action in range(actions):
        uniform = 1.0 / count if not possible.size or possible[row + action] else 0.0
        greedy = 1.0 / ties if q[table + row + action] == top else 0.0
        probability = epsilon * uniform + (1.0 - epsilon) * greedy
        if probability > 0.0:
            expected += probability * q[table + row + action]
    return expected


@inlined
def _step_size(visits: Array, pair: int, lr: float, decay: float, step: int) -> float:
    """Return the step size of a pair, and count the visit."""
    k = step
    if visits.size:
        k = visits[pair]
        visits[pair] += 1
    return lr / (1.0 + decay * k)
