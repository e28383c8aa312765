"""The trunk of this repository under MMoE, written again in PyTorch: what the product's own engine is held against.

Settings were searched on the validation slice by the mean normalised entropy of click, long_view, comment and
profile_enter, over more recipes than any other model here had; passes by the mean of three seeds.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from kuairand import TASKS, Log

DIMENSION, EXPERTS, HIDDEN, TOWER, BINS, BATCH = 8, 4, 64, 32, 16, 256
ID_DROPOUT, DROPOUT, AVERAGING = 0.7, 0.3, 0.99
RATE, EMBEDDING_RATE = 2e-4, 0.005
RECIPES = {
    "A": {"wide_rate": 0.003, "ridge": 3.0, "passes": 12},
    "B": {"wide_rate": 0.001, "ridge": 100.0, "passes": 8},
}
TABLES = ("embeddings", "wide")


class Inputs:
    """All categories share one table of rows; row 0 is what was not learnt, and zero for ever."""

    def __init__(self, log: Log) -> None:
        columns, owners, rows = [], [0], 1
        for column, codes in enumerate(log.categories.values()):
            seen = np.bincount(codes[log.learnt], minlength=codes.max() + 1) > 0
            columns.append(np.where(seen, np.cumsum(seen) - 1 + rows, 0)[codes])
            owners += [column] * int(seen.sum())
            rows += int(seen.sum())
        self.categories, self.owners = torch.tensor(np.stack(columns, 1)), torch.tensor(owners)
        scores, pieces = zip(*(number_columns(values, log.learnt) for values in log.numbers.values()))
        self.codes = torch.tensor(np.concatenate(pieces, 1))
        self.numbers = torch.cat([torch.tensor(np.stack(scores, 1)), self.codes], 1)
        self.width = len(columns) * DIMENSION + self.numbers.shape[1]


def number_columns(values: np.ndarray, learnt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A z-score within 5, and piecewise linear codes: per bin of the quantiles how far the value is in it, centred."""
    known = values[learnt]
    deviation = known.std() if known.std() > 0 else 1
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)))
    pieces = [np.clip((values - low) / (high - low), 0, 1) for low, high in zip(edges[:-1], edges[1:])]
    codes = np.stack(pieces, 1).astype(np.float32) if pieces else np.zeros((len(values), 0), np.float32)
    return np.clip((values - known.mean()) / deviation, -5, 5).astype(np.float32), codes - codes[learnt].mean(0)


def uniform(bound: float, *shape: int) -> nn.Parameter:
    return nn.Parameter((torch.rand(*shape) * 2 - 1) * bound)


class Trunk(nn.Module):
    """Experts and towers have one hidden layer each; a wide linear part sees every id and code and adds its logits."""

    def __init__(self, inputs: Inputs, rates: torch.Tensor) -> None:
        super().__init__()
        rows, tasks, within = len(inputs.owners), len(rates), inputs.width**-0.5
        self.embeddings = nn.Parameter(torch.randn(rows, DIMENSION) * 0.01)
        with torch.no_grad():
            self.embeddings[0] = 0
        self.wide, self.wide_codes = uniform(0, rows, tasks), uniform(0, inputs.codes.shape[1], tasks)
        self.experts, self.expert_bias = (uniform(within, size, EXPERTS * HIDDEN) for size in (inputs.width, 1))
        self.gates, self.gate_bias = uniform(within, inputs.width, tasks * EXPERTS), uniform(0, tasks * EXPERTS)
        self.towers, self.tower_bias = (uniform(HIDDEN**-0.5, tasks, size, TOWER) for size in (HIDDEN, 1))
        self.heads, self.head_bias = uniform(TOWER**-0.5, tasks, TOWER), nn.Parameter(torch.logit(rates))

    def forward(self, inputs: Inputs, batch: torch.Tensor) -> torch.Tensor:
        tasks = len(self.head_bias)
        whole = inputs.categories[batch]
        categories = whole.clone()
        if self.training:  # The deep part alone has to do without some of the ids.
            categories[:, :2] *= (torch.rand(len(batch), 2) >= ID_DROPOUT).long()
        rows = torch.cat([F.embedding(categories, self.embeddings).flatten(1), inputs.numbers[batch]], 1)
        hidden = F.dropout(F.relu(rows @ self.experts + self.expert_bias), DROPOUT, self.training)
        shares = (rows @ self.gates + self.gate_bias).view(-1, tasks, EXPERTS).softmax(2)
        mixtures = shares @ hidden.view(-1, EXPERTS, HIDDEN)  # [rows, tasks, hidden]
        tops = torch.einsum("bth,thj->btj", mixtures, self.towers) + self.tower_bias[:, 0]
        deep = (F.dropout(F.relu(tops), DROPOUT, self.training) * self.heads).sum(2) + self.head_bias
        return deep + F.embedding(whole, self.wide).sum(1) + inputs.codes[batch] @ self.wide_codes


class TableAdam:
    """Adam for a table with one second moment a column of the log: the mean square of the gradients that rows had."""

    def __init__(self, table: nn.Parameter, owners: torch.Tensor, rate: float) -> None:
        self.table, self.owners, self.rate, self.steps = table, owners, rate, 0
        self.moment, self.squares = torch.zeros_like(table), torch.zeros(int(owners.max()) + 1)

    def step(self) -> None:
        gradient = self.table.grad
        gradient[0] = 0
        self.steps += 1
        squares = gradient.pow(2).sum(1)
        sums = lambda values: torch.zeros_like(self.squares).index_add_(0, self.owners, values)
        mean = sums(squares) / sums((squares > 0).float()).clamp(min=1) / self.table.shape[1]
        self.squares.mul_(0.99).add_(mean, alpha=0.01)
        self.moment.mul_(0.9).add_(gradient, alpha=0.1)
        scale = (self.squares / (1 - 0.99**self.steps)).sqrt().add(1e-12)[self.owners].unsqueeze(1)
        self.table.sub_(self.moment / scale, alpha=self.rate / (1 - 0.9**self.steps))


def trunk_mmoe(log: Log, level: str, seed: int) -> np.ndarray:
    """Learnt with the seed, its weights averaged over steps."""
    torch.manual_seed(seed)
    recipe, inputs = RECIPES[level], Inputs(log)
    labels, learnt = torch.tensor(log.labels, dtype=torch.float32), torch.tensor(log.learnt)
    net = Trunk(inputs, labels[learnt].mean(0))
    tables = [
        TableAdam(net.embeddings, inputs.owners, EMBEDDING_RATE),
        TableAdam(net.wide, inputs.owners, recipe["wide_rate"]),
    ]
    dense = [parameter for name, parameter in net.named_parameters() if name not in (*TABLES, "wide_codes")]
    optimizer = torch.optim.Adam(
        [{"params": dense, "lr": RATE}, {"params": [net.wide_codes], "lr": recipe["wide_rate"]}]
    )
    weights = list(net.parameters())
    averages, steps = [weight.detach().clone() for weight in weights], 0
    for _ in range(recipe["passes"]):
        for batch in learnt[torch.randperm(len(learnt))].split(BATCH):
            steps += 1
            net.zero_grad()
            losses = F.binary_cross_entropy_with_logits(net(inputs, batch), labels[batch], reduction="none")
            losses.mean(0).sum().backward()
            with torch.no_grad():
                for part in (net.wide, net.wide_codes):
                    part.grad.add_(part, alpha=recipe["ridge"] / len(learnt))
                for table in tables:
                    table.step()
            net.embeddings.grad = net.wide.grad = None
            optimizer.step()
            share = 1 - min(AVERAGING, steps / (steps + 10))
            torch._foreach_lerp_(averages, [weight.detach() for weight in weights], share)
    net.eval()
    with torch.no_grad():
        for weight, average in zip(weights, averages):
            weight.copy_(average)
        return net(inputs, torch.tensor(log.test)).sigmoid().double().numpy()
