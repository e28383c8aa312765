"""The transformer of `../workloads/transformer-model.ts`: a training step, the gradient of its rows included. Forms:
`explicit` attention as four operations, or `SDPA`, torch's own scaled_dot_product_attention."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from draws import Draws
from experts_model import linear
from protocol import Options, Workload, steps_of

TOKENS, WIDTH, HEADS, LAYERS, INNER, TASKS = 64, 64, 4, 2, 256, 6


class Attention(nn.Module):
    def __init__(self, draws: Draws, form: str) -> None:
        super().__init__()
        # Query, key and value side by side: one multiplication.
        self.project = linear(np.concatenate([draws.weight(WIDTH, WIDTH, 1.0) for _ in range(3)], 1), bias=False)
        self.out = linear(draws.weight(WIDTH, WIDTH, 1.0), bias=False)
        self.form = form
        mask = torch.full((TOKENS, TOKENS), -1e9).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (x.shape[0], TOKENS, 3, HEADS, WIDTH // HEADS)
        queries, keys, values = self.project(x).view(shape).permute(2, 0, 3, 1, 4)
        if self.form == "SDPA":
            mixed = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        else:
            scores = queries @ keys.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + self.mask
            mixed = scores.softmax(3) @ values
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    def __init__(self, draws: Draws, form: str) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(WIDTH), Attention(draws, form))
        widen, narrow = linear(draws.weight(WIDTH, INNER, 1.0)), linear(draws.weight(INNER, WIDTH, 1.0))
        self.inner = nn.Sequential(nn.LayerNorm(WIDTH), widen, nn.SiLU(), narrow)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(x)
        return x + self.inner(x)


def training(options: Options) -> Workload:
    draws = Draws()
    layers = nn.Sequential(*(Layer(draws, options.form) for _ in range(LAYERS)))
    head = linear(draws.weight(WIDTH, TASKS, 1.0), bias=False)
    optimizer = torch.optim.Adam([*layers.parameters(), *head.parameters()], 1e-3, fused=True)
    rows = torch.from_numpy(draws.centred(options.rows, TOKENS, WIDTH)).requires_grad_()
    labels = (rows.detach().sum(1)[:, :TASKS] > 0).float()

    def loss_of(rows: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(head(layers(rows).mean(1)), labels)

    if options.mode == "compile":
        loss_of = torch.compile(loss_of, dynamic=False)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        rows.grad = None
        loss = loss_of(rows)
        loss.backward()
        optimizer.step()
        return loss.item()

    return steps_of(step, options)
