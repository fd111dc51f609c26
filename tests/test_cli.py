"""The command line as a person meets it: what runs, what is refused, and what is left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from rlrun import __version__, build
from rlrun.__main__ import main
from rlrun.cli import folders
from rlrun.cli.folders import claim, config_root, discard, slug
from rlrun.cli.help import overview, run_wide
from rlrun.errors import BadInput

FILES = {
    "my/agent/dead.yaml": "defaults: [dqn, _self_]\nepsilonn: 3\n",
    "my/agent/negative.yaml": "defaults: [dqn, _self_]\nlr: -3\n",
    "my/agent/broken.yaml": "name: dqn\n  lr: : 3\n",
    "my/env/lake.yaml": "id: FrozenLake-v1\nkwargs: {is_slipery: true}\n",
    "my/env/gone.yaml": "id: Acrobott-v1\n",
    "my/experiment/dead.yaml": "# @package _global_\nseedss: 2\n",
    "my/experiment/two.yaml": "# @package _global_\nseeds: 2\n",
    "taken/file": "",
}


@dataclass
class Outcome:
    """What a command did: its exit code, what it printed, the runs it started."""

    code: int
    out: str
    err: str
    runs: list[tuple[dict[str, Any], Path]]


Rlrun = Callable[..., Outcome]


@pytest.fixture
def rlrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Rlrun:
    """Run a command line in an empty folder, with a stand-in for the training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    runs: list[tuple[dict[str, Any], Path]] = []

    def train(settings: dict[str, Any], folder: Path) -> float:
        runs.append((settings, folder))
        match settings["seed"]:
            case 66:
                raise BadInput("seed 66 is bad luck")
            case 77:
                raise RuntimeError("exploded")
            case 88:
                sys.exit(3)
            case 99:
                raise KeyboardInterrupt
        (folder / "result.json").write_text("{}")
        return 1.0

    monkeypatch.setattr(build, "run", train)

    def call(*words: str) -> Outcome:
        runs.clear()
        monkeypatch.setattr(sys, "argv", ["rlrun", *words])
        code = main()
        out, err = capsys.readouterr()
        return Outcome(code, out, err, list(runs))

    return call


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


MY = "--config-dir my"
BAD = [
    # names
    ("agent=dqnn", "there is no agent 'dqnn'. Did you mean dqn? Agents: "),
    ("agent=DQN", "Did you mean dqn?"),
    ("agent=", "agent= needs a value"),
    ("agent=1", "there is no agent '1'"),
    ("agent=null", "there is no agent 'null'"),
    ("agent=[dqn,random]", "agent takes one name, got [dqn,random]"),
    ("agent=dqn,random", "agent=dqn,random has several values: add -m"),
    ("+agent=dqn", "agent is chosen twice: write agent=NAME, without the +"),
    ("~agent", "~agent leaves nothing to run: every run needs agent=NAME"),
    ("~env", "every run needs env=NAME"),
    ("replay=unifrom", "there is no replay 'unifrom'. Did you mean uniform?"),
    ("explore=lin", "Did you mean linear?"),
    ("device=gpu", "there is no device 'gpu'"),
    ("tuned=wrong", "there are no tuned settings 'wrong'"),
    ("experiment=wrong", "there is no experiment 'wrong'"),
    ("+experiment=wrong", "there is no experiment 'wrong'"),
    ("hydra/launcher=joblibb", "there is no hydra/launcher 'joblibb'"),
    # environments
    ("env=Acrobott-v1", "Did you mean Acrobot-v1?"),
    ("env=Acrobot", "there is no environment 'Acrobot'. Did you mean Acrobot-v1?"),
    ("env=cartpole", "Did you mean CartPole-v1?"),
    ("env=LunarLander-v2", "deprecated. Please use LunarLander-v3"),
    ("env=ALE/Pongg-v5", "Did you mean ALE/Pong-v5?"),
    ("env=nomod:Foo-v0", "no Python package 'nomod'"),
    ("env=3", "there is no environment '3'"),
    ("env.id=", "there is no environment ''"),
    ("env=FrozenLake-v1 env.kwargs.is_slipery=1", "Did you mean is_slippery?"),
    ("env.kwargs=3", "env.kwargs must be a mapping"),
    ("env=Pendulum-v1", "Pendulum-v1"),
    # settings
    ("lr=1", "unknown setting lr. Did you mean agent.lr?"),
    ("agent.lrr=1", "unknown setting agent.lrr. Did you mean agent.lr? agent has: "),
    ("agent.lr.x=1", "unknown setting agent.lr.x. Did you mean agent.lr?"),
    ("+agent.lrr=1", "unknown setting agent.lrr. Did you mean lr?"),
    ("++agent.lrr=1", "unknown setting agent.lrr"),
    ("+agent.lr=1", "agent.lr is there already: write agent.lr=VALUE, without the +"),
    ("+nonsense=1", "unknown setting nonsense"),
    ("nonsense=1", "unknown setting nonsense"),
    ("total_stepss=1", "Did you mean total_steps?"),
    ("hydra.nonsense=1", "unknown setting hydra.nonsense"),
    ("~seeds", "seeds has no value"),
    ("agent.lr=", "agent.lr must be a number, got ''"),
    ("agent.lr=fast", "agent.lr must be a number, got 'fast'"),
    ("agent.lr=-1", "agent.lr must "),
    ("agent.hidden=64", "agent.hidden must be a list"),
    ("agent.hidden=64,64", "or write agent.hidden=[64,64] for a list"),
    ("agent.hidden=[0]", "agent.hidden must be at least 1"),
    ("agent.hidden=[1,", "cannot read 'agent.hidden=[1,'"),
    ("agent.double=1", "agent.double must be true or false, got 1"),
    ("seeds=0", "seeds must be at least 1, got 0"),
    ("seeds=1.5", "seeds must be a whole number, got 1.5"),
    ("seeds=null", "seeds must be a whole number, got null"),
    ("gamma=nan", "gamma must be a finite number"),
    ("gamma=2", "gamma must "),
    ("gamma=${nope}", "'nope' not found"),
    ("eval.episode=3", "Did you mean eval.episodes?"),
    ("env.num_envs=0", "env.num_envs must be at least 1"),
    # words that are no settings
    ("dqn", "Did you mean agent=dqn?"),
    ("CartPole-v1", "Did you mean env=CartPole-v1?"),
    ("seeds", "Did you mean seeds=VALUE?"),
    ("trian", "'trian' is neither a command nor a setting"),
    ("=1", "'=1' has no name in front of the ="),
    ("--bogus", "there is no flag --bogus"),
    ("--multirum", "Did you mean --multirun?"),
    ("--agent=dqn", "there is no flag --agent"),
    ("--cfg", "expected one argument"),
    ("--cfg jobb", "invalid choice: 'jobb'"),
    ("--config-dir nope", "not found"),
    ("-cn nope", "nope"),
    ("--experimental-rerun x", "--experimental-rerun is not supported"),
    # folders
    ("hydra.run.dir=taken", "the folder taken exists already: name another one"),
    ("hydra.run.dir=taken/file/x", "cannot make the folder taken/file/x"),
    ("-m hydra.sweep.dir=taken seeds=1,2", "the folder taken exists already"),
    # multiruns: everything is checked before the first job
    ("-m agent=dqn,dqnn", "there is no agent 'dqnn'"),
    ("-m env=CartPole-v1,Nope-v1", "there is no environment 'Nope-v1'"),
    ("-m agent.lr=1e-3,-1 seeds=1,2", "(job 3 of 4: agent.lr=-1 seeds=1)."),
    ("-m tuned=none,wrong", "there are no tuned settings 'wrong'"),
    ("-m seeds=interval(1,2)", "a grid cannot go through an interval"),
    ("-m hydra.sweep.subdir=x seeds=1,2", "hydra.sweep.subdir cannot be set"),
    # the user's own files
    (f"{MY} agent=dead", "unknown setting agent.epsilonn"),
    (f"{MY} agent=dead", "(set in my/agent/dead.yaml)."),
    (f"{MY} agent=negative", "(set in my/agent/negative.yaml)."),
    (f"{MY} agent=broken", "my/agent/broken.yaml, line 2: not valid YAML"),
    (f"{MY} env=lake", "(set in my/env/lake.yaml)."),
    (f"{MY} env=gone", "(set in my/env/gone.yaml)."),
    (f"{MY} experiment=dead", "unknown setting seedss. Did you mean seeds?"),
    (f"{MY} experiment=wto", "Did you mean two?"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[line for line, _ in BAD])
def test_bad_input_is_one_sentence_and_leaves_nothing(
    rlrun: Rlrun, tmp_path: Path, line: str, message: str
) -> None:
    write_files(tmp_path)
    before = tree(tmp_path)
    outcome = rlrun(*line.split(" "))
    assert outcome.code == 2
    assert message.removesuffix(".") in outcome.err
    assert outcome.err.startswith("rlrun: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.rstrip()[-1] in ".?)"
    assert outcome.out == ""
    assert outcome.runs == []
    assert tree(tmp_path) == before


def test_a_run_gets_its_settings_and_a_folder_of_its_own(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seeds=3", "agent.lr=2e-3", "env=MountainCar-v0")
    assert outcome.code == 0, outcome.err
    ((settings, folder),) = outcome.runs
    assert (settings["seeds"], settings["agent"]["lr"]) == (3, 2e-3)
    assert settings["env"]["id"] == "MountainCar-v0"
    assert "hydra" not in settings
    assert folder.parent == tmp_path / "outputs" / "MountainCar-v0" / "dqn"
    assert tree(folder) == ["result.json"]


def test_flags_may_stand_anywhere_and_experiments_take_a_plus(rlrun: Rlrun, tmp_path: Path) -> None:
    write_files(tmp_path)
    outcome = rlrun("seed=5", "--config-dir", "my", "+experiment=two", "total_steps=7")
    assert outcome.code == 0, outcome.err
    settings, _ = outcome.runs[0]
    assert [settings[key] for key in ("seed", "seeds", "total_steps")] == [5, 2, 7]


def test_a_folder_that_is_named_is_used(rlrun: Rlrun, tmp_path: Path) -> None:
    assert rlrun("hydra.run.dir='a b/c=d'").runs[0][1] == tmp_path / "a b" / "c=d"


def test_bad_input_found_by_the_run_leaves_nothing(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seed=66")
    assert (outcome.code, outcome.err) == (2, "rlrun: seed 66 is bad luck.\n")
    assert tree(tmp_path) == []


def test_the_run_checks_again_where_the_hooks_are_switched_off(
    rlrun: Rlrun, tmp_path: Path
) -> None:
    outcome = rlrun("~hydra.callbacks.rlrun", "agent.lr=-1")
    assert outcome.code == 2
    assert "rlrun: agent.lr must" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(("seed", "text"), [(77, "exploded"), (88, "sys.exit(3)")])
def test_a_crash_shows_where_it_was(rlrun: Rlrun, seed: int, text: str) -> None:
    outcome = rlrun(f"seed={seed}")
    assert outcome.code == 1
    assert "Traceback" in outcome.err
    assert text in outcome.err
    assert "hydra/_internal" not in outcome.err


def test_the_full_traceback_on_request(rlrun: Rlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    bad, crash = rlrun("agent=dqnn"), rlrun("seed=77")
    assert (bad.code, crash.code) == (2, 1)
    assert "Did you mean dqn?" in bad.err
    assert "config_loader_impl.py" in bad.err
    assert "run_job" in crash.err


def test_ctrl_c(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seed=99")
    assert (outcome.code, outcome.err) == (130, "\nrlrun: stopped (Ctrl-C).\n")
    assert tree(tmp_path) == []


def test_a_multirun_makes_a_folder_for_each_job(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("agent=dqn", "-m", "agent.lr=1e-3,1e-4", "env=CartPole-v1,Acrobot-v1")
    assert outcome.code == 0, outcome.err
    assert [folder.name for _, folder in outcome.runs] == [
        "0_lr=0.001_env=CartPole-v1",
        "1_lr=0.001_env=Acrobot-v1",
        "2_lr=0.0001_env=CartPole-v1",
        "3_lr=0.0001_env=Acrobot-v1",
    ]
    (sweep,) = {folder.parent for _, folder in outcome.runs}
    assert sweep.parent == tmp_path / "outputs" / "sweeps"
    assert "job 2 of 4: agent.lr=0.001 env=Acrobot-v1" in outcome.out


def test_the_other_jobs_go_on_after_a_failure(rlrun: Rlrun) -> None:
    outcome = rlrun("-m", "seed=77,1,88,66,2")
    assert outcome.code == 1
    assert [settings["seed"] for settings, _ in outcome.runs] == [77, 1, 88, 66, 2]
    assert "RuntimeError: exploded" in outcome.err
    assert "rlrun: seed 66 is bad luck." in outcome.err
    assert outcome.err.endswith(
        "rlrun: 3 of 5 jobs failed:\n  job 1 of 5: seed=77\n  job 3 of 5: seed=88\n"
        "  job 4 of 5: seed=66\n"
    )


def test_runs_and_sweeps_of_the_same_second_never_share_a_folder(
    rlrun: Rlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlrun.cli.folders.stamp", lambda: "now")
    monkeypatch.setattr("rlrun.cli.resolvers.stamp", lambda: "now")
    from rlrun.cli import resolvers

    resolvers.register()
    try:
        made = [rlrun().runs[0][1] for _ in range(3)]
        swept = [rlrun("-m", "seeds=1,2").runs[0][1].parent for _ in range(2)]
    finally:
        monkeypatch.undo()
        resolvers.register()
    assert [folder.name for folder in made] == ["now", "now-2", "now-3"]
    assert [folder.name for folder in swept] == ["now", "now-2"]


def test_cfg_shows_the_configuration_and_makes_nothing(rlrun: Rlrun, tmp_path: Path) -> None:
    outcome = rlrun("seeds=3", "env=Acrobot-v1", "--cfg", "job")
    shown = OmegaConf.create(outcome.out)
    assert (outcome.code, shown.seeds, shown.env.id) == (0, 3, "Acrobot-v1")
    assert (outcome.runs, tree(tmp_path)) == ([], [])


def test_help_and_version(rlrun: Rlrun) -> None:
    assert rlrun("--version").out == f"rlrun {__version__}\n"
    assert rlrun("--help").out == rlrun("-h").out == overview() + "\n"


def test_help_tells_the_truth(rlrun: Rlrun) -> None:
    root = config_root()
    text = overview()
    for group in ("agent", "env", "replay", "explore", "device", "experiment", "tuned"):
        for path in (root / group).rglob("*.yaml"):
            if not path.name.startswith("_"):
                assert path.relative_to(root / group).with_suffix("").as_posix() in text
    shown = OmegaConf.create(rlrun("tuned=none", "--cfg", "job").out)
    rows = run_wide((root / "config.yaml").read_text().splitlines())
    for key, value, comment in rows:
        assert str(OmegaConf.select(shown, key)) == value.replace("null", "None")
        assert comment
    groups = {"agent", "env", "replay", "explore", "device"}
    assert {key.partition(".")[0] for key, _, _ in rows} == set(shown) - groups


def test_help_is_quick_because_it_imports_nothing() -> None:
    code = (
        "import sys; sys.argv = ['rlrun', '--help']\n"
        "from rlrun.__main__ import main\n"
        "main(); print([m for m in ('hydra', 'torch', 'yaml', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rlrun", "agent=dqnn"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rlrun: there is no agent 'dqnn'. Did you mean dqn?")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rlrun agent=d", ["agent=dqn"]),
        ("rlrun env=Acr", ["env=Acrobot-v1"]),
        ("rlrun env=ALE/Br", ["env=ALE/Breakout-v5"]),
        ("rlrun agent=dqn agent.l", ["agent.lr=", "agent.learning_starts="]),
        ("rlrun nonsense", []),
        ("rlrun agent=dqnn agent.l", []),
    ],
)
def test_the_shell_completes(
    rlrun: Rlrun, monkeypatch: pytest.MonkeyPatch, line: str, words: list[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    outcome = rlrun("-sc", "query=bash")
    assert set(words) <= set(outcome.out.split())
    assert bool(outcome.out.strip()) == bool(words)
    assert outcome.err == ""


def test_claim_and_discard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (claim(Path("a/b"), asked=False) for _ in range(2))
    assert (first, second) == (Path("a/b"), Path("a/b-2"))
    with pytest.raises(BadInput, match="exists already"):
        claim(Path("a/b"), asked=True)
    (first / "file").touch()
    discard(first)
    discard(second)
    assert tree(tmp_path) == ["a", "a/b", "a/b/file"]
    assert slug("ALE/Pong-v5") == "ALE-Pong-v5"
    assert len({folders.stamp() for _ in range(50)}) == 50
