"""Which agent fits which environment, and why not."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rlrun.core.abilities import LearnsLater
from rlrun.core.memory import shortage
from rlrun.core.types import SpaceKinds, Spec
from rlrun.envs.model import WITH_MODEL

LEAST_BYTES = 16  # of a choice's weights: the narrowest layer has four
KINDS = {
    "vector": "continuous",
    "image": "image",
    "grid": "grid",
    "discrete": "discrete",
    "multi_discrete": "multi-discrete",
}


def too_short_to_learn(agent: Any, steps: int) -> str:
    """The sentence that a run of so many steps ends before it learns; "" where it does not."""
    if not isinstance(agent, LearnsLater) or steps >= agent.first_update:
        return ""
    return (
        f"nothing will be learnt: the run ends at step {steps:,}, and no update comes before step "
        f"{agent.first_update:,}"
    )


def text_left_out(spec: Spec) -> str:
    """The sentence that agents do not see the text in the observations; "" where there is none."""
    if not spec.left_out:
        return ""
    return f"{' and '.join(spec.left_out)} of {spec.env_id} is text, and is left out"


def too_many_choices(spec: Spec, seeds: int) -> str:
    """What keeps every network from this environment, as words after the agent's name.

    However small the network is, it has weights for each choice of discrete observations and
    actions.
    """
    for what, space in (("observations", spec.obs), ("actions", spec.action)):
        if shortage(sum(space.choices) * seeds * LEAST_BYTES):
            return (
                f"has weights for each of the {sum(space.choices):.3g} {what} of {spec.env_id}: no "
                "memory holds that"
            )
    return ""


def incompatibility(agent: Any, spec: Spec) -> str:
    """What keeps an agent's class from this environment, as words after its name; "" for nothing.

    The class says what it ``observes`` and ``acts`` on, and may say what it ``needs``: a
    ``model``, or observations that are rows of a ``table``.
    """
    needs = getattr(agent, "needs", "")
    wrong = []
    if needs == "model" and spec.model is None:
        why = " with these arguments" if spec.env_id in WITH_MODEL else ""
        known = ", ".join(WITH_MODEL)
        wrong.append(
            f"plans with a known model, which {spec.env_id} does not have{why} (these do: {known})"
        )
    elif needs == "table" and spec.obs.kind == "image":
        pixels = math.prod(spec.obs.shape)
        wrong.append(
            f"keeps a table with a row for every observation, of which {spec.env_id} has "
            f"256^{pixels:,}: no memory holds that"
        )
    elif needs == "table" and spec.obs.kind == "grid":
        wrong.append(
            f"keeps a table with a row for every observation, and those of {spec.env_id} are grids "
            f"of {math.prod(spec.obs.shape)} cells (env.obs=vector makes them numbers for env.bins)"
        )
    elif needs != "model" and spec.obs.kind not in agent.observes:
        kind = KINDS[spec.obs.kind]
        wrong.append(f"cannot learn from {kind} observations, which {spec.env_id} has")
    if spec.action.kind not in agent.acts and not (needs == "model" and wrong):
        kind = KINDS[spec.action.kind]
        wrong.append(f"cannot take {kind} actions, which {spec.env_id} has")
    return ", and it ".join(wrong)


@dataclass(frozen=True)
class Capabilities:
    """What an agent's class says of where it fits; see `incompatibility`."""

    observes: SpaceKinds
    acts: SpaceKinds
    needs: str = ""


def capabilities_of(named: str) -> Capabilities:
    """What the class ``module:Class`` of this package says, read from its text.

    To import it would import torch, which takes longer than anybody wants to wait for a list.
    """
    module, _, name = named.partition(":")
    return Capabilities(**_declared(module)[name])


@cache
def _declared(module: str) -> dict[str, dict[str, Any]]:
    """By class what it observes, acts on and needs."""
    path = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    wanted = Capabilities.__dataclass_fields__
    return {
        node.name: {
            line.target.id: ast.literal_eval(line.value)
            for line in node.body
            if isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and line.target.id in wanted
            and line.value is not None
        }
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
