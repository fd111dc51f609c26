"""Agents, explorers and replays that do not fit each other, the environment or the memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Rlrun, check_refused, lines_refused

pytestmark = pytest.mark.slow

BAD = [
    ("agent=q_lerning", "Did you mean q_learning?"),
    ("agent=q_learning env=LunarLander-v3", "8 continuous observations: a table needs bins"),
    ("agent=q_learning env=Pendulum-v1", "cannot take continuous actions, which Pendulum-v1 has"),
    ("agent=q_learning env=ALE/Pong-v5", "of which ALE/Pong-v5 has 256^28,224"),
    ("agent=q_learning env.bins=[[0,1,3]]", "each, but env.bins has 1"),
    ("agent=q_learning env.bins=[[0,1]]", "env.bins[0] must be a list of 3, got [0, 1]"),
    ("agent=q_learning env.bins=3", "a list such as [[-1, 1, 8], [0, 5, 10]] or null, got 3"),
    (
        "agent=q_learning env.bins=[[1,0,3],[0,1,1],[0,1,1],[0,1,1]]",
        "env.bins must be [from, to, number of bins], with from below to",
    ),
    (
        "agent=q_learning env.bins=[[0,1,1000],[0,1,1000],[0,1,1000],[0,1,1000]]",
        "1,000,000,000,000 states x 2 actions, which for 10 seeds takes 640 TB",
    ),
    ("agent=sarsa env=Taxi-v4 agent.n_step=2 agent.trace_decay=0.5", "n_step must be 1 with"),
    (
        "agent=sarsa agent.n_step=1000000000000",
        "agent.n_step must be between 1 and 10,000, got 1,000,000,000,000",
    ),
    ("agent=sarsa agent.lr=5", "agent.lr must be above 0 and at most 1, got 5"),
    ("seeds=100000000", "seeds must be between 1 and 10,000, got 100,000,000"),
    (
        "agent=td_prediction env=rlrun/ThreeStates-v0 agent.policy=[2,2,0]",
        "agent.policy takes action 0 in state 2, where it is impossible",
    ),
    ("agent=sarsa agent.trace_decay=2", "agent.trace_decay must be between 0 and 1, got 2"),
    ("agent=q_learning agent.bootstrap=mx", "Did you mean max?"),
    ("agent=q_learning replay=uniform", "has no use for replay: write replay=none"),
    ("agent=q_learning explore.clock=episodes", "explore.clock=episodes needs over"),
    (
        "agent=ddpg env=Pendulum-v1 explore=linear",
        "the agent ddpg has no use for explore=linear, which is for discrete actions: write "
        "explore=gaussian or explore=ornstein_uhlenbeck.",
    ),
    (
        "explore=gaussian",
        "the agent dqn has no use for explore=gaussian, which is for continuous actions: write "
        "explore=linear or explore=exponential",
    ),
    ("agent=td3 env=Pendulum-v1 explore=none", "the agent td3 needs explore: write explore=gauss"),
    (
        "agent=sac env=Pendulum-v1 explore=gaussian",
        "the agent sac has no use for explore: write explore=none.",
    ),
    ("agent=ddpg env=Pendulum-v1 explore=gausian", "Did you mean gaussian?"),
    ("agent=ddpg env=Pendulum-v1 replay=none", "the agent ddpg needs replay: write replay=unifor"),
    ("agent=ddpg", "the agent ddpg cannot take discrete actions, which CartPole-v1 has. Agents th"),
    ("env=Pendulum-v1", "the agent dqn cannot take continuous actions, which Pendulum-v1 has. Ag"),
    (
        "agent=sac",
        "which CartPole-v1 has. For those it is agent=sac_discrete. Agents that fit: dqn",
    ),
    (
        "agent=sac_discrete env=Pendulum-v1",
        "which Pendulum-v1 has. For those it is agent=sac. Agents that fit: ddpg, td3, sac",
    ),
    ("agent=sac_discrete agent.target_entropy_share=2", "must be between 0 and 1, got 2"),
    ("agent=td3 env=Pendulum-v1 agent.tau=0", "agent.tau must be above 0 and at most 1, got 0"),
    ("agent=ddpg env=Pendulum-v1 agent.action_layer=3", "agent.action_layer must be one of 1, 2"),
    (
        "agent=ddpg env=Pendulum-v1 agent.action_layer=2 agent.hidden=[]",
        "agent.action_layer is 2, but there is no hidden layer",
    ),
    (
        "agent=ddpg env=Pendulum-v1 agent.norm=layer agent.hidden=[]",
        "agent.norm is layer, but there is no hidden layer to normalize",
    ),
    (
        "agent=sac env=Pendulum-v1 agent.norm=batch agent.batch_size=1",
        "agent.batch_size must be at least 2 with norm=batch",
    ),
    ("agent=ddpg env=Pendulum-v1 agent.norm_at=after", "agent.norm_at needs norm=layer or norm=b"),
    ("agent=td3 env=Pendulum-v1 agent.norm_obs=true", "agent.norm_obs needs norm=layer or norm=b"),
    (
        "agent=sac env=Pendulum-v1 agent.norm_critic=trunk",
        "agent.norm_critic needs norm=layer or norm=batch",
    ),
    (
        "agent=ddpg env=Pendulum-v1 agent.norm=batch agent.norm_critic=trunk",
        "agent.norm_critic=trunk leaves no layer of the critic with norm: write action_layer=2",
    ),
    (
        "agent=sac env=MountainCarContinuous-v0 agent.norm=layer agent.norm_obs=true",
        "agent.norm_obs with norm=layer would hide the observations of MountainCarContinuous-v0, "
        "which have fewer than 3 numbers: write norm=batch",
    ),
    (
        "agent=sac env=CarRacing-v3 replay.capacity=1e3 agent.norm=layer agent.norm_obs=true",
        "agent.norm_obs only applies to vectors; the observations of CarRacing-v3 are image",
    ),
    ("agent=td3 env=Pendulum-v1 agent.batch_size=1e12", "agent.batch_size must be smaller: 1,000"),
    ("agent.batch_size=1e12", "agent.batch_size must be smaller: 1,000,000,000,000 take "),
    (
        "agent.hidden=[10000000,10000000]",
        "agent.hidden or the number of seeds must be smaller: the w",
    ),
    ("agent=sac env=Pendulum-v1 agent.ent_coef=-1", "agent.ent_coef must be at least 0, got -1"),
    ("agent=ddpg env=Pendulum-v1 explore.start=-1", "explore.start must be at least 0, got -1"),
    ("explore=bonus", "no use for explore=bonus, which is for the tables of q_learning"),
    ("explore=softmax explore.end=0", "explore.end must be positive"),
    ("agent=value_iteration env=CartPole-v1", "which CartPole-v1 does not have (these do: Frozen"),
    ("agent=value_iteration env=Taxi-v4 env.kwargs.fickle_passenger=true", "with these arguments"),
    ("agent=value_iteration env=Taxi-v4 explore=linear", "has no use for explore"),
    ("agent=td_prediction env=Taxi-v4 agent.policy=9", "actions from 0 to 5"),
    ("agent=td_prediction env=Taxi-v4 agent.policy=[1,2]", "each of 500 states, got 2"),
    ("replay.capacity=1e12", "of 10 seeds take "),
    ("replay.capacity=1e12", "of memory are free: the most that fits is replay.capacity="),
]


@lines_refused(BAD)
def test_what_does_not_fit_is_refused_in_one_sentence(
    rlrun: Rlrun, tmp_path: Path, line: str, message: str
) -> None:
    check_refused(rlrun, tmp_path, line, message)
