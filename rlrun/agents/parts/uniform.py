"""Uniformly random actions in any action space."""

from __future__ import annotations

import numpy as np

from rlrun.core.rng import pick
from rlrun.core.types import Array, Mask, Space


def uniform_actions(space: Space, draw: Array, legal: Mask = None) -> Array:
    """Return actions ``[seed, env, ...]``, given as many numbers in [0, 1).

    With masks they are uniform among the ``legal`` choices.
    """
    if space.kind == "vector":
        return 2 * draw - 1
    if legal is not None:
        parts = split_masks(space, legal)
        draws = draw.reshape(*draw.shape[:2], len(parts))
        chosen = [pick(part, draws[..., n]) for n, part in enumerate(parts)]
        return np.stack(chosen, -1).reshape(draw.shape)
    choices = np.array(space.choices).reshape(space.shape)
    action: Array = (draw * choices).astype(np.int64)
    return action


def split_masks(space: Space, legal: Array) -> list[Array]:
    """Return the masks of each part of an action, ``[seed, env, choice]``."""
    return np.split(legal, np.cumsum(space.choices)[:-1], axis=-1)


def is_legal(space: Space, action: Array, legal: Array) -> Array:
    """Return which parts of actions ``[seed, env, ...]`` are legal, ``[seed, env, part]``."""
    masks = split_masks(space, legal)
    parts = action.reshape(*action.shape[:2], len(masks), 1)
    taken = [np.take_along_axis(mask, parts[..., n, :], -1) for n, mask in enumerate(masks)]
    return np.concatenate(taken, -1)


def first_legal(space: Space, action: Array, legal: Array) -> Array:
    """Return the actions with the first legal choice instead of each that is not legal."""
    masks = split_masks(space, legal)
    first = np.stack([mask.argmax(-1) for mask in masks], -1)
    parts = action.reshape(first.shape)
    return np.where(is_legal(space, action, legal), parts, first).reshape(action.shape)
