"""Suggestions for misspelt words."""

from __future__ import annotations

import pytest

from rlrun.core.errors import did_you_mean


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("dqnn", " Did you mean dqn?"),
        ("DQN", " Did you mean dqn?"),
        ("dueling", " Did you mean dueling_dqn?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_did_you_mean(word: str, hint: str) -> None:
    assert did_you_mean(word, ["dqn", "dueling_dqn", "random"]) == hint
