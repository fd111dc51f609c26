"""Which settings are tuned: sentences for a run's start and for comparisons of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rlrun.core.text import as_word
from rlrun.results.grouping import Plain, Variant

if TYPE_CHECKING:
    from rlrun.settings import TunedSettings


def tuned_sentence(tuned: TunedSettings | None, values: Mapping[str, Plain]) -> str:
    """Return the sentence at the start of a run with tuned settings; "" without.

    ``values`` are the flattened settings of the run.
    """
    if tuned is None:
        return ""
    words = ", ".join(f"{key}={as_word(values.get(key))}" for key in tuned.keys)
    effect = f": {words}" if words else ", which change nothing here"
    return f"The tuned settings {tuned.name} are used{effect}. tuned=none switches them off."


def tuned_name(variant: Variant) -> str:
    """Return the tuned settings of a variant: their name, "none", or "?" if it is not recorded."""
    tuned = variant.tuned
    return "?" if tuned is None else tuned.name or "none"


def tuned_agents(variants: Sequence[Variant]) -> str:
    """Return which tuned settings each agent has, in a line; "" if nothing is recorded."""
    names: dict[str, dict[str, None]] = {}
    for variant in variants:
        names.setdefault(variant.agent, {})[tuned_name(variant)] = None
    if all(list(each) == ["?"] for each in names.values()):
        return ""
    texts = {"none": "none", "?": "not recorded"}
    each = (
        f"{agent}: {', '.join(texts.get(name, name) for name in own)}"
        for agent, own in names.items()
    )
    return f"tuned settings: {'; '.join(each)}"


def mixture(variants: Sequence[Variant]) -> str:
    """Return a warning if tuned agents are compared with others that are not tuned; else "".

    The variants are of one environment. Agents without settings, and runs that do not record it,
    count as neither.
    """
    kinds: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for variant in variants:
        has_settings = len(variant.runs[0].settings["agent"]) > 1
        if variant.tuned is not None and has_settings:
            kinds[bool(variant.tuned.name)][variant.agent] = None
    tuned, others = kinds[True], kinds[False]
    if not any(one != other for one in tuned for other in others):
        return ""
    return (
        f"On {variants[0].env} tuned settings ({', '.join(tuned)}) are compared with settings that "
        f"are not tuned ({', '.join(others)}): a difference may come from the tuning. tuned=none "
        "runs all of them without it."
    )
