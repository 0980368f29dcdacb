"""The family of workloads, by name."""

from __future__ import annotations

from . import images, layered, pieces, sequences
from .record import Workload

WORKLOADS: dict[str, Workload] = {
    w.name: w for module in (layered, images, sequences, pieces) for w in module.WORKLOADS
}
# The order of the table's rows.
ORDER = (
    "tutorial_epoch", "mlp_epoch", "loader_only", "cnn_step", "resnet_step", "lstm_step",
    "gpt_step", "gpt_wide_step", "gpt_lengths", "dcgan_step", "vae_step", "many_params_step",
    "elementwise", "normalise", "mlp_latency", "double_backward", "fresh_shapes",
)  # fmt: skip
assert sorted(ORDER) == sorted(WORKLOADS)
