"""Code, configuration and documentation are in plain English, without the phrases listed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rlrun

ROOT = Path(rlrun.__file__).parents[1]
READ = (
    "rlrun/**/*.py",
    "hydra_plugins/**/*.py",
    "conf/**/*.yaml",
    "docs/*.md",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
)
BETTER = {  # a regular expression, where a space is any white space, and the words to use instead
    r"tell|tells|told|telling": "print, log, report, record, return; show, distinguish",
    r"believe[sd]?|believing|beliefs?": "estimate, predict, expect",
    r"seen": "observed, recorded, visible, so far",
    r"(?:some|any|no)body": "who it is: a user, a reader, another process",
    r"whatever": "any, everything that, regardless of",
    r"aside": "apart from, except",
    r"(?:go|goes|gone|went) on|going on (?:with|from)": "resume, continue",
    r"(?:is|are) (?-i:none)": "is not one; there is none; does not exist",
    r"(?:is|are) times": "is multiplied by, the factor of",
    r"beside each other": "at once, side by side",
    r"(?:give|gives|given|giving|gave) (?:\w+ ){0,2}up(?! to)": "failed, pruned, stopped",
    r"what (?:came|comes) out": "the results, the outcome",
    r"(?:has|have) come to|come of (?:it|them)": "the state, the outcome",
    r"paid for": "maximises, is rewarded for",
    r"as (?:it is|they are)(?=\s*(?:[^\w\s]|and |or |$))": "unchanged",
    r"as what (?:it is|they are)": "as a special case of",
    r"of (?:its|their|one's) own(?=\s*[^\w\s]|\n|$| (?:and|or|as|for|in|where|while|that) )": (
        "its own, separate"  # a word that follows makes it a possessive: "of its own run"
    ),
    r"stands? (?:as|at|on|before|behind|among|around|where|there|in(?! for))": "is, are",
    r"saves? itself": "is saved, checkpoints are written",
    r"made of then": "its contents",
}
ALLOWED = {  # what is taken out of the text before it is searched, and why
    r"there (?:is|are) none": "standard English",
    r"\.tell\(": "optuna's method",
    r"too few seeds to tell": "standard English",
    r'"told"': "a checkpoint key: runs of earlier versions must load",
}
PAIRS = (  # what must be refused, and what must pass
    ("{folder} cannot be gone on with", "{folder} cannot be resumed"),
    (
        "{name} is for Atari games (env=ALE/Pong-v5), and {id} is none",
        "{name} only applies to Atari games (env=ALE/Pong-v5); {id} is not one",
    ),
    ("What the value of next_obs is times", "Factor applied to the value of next_obs"),
    (
        "Cut off half a line that somebody died at",
        "Drop a partial last line left by a killed process",
    ),
    (
        "Whatever a file that may come from anybody does to its reader, as a FolderError",
        "Turn any error from reading an untrusted file into a FolderError",
    ),
    (
        "When a run saves itself, and what it is made of then",
        "When checkpoints are written, and what they contain",
    ),
    (
        "What a state is told with that is not one of this run's",
        "The error for a checkpoint that does not match the run's settings",
    ),
    (
        "The settings that are a run's: how jobs are run beside each other, and searched, is not",
        "The run's own settings, without sweep and search",
    ),
    (
        "an actor that is paid for staying random",
        "Soft actor-critic: maximises return plus policy entropy",
    ),
    (
        "A2C as what it is without its additions",
        "PPO; A2C is the special case of one unclipped update per rollout",
    ),
    (
        "gives hopeless ones up early, and tells the best as a command and as an experiment",
        "prunes poor trials early and prints the best settings as a command and an experiment file",
    ),
    (
        "If the job would be another one today, the sweep is not gone on with",
        "If the configuration changed so that a started job would differ, resume is refused",
    ),
    ("self._told[rows] = told", "self._losses[rows] = losses"),
    ("the seeds that were given up", "the failed seeds"),
    ("The value the agent believes in", "The agent's estimate of the value"),
    ("Nobody has seen these episodes", "No evaluation has played these episodes"),
    ("Each seed has a stream of its own", "Each seed has its own stream"),
    ("Frozen seeds stay as they are.", "Frozen seeds stay unchanged."),
    ("What came out, and what has come to the jobs", "The results, and the states of the jobs"),
    ("The episodes go on;\n    # telling them apart", "Episodes continue;\n    # distinguish them"),
    ("Sigmas stand at the end, apart or aside", "Sigmas are at the end, or separate"),
    ("the reward is times ten", "ten times the reward; if the value is None, or there is none"),
)


def pattern(words: str) -> re.Pattern[str]:
    """Compile an expression of whole words, which may continue on the next line of a comment."""
    spaced = words.replace(" ", r"\s+(?:#:?\s+)?")
    return re.compile(rf"(?<![a-zA-Z])(?:{spaced})(?![a-zA-Z])", re.IGNORECASE)


PATTERNS = {pattern(words): better for words, better in BETTER.items()}
EXCEPTIONS = [re.compile(words.replace(" ", r"\s+"), re.IGNORECASE) for words in ALLOWED]


def refused(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line number of each refused phrase, the phrase, and the words to use instead."""
    for exception in EXCEPTIONS:
        text = exception.sub(lambda match: re.sub(r"\S", "_", match[0]), text)
    for phrase, better in PATTERNS.items():
        for match in phrase.finditer(text):
            words = re.sub(r"\s+(?:#:?\s+)?", " ", match[0])
            yield text.count("\n", 0, match.start()) + 1, words, better


def files() -> list[Path]:
    return sorted(path for name in READ for path in ROOT.glob(name))


def test_no_file_contains_a_refused_phrase() -> None:
    places = [
        f"{path.relative_to(ROOT)}:{line}: '{phrase}'; better: {better}"
        for path in files()
        for line, phrase, better in sorted(refused(path.read_text(encoding="utf-8")))
    ]
    if places:
        pytest.fail(f"{len(places)} phrases need other words:\n" + "\n".join(places), pytrace=False)


@pytest.mark.parametrize(("bad", "good"), PAIRS)
def test_bad_sentences_are_refused_and_better_ones_pass(bad: str, good: str) -> None:
    assert list(refused(bad))
    assert not list(refused(good))


def test_every_expression_refuses_one_of_the_bad_sentences() -> None:
    for phrase in PATTERNS:
        assert any(phrase.search(bad) for bad, _ in PAIRS), phrase.pattern


def test_a_phrase_is_found_across_lines_and_in_names() -> None:
    text = "x = 1\n# the run is gone\n# on with\ny = last_told(x)\n"
    assert [(line, phrase) for line, phrase, _ in sorted(refused(text))] == [
        (2, "gone on"),
        (4, "told"),
    ]


def test_words_that_only_contain_a_refused_one_pass() -> None:
    words = "retell unseen besides; is None; stands for; going on; of its own run; given n up to 9"
    assert not list(refused(words))


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: str(exception.pattern))
def test_every_exception_is_needed(exception: re.Pattern[str]) -> None:
    assert any(exception.search(path.read_text(encoding="utf-8")) for path in files())
