"""Plain nets: an embedding a category, z-scored numbers, then one of four heads, all learnt with Adam.

Settings were searched on the validation slice: rate, dropout and penalty by the log loss of the shared bottom out of
five recipes, passes of each net by its own log loss (of each task, for single tasks), at most 30.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from kuairand import TASKS, Log

DIMENSION, HIDDEN, TOWER, BATCH = 16, 128, 64, 1024
RECIPES = {
    "A": {"rate": 1e-3, "dropout": 0.1, "penalty": 1e-4},
    "B": {"rate": 1e-3, "dropout": 0.3, "penalty": 1e-2},
}
PASSES = {
    "A": {"single-task": (2, 3, 3, 2, 2, 2, 2), "shared-bottom": 4, "mmoe": 4, "ple": 3},
    "B": {"single-task": (3, 3, 3, 2, 2, 2, 4), "shared-bottom": 4, "mmoe": 4, "ple": 4},
}
# Experts that all tasks see, and experts of each task alone.
EXPERTS = {"single-task": (1, 0), "shared-bottom": (1, 0), "mmoe": (4, 0), "ple": (2, 1)}


class Inputs:
    """All categories share one table. Each has a row for what was not learnt, which is never trained and stays zero."""

    def __init__(self, log: Log) -> None:
        columns, self.unknown, self.rows = [], [], 0
        for codes in log.categories.values():
            seen = np.bincount(codes[log.learnt], minlength=codes.max() + 1) > 0
            columns.append(np.where(seen, np.cumsum(seen), 0)[codes] + self.rows)
            self.unknown.append(self.rows)
            self.rows += int(seen.sum()) + 1
        numbers = np.stack(list(log.numbers.values()), 1)
        mean, deviation = numbers[log.learnt].mean(0), numbers[log.learnt].std(0)
        scores = np.clip((numbers - mean) / np.where(deviation > 0, deviation, 1), -5, 5)
        self.categories = torch.tensor(np.stack(columns, 1))
        self.numbers = torch.tensor(scores, dtype=torch.float32)
        self.width = len(columns) * DIMENSION + numbers.shape[1]


def layer(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout))


class Net(nn.Module):
    def __init__(self, inputs: Inputs, kind: str, tasks: int, dropout: float) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(inputs.rows, DIMENSION)
        nn.init.normal_(self.embeddings.weight, std=0.05)
        with torch.no_grad():
            self.embeddings.weight[inputs.unknown] = 0
        shared, own = EXPERTS[kind]
        expert = lambda: layer(inputs.width, HIDDEN, dropout)
        self.shared = nn.ModuleList(expert() for _ in range(shared))
        self.own = nn.ModuleList(expert() for _ in range(own * tasks))
        gated = tasks if shared + own > 1 else 0
        self.gates = nn.ModuleList(nn.Linear(inputs.width, shared + own) for _ in range(gated))
        self.towers = nn.ModuleList(
            nn.Sequential(layer(HIDDEN, TOWER, dropout), nn.Linear(TOWER, 1)) for _ in range(tasks)
        )

    def forward(self, categories: torch.Tensor, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the mean squared norm of the embeddings, which is penalised."""
        embedded = self.embeddings(categories).flatten(1)
        rows = torch.cat([embedded, numbers], 1)
        shared = [expert(rows) for expert in self.shared]
        logits = []
        for task, tower in enumerate(self.towers):
            experts = [*shared, self.own[task](rows)] if len(self.own) > 0 else shared
            mixture = experts[0]
            if len(self.gates) > 0:
                shares = self.gates[task](rows).softmax(1).unsqueeze(2)
                mixture = (shares * torch.stack(experts, 1)).sum(1)
            logits.append(tower(mixture))
        return torch.cat(logits, 1), embedded.pow(2).sum(1).mean()


def plain_net(kind: str, log: Log, level: str, seed: int) -> np.ndarray:
    inputs, passes = Inputs(log), PASSES[level][kind]
    if kind != "single-task":
        return learn(inputs, kind, log, list(range(len(TASKS))), passes, RECIPES[level], seed)
    singles = [learn(inputs, kind, log, [task], passes[task], RECIPES[level], seed) for task in range(len(TASKS))]
    return np.concatenate(singles, 1)


def learn(inputs: Inputs, kind: str, log: Log, tasks: list[int], passes: int, recipe: dict, seed: int) -> np.ndarray:
    torch.manual_seed(seed)
    net = Net(inputs, kind, len(tasks), recipe["dropout"])
    labels, learnt = torch.tensor(log.labels[:, tasks], dtype=torch.float32), torch.tensor(log.learnt)
    with torch.no_grad():
        for task, tower in enumerate(net.towers):
            tower[-1].bias.fill_(float(torch.logit(labels[learnt, task].mean())))
    optimizer = torch.optim.Adam(net.parameters(), recipe["rate"])
    for _ in range(passes):
        for batch in learnt[torch.randperm(len(learnt))].split(BATCH):
            logits, norm = net(inputs.categories[batch], inputs.numbers[batch])
            loss = F.binary_cross_entropy_with_logits(logits, labels[batch]) * len(tasks) + recipe["penalty"] * norm
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    net.eval()
    with torch.no_grad():
        test = torch.tensor(log.test)
        return net(inputs.categories[test], inputs.numbers[test])[0].sigmoid().double().numpy()
