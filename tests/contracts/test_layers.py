"""The house: imports point one way, rooms have no cycles, and each says what belongs in it."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import rlrun
from rlrun.cli.commands import VERBS

ROOT = Path(rlrun.__file__).parent
LAYERS = [  # each may import what stands in lines above its own, and its own room
    {"core"},
    {"rules", "checkpoint", "stats", "media", "replay", "explore", "nets"},
    {"tables", "envs", "value_bias"},
    {"curiosity", "features"},
    {"loop", "agents", "compatibility"},
    {"run_folder", "terminal"},
    {"training", "tuning", "sweep"},
    {"settings", "data"},
    {"checks", "results"},
    {"build"},
    {"playback"},
    {"transfer"},
    {"run"},
    {"api"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")
ROOMS = sorted({path.parent for path in FILES if path.parent != ROOT})
AT_ROOT = 12  # files at the root of the package, at most
LINES = 250  # of a file, at most


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    """``rlrun.envs.gym_envs`` for its file."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported(path: Path) -> frozenset[str]:
    """The full names of the modules a file imports, wherever in it that stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (inner & MODULES) or {node.module}
    return frozenset(names)


MODULES = {name_of(path) for path in FILES}


def outside_core(path: Path) -> set[str]:
    """What a file imports that is neither of core nor of Python's library."""
    names = {name for name in imported(path) if not name.startswith("rlrun.core")}
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    for name in imported(path) & MODULES:
        there = name.split(".")[1]
        assert there == here or RANK[there] < RANK[here], f"{here} imports {name}"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_there_are_no_cycles(depth: int) -> None:
    """Neither between rooms (depth 1), nor between the parts of one (2), nor between files (3)."""
    arrows: dict[str, set[str]] = {}
    for path in FILES:
        here = _cut(name_of(path), depth)
        arrows.setdefault(here, set())
        arrows[here] |= {_cut(name, depth) for name in imported(path) & MODULES} - {here}
    while leaves := {name for name, there in arrows.items() if not there & arrows.keys()}:
        arrows = {name: there for name, there in arrows.items() if name not in leaves}
    assert arrows == {}


def _cut(name: str, depth: int) -> str:
    return ".".join(name.split(".")[: depth + 1])


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_room_says_what_belongs_in_it(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    assert text is not None and len(text.splitlines()[0]) > 30, folder


def test_files_are_short_and_few_stand_at_the_root() -> None:
    assert len(list(ROOT.glob("*.py"))) <= AT_ROOT
    long = {path for path in FILES if len(path.read_text("utf-8").splitlines()) > LINES}
    assert long == set()


def test_hydra_stays_where_configuration_is() -> None:
    for path in FILES:
        hydra = {n for n in imported(path) if n.split(".")[0] in ("hydra", "omegaconf")}
        assert not hydra or room(path) in ("run_folder", "build", "cli"), path
        internal = {name for name in hydra if name.startswith("hydra._internal")}
        assert not internal or path.name == "hydra_api.py", path


def test_the_lower_rooms_know_nothing_of_the_rest() -> None:
    for path in FILES:
        if room(path) == "rules":
            assert not {name for name in imported(path) if name.split(".")[0] == "rlrun"}
        if room(path) == "replay":
            ours = {name for name in imported(path) if name.split(".")[0] == "rlrun"}
            assert all(n.startswith(("rlrun.core.", "rlrun.replay")) for n in ours), path
            assert "torch" not in imported(path)
        if room(path) == "core":
            assert outside_core(path) <= {"numpy", "numpy.typing", "torch"}, path


def test_core_needs_no_torch_at_run_time() -> None:
    modules = [name for name in sorted(MODULES) if name.startswith("rlrun.core")]
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    assert loaded_by(code) == "False"


def test_no_agent_imports_an_agent() -> None:
    agents = {name_of(path) for path in (ROOT / "agents").glob("*.py")} - {"rlrun.agents"}
    for path in (ROOT / "agents").rglob("*.py"):
        assert not (imported(path) & agents) - {name_of(path)}, path


def test_only_the_environments_know_how_an_episode_ended() -> None:
    words = {"terminated", "truncated", "gamma"}
    for path in FILES:
        if room(path) in ("envs", "settings", "build", "run"):
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


@pytest.mark.parametrize("verb", VERBS)
def test_help_on_a_verb_needs_no_torch(verb: str) -> None:
    code = (
        f"import sys; sys.argv = ['rlrun', '{verb}', '--help'];"
        "from rlrun.__main__ import main; main();"
        "slow = ('torch', 'gymnasium', 'tensorboard', 'optuna', 'matplotlib');"
        "print([m for m in slow if m in sys.modules])"
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


@pytest.mark.slow
@pytest.mark.parametrize("words", ["agent=dqn agent.optimizer=nadam", "agent=ppo agent.n_steps=64"])
def test_a_run_does_not_import_compilers(words: str, tmp_path: Path) -> None:
    """They take a second: only device.compile and device.deterministic, and tables, need them."""
    line = [*words.split(), "seeds=1", "total_steps=200", "tuned=none", "eval.final_episodes=1"]
    line += ["agent.learning_starts=100"] if "dqn" in words else []
    code = (
        f"import sys; sys.argv = ['rlrun', *{line}, 'hydra.run.dir={tmp_path}/run'];"
        "from rlrun.__main__ import main; main();"
        "slow = ('torch._dynamo', 'torch._inductor', 'sympy', 'numba');"
        "print([m for m in sys.modules if m in slow])"
    )
    assert loaded_by(code).splitlines()[-1] == "[]"
