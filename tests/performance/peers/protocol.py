"""The protocol of `../peer.ts` in Python: a line that says what this is, then a measurement for every line that is
read."""

import json
import statistics
import sys
import time
from typing import Callable, NamedTuple


class Options(NamedTuple):
    mode: str
    form: str
    rows: int
    table_rows: int
    seconds: float  # length of a measurement
    shapes: str


class Workload(NamedTuple):
    check: list[float]  # first losses or a mean score
    measure: Callable[[], dict]


def tell(line: dict) -> None:
    print(json.dumps(line), flush=True)


def time_steps(step: Callable[[], object], seconds: float) -> dict:
    """The median of at least three steps, over at least `seconds`."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return {"ms": statistics.median(times), "steps": len(times)}


def steps_of(step: Callable[[], float], options: Options, first_losses: int = 3, warm_ups: int = 5) -> Workload:
    """A step that answers its loss, warm."""
    check = [step() for _ in range(first_losses)]
    for _ in range(warm_ups):
        step()
    return Workload(check, lambda: time_steps(step, options.seconds))


def serve(version: str, workload: Workload) -> None:
    tell({"version": version, "check": workload.check})
    for _ in sys.stdin:
        tell(workload.measure())
