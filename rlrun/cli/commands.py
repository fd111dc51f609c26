"""The verbs of the command line (`rlrun resume ...`) and where each of them stands.

Imports nothing: the table is looked up before anything slow is imported.
"""

VERBS = {
    "resume": "rlrun.cli.verbs.resume:resume",
    "report": "rlrun.cli.verbs.report:report",
    "evaluate": "rlrun.cli.verbs.evaluate:evaluate",
    "record": "rlrun.cli.verbs.record:record",
    "list": "rlrun.cli.verbs.listing:listing",
}
"""Name to ``module:function``. The function takes the words after the verb and returns the exit
code; what it raises is explained by `rlrun.cli.verbs.dispatch`. The module's HELP describes it."""

WORDS = {"list": ("agents", "envs", "experiments")}
"""The words a verb may be followed by, for verbs that do not take a folder."""
