"""Rows and features of the bundled KuaiRand sample, those of `tests/quality/kuairand.py` at level B, read as fast as
plain Python and numpy allow: columns instead of rows, texts of users once a user, counters by running sums."""

import csv
import gzip
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "quality"))
from kuairand import FOLDER, PRIOR_ROWS, TASKS, USER_NUMBERS, Log, split


def columns_of(name: str) -> dict[str, tuple[str, ...]]:
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, zip(*rows)))


def read() -> Log:
    """The learnt rows alone; counters know the rows between them too."""
    events, of_users = columns_of("interactions"), columns_of("user_features")
    columns = ("user_id", "video_id", "time_ms", "date", "hourmin", "duration_ms", *TASKS.values())
    integers = {name: np.array(events[name], np.int64) for name in columns}
    order = np.lexsort([integers[name] for name in ("video_id", "user_id", "time_ms")])
    integers = {name: values[order] for name, values in integers.items()}
    labels = np.stack([integers[name] for name in TASKS.values()], 1).astype(np.int8)
    slices = split(integers["date"])
    learnt = np.concatenate([slices["train"], slices["validation"]])

    users = np.array(of_users.pop("user_id"), np.int64)
    by_id = np.argsort(users)
    user_rows = by_id[np.searchsorted(users[by_id], integers["user_id"])]
    codes = lambda values: np.unique(np.asarray(values), return_inverse=True)[1]
    categories = {name: codes(integers[name]) for name in ("user_id", "video_id")}
    categories["hour"] = integers["hourmin"] // 100
    categories |= {name: codes(of_users[name])[user_rows] for name in of_users if name not in USER_NUMBERS}
    numbers = {name: np.log1p(np.array(of_users[name], float).clip(0))[user_rows] for name in USER_NUMBERS}
    numbers["duration"] = np.log1p(integers["duration_ms"])
    numbers["duration_zero"] = (integers["duration_ms"] == 0).astype(float)
    rates = labels[learnt].mean(0)
    for prefix, key in (("u", "user_id"), ("v", "video_id")):
        numbers |= counters(prefix, integers[key], integers["time_ms"], labels, rates)
    chosen = lambda features: {name: values[learnt] for name, values in features.items()}
    return Log(
        labels[learnt], integers["user_id"][learnt], integers["video_id"][learnt],
        {"train": np.arange(len(learnt)), "validation": np.arange(0), "test": np.arange(0)}, {},
        chosen(categories), chosen(numbers),
    )  # fmt: skip


def counters(prefix: str, keys: np.ndarray, times: np.ndarray, labels: np.ndarray, rates: np.ndarray) -> dict:
    """Of each key what rows of strictly smaller time had, from rows in the order of time."""
    order = np.argsort(keys, kind="stable")
    key, time, place = keys[order], times[order], np.arange(len(keys))
    is_key = np.r_[True, key[1:] != key[:-1]]
    is_moment = is_key | np.r_[True, time[1:] != time[:-1]]
    # Where the key's rows begin, and those of its time.
    begin, now = (np.maximum.accumulate(np.where(first, place, 0)) for first in (is_key, is_moment))
    sums = np.concatenate([np.zeros((1, labels.shape[1])), labels[order].cumsum(0)])
    shown, positives = now - begin, sums[now] - sums[begin]
    gap = np.where(shown > 0, np.log1p((time - time[now - 1]).clip(0) / 1000), -1.0)
    features = {f"{prefix}_n": np.log1p(shown), f"{prefix}_gap": gap}
    for task, name in enumerate(TASKS.values()):
        features[f"{prefix}_{name}_n"] = np.log1p(positives[:, task])
        features[f"{prefix}_{name}_rate"] = (positives[:, task] + PRIOR_ROWS * rates[task]) / (shown + PRIOR_ROWS)
    back = np.empty_like(order)
    back[order] = place
    return {name: values[back] for name, values in features.items()}
