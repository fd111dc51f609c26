"""What a replay stores of a transition, and how much memory that takes."""

from __future__ import annotations

from rlrun.core.errors import BadInput
from rlrun.core.types import Spec
from rlrun.replay.frames import Frames
from rlrun.replay.layout import Layout, layout_bytes, step_layout
from rlrun.replay.window import Window

OPTIONAL = ("legal", "next_legal", "alive")  # stored if the environments have them
FIELDS = ("action", "reward", "discount", "last", *OPTIONAL)
MEMORY = ("memory", "first")  # stored of an agent with a memory


def window_of(spec: Spec, capacity: int) -> Window:
    """Return the window for a capacity; raises ValueError if that is too small."""
    spare = spec.obs.stack if spec.obs.has_frames else 0
    return Window(capacity, spec.num_envs, spare)


def transition_layout(spec: Spec, memory: int | None = None) -> Layout:
    """Return dtype and shape of each stored field of one transition, by name.

    ``memory`` are the numbers in the agent's memory, if that is stored too. Raises BadInput for
    images of several agents.
    """
    layout = _observations(spec) | step_layout(spec, "float32", *FIELDS)
    if memory is not None:
        layout |= {"memory": ("float32", (memory,)), "first": ("bool", ())}
    return layout


def _observations(spec: Spec) -> Layout:
    if spec.obs.has_frames:
        if spec.agents:
            raise BadInput(
                f"a replay cannot store the images of several agents, which {spec.env_id} has: use "
                "an agent without a replay, or observations that are numbers."
            )
        return Frames.layout(spec.obs)
    return step_layout(spec, "float32", "obs", "next_obs")


def storage_bytes(spec: Spec, capacity: int, memory: int | None = None) -> int:
    """Return the bytes that ``capacity`` transitions of one seed take; see `transition_layout`."""
    window = window_of(spec, capacity)
    more = Frames.more_bytes(spec.obs, capacity) if spec.obs.has_frames else 0
    return window.length * vector_step_bytes(spec, memory) + more


def vector_step_bytes(spec: Spec, memory: int | None = None) -> int:
    """Return the bytes that one vector step of one seed takes; see `transition_layout`."""
    return spec.num_envs * layout_bytes(transition_layout(spec, memory))
