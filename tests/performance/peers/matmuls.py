"""The multiplications that a program of polyrank is made of, and a pass over numbers in memory: what PyTorch makes of
the machine."""

import math
import re

import torch

from protocol import Options, Workload, time_steps

PASS_LENGTH = 2**24


def matrix(text: str) -> torch.Tensor:
    """`[2, 3]`, or `[2, 3]'` for a matrix that is read turned."""
    shape = [int(extent) for extent in re.findall(r"\d+", text)]
    drawn = torch.rand(shape) - 0.5
    return drawn.transpose(-1, -2) if text.endswith("'") else drawn


def limits(options: Options) -> Workload:
    factors = {name: [matrix(side) for side in name.split(" x ")] for name in options.shapes.split(";")}
    products = {name: a @ b for name, (a, b) in factors.items()}
    gflop = {name: 2 * factors[name][0].shape[-1] * math.prod(c.shape) / 1e9 for name, c in products.items()}
    numbers, next_numbers = torch.zeros(PASS_LENGTH), torch.zeros(PASS_LENGTH)

    def multiply(name: str) -> None:
        torch.matmul(*factors[name], out=products[name])

    def multiply_all() -> None:
        for name in factors:
            multiply(name)

    def measure() -> dict:
        measured = time_steps(multiply_all, options.seconds)
        kinds = [("all of its multiplications", sum(gflop.values()), "GFLOP", measured)]
        for name in factors:
            kinds.append((name, gflop[name], "GFLOP", time_steps(lambda: multiply(name), options.seconds / 4)))
        add = time_steps(lambda: torch.add(numbers, 1, out=next_numbers), options.seconds / 4)
        kinds.append(("a pass over 16 M kept numbers", PASS_LENGTH * 8 / 1e9, "GB", add))
        details = [dict(name=name, amount=amount, unit=unit, ms=taken["ms"]) for name, amount, unit, taken in kinds]
        return {**measured, "details": details}

    measure()
    return Workload([], measure)
