"""The choice of an optimizer and its constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rlrun.core.rows import Number

OptimizerName: TypeAlias = Literal["adam", "adamw", "nadam", "sgd", "rmsprop"]
BETA1, BETA2 = 0.9, 0.999  # of Adam and NAdam


@dataclass(frozen=True)
class Method:
    """How parameters are moved along their gradient; the defaults are those of torch.

    ``epsilon`` is added to the root of the mean square. ``weight_decay`` is added to the gradient
    in proportion to the weights, or decays them directly (adamw). Gradients are clipped by value,
    then the Euclidean norm of each seed's by ``max_grad_norm``. Numbers can be one for each row.
    """

    name: OptimizerName = "adam"
    epsilon: float = 1e-8
    amsgrad: bool = False
    weight_decay: Number = 0.0
    max_grad_norm: Number | None = None
    max_grad_value: Number | None = None
