"""What TensorBoard needs to compare a run with others: settings that vary, reference, seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rlrun.results.grouping import flat
from rlrun.results.references import reference
from rlrun.run_folder.events import Plain
from rlrun.run_folder.folder import RunFolder
from rlrun.run_folder.logger import Logger
from rlrun.settings import Settings
from rlrun.stats import FEWEST_SEEDS
from rlrun.sweep import plan

KEY = re.compile(r"(?:^|\s)['\"+]*([\w.]+)=")  # of a setting, in a command line


def open_logger(
    parts: Settings,
    settings: Mapping[str, Any],
    record: RunFolder,
    position: Mapping[str, Any] | None,
) -> Logger:
    """Open the logger of a run with these ``settings``, which are checked in ``parts``.

    ``position`` is that of an earlier logger, if the run is resumed.
    """
    values, known, seeds = flat(settings), reference(settings["env"]), parts.seed_numbers
    hparams = {key: value for key, value in values.items() if key != "tuned.keys"}
    in_sweep = plan.is_sweep(record.path.parent)
    show_seeds = parts.log.seeds
    if show_seeds == "auto":  # few seeds have no interval: they themselves show the spread
        show_seeds = len(seeds) < FEWEST_SEEDS and not in_sweep
    return Logger(
        record.path,
        seeds,
        hparams,
        position,
        varying=() if position else _varying(hparams, record, in_sweep),
        reference=known.line.score if known else None,
        show_seeds=show_seeds,
    )


def _varying(hparams: Mapping[str, Plain], record: RunFolder, in_sweep: bool) -> set[str]:
    """Return the settings that vary in the run's sweep, else those chosen on its command line."""
    names = KEY.findall(record.command)
    if in_sweep:
        names = [key.lstrip("+") for key in plan.read(record.path.parent).varying]
    return {full for name in names for full in (name, f"{name}.name", f"{name}.id")} & {*hparams}
