"""Rate of the item, logistic regression, LightGBM, XGBoost: one model a task. Each answers scores [test rows, tasks].

The settings were searched on the validation slice, learning from the slice before it, by log loss; they stand here
fixed. Tried: item rates with 1, 3, 10, 30, 100, 300 prior rows; C of 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3; the settings of
trees below, up to 600 rounds with early stopping after 50.
"""

from typing import Callable

import lightgbm
import numpy as np
import scipy.sparse
import xgboost as xgb
from sklearn.linear_model import LogisticRegression

from kuairand import TASKS, Log

BUCKETS = 2**18

PRIOR_ROWS = {
    "like": 1, "click": 3, "long_view": 3, "comment": 100, "profile_enter": 100, "forward": 30, "follow": 100,
}

INVERSE_PENALTY = {
    "A": {"like": 3, "click": 1, "long_view": 0.3, "comment": 0.3, "profile_enter": 0.1, "forward": 0.01, "follow": 1},
    "B": {
        "like": 0.1, "click": 0.1, "long_view": 0.03, "comment": 0.01, "profile_enter": 0.01, "forward": 0.01,
        "follow": 0.03,
    },
}

# `idless` does not see the two ids.
LIGHTGBM_SETTINGS = {
    "wide": {"num_leaves": 31, "min_data_in_leaf": 50},
    "strict": {"num_leaves": 15, "min_data_in_leaf": 100, "cat_smooth": 50, "cat_l2": 50, "lambda_l2": 10},
    "idless": {"num_leaves": 15, "min_data_in_leaf": 100, "lambda_l2": 10},
}
LIGHTGBM_CHOSEN = {
    "A": {
        "like": ("wide", 74), "click": ("wide", 65), "long_view": ("wide", 59), "comment": ("strict", 179),
        "profile_enter": ("strict", 75), "forward": ("idless", 23), "follow": ("strict", 58),
    },
    "B": {
        "like": ("strict", 204), "click": ("strict", 260), "long_view": ("strict", 146), "comment": ("strict", 75),
        "profile_enter": ("strict", 72), "forward": ("idless", 30), "follow": ("strict", 62),
    },
}

XGBOOST_SETTINGS = {
    "wide": {"max_depth": 6, "min_child_weight": 10},
    "strict": {"max_depth": 4, "min_child_weight": 50, "reg_lambda": 10},
}
XGBOOST_CHOSEN = {
    "A": {
        "like": ("wide", 180), "click": ("strict", 534), "long_view": ("wide", 113), "comment": ("wide", 139),
        "profile_enter": ("wide", 93), "forward": ("wide", 33), "follow": ("wide", 88),
    },
    "B": {
        "like": ("strict", 270), "click": ("strict", 306), "long_view": ("strict", 380), "comment": ("wide", 55),
        "profile_enter": ("wide", 74), "forward": ("wide", 21), "follow": ("strict", 281),
    },
}


def by_task(score: Callable[[str, np.ndarray], np.ndarray], log: Log) -> np.ndarray:
    """`score` answers the test rows' scores from a task's name and the labels of the learnt rows."""
    return np.stack([score(task, log.labels[log.learnt, i]) for i, task in enumerate(TASKS)], 1)


def item_rate(log: Log, level: str, seed: int) -> np.ndarray:
    """Smoothed towards the overall rate."""
    items = log.categories["video_id"]
    shown = np.bincount(items[log.learnt], minlength=items.max() + 1)

    def score(task: str, labels: np.ndarray) -> np.ndarray:
        positives = np.bincount(items[log.learnt], labels, minlength=len(shown))
        prior = PRIOR_ROWS[task]
        return ((positives + prior * labels.mean()) / (shown + prior))[items[log.test]]

    return by_task(score, log)


def logistic_regression(log: Log, level: str, seed: int) -> np.ndarray:
    rows = one_hot(log)

    def score(task: str, labels: np.ndarray) -> np.ndarray:
        # At the default tolerance it stops early, and where depends on the order of the columns.
        model = LogisticRegression(C=INVERSE_PENALTY[level][task], max_iter=5000, tol=1e-8)
        return model.fit(rows[log.learnt], labels).predict_proba(rows[log.test])[:, 1]

    return by_task(score, log)


def one_hot(log: Log) -> scipy.sparse.csr_matrix:
    """Hashed columns; a number becomes one of at most 20 buckets of equal mass. A column not learnt has no weight."""
    columns = [hashed(name, codes) for name, codes in log.categories.items()]
    for name, values in log.numbers.items():
        edges = np.unique(np.quantile(values[log.learnt], np.arange(1, 20) / 20))
        columns.append(hashed(name, np.searchsorted(edges, values, side="right")))
    count = len(log.labels)
    places = np.stack(columns, 1).ravel(), np.arange(count + 1) * len(columns)
    rows = scipy.sparse.csr_matrix((np.ones(len(places[0])), *places), shape=(count, BUCKETS))
    return rows[:, np.unique(rows[log.learnt].indices)]


def hashed(name: str, codes: np.ndarray) -> np.ndarray:
    return np.array([fnv1a(f"{name}={code}") % BUCKETS for code in range(codes.max() + 1)])[codes]


def fnv1a(text: str) -> int:
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def light_gbm(log: Log, level: str, seed: int) -> np.ndarray:
    shared = {
        "objective": "binary", "learning_rate": 0.05, "feature_fraction": 0.8, "bagging_fraction": 0.8,
        "bagging_freq": 1, "verbose": -1, "num_threads": 1, "deterministic": True, "seed": seed,
    }
    inputs = {ids: tree_inputs(log, ids) for ids in (True, False)}

    def score(task: str, labels: np.ndarray) -> np.ndarray:
        setting, rounds = LIGHTGBM_CHOSEN[level][task]
        rows, categories = inputs[setting != "idless"]
        learnt = lightgbm.Dataset(rows[log.learnt], labels, categorical_feature=list(range(categories)))
        return lightgbm.train(shared | LIGHTGBM_SETTINGS[setting], learnt, rounds).predict(rows[log.test])

    return by_task(score, log)


def xgboost(log: Log, level: str, seed: int) -> np.ndarray:
    shared = {
        "objective": "binary:logistic", "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8, "tree_method": "hist",
        "max_cat_to_onehot": 4, "nthread": 1, "seed": seed,
    }
    rows, categories = tree_inputs(log, ids=True)
    types = ["c"] * categories + ["float"] * (rows.shape[1] - categories)
    matrix = lambda chosen, labels=None: xgb.DMatrix(
        rows[chosen], labels, feature_types=types, enable_categorical=True, nthread=1
    )
    test = matrix(log.test)

    def score(task: str, labels: np.ndarray) -> np.ndarray:
        setting, rounds = XGBOOST_CHOSEN[level][task]
        return xgb.train(shared | XGBOOST_SETTINGS[setting], matrix(log.learnt, labels), rounds).predict(test)

    return by_task(score, log)


def tree_inputs(log: Log, ids: bool) -> tuple[np.ndarray, int]:
    """Categories, then numbers, and how many categories; a value not seen in the learnt rows is missing."""
    kept = list(log.categories.values())[0 if ids else 2 :]
    known = [np.where(np.isin(codes, codes[log.learnt]), codes, np.nan) for codes in kept]
    return np.stack([*known, *log.numbers.values()], 1), len(known)
