"""The bundled KuaiRand sample: its rows in order, the split, labels and features, by the protocol of the README."""

import csv
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "pipelines" / "datasets" / "kuairand"
LAST_TRAINING_DATE = 20220418
# Columns of the log, by task.
TASKS = {
    "like": "is_like",
    "click": "is_click",
    "long_view": "long_view",
    "comment": "is_comment",
    "profile_enter": "is_profile_enter",
    "forward": "is_forward",
    "follow": "is_follow",
}
USER_NUMBERS = ("follow_user_num", "fans_user_num", "friend_user_num", "register_days")
# SHA-256 over the lines "user:video:time\n" of a slice, in order.
CHECKSUMS = {
    "train": "91acd1c299fcde9337acc12eb8143d9c1f7b973155f4cc9bce85520fc728e344",
    "validation": "aaac82a25c0bbee041e5e0bfb4772f0f8dccf6f5805bd1e58796547c58020406",
    "test": "73894dee7414f41332742a15dc325463afe3d18ebf786b9e0f3cc5b47324a877",
}
PRIOR_ROWS = 5.0  # weight of the overall rate in a counter's rate


@dataclass(frozen=True)
class Log:
    labels: np.ndarray  # [rows, tasks], 0 or 1
    users: np.ndarray
    items: np.ndarray
    slices: dict[str, np.ndarray]  # rows of train, validation and test
    checksums: dict[str, str]
    categories: dict[str, np.ndarray]  # codes from 0, by feature; the two ids first
    numbers: dict[str, np.ndarray]

    @property
    def learnt(self) -> np.ndarray:
        """What a model that is judged learns from: settings are fixed, so the validation slice is no longer needed."""
        return np.concatenate([self.slices["train"], self.slices["validation"]])

    @property
    def test(self) -> np.ndarray:
        return self.slices["test"]

    @property
    def base_rates(self) -> np.ndarray:
        return self.labels[self.learnt].mean(0)


def load(level: str) -> Log:
    """Level A: ids and attributes. Level B: also what happened before to the user and to the video."""
    rows = sorted(read("interactions"), key=lambda row: [int(row[key]) for key in ("time_ms", "user_id", "video_id")])
    user_rows = {row["user_id"]: row for row in read("user_features")}
    column = lambda name: np.array([int(row[name]) for row in rows])
    attribute = lambda name: [user_rows[row["user_id"]][name] for row in rows]

    labels = np.stack([column(name) for name in TASKS.values()], 1).astype(np.int8)
    users, items, times = column("user_id"), column("video_id"), column("time_ms")
    slices = split(column("date"))
    checksums = {name: checksum(rows, chosen) for name, chosen in slices.items()}
    if checksums != CHECKSUMS:
        raise SystemExit(f"The split has the checksums {checksums}, not {CHECKSUMS}: the files or their order differ.")

    user_categories = [name for name in next(iter(user_rows.values())) if name not in (*USER_NUMBERS, "user_id")]
    categories = {
        "user_id": codes([row["user_id"] for row in rows]),
        "video_id": codes([row["video_id"] for row in rows]),
        "hour": codes([str(int(row["hourmin"]) // 100) for row in rows]),
        **{name: codes(attribute(name)) for name in user_categories},
    }
    duration = column("duration_ms").astype(float)
    numbers = {
        **{name: np.log1p(np.array(attribute(name), float).clip(0)) for name in USER_NUMBERS},
        "duration": np.log1p(duration),
        "duration_zero": (duration == 0).astype(float),
    }
    log = Log(labels, users, items, slices, checksums, categories, numbers)
    if level == "B":
        numbers |= counters("u", users, times, labels, log.base_rates)
        numbers |= counters("v", items, times, labels, log.base_rates)
    return log


def read(name: str) -> list[dict[str, str]]:
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def split(dates: np.ndarray) -> dict[str, np.ndarray]:
    """The date decides, not the time: at the boundary a few rows interleave."""
    early, test = np.flatnonzero(dates <= LAST_TRAINING_DATE), np.flatnonzero(dates > LAST_TRAINING_DATE)
    cut = len(early) - len(early) // 10
    return {"train": early[:cut], "validation": early[cut:], "test": test}


def checksum(rows: list[dict[str, str]], chosen: np.ndarray) -> str:
    lines = (f"{rows[i]['user_id']}:{rows[i]['video_id']}:{rows[i]['time_ms']}\n" for i in chosen)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def codes(values: list[str]) -> np.ndarray:
    """Places in the sorted list of the values' texts; an empty cell is a value of its own."""
    return np.unique(np.array(values), return_inverse=True)[1]


def counters(prefix: str, keys: np.ndarray, times: np.ndarray, labels: np.ndarray, rates: np.ndarray) -> dict:
    """What the key had in rows of strictly smaller time, of training and test alike: the state of an online system."""
    shown, positives, since = np.zeros(len(keys)), np.zeros(labels.shape), np.full(len(keys), -1.0)
    past: dict[int, tuple[int, np.ndarray, int]] = {}
    start = 0
    while start < len(keys):
        stop = int(np.searchsorted(times, times[start], side="right"))
        for i in range(start, stop):
            if keys[i] in past:
                shown[i], positives[i], last = past[keys[i]]
                since[i] = np.log1p((times[i] - last) / 1000)
        for i in range(start, stop):
            count, sums, _ = past.get(keys[i], (0, np.zeros(labels.shape[1]), 0))
            past[keys[i]] = count + 1, sums + labels[i], times[i]
        start = stop
    features = {f"{prefix}_n": np.log1p(shown)}
    for task, name in enumerate(TASKS.values()):
        features[f"{prefix}_{name}_n"] = np.log1p(positives[:, task])
        features[f"{prefix}_{name}_rate"] = (positives[:, task] + PRIOR_ROWS * rates[task]) / (shown + PRIOR_ROWS)
    return features | {f"{prefix}_gap": since}
