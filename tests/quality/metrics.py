"""The metrics of models/metrics again. labels: 0 or 1; scores: probabilities."""

import numpy as np


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mann-Whitney: the chance that a positive scores above a negative, ties one half."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[labels == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def gauc(labels: np.ndarray, scores: np.ndarray, users: np.ndarray) -> float:
    """Mean of per-user AUC over users with both classes, weighted by their rows."""
    total, weight = 0.0, 0
    for user in np.unique(users):
        own = users == user
        if 0 < labels[own].sum() < own.sum():
            total += own.sum() * auc(labels[own], scores[own])
            weight += own.sum()
    return float(total / weight)


def log_loss(labels: np.ndarray, scores: np.ndarray) -> float:
    kept = np.clip(scores, 1e-7, 1 - 1e-7)
    return float(-np.where(labels == 1, np.log(kept), np.log(1 - kept)).mean())


def normalized_entropy(labels: np.ndarray, scores: np.ndarray, base_rate: float) -> float:
    """Log loss over that of the constant base rate: below 1 beats knowing only the rate."""
    return log_loss(labels, scores) / log_loss(labels, np.full(len(labels), base_rate))


def calibration_error(labels: np.ndarray, scores: np.ndarray, bins: int = 15) -> float:
    """Bins of equal mass; equal scores share a bin: floor(bins * number of smaller scores / rows)."""
    below = np.searchsorted(np.sort(scores), scores, side="left")
    gaps = np.bincount(bins * below // len(scores), scores - labels, minlength=bins)
    return float(np.abs(gaps).sum() / len(scores))


def measure(labels: np.ndarray, scores: np.ndarray, users: np.ndarray, base_rate: float) -> dict[str, float]:
    return {
        "auc": auc(labels, scores),
        "gauc": gauc(labels, scores, users),
        "normalizedEntropy": normalized_entropy(labels, scores, base_rate),
        "calibrationError": calibration_error(labels, scores),
    }
