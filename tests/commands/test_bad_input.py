"""Every kind of bad input: one sentence that says what to do, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Rlrun, check_refused, lines_refused

pytestmark = pytest.mark.slow

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
    ("~agent", "agent cannot be removed: every run needs agent=NAME"),
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
    ("env.id=Acrobot-v1", "chosen with env=NAME"),
    ("agnet=dqn", "Did you mean agent?"),
    ("-m agent=dqn,random agent.learning_starts=5", "(job 2 of 2: agent=random)"),
    ("env=FrozenLake-v1 env.kwargs.is_slipery=1", "Did you mean is_slippery?"),
    ("env.kwargs=3", "env.kwargs must be a mapping"),
    # data
    ("data=nowhere", "data: there is no folder nowhere"),
    ("data=taken", "data: taken is not the folder of a run: it has no meta.json"),
    ("-m data=taken,null", "(job 1 of 2: data=taken)"),
    # images and games
    ("env=ALE/Pong-v5 env.sticky=maybe", "env.sticky must be true or false or null, got 'maybe'"),
    (
        "env.sticky=false",
        "env.sticky only applies to Atari games (env=ALE/Pong-v5); CartPole-v1 is not one",
    ),
    (
        "+env.noop_max=3",
        "env.noop_max only applies to Atari games (env=ALE/Pong-v5); CartPole-v1 is not one",
    ),
    (f"{MY} env=game env.sticky=true", "does not have env.sticky: write +env.sticky=VALUE."),
    ("env=FrozenLake-v1 env.frame_stack=2", "FrozenLake-v1 cannot be used: env.frame_stack=2 does"),
    (
        "env=LunarLander-v3 agent.loss=mse",
        "agent.loss must be one of huber, squared, cross_entropy, quantile_huber",
    ),
    (
        "agent=rainbow agent.loss=squared",
        "agent.loss must be cross_entropy, because a distribution",
    ),
    ("agent.loss=cross_entropy", "agent.loss must be huber or squared, because values are learnt"),
    (
        "agent=qr_dqn agent.loss=huber",
        "agent.loss must be quantile_huber, because quantiles are learnt (agent.quantiles)",
    ),
    ("agent=qr_dqn agent.quantiles=1", "agent.quantiles must be at least 2, got 1"),
    (
        "agent=qr_dqn agent.quantiles=200000",
        "agent.quantiles must be smaller: 200,000 take",
    ),
    (
        "agent=rainbow agent.quantiles=9",
        "agent.quantiles must be null with agent.distributional=true",
    ),
    ("agent=rainbow agent.v_min=100", "agent.v_min must be below v_max (100.0), got 100.0"),
    (
        "agent=drqn replay=prioritized",
        "the agent drqn has no use for replay=prioritized: it learns from sequences of steps",
    ),
    ("agent=drqn replay=none", "the agent drqn needs replay: write replay=uniform"),
    ("agent=drqn replay.capacity=23", "replay.capacity must be at least 24 (a sequence of 24"),
    ("agent=drqn agent.memory_units=30", "agent.memory_units must be a multiple of 4, got 30"),
    ("agent=rainbow agent.atoms=1", "agent.atoms must be at least 2, got 1"),
    ("agent=dueling_dqn env=Pendulum-v1", "the agent dueling_dqn cannot take continuous actions"),
    ("agent=rainbow replay.alpha=2", "replay.alpha must be between 0 and 1, got 2.0"),
    ("device.precision=float16", "device.precision must be one of float32, bfloat16"),
    ("env.scale_obs=true", "env.scale_obs=true needs finite bounds"),
    (
        "agent=q_learning env=MountainCar-v0 env.scale_obs=true env.bins=[[0,1,3]]",
        "a table needs bins",
    ),
    ("env=FrozenLake-v1 env.scale_obs=true", "env.scale_obs=true only applies to vectors"),
    ("env.obs=grid", "CartPole-v1 cannot be used: env.obs=grid only applies to two to four axes"),
    ("env=FrozenLake-v1 env.obs=image", "its observations are of type Discrete: leave env.obs"),
    ("env.obs=picture", "env.obs must be one of image, grid, vector or null, got 'picture'"),
    ("env=ALE/Pong-v5 env.obs=vector", "env.obs=vector does not apply to Atari games, which"),
    ("env=ALE/Pong-v5 env.frame_stack=0", "env.frame_stack must be at least 1, got 0"),
    ("env=ALE/Pong-v5 env.frame_skip=0", "env.frame_skip must be at least 1, got 0"),
    ("env=ALE/Pong-v5 env.noop_max=-1", "env.noop_max must be at least 0, got -1"),
    ("env=ALE/Pong-v5 env.vector=async", "env.vector does not apply to Atari games"),
    ("env=ALE/Pong-v5 env.rebuild=true", "env.rebuild does not apply to Atari games"),
    ("env=ALE/Pong-v5 env.kwargs.frameskip=2", "write env.frame_skip instead"),
    ("env=ALE/Pong-v5 env.kwargs.reward_clipping=true", "write env.reward_clip instead"),
    ("env=ALE/Pong-v5 env.kwargs.img_hight=64", "Did you mean img_height? env.kwargs has: "),
    ("env=ALE/Pong-v5 env.kwargs.img_width=0", "env.kwargs.img_width must be at least 1, got 0"),
    ("env=ALE/Pong-v5 env.kwargs.img_width=a", "env.kwargs.img_width must be a whole number"),
    ("env.reward_clip=0", "env.reward_clip must be positive, got 0"),
    ("env.resume_actions=-1", "env.resume_actions must be at least 0, got -1"),
    ("env.reward_scale=-1", "env.reward_scale must be positive, got -1"),
    ("env=Pendulum-v1", "Pendulum-v1"),
    # settings
    ("lr=1", "unknown setting lr. Did you mean agent.lr?"),
    ("agent.lrr=1", "unknown setting agent.lrr. Did you mean agent.lr? agent has: "),
    ("agent.lr.x=1", "unknown setting agent.lr.x. Did you mean agent.lr?"),
    ("+agent.lrr=1", "unknown setting agent.lrr. Did you mean lr?"),
    ("++agent.lrr=1", "unknown setting agent.lrr"),
    ("+agent.lr=1", "agent.lr exists already: write agent.lr=VALUE, without the +"),
    ("+nonsense=1", "unknown setting nonsense"),
    ("nonsense=1", "unknown setting nonsense"),
    ("total_stepss=1", "Did you mean total_steps?"),
    ("hydra.nonsense=1", "unknown setting hydra.nonsense"),
    ("~seeds", "seeds cannot be removed: write seeds=VALUE"),
    ("~eval.final_episodes", "eval.final_episodes cannot be removed"),
    ("~agent.lr=1e-3", "agent.lr cannot be removed: write agent.lr=VALUE"),
    ("~env.kwargs", "env.kwargs cannot be removed"),
    ("~search.trials", "search.trials cannot be removed: write search.trials=VALUE"),
    ("agent.lr=", "agent.lr must be a number, got ''"),
    ("agent.lr=fast", "agent.lr must be a number, got 'fast'"),
    ("agent.lr=-1", "agent.lr must "),
    ("agent.hidden=64", "agent.hidden must be a list"),
    ("agent.hidden=64,64", "or write agent.hidden=[64,64] for a list"),
    ("agent.hidden=[0]", "agent.hidden[0] must be at least 1, got 0"),
    ("agent.hidden=[1,", "cannot read 'agent.hidden=[1,'"),
    ("agent.double=1", "agent.double must be true or false, got 1"),
    ("seeds=0", "seeds must be between 1 and 10,000, got 0"),
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
    ("resum", "Did you mean rlrun resume?"),
    ("=1", "'=1' has no setting name before the ="),
    ("--bogus", "there is no flag --bogus"),
    ("--multirum", "Did you mean --multirun?"),
    ("--agent=dqn", "write agent=dqn"),
    ("--cfg", "expected one argument"),
    ("--cfg jobb", "invalid choice: 'jobb'"),
    ("--config-dir nope", "not found"),
    ("-cn nope", "nope"),
    ("--experimental-rerun x", "--experimental-rerun is not supported"),
    # folders
    ("hydra.run.dir=taken", "the folder taken exists already: name another one"),
    ("hydra.run.dir=taken/file/x", "cannot create the folder taken/file/x"),
    ("-m hydra.sweep.dir=taken seeds=1,2", "the folder taken exists already"),
    # multiruns: everything is checked before the first job
    ("-m agent=dqn,dqnn", "there is no agent 'dqnn'"),
    ("-m env=CartPole-v1,Nope-v1", "there is no environment 'Nope-v1'"),
    ("-m agent.lr=1e-3,-1 seeds=1,2", "(job 3 of 4: agent.lr=-1 seeds=1)."),
    ("-m tuned=none,wrong", "there are no tuned settings 'wrong'"),
    ("-m seeds=interval(1,2)", "a grid needs values, not an interval"),
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


@lines_refused(BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    rlrun: Rlrun, tmp_path: Path, line: str, message: str
) -> None:
    check_refused(rlrun, tmp_path, line, message)
