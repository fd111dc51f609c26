"""The package's metadata: one place for the version, typed, and hooks that run `make lint`."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
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


# what the tests read, what users read, and the versions that were tested
SOURCES = (
    *("rlrun", "conf", "hydra_plugins", "tests", "docs", ".ci"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
    *("Makefile", "constraints.txt", ".pre-commit-config.yaml"),
)


@pytest.mark.parametrize("name", SOURCES)
def test_the_source_distribution_includes(name: str) -> None:
    patterns = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert (ROOT / name).exists()
    assert any(fnmatch(f"/{name}", pattern) for pattern in patterns)


@pytest.mark.slow
def test_a_source_distribution_has_the_documentation(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the package")
    code = "import sys; from hatchling.build import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"docs/index.md", "constraints.txt", "CONTRIBUTING.md", "conf/config.yaml"} <= names


def test_only_public_names_are_shown() -> None:
    """Also after another room was imported, which makes it an attribute of the package."""
    assert dir(rlrun) == ["__version__", "load_run"]
    scope: dict[str, object] = {}
    exec("from rlrun import *", scope)
    assert {"__version__", "load_run"} == scope.keys() - {"__builtins__"}
