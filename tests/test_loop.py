"""The loop: who is called when, and what an evaluation counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlrun.core.abilities import value_of
from rlrun.core.types import Array, Metrics, SpaceKinds, State, Step
from rlrun.envs.gym_envs import GymEnvs
from rlrun.loop import Actor, evaluate, interact


class Taped(gym.Env[Array, Any]):
    """Writes what is done to it on a tape; its episodes have these lengths in turn."""

    def __init__(self, tape: list[str], lengths: Mapping[int, int]) -> None:
        self.observation_space = spaces.Box(0, 1e6, (1,), np.float32)
        self.action_space = spaces.Discrete(9)
        self.tape, self.lengths, self.episodes, self.time = tape, lengths, 0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.length = self.lengths[self.episodes % len(self.lengths)]
        self.episodes, self.time = self.episodes + 1, 0
        self.tape.append("reset")
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.time += 1
        self.tape.append(f"step {action}")
        return np.full(1, self.time, np.float32), 1.0, self.time == self.length, False, {}


class Teller:
    """An agent that writes on the same tape."""

    observes: ClassVar[SpaceKinds] = ("vector",)
    acts: ClassVar[SpaceKinds] = ("discrete",)

    def __init__(self, tape: list[str]) -> None:
        self.tape = tape

    def act(self, obs: Array, step: int, *, explore: bool = True) -> Array:
        self.tape.append(f"act at {step} on {obs[0, 0, 0]:.0f}{'' if explore else ' greedily'}")
        return np.full(obs.shape[:2], 7)

    def learn(self, t: Step, step: int) -> Metrics:
        self.tape.append(f"learn at {step}: {t.obs[0, 0, 0]:.0f} to {t.next_obs[0, 0, 0]:.0f}")
        return {"train/loss": np.array([step])} if step > 1 else {}

    def state_dict(self) -> State:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        pass


def test_the_order_of_calls() -> None:
    tape: list[str] = []
    envs = GymEnvs(lambda: Taped(tape, {0: 2}), "taped", [0], 1, gamma=1.0)
    results = []
    for step, t, metrics in interact(Teller(tape), envs):
        results.append((step, float(t.reward[0, 0]), bool(t.last[0, 0]), list(metrics)))
        if step == 3:
            break
    assert tape == [
        "reset",
        *("act at 0 on 0", "step 7", "learn at 1: 0 to 1"),
        *("act at 1 on 1", "step 7", "reset", "learn at 2: 1 to 2"),
        *("act at 2 on 0", "step 7", "learn at 3: 0 to 1"),
    ]
    assert results == [
        (1, 1.0, False, []),
        (2, 1.0, True, ["train/loss"]),
        (3, 1.0, False, ["train/loss"]),
    ]


def test_the_clock_counts_steps_of_a_seed() -> None:
    envs = GymEnvs(lambda: Taped([], {0: 3}), "taped", [0, 1], 4, gamma=1.0)
    steps = [next_[0] for next_, _ in zip(interact(Teller([]), envs), range(3), strict=False)]
    assert steps == [4, 8, 12]


def test_each_environment_plays_the_same_number_of_whole_episodes() -> None:
    """Taking the first to finish would see nearly only the short ones."""
    made: list[Taped] = []

    def make() -> Taped:
        made.append(Taped([], {0: 2, 1: 3} if len(made) % 2 == 0 else {0: 40, 1: 50}))
        return made[-1]

    envs = GymEnvs(make, "taped", [0, 1], 2, gamma=1.0)
    returns, lengths = evaluate(Teller([]), envs, 0, 4)[:2]
    assert [sorted(r) for r in returns.tolist()] == [[2, 3, 40, 50]] * 2
    assert returns.tolist() == lengths.tolist()


def test_episodes_that_cannot_be_shared_are_refused() -> None:
    envs = GymEnvs(lambda: Taped([], {0: 2}), "taped", [0], 3, gamma=1.0)
    with pytest.raises(ValueError, match="10 episodes cannot be divided evenly among 3"):
        evaluate(Teller([]), envs, 0, 10)


class Traces:
    """Its memory is m <- m / 2 + obs / 2 from m = 0 on; it acts by m, and learns nothing."""

    def __init__(self) -> None:
        self.initial = np.full((1, 1), 9.0)  # must have no effect

    def initial_memory(self, num_envs: int) -> Array:
        return np.broadcast_to(self.initial, (1, num_envs))

    def act(
        self, obs: Array, step: int, memory: Array, first: Array, *, explore: bool = True
    ) -> tuple[Array, Array]:
        trace = np.where(first, 0.0, memory) / 2 + obs[..., 0] / 2
        return (4 * trace).astype(np.int64), trace

    def learn(self, t: Step, step: int) -> Metrics:
        return {}


class Tape(NamedTuple):
    """What an agent with a memory got of some steps, ``[step, env]``, for one seed."""

    action: list[Any]
    memory: list[Any]
    first: list[Any]


def grid(*lengths: int) -> tuple[GymEnvs, list[list[str]]]:
    """An environment for each of these lengths of episodes, which observes 0, 1, 2; their tapes."""
    made: list[Taped] = []

    def make() -> Taped:
        made.append(Taped([], {0: lengths[len(made)]}))
        return made[-1]

    envs = GymEnvs(make, "taped", [0], len(lengths), gamma=1.0)
    return envs, [each.tape for each in made]


def tape(actor: Actor, steps: int) -> Tape:
    taken = [actor.step(step) for step in range(steps)]
    assert all(t.memory is not None and t.first is not None for t in taken)
    return Tape(*([getattr(t, name)[0].tolist() for t in taken] for name in Tape._fields))


THREE_AND_TWO = Tape(
    action=[[0, 0], [2, 2], [5, 0], [0, 2]],
    memory=[[9.0, 9.0], [0.0, 0.0], [0.5, 0.5], [1.25, 0.0]],
    first=[[True, True], [False, False], [False, True], [True, False]],
)
"""By hand: the memory is 0, then 1/2, then 1/4 + 1; the episodes have three steps, and two."""


def test_a_step_has_the_memory_before_it_and_where_an_episode_begins() -> None:
    envs, _ = grid(3, 2)
    assert tape(Actor(Traces(), envs), 4) == THREE_AND_TWO
    envs, _ = grid(3, 2)
    loop = zip(range(4), interact(Traces(), envs), strict=False)  # type: ignore[arg-type]
    memories = [t.memory[0].tolist() for _, (_, t, _) in loop if t.memory is not None]
    assert memories == THREE_AND_TWO.memory


def test_an_evaluation_has_a_separate_memory() -> None:
    """It is empty as it begins, whatever the last one left; that of the training waits."""
    agent, (envs, _), (played, tapes) = Traces(), grid(5, 5), grid(3, 2, 4)
    actor = Actor(agent, envs)
    before = tape(actor, 2)
    for _ in range(2):
        for each in tapes:
            each.clear()
        evaluate(agent, played, 0, 3)
        actions = [[word for word in each if word != "reset"] for each in tapes]
        assert actions == [  # until each environment has played an episode
            ["step 0", "step 2", "step 5", "step 0"],
            ["step 0", "step 2", "step 0", "step 2"],
            ["step 0", "step 2", "step 5", "step 8"],
        ]
    memories = before.memory + tape(actor, 2).memory
    assert memories == [[9.0, 9.0], [0.0, 0.0], [0.5, 0.5], [1.25, 1.25]]


def test_a_memory_that_is_restored_continues_the_episode() -> None:
    actor = Actor(Traces(), grid(3, 2)[0])
    tape(actor, 2)
    state = {name: each.copy() for name, each in actor.state_dict().items()}
    agent = Traces()
    agent.initial.flags.writeable = False
    other = Actor(agent, grid(3, 2)[0])
    other.load_state_dict(state)  # which does not change what the agent returned
    after = tape(other, 1)
    assert (after.memory, after.first) == ([[0.5, 0.5]], [[False, True]])
    t = [other.step(step) for step in range(2)][-1]
    assert t.last.tolist() == [[True, False]]
    other.load_state_dict(state)
    assert t.last.tolist() == [[True, False]]  # nor a step that was taken
    assert tape(other, 1).first == [[False, True]]
    other.forget()
    assert tape(other, 1).first == [[True, True]]
    for part in ("memory", "first"):
        with pytest.raises(ValueError, match=part):
            other.load_state_dict({**state, part: state[part][:, :1]})
    with pytest.raises(ValueError, match="saved by an agent without a memory"):
        other.load_state_dict({})


def test_a_memory_of_another_type_is_refused_at_the_first_step() -> None:
    """Not when the run is resumed, and its checkpoint does not match."""
    agent = Traces()
    agent.initial = agent.initial.astype(np.float16)
    message = r"a memory float32 \[1, 2\], but .* initial_memory: float16 \[1, 2\]"
    with pytest.raises(TypeError, match=message):
        Actor(agent, grid(3, 2)[0]).step(0)


def test_an_agent_without_a_memory_saves_none() -> None:
    actor = Actor(Teller([]), grid(3, 2)[0])
    assert actor.state_dict() == {}
    actor.load_state_dict({})
    t = actor.step(0)
    assert t.memory is None and t.first is None


def test_values_of_agents_with_a_memory_are_not_compared() -> None:
    class Values(Teller):
        def value(self, obs: Array) -> Array:
            return np.zeros(obs.shape[:2])

    class Both(Traces):
        def value(self, obs: Array) -> Array:
            return np.zeros(obs.shape[:2])

    plain = Values([])
    assert value_of(plain) == plain.value
    assert value_of(Teller([])) is value_of(Traces()) is value_of(Both()) is None
