"""Multi-gate experts: a training step (forward, cross-entropy, backward, fused Adam), and scoring, array in and array
out."""

import contextlib

import numpy as np
import torch
import torch.nn.functional as F

import experts_model
from draws import Draws
from protocol import Options, Workload, steps_of, time_steps


def training(options: Options) -> Workload:
    draws = Draws()
    model = experts_model.build(draws, options.form)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    features = torch.from_numpy(draws.centred(options.rows, experts_model.INPUTS))
    labels = (features[:, : experts_model.TASKS] > 0).float()
    in_bfloat16 = options.mode.startswith("bfloat16")

    def loss_of() -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16) if in_bfloat16 else contextlib.nullcontext():
            logits = model(features)
        # Mean over rows, sum over tasks.
        return F.binary_cross_entropy_with_logits(logits.float(), labels) * experts_model.TASKS

    if options.mode.endswith("compile"):
        loss_of = torch.compile(loss_of, dynamic=False)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()

    return steps_of(step, options)


def scoring(options: Options) -> Workload:
    draws = Draws()
    model = experts_model.build(draws, options.form).eval()
    features = draws.centred(options.rows, experts_model.INPUTS)
    scores_of = lambda rows: torch.sigmoid(model(rows))
    if options.mode == "compile":
        scores_of = torch.compile(scores_of, dynamic=False)

    def step() -> np.ndarray:
        with torch.inference_mode():
            return scores_of(torch.from_numpy(features)).numpy()

    check = [float(step().mean())]
    for _ in range(20):
        step()
    return Workload(check, lambda: time_steps(step, options.seconds))
