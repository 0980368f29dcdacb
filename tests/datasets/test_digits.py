"""The digits: the shapes and dtypes that the docstring promises, and the data's known facts."""

from __future__ import annotations

import numpy as np

from facula.datasets import load_digits


def test_digits():
    images, labels = load_digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8
    assert labels.shape == (1797,) and labels.dtype == np.int64
    assert (images.min(), images.max()) == (0, 16)
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(labels).tolist() == counts
    assert images.sum() == 561718 and labels[:10].tolist() == list(range(10))


def test_the_arrays_are_the_callers():
    images, labels = load_digits()
    images[:], labels[:] = 0, 0
    again, truth = load_digits()
    assert again.any() and truth.any()
