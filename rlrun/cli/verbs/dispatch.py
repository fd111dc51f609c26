"""Run the verbs: everything `rlrun` does apart from training."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from rlrun.cli.commands import CONFIG_DIR, VERBS, WORDS
from rlrun.core.errors import BadInput, RunFailed


def from_verb(words: Sequence[str]) -> list[str]:
    """Return the words with the verb first; [] if there is no verb.

    Only --config-dir may precede it, and becomes the last word: ``--config-dir=DIR``.
    """
    rest, last = list(words), []
    while rest and rest[0].partition("=")[0] in CONFIG_DIR:
        _, is_assigned, folder = rest.pop(0).partition("=")
        last = [f"{CONFIG_DIR[0]}={folder if is_assigned else ''.join(rest[:1])}"]
        del rest[: 0 if is_assigned else 1]
    return [*rest, *last] if rest and rest[0] in VERBS else []


def run_verb(words: Sequence[str]) -> int:
    """Run `rlrun VERB WORDS` and return the exit code.

    The code is 2 for errors that the user can correct, 1 for a crash.
    """
    verb, *rest = words
    name, _, function = VERBS[verb].partition(":")
    module = importlib.import_module(name)
    if not rest or {"-h", "--help"} & set(rest):
        print(module.HELP)
        return 0 if rest else 2
    try:
        if verb not in WORDS and any(word.partition("=")[0] in CONFIG_DIR for word in rest):
            raise BadInput(
                f"rlrun {verb} does not take {CONFIG_DIR[0]}: the settings of a run are in its "
                "folder."
            )
        code: int = getattr(module, function)(rest)
        return code
    except Exception as error:
        from rlrun.cli.explain import report_crash

        report_crash(error)
        return 2 if isinstance(error, BadInput | RunFailed) else 1
