"""Measures other models on the bundled KuaiRand sample, on the rows and by the protocol of `polyrank evaluate`.

    python plain_models.py                                        every model at both levels, 5 seeds, one thread
    python plain_models.py --level A --models logistic,lightgbm --seeds 3 --out some.json

Every setting was fixed beforehand, by search on the validation slice: a run learns the days before the test slice, then
looks once at test. A figure is kept in the file until the same model is measured at the same level again.
"""

import argparse
import functools
import importlib.metadata
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

import nets
import tabular
from kuairand import TASKS, Log, load
from metrics import measure
from trunk import trunk_mmoe

LIBRARIES = ("numpy", "scipy", "scikit-learn", "lightgbm", "xgboost", "torch")


class Model(NamedTuple):
    title: str
    fit: Callable[[Log, str, int], np.ndarray]  # (log, level, seed) -> scores [test rows, tasks]
    seeded: bool = True
    levels: str = "AB"


MODELS = {
    "item-rate": Model("rate of the item", tabular.item_rate, seeded=False, levels="A"),
    "logistic": Model("logistic regression", tabular.logistic_regression, seeded=False),
    "lightgbm": Model("LightGBM", tabular.light_gbm),
    "xgboost": Model("XGBoost", tabular.xgboost),
    "single-task": Model("single-task nets", functools.partial(nets.plain_net, "single-task")),
    "shared-bottom": Model("shared bottom, no trunk", functools.partial(nets.plain_net, "shared-bottom")),
    "mmoe": Model("MMoE, no trunk", functools.partial(nets.plain_net, "mmoe")),
    "ple": Model("PLE, no trunk", functools.partial(nets.plain_net, "ple")),
    "trunk": Model("the same trunk and MMoE, in PyTorch", trunk_mmoe),
}


def main() -> None:
    options = parse()
    torch.set_num_threads(1)
    written = json.loads(options.out.read_text()) if options.out.exists() else {"levels": {}}
    for level in "AB" if options.level == "both" else options.level:
        log = load(level)
        known = {entry["model"]: entry for entry in written["levels"].get(level, [])}
        for name in options.models:
            model = MODELS[name]
            if level not in model.levels:
                continue
            known[model.title] = judge(model, log, level, options.seeds if model.seeded else 1)
            written = {
                "libraries": {library: importlib.metadata.version(library) for library in LIBRARIES},
                "split": split_of(log),
                "levels": written["levels"]
                | {level: [known[each.title] for each in MODELS.values() if each.title in known]},
            }
            options.out.write_text(text_of(written))


def parse() -> argparse.Namespace:
    names = lambda text: [name if name in MODELS else parser.error(f"no model {name}") for name in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--level", choices=("A", "B", "both"), default="both")
    parser.add_argument("--models", type=names, default=list(MODELS), help=f"of {', '.join(MODELS)}")
    parser.add_argument("--seeds", type=int, default=5, help="0 up to this; ignored where nothing is drawn")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("plain_models.json"))
    return parser.parse_args()


def judge(model: Model, log: Log, level: str, seeds: int) -> dict:
    labels, users = log.labels[log.test], log.users[log.test]
    runs: dict[str, list[dict[str, float]]] = {task: [] for task in TASKS}
    for seed in range(seeds):
        start = time.perf_counter()
        scores = model.fit(log, level, seed)
        for i, task in enumerate(TASKS):
            runs[task].append(measure(labels[:, i], scores[:, i], users, log.base_rates[i]))
        aucs = ", ".join(f"{task} {measured[seed]['auc']:.4f}" for task, measured in runs.items())
        print(f"{level}, {model.title}, seed {seed}, {time.perf_counter() - start:.0f} s: AUC {aucs}", file=sys.stderr)
    return {"model": model.title, "seeds": seeds, "tasks": {task: summary(each) for task, each in runs.items()}}


def summary(runs: list[dict[str, float]]) -> dict[str, dict]:
    """Mean and standard deviation over seeds; AUC and GAUC also of each."""
    figures = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        figures[name] = {"mean": round(float(np.mean(values)), 6)}
        if len(values) > 1:
            figures[name]["deviation"] = round(float(np.std(values, ddof=1)), 6)
            if name in ("auc", "gauc"):
                figures[name]["each"] = [round(value, 6) for value in values]
    return figures


def split_of(log: Log) -> dict[str, dict]:
    return {
        name: {
            "rows": len(rows),
            "sha256": log.checksums[name],
            "positives": dict(zip(TASKS, log.labels[rows].sum(0, dtype=int).tolist())),
        }
        for name, rows in log.slices.items()
    }


def text_of(written: dict) -> str:
    """As the project's formatter has it: lists of numbers on one line, exponents without a leading zero."""
    one_line = lambda found: f"[{' '.join(found[1].split())}]"
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", one_line, json.dumps(written, indent=2))
    return re.sub(r"e-0(?=\d,?$)", "e-", text, flags=re.MULTILINE) + "\n"


if __name__ == "__main__":
    main()
