"""Checks of which agent fits which environment, and sentences on why one does not."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rlrun.core.abilities import LearnsLater, masks_used
from rlrun.core.memory import shortage
from rlrun.core.types import SpaceKinds, Spec
from rlrun.envs.hand_written import no_rule
from rlrun.envs.model import WITH_MODEL

LEAST_BYTES = 16  # of the weights of one choice: the narrowest layer has four
KINDS = {
    "vector": "continuous",
    "image": "image",
    "grid": "grid",
    "discrete": "discrete",
    "multi_discrete": "multi-discrete",
}


def too_short_to_learn(agent: Any, steps: int) -> str:
    """Return a warning if a run of so many steps ends before its first update, else ""."""
    if not isinstance(agent, LearnsLater) or steps >= agent.first_update:
        return ""
    return (
        f"nothing will be learnt: the run ends at step {steps:,}, and there is no update before "
        f"step {agent.first_update:,}"
    )


def masks_ignored(agent: object, spec: Spec) -> str:
    """Return a note that the agent does not use the masks of legal actions; "" if it does."""
    if not spec.masked or masks_used(agent):
        return ""
    return (
        f"the agent takes no account of the actions that {spec.env_id} says are legal "
        "(its act() has no parameter legal)"
    )


def text_left_out(spec: Spec) -> str:
    """Return a note that text in the observations is left out; "" if there is none."""
    if not spec.left_out:
        return ""
    return f"{' and '.join(spec.left_out)} of {spec.env_id} is text, and is left out"


def too_many_choices(spec: Spec, seeds: int) -> str:
    """Return why no network fits this environment, to follow the agent's name; "" if one does.

    A network of any size has weights for each choice of discrete observations and actions.
    """
    for what, space in (("observations", spec.obs), ("actions", spec.action)):
        if shortage(sum(space.choices) * seeds * LEAST_BYTES):
            return (
                f"needs weights for each of the {sum(space.choices):.3g} {what} of {spec.env_id}, "
                "more than fits in memory"
            )
    return ""


def incompatibility(agent: Any, spec: Spec) -> str:
    """Return why an agent's class does not fit this environment, to follow its name; "" if it does.

    The class declares the spaces that it ``observes`` and ``acts`` on, and optionally what it
    ``needs``: a ``model``, a hand-written ``rule``, several ``agents``, or observations that are
    rows of a ``table``; and ``several_agents`` if it learns for all agents of an environment that
    has more than one.
    """
    needs = getattr(agent, "needs", "")
    wrong = []
    if needs == "rule" and (why := no_rule(spec)):
        wrong.append(f"acts by a hand-written rule, and {why}")
    if needs == "agents" and not spec.agents:
        wrong.append(f"learns for several agents, while {spec.env_id} has one")
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
            f"256^{pixels:,}, more than fits in memory"
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
    if spec.agents and not getattr(agent, "several_agents", False):
        several = f"{len(spec.agents)} ({', '.join(spec.agents)})"
        wrong.append(f"learns for a single agent, while {spec.env_id} has {several}")
    return ", and it ".join(wrong)


@dataclass(frozen=True)
class Capabilities:
    """The declarations of an agent's class that `incompatibility` checks."""

    observes: SpaceKinds
    acts: SpaceKinds
    needs: str = ""
    several_agents: bool = False
    has_features: bool = False
    """Whether `agent.features` is a setting: values linear in features of vectors, for a table."""


def capabilities_of(named: str) -> Capabilities:
    """Return the declarations of the class ``module:Class`` of this package, read from its source.

    Importing it would import torch, which is too slow for a command that prints a list.
    """
    module, _, name = named.partition(":")
    return Capabilities(**_declared(module)[name])


@cache
def _declared(module: str) -> dict[str, dict[str, Any]]:
    """Return the declarations of each class in a module, by class name."""
    path = Path(__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    fields = Capabilities.__dataclass_fields__
    return {
        node.name: {
            line.target.id: ast.literal_eval(line.value)
            for line in node.body
            if isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and line.target.id in fields
            and line.value is not None
        }
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
