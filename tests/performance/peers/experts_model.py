"""The model of `../workloads/experts-model.ts`, twice: a module an expert, gate and tower, or all of a kind stacked."""

import torch
import torch.nn as nn
import torch.nn.functional as F

from draws import Draws

INPUTS, HIDDEN, OUTPUTS, EXPERTS, TASKS, TOWER = 512, 256, 128, 6, 6, 64


def draw_weights(draws: Draws) -> dict:
    return {
        "experts": [(draws.weight(INPUTS, HIDDEN), draws.weight(HIDDEN, OUTPUTS)) for _ in range(EXPERTS)],
        "gates": [draws.weight(INPUTS, EXPERTS) for _ in range(TASKS)],
        "towers": [(draws.weight(OUTPUTS, TOWER), draws.weight(TOWER, 1)) for _ in range(TASKS)],
    }


def linear(weight, bias=True) -> nn.Linear:
    layer = nn.Linear(*weight.shape, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.T))
        if bias:
            layer.bias.zero_()
    return layer


class PlainExperts(nn.Module):
    def __init__(self, weights: dict) -> None:
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(linear(first), nn.SiLU(), linear(second), nn.SiLU(), nn.LayerNorm(OUTPUTS))
            for first, second in weights["experts"]
        )
        self.gates = nn.ModuleList(linear(gate, bias=False) for gate in weights["gates"])
        self.towers = nn.ModuleList(
            nn.Sequential(linear(tower), nn.SiLU(), linear(head)) for tower, head in weights["towers"]
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        outputs = torch.stack([expert(rows) for expert in self.experts], 1)  # [B, E, 128]
        logits = [
            tower((outputs * gate(rows).softmax(-1).unsqueeze(-1)).sum(1))
            for gate, tower in zip(self.gates, self.towers)
        ]
        return torch.cat(logits, 1)  # [B, T]


class StackedExperts(nn.Module):
    def __init__(self, weights: dict) -> None:
        super().__init__()
        stacked = lambda arrays: nn.Parameter(torch.stack([torch.from_numpy(array) for array in arrays]))
        beside = lambda arrays: nn.Parameter(torch.cat([torch.from_numpy(array) for array in arrays], 1))
        zeros = lambda *shape: nn.Parameter(torch.zeros(*shape))
        # One wide matmul for all first layers, and so for the gates; the rest is batched over experts and towers.
        self.first, self.first_bias = beside([first for first, _ in weights["experts"]]), zeros(EXPERTS * HIDDEN)
        self.second = stacked([second for _, second in weights["experts"]])
        self.second_bias = zeros(EXPERTS, 1, OUTPUTS)
        self.gain, self.shift = nn.Parameter(torch.ones(EXPERTS, 1, OUTPUTS)), zeros(EXPERTS, 1, OUTPUTS)
        self.gate = beside(weights["gates"])
        self.tower, self.tower_bias = stacked([tower for tower, _ in weights["towers"]]), zeros(TASKS, 1, TOWER)
        self.head, self.head_bias = stacked([head for _, head in weights["towers"]]), zeros(TASKS, 1, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        count = rows.shape[0]
        first = F.silu(torch.addmm(self.first_bias, rows, self.first)).view(count, EXPERTS, HIDDEN).transpose(0, 1)
        second = F.silu(torch.baddbmm(self.second_bias, first, self.second))
        experts = F.layer_norm(second, (OUTPUTS,)) * self.gain + self.shift  # [E, B, 128]
        gates = (rows @ self.gate).view(count, TASKS, EXPERTS).softmax(-1)
        mixtures = torch.bmm(gates, experts.transpose(0, 1)).transpose(0, 1)  # [T, B, 128]
        tower = F.silu(torch.baddbmm(self.tower_bias, mixtures, self.tower))
        return torch.baddbmm(self.head_bias, tower, self.head).squeeze(-1).T  # [B, T]


def build(draws: Draws, form: str) -> nn.Module:
    return {"plain": PlainExperts, "stacked": StackedExperts}[form](draw_weights(draws))
