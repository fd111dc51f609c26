"""The intrinsic curiosity module (Pathak et al. 2017): errors of a forward model of features."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rlrun.core.restore import restore_into
from rlrun.core.rng import Purpose
from rlrun.core.rows import Number
from rlrun.core.types import Array, Spec, State
from rlrun.curiosity.prediction import LOSS, PredictionBonus, PredictionSettings, Transitions
from rlrun.nets.chain import Parts
from rlrun.nets.dense import Dense
from rlrun.nets.device import Device
from rlrun.nets.encoders import input_for
from rlrun.nets.method import Method
from rlrun.nets.optimizers import Optimizer
from rlrun.nets.parameters import Parameters, Pieces, check_memory, padded, up
from rlrun.nets.products import TORCH, Products, unchecked
from rlrun.nets.style import Style

INVERSE = "train/inverse_loss"
COPIES = 4  # parameters, their gradient and the two moments of Adam


@dataclass(frozen=True, kw_only=True)
class ICMSettings(PredictionSettings):
    """The settings of `ICM`."""

    def build(
        self, spec: Spec, seeds: Sequence[int], horizon: int, device: Device
    ) -> PredictionBonus:
        """Return the bonus of these seeds."""
        net = ICMNet(spec, self.hidden, self.features, device.products)
        return PredictionBonus(spec, seeds, ICM(net, seeds, device), self)

    def check(self, spec: Spec, num_seeds: int) -> None:
        """Raise ValueError if actions have several parts, or the networks are too large."""
        if spec.action.kind == "multi_discrete":
            raise ValueError(
                f"name=icm predicts one action, and those of {spec.env_id} have several parts: "
                "write curiosity=rnd"
            )
        check_memory(num_seeds, *[ICMNet(spec, self.hidden, self.features).shapes] * COPIES)


class ICMNet(Parts):
    """Features of observations, a model of the action between two, and one of the next features.

    Args:
        spec: the specification of the environment.
        hidden: widths of the hidden layers of each of the three networks.
        features: the number of features.
        products: what multiplies matrices.
    """

    def __init__(
        self, spec: Spec, hidden: Sequence[int], features: int, products: Products = TORCH
    ) -> None:
        style = Style(init="orthogonal", products=products)
        self.choices = spec.action.choices[0] if spec.action.kind == "discrete" else 0
        self.features, self.actions = features, self.choices or math.prod(spec.action.shape)
        self._input = input_for(spec.obs)
        sizes = {
            "encoder": (self._input.size, *hidden, features),
            "inverse": (2 * features, *hidden, self.actions),
            "forward": (features + self.actions, *hidden, features),
        }
        layers = {name: Dense(each, rectify=False, style=style) for name, each in sizes.items()}
        self._encoder, self._inverse, self._forward = layers.values()
        super().__init__(style, input=self._input, **layers)

    def encode(self, pieces: Pieces, obs: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the features ``[seed, batch, n]`` of observations, and what `backward` needs."""
        x, input_saved = self._input.forward(pieces[self.bounds[0]], obs)
        return self._run(self._encoder, pieces[self.bounds[1]], x, [input_saved])

    def guess(self, pieces: Pieces, before: Tensor, after: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the action's logits or numbers ``[seed, batch, n]``, given both features."""
        joined = _joined(before, after)
        return self._run(self._inverse, pieces[self.bounds[2]], joined, [])

    def predict(self, pieces: Pieces, before: Tensor, action: Tensor) -> tuple[Tensor, list[Any]]:
        """Return the next features ``[seed, batch, n]``, given those before and the action."""
        joined = _joined(before, action)
        return self._run(self._forward, pieces[self.bounds[3]], joined, [])

    def _run(
        self, layers: Dense, pieces: Pieces, x: Tensor, saved: list[Any]
    ) -> tuple[Tensor, list[Any]]:
        out, more = layers.forward(pieces, x)
        return out[..., : layers.sizes[-1]], [*saved, more]

    def backward(
        self,
        pieces: Pieces,
        saved: tuple[list[Any], list[Any], list[Any]],
        grads: tuple[Tensor, Tensor],
        into: Pieces,
    ) -> None:
        """Write the gradients of the parameters ``into`` pieces of the same shapes.

        The features get that of the guess alone: predictable ones would be easiest if all were
        equal (as Burda et al. 2019, "Large-scale study of curiosity-driven learning").

        Args:
            pieces: the parameters.
            saved: of `encode`, of both observations one after the other, `guess` and `predict`.
            grads: gradients of the guess and of the prediction.
            into: where to write.
        """
        (input_saved, encoder_saved), (guess_saved,), (predict_saved,) = saved
        front, encoder, inverse, forward = self.bounds
        to_guess, to_predict = (
            padded(grad, layers.width)
            for grad, layers in zip(grads, (self._inverse, self._forward), strict=True)
        )
        self._forward.backward(pieces[forward], predict_saved, to_predict, into[forward], False)
        below = self._inverse.backward(pieces[inverse], guess_saved, to_guess, into[inverse], True)
        n = self.features
        both = torch.cat([below[..., :n], below[..., n : 2 * n]], 1)
        to_input, both = bool(self._input.shapes), padded(both, self._encoder.width)
        below = self._encoder.backward(
            pieces[encoder], encoder_saved, both, into[encoder], to_input
        )
        self._input.backward(pieces[front], input_saved, below, into[front])


class ICM:
    """Predicts the features of the next observation; those that matter for the agent's actions.

    The inverse model learns which action led from one observation to the next, by cross-entropy, or
    by the squared error of continuous actions; this alone shapes the features. The forward model
    learns the next features, and its error, the mean square over them, is the bonus. As Adam does
    not depend on their scale, the two losses need no weights.
    """

    def __init__(self, net: ICMNet, seeds: Sequence[int], device: Device) -> None:
        self._net, self._device = net, device
        self._params = Parameters.zeros(len(seeds), net.shapes, device.torch)
        net.init(self._params, seeds, purpose=Purpose.CURIOSITY)
        self._gradients = self._params.zeros_like()  # overwritten by each update
        self._optimizer = Optimizer(self._params, Method())
        self._differentiate = device.differentiator(self._gradient)

    @torch.inference_mode()
    @unchecked()
    def errors(self, t: Transitions) -> Array:
        """Return the errors ``[seed, batch]``."""
        pieces, (obs, action, next_obs) = self._params.pieces, self._tensors(t)
        before, after = (self._net.encode(pieces, each)[0] for each in (obs, next_obs))
        error = self._net.predict(pieces, before, self._one_hot(action))[0] - after
        return self._device.array((error * error).mean(-1)).astype(np.float64)

    def _tensors(self, t: Transitions) -> tuple[Tensor, Tensor, Tensor]:
        obs, action, next_obs = map(self._device.tensor, map(np.ascontiguousarray, t))
        return obs, action, next_obs

    def _one_hot(self, action: Tensor) -> Tensor:
        """Return actions as numbers ``[seed, batch, n]``."""
        if not self._net.choices:
            return action.flatten(2).float()
        return functional.one_hot(action, self._net.choices).float()

    def update(self, t: Transitions, lr: Number, frozen: Collection[int]) -> dict[str, Array]:
        """Take a step of all three networks."""
        loss, inverse, gradient = self._differentiate(*self._tensors(t))
        self._optimizer.step(gradient, lr, frozen)
        metrics = {LOSS: loss, INVERSE: inverse}
        return {tag: self._device.array(x).astype(np.float64) for tag, x in metrics.items()}

    def _gradient(
        self, obs: Tensor, action: Tensor, next_obs: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses of the forward and the inverse model ``[seed]``, and the gradient."""
        net, pieces = self._net, self._params.pieces
        size, given = obs.shape[1], self._one_hot(action)
        features, encoder_saved = net.encode(pieces, torch.cat([obs, next_obs], 1))
        before, after = features[:, :size], features[:, size:]
        guess, guess_saved = net.guess(pieces, before, after)
        found, found_saved = net.predict(pieces, before, given)
        inverse, slope = self._inverse_loss(guess, given)
        error = found - after
        grads = slope / size, error * (2 / (size * net.features))
        saved = encoder_saved, guess_saved, found_saved
        net.backward(pieces, saved, grads, self._gradients.pieces)
        loss = (error * error).mean(-1).mean(-1)
        return loss, inverse.mean(-1), self._gradients.flat

    def _inverse_loss(self, guess: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss ``[seed, batch]`` of the guess, and its gradient."""
        if self._net.choices:
            log = functional.log_softmax(guess, -1)
            return -(log * given).sum(-1), log.exp() - given
        error = guess - given
        return (error * error).mean(-1), error * (2 / error.shape[-1])

    def state_dict(self) -> State:
        return {"online": self._params.flat, "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        restore_into(self._params.flat, state["online"], "the predictor")
        self._optimizer.load_state_dict(state["optimizer"])


def _joined(x: Tensor, y: Tensor) -> Tensor:
    """Return ``[seed, batch, n]`` of two such tensors, padded to a multiple of 4."""
    joined = torch.cat([x, y], -1)
    return padded(joined, up(joined.shape[-1], 4))
