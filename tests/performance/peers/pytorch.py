"""PyTorch's side of the benchmark, eager: `training` (forward, cross-entropy, backward, fused Adam) and `scoring`
(under inference_mode, array in, array out). Speaks the protocol of `peer.ts`: a line that says what it is, then for
every line read one round and its median."""

import argparse
import json
import statistics
import sys
import time
from typing import Callable

try:
    import numpy as np
    import torch
    import torch.nn.functional as F

    import experts_model
    from draws import Draws
except ImportError as error:
    print(json.dumps({"missing": f"{error}; install torch and numpy for the Python of TEST_PYTHON"}))
    sys.exit(0)

WARM_UPS = 5


def tell(line: dict) -> None:
    print(json.dumps(line), flush=True)


def time_steps(step: Callable[[], object], seconds: float) -> dict:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return {"ms": statistics.median(times), "steps": len(times)}


def training(form: str, rows: int) -> tuple[Callable[[], float], list[float]]:
    draws = Draws()
    model = experts_model.build(draws, form)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    features = torch.from_numpy(draws.centred(rows, experts_model.INPUTS))
    labels = (features[:, : experts_model.TASKS] > 0).float()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = F.binary_cross_entropy_with_logits(model(features), labels) * experts_model.TASKS
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, [step() for _ in range(3)]


def scoring(form: str, rows: int) -> tuple[Callable[[], np.ndarray], list[float]]:
    draws = Draws()
    model = experts_model.build(draws, form).eval()
    features = draws.centred(rows, experts_model.INPUTS)

    def step() -> np.ndarray:
        with torch.inference_mode():
            return torch.sigmoid(model(torch.from_numpy(features))).numpy()

    return step, [float(step().mean())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=["training", "scoring"])
    parser.add_argument("--form", choices=["plain", "stacked"], default="plain")
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    step, check = {"training": training, "scoring": scoring}[arguments.workload](arguments.form, arguments.rows)
    for _ in range(WARM_UPS):
        step()
    tell({"version": f"PyTorch {torch.__version__}", "check": check})
    for _ in sys.stdin:
        tell(time_steps(step, arguments.seconds))


if __name__ == "__main__":
    main()
