"""A training step over a large table, as `../workloads/embedding.ts`: ids of 26 Zipf fields, rows 16 wide side by side,
Linear 416 -> 512, SiLU, Linear 512 -> 256, SiLU, Linear 256 -> 1. Forms name the table's rule and the way to look up rows."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from draws import Draws
from experts_model import linear
from protocol import Options, Workload, time_steps

FIELDS, WIDTH, BATCHES = 26, 16, 64
EXPONENT, SPREAD = 1.05, 2_654_435_761
RATE, SMALLEST = 0.01, 1e-8


def zipf_rows(uniform: np.ndarray, of_field: int) -> np.ndarray:
    """Uniform numbers [..., fields] to rows: the inverse of a power law between 1 and rows + 1, spread over memory."""
    top = (of_field + 1.0) ** (1 - EXPONENT)
    ranks = np.floor((1 - uniform * (1 - top)) ** (1 / (1 - EXPONENT))).astype(np.int64) - 1
    return np.minimum(ranks, of_field - 1) * SPREAD % of_field + np.arange(FIELDS) * of_field


def first_table(table_rows: int, used: np.ndarray) -> torch.Tensor:
    """Rows that are used start in [-0.5, 0.5), by a hash of their number; the others do not matter."""
    places = used[:, None] * WIDTH + np.arange(WIDTH)
    table = torch.full((table_rows, WIDTH), 0.0)
    values = (places.astype(np.uint32) * np.uint32(SPREAD)) / 2.0**32 - 0.5
    table[torch.from_numpy(used)] = torch.from_numpy(values.astype(np.float32))
    return table


class RowAdagrad:
    """One sum of squares a row."""

    def __init__(self, table: torch.Tensor) -> None:
        self.table, self.squares = table, torch.zeros(len(table))

    def update(self, rows: torch.Tensor, gradient: torch.Tensor) -> None:
        """Distinct rows [n], their gradients [n, WIDTH]."""
        squares = self.squares[rows] + gradient.square().mean(1)
        self.squares[rows] = squares
        self.table.index_add_(0, rows, gradient / (squares.sqrt() + SMALLEST)[:, None], alpha=-RATE)


class UniqueLookup:
    """Distinct rows are gathered into a small leaf, whose gradient is dense."""

    def __init__(self, table: torch.Tensor) -> None:
        self.table, self.rule = table, RowAdagrad(table)

    def look_up(self, ids: torch.Tensor) -> torch.Tensor:
        self.rows, places = torch.unique(ids, return_inverse=True)
        self.leaf = self.table[self.rows].requires_grad_()
        return F.embedding(places, self.leaf).flatten(1)

    def update(self) -> None:
        self.rule.update(self.rows, self.leaf.grad)


class BagLookup:
    """Bags of one id, with a sparse gradient."""

    def __init__(self, table: torch.Tensor, rule: str) -> None:
        self.table = nn.Parameter(table)
        self.adagrad = RowAdagrad(table) if rule == "Adagrad a row" else None
        self.adam = None if self.adagrad else torch.optim.SparseAdam([self.table], RATE)

    def look_up(self, ids: torch.Tensor) -> torch.Tensor:
        return F.embedding_bag(ids.view(-1, 1), self.table, mode="sum", sparse=True).view(len(ids), -1)

    def update(self) -> None:
        if self.adam:
            self.adam.step()
        else:
            gradient = self.table.grad.coalesce()
            self.adagrad.update(gradient.indices()[0], gradient.values())
        self.table.grad = None


def training(options: Options) -> Workload:
    draws = Draws()
    first, second, last = (linear(draws.weight(*size)) for size in ((FIELDS * WIDTH, 512), (512, 256), (256, 1)))
    dense = nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), last)
    optimizer = torch.optim.Adam(dense.parameters(), 1e-3, fused=True)
    rows = zipf_rows(draws.uniform(BATCHES, options.rows, FIELDS), options.table_rows // FIELDS)
    labels = torch.from_numpy((draws.uniform(BATCHES, options.rows, 1) < 0.25).astype(np.float32))
    table, ids = first_table(options.table_rows, np.unique(rows)), torch.from_numpy(rows)
    rule, lookup = options.form.split(", ")
    embeddings = UniqueLookup(table) if lookup == "unique" else BagLookup(table, rule)
    turn = 0

    def step() -> float:
        nonlocal turn
        batch, turn = turn, (turn + 1) % BATCHES
        optimizer.zero_grad(set_to_none=True)
        loss = F.binary_cross_entropy_with_logits(dense(embeddings.look_up(ids[batch])), labels[batch])
        loss.backward()
        optimizer.step()
        embeddings.update()
        return loss.item()

    check = [step(), float(len(np.unique(rows[0])))]
    for _ in range(BATCHES):
        step()
    return Workload(check, lambda: time_steps(step, options.seconds))
