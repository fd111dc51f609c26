"""Updates of policies from the fitness of whole episodes, without gradients of the policy.

Arrays are those of one seed: ``fitness [individual]``, vectors of weights ``[individual, n]``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def best(fitness: Floats, count: int) -> Indices:
    """Return the indices of the ``count`` fittest, best first; among equals the first."""
    order: Indices = np.argsort(-fitness, kind="stable")
    return order[:count]


def centred_ranks(fitness: Floats) -> Floats:
    """Return the ranks of ``fitness [individual]``, scaled to [-0.5, 0.5]; equals share their mean.

    Salimans et al. 2017, section 2.1: the update does not depend on the scale of the returns, nor
    on outliers. Without the mean, equal returns would pull towards the first individuals.
    """
    below = (fitness[:, None] > fitness).sum(-1)
    equal = (fitness[:, None] == fitness).sum(-1) - 1
    ranks: Floats = (below + equal / 2) / (len(fitness) - 1) - 0.5
    return ranks


def mirrored(noise: Floats) -> Floats:
    """Return ``noise [pair, n]`` followed by its negative, ``[2 * pair, n]``."""
    return np.concatenate([noise, -noise])


def evolution_gradient(fitness: Floats, noise: Floats, deviation: float) -> Floats:
    """Return the ascent direction ``[n]`` of the mean fitness around the centre.

    Salimans et al. 2017, algorithm 1, with mirrored sampling: 1 / (2m σ) · Σ_i F_i ε_i over the
    individuals of `mirrored`, for their (shaped) ``fitness [2 * pair]``.
    """
    plus, minus = np.split(fitness, 2)
    total: Floats = ((plus - minus)[:, None] * noise).sum(0)
    gradient: Floats = total / (len(fitness) * deviation)
    return gradient


def random_search_step(fitness: Floats, noise: Floats, top: int) -> Floats:
    """Return the step ``[n]`` of augmented random search, to be multiplied by the learning rate.

    Mania et al. 2018, algorithm 2: 1 / (b σ_R) · Σ (r₊ - r₋) δ over the ``top`` directions, those
    with the largest max(r₊, r₋), where σ_R is the standard deviation of their 2b returns. It is 0
    if these are all equal. ``fitness [2 * pair]`` is that of the individuals of `mirrored`.
    """
    plus, minus = np.split(fitness, 2)
    used = best(np.maximum(plus, minus), top)
    plus, minus = plus[used], minus[used]
    deviation = np.concatenate([plus, minus]).std()
    if deviation == 0:
        return np.zeros(noise.shape[1])
    total: Floats = ((plus - minus)[:, None] * noise[used]).sum(0)
    ascent: Floats = total / (top * deviation)
    return ascent


def crossover(
    mother: Floats, father: Floats, unit: Indices, from_father: npt.NDArray[np.bool_]
) -> Floats:
    """Return children ``[child, n]`` with some units of the father, the others of the mother.

    ``unit [n]`` is the unit that each weight belongs to: those into a unit, and its bias, are
    inherited together, since they are of use only together (Montana and Davis 1989).
    ``from_father [child, unit]`` decides.
    """
    return np.where(from_father[:, unit], father, mother)


def adapted(noise: float, improved: bool, least: float, most: float) -> float:
    """Return half the noise of a search that improved, and else twice, within the bounds.

    A search that improves looks closer to where it is, one that does not further away.
    """
    return max(noise / 2, least) if improved else min(noise * 2, most)
