"""How a run appears in TensorBoard: the runs of its list, their order, names and charts."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from rlrun.run_folder.files import CURVES
from rlrun.stats import MOST_FOR_MEAN

RUNS = "|".join((r"seed_\d+", *CURVES))  # folders that TensorBoard lists as runs
SCORE = "eval/mean_reward"
MARGINS = (SCORE, "rollout/ep_rew_mean")  # tags drawn as a line with a band
REFERENCES = {SCORE: f"reference/{SCORE}"}
# TensorBoard orders cards by tag, and the mean return belongs before the discounted one.
SHOWN_AS = {"eval/discounted_return": "eval/return_discounted"}
COLUMNS = (  # metrics of the HParams tab
    "final/mean_reward",
    "final/best_mean_reward",
    SCORE,
    "rollout/ep_rew_mean",
    "time/fps",
    "final/exact_return",
    "eval/exact_return",
    "eval/mean_ep_length",
    "train/loss",
)


def shown(row: Mapping[str, float]) -> dict[str, float]:
    """Return metrics under the tags that TensorBoard shows them with."""
    return {SHOWN_AS.get(tag, tag): value for tag, value in row.items()}


def main_run(seeds: Sequence[int], begun: Container[str]) -> str:
    """Return the folder of the averages over the seeds, or of the single seed.

    ``begun`` are the folders of an earlier logger: version 0.1.0 had ``iqm`` for 2 seeds too.
    """
    if len(seeds) == 1:
        return f"seed_{seeds[0]}"
    return "mean" if len(seeds) <= MOST_FOR_MEAN and "iqm" not in begun else "iqm"


def film_place(folder: Path, seed: int) -> tuple[Path, str]:
    """Return the folder of event files that shows a seed's film, and the ending of its tag there.

    It is where the run's Logger shows what only that seed has.
    """
    own = folder / f"seed_{seed}"
    main = next((folder / name for name in ("iqm", "mean") if (folder / name).is_dir()), own)
    return (own, "") if own.is_dir() or main == own else (main, f"/seed_{seed}")
