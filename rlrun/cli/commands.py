"""The verbs of the command line (`rlrun resume ...`), their functions, and the groups of options.

Imports nothing: the tables are read before anything slow is imported.
"""

VERBS = {
    "resume": "rlrun.cli.verbs.resume:resume",
    "report": "rlrun.cli.verbs.report:report",
    "evaluate": "rlrun.cli.verbs.evaluate:evaluate",
    "record": "rlrun.cli.verbs.record:record",
    "record-data": "rlrun.cli.verbs.record_data:record_data",
    "list": "rlrun.cli.verbs.listing:listing",
}
"""Name to ``module:function``. The function takes the words after the verb and returns the exit
code; `rlrun.cli.verbs.dispatch` explains its exceptions. The module's HELP describes it."""

RUNS = ("resume", "evaluate", "record", "record-data")
"""The verbs that take a run: its folder, or `last`."""

PARTS = ("replay", "explore", "curiosity")
"""The groups of parts that agents use."""

LEARNING = ("agent", "env", *PARTS)
"""The groups whose options decide which settings a run has."""

REQUIRED = (*LEARNING, "device")
"""The groups of which every run has an option."""

OPTIONAL = ("tuned", "experiment", "search")
"""The groups that can be removed from a run, as settings cannot."""

WORDS = {"list": ("agents", "envs", "experiments", *PARTS, "rules")}
"""The words that may follow a verb, for verbs that do not take a folder."""

CONFIG_DIR = ("--config-dir", "-cd")
"""The flag for a user's own folder of choices, the only one that may precede a verb."""
