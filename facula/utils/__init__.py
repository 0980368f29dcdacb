"""Helpers around training that are not tensor operations: data loading, hooks."""

from . import data as data
from . import hooks as hooks
