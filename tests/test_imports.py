"""Imports point one way, and what configuration libraries do stays in its rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rlrun

ROOT = Path(rlrun.__file__).parent
LAYERS = [  # each may import what stands in lines above its own, and its own package
    {"types", "errors", "checks", "watchdog", "references"},
    {"rng", "schedules", "stats", "checkpoint", "schema", "rules", "spaces", "learnt", "stopping"},
    {"belief", "drawing", "video", "events", "folder", "memory", "states", "state", "signals"},
    {"games", "grid", "outcome"},
    {"async_grid", "atari_grid"},
    {"model", "table_envs", "film"},
    {"grids"},
    {"replay", "explore", "nets", "device", "envs", "envspec", "log", "progress", "best"},
    {"seen", "normalize", "optim", "qtable", "waiting", "fit", "table_pictures", "opening"},
    {"agents"},
    {"loop", "recorder", "portrait", "saving", "lost", "search"},
    {"evaluation", "filming"},
    {"train", "env_settings"},
    {"settings"},
    {"reading"},
    {"comparing"},
    {"summary"},
    {"report"},
    {"build"},
    {"runs", "playing"},
    {"loaded", "sweep"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The full names of the modules a file imports, wherever in it that stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.add(node.module)
            if node.module == "rlrun":
                names |= {f"rlrun.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    for name in imported(path):
        if not name.startswith("rlrun.") or name == "rlrun.__version__":
            continue
        there = name.split(".")[1]
        assert there == here or RANK[there] < RANK[here], f"{here} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_hydra_stays_where_configuration_is(path: Path) -> None:
    if room(path) in ("reading", "build", "runs", "cli", "sweep", "__main__"):
        return
    assert not {n for n in imported(path) if n.split(".")[0] in ("hydra", "omegaconf")}


def test_rules_and_replay_know_nothing_of_the_rest() -> None:
    for path in FILES:
        ours = {name for name in imported(path) if name.split(".")[0] == "rlrun"}
        if room(path) == "rules":
            assert ours == set()
        if room(path) == "replay":
            assert all(name == "rlrun.types" or name.startswith("rlrun.replay") for name in ours)
            assert "torch" not in imported(path)


ENVIRONMENTS = ("envs", "grid", "film", "async_grid", "atari_grid", "model", "opening")


def test_only_the_environments_know_how_an_episode_ended() -> None:
    words = {"terminated", "truncated", "gamma"}
    for path in FILES:
        if room(path) in (*ENVIRONMENTS, "games", "env_settings", "settings", "build", "runs"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & words, path


def test_help_needs_neither_torch_nor_hydra() -> None:
    code = (
        "import sys; sys.argv = ['rlrun', '--help']; from rlrun.__main__ import main; main();"
        "print([m for m in ('torch', 'hydra', 'gymnasium', 'numpy') if m in sys.modules])"
    )
    assert loaded_by(code) == "[]"


def test_a_configuration_is_shown_before_anything_slow_is_imported() -> None:
    code = (
        "import sys; sys.argv = ['rlrun', '--cfg', 'job']; from rlrun.__main__ import main; main();"
        "slow = ('torch', 'gymnasium', 'numpy', 'tensorboard', 'rich', 'optuna');"
        "print([m for m in slow if m in sys.modules])"
    )
    assert loaded_by(code) == "[]"


def loaded_by(code: str) -> str:
    """The last line that a program prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]
