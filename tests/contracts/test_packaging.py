"""The package's metadata: one place for the version, typed, and hooks that run `make lint`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml  # type: ignore[import-untyped]

import rlrun

ROOT = Path(rlrun.__file__).parents[1]
PYPROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))


def test_the_version_is_read_from_the_package() -> None:
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    source = ROOT / PYPROJECT["tool"]["hatch"]["version"]["path"]
    assert source == Path(rlrun.__file__)
    versions = re.findall(r'^__version__ = "(.+)"$', source.read_text("utf-8"), re.MULTILINE)
    assert versions == [rlrun.__version__]


def test_the_changelog_has_the_version_and_nothing_but_known_headings() -> None:
    headings = re.findall(
        r"^##+ .*", ROOT.joinpath("CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == "## [Unreleased]"
    assert any(heading.startswith(f"## [{rlrun.__version__}] - ") for heading in headings)
    kinds = "Added|Changed|Deprecated|Removed|Fixed|Security"
    known = rf"## \[Unreleased\]|## \[\d+\.\d+\.\d+\] - \d{{4}}-\d\d-\d\d|### (?:{kinds})"
    assert [heading for heading in headings if not re.fullmatch(known, heading)] == []


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(rlrun.__file__).with_name("py.typed").read_bytes() == b""


def test_the_hooks_run_the_commands_of_make_lint() -> None:
    recipe = re.search(
        r"^lint:.*\n((?:\t.*\n)+)", ROOT.joinpath("Makefile").read_text(), re.MULTILINE
    )
    assert recipe is not None
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    config = yaml.safe_load(ROOT.joinpath(".pre-commit-config.yaml").read_text("utf-8"))
    (local,) = config["repos"]
    assert local["repo"] == "local"
    assert [hook["entry"] for hook in local["hooks"]] == commands
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
