"""The agents that search for a policy, shrunk: a generation is ten short episodes of each seed."""

from __future__ import annotations

FEW_STEPS = "env.max_episode_steps=12"
SMALL_SEARCHES: dict[str, tuple[str, ...]] = {
    "random_search": (
        "agent=random_search",
        "agent.population=5",
        "agent.episodes=2",
        "agent.elite=2",
        FEW_STEPS,
    ),
    "hill_climbing": ("agent=hill_climbing", "agent.population=2", "agent.episodes=5", FEW_STEPS),
    "genetic": (
        "agent=genetic",
        "agent.population=10",
        "agent.elite=3",
        "agent.sexual=true",
        "agent.hidden=[5]",
        "agent.bias=true",
        FEW_STEPS,
    ),
    "evolution_strategies": (
        "agent=evolution_strategies",
        "agent.pairs=5",
        "agent.hidden=[5]",
        "agent.bias=true",
        "agent.normalize_obs=true",
        FEW_STEPS,
    ),
    "ars": ("agent=ars", "agent.pairs=5", "agent.top=2", FEW_STEPS),
    "cma_es": ("agent=cma_es", "agent.population=10", "agent.bias=true", FEW_STEPS),
    "neat": (
        *("agent=neat", "agent.population=10", "agent.threshold=1.5", FEW_STEPS),
        *("agent.add_unit=0.5", "agent.add_link=0.5", "agent.replace=0.05", "agent.mutate=0.5"),
    ),
}
