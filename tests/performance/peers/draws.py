"""The numbers of `../workloads/draws.ts`: s(0) = 1, s(n) = 1664525 s(n-1) + 1013904223 mod 2^32, then s(n) / 2^32."""

import numpy as np

MULTIPLIER, INCREMENT = np.uint32(1664525), np.uint32(1013904223)


class Draws:
    def __init__(self) -> None:
        self.state = np.uint32(1)

    def uniform(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        with np.errstate(over="ignore"):
            # s(n) = m^n s(0) + (1 + m + ... + m^(n-1)) c, for all n at once.
            powers = np.multiply.accumulate(np.full(count, MULTIPLIER), dtype=np.uint32)
            sums = np.add.accumulate(np.concatenate([np.ones(1, np.uint32), powers[:-1]]), dtype=np.uint32)
            states = powers * self.state + sums * INCREMENT
        self.state = states[-1]
        return (states / 2.0**32).reshape(shape)

    def centred(self, *shape: int, scale: float = 1.0) -> np.ndarray:
        """float32, uniform in [-scale / 2, scale / 2)."""
        return ((self.uniform(*shape) - 0.5) * scale).astype(np.float32)

    def weight(self, inputs: int, outputs: int, gain: float = 2.0) -> np.ndarray:
        """[inputs, outputs], uniform within sqrt(gain / inputs)."""
        return self.centred(inputs, outputs, scale=2 * (gain / inputs) ** 0.5)
