"""The bundled KuaiRand sample, read, encoded and learnt for one pass by the trunk and MMoE of `tests/quality/trunk.py`:
the same rows, features, model, rule of the tables and averaging of the weights as polyrank's default ranker."""

import time

import numpy as np
import torch
import torch.nn.functional as F

import kuairand_rows
import trunk
from kuairand import Log
from protocol import Options, Workload


class Learner:
    """A model and its optimizers, which go on from pass to pass."""

    def __init__(self, inputs: trunk.Inputs, labels: torch.Tensor, options: Options) -> None:
        torch.manual_seed(1)
        recipe = trunk.RECIPES["B"]
        self.rows, self.ridge = options.rows, recipe["ridge"] / len(labels)
        self.net = net = trunk.Trunk(inputs, labels.mean(0))
        self.tables = [
            trunk.TableAdam(net.embeddings, inputs.owners, trunk.EMBEDDING_RATE),
            trunk.TableAdam(net.wide, inputs.owners, recipe["wide_rate"]),
        ]
        dense = [weight for name, weight in net.named_parameters() if name not in (*trunk.TABLES, "wide_codes")]
        self.optimizer = torch.optim.Adam(
            [{"params": dense, "lr": trunk.RATE}, {"params": [net.wide_codes], "lr": recipe["wide_rate"]}], fused=True
        )
        self.weights = list(net.parameters())
        self.averages, self.steps = [weight.detach().clone() for weight in self.weights], 0
        self.losses_of = self.task_losses
        if options.mode == "compile":
            self.losses_of = torch.compile(self.task_losses, dynamic=False)

    def task_losses(self, inputs: trunk.Inputs, batch: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(self.net(inputs, batch), labels, reduction="none").mean(0).sum()

    def learn(self, inputs: trunk.Inputs, labels: torch.Tensor) -> float:
        """One pass in a new order; the mean loss of its batches, summed over tasks."""
        losses = []
        for batch in torch.randperm(len(labels)).split(self.rows):
            self.net.zero_grad()
            loss = self.losses_of(inputs, batch, labels[batch])
            loss.backward()
            self.update()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    def update(self) -> None:
        net, self.steps = self.net, self.steps + 1
        with torch.no_grad():
            for part in (net.wide, net.wide_codes):
                part.grad.add_(part, alpha=self.ridge)
            for table in self.tables:
                table.step()
        net.embeddings.grad = net.wide.grad = None
        self.optimizer.step()
        share = 1 - min(trunk.AVERAGING, self.steps / (self.steps + 10))
        torch._foreach_lerp_(self.averages, [weight.detach() for weight in self.weights], share)


def encode(log: Log) -> tuple[trunk.Inputs, torch.Tensor]:
    return trunk.Inputs(log), torch.tensor(log.labels, dtype=torch.float32)


def tell_rows(log: Log) -> list[float]:
    """How many rows, the mean over all numbers of their means, and the loss of base rates alone."""
    rates, means = log.base_rates, [values.mean() for values in log.numbers.values()]
    rate_loss = -(rates * np.log(rates) + (1 - rates) * np.log(1 - rates)).sum()
    return [len(log.labels), float(np.mean(means)), float(rate_loss)]


def whole_pass(options: Options) -> Workload:
    log = kuairand_rows.read()
    inputs, labels = encode(log)
    learner = Learner(inputs, labels, options)
    check = [*tell_rows(log), learner.learn(inputs, labels)]

    def measure() -> dict:
        start = time.perf_counter()
        learner.learn(*encode(kuairand_rows.read()))
        return {"ms": (time.perf_counter() - start) * 1e3, "steps": 1}

    measure()
    return Workload(check, measure)
