"""The functions behind the layers: the catalogue of `facula.nn.functional`.

Those that PyTorch also has at its top level, or as methods of tensors, are published at the end.
"""

from __future__ import annotations

from collections.abc import Callable as _Callable
from typing import Any

from ..functions.linear import linear as linear
from ..functions.registry import public as _public
from ..tensor import Tensor
from ._activations import celu as celu
from ._activations import celu_ as celu_
from ._activations import elu as elu
from ._activations import elu_ as elu_
from ._activations import gelu as gelu
from ._activations import glu as glu
from ._activations import gumbel_softmax as gumbel_softmax
from ._activations import hardshrink as hardshrink
from ._activations import hardsigmoid as hardsigmoid
from ._activations import hardswish as hardswish
from ._activations import hardtanh as hardtanh
from ._activations import hardtanh_ as hardtanh_
from ._activations import leaky_relu as leaky_relu
from ._activations import leaky_relu_ as leaky_relu_
from ._activations import log_softmax as log_softmax
from ._activations import logsigmoid as logsigmoid
from ._activations import mish as mish
from ._activations import prelu as prelu
from ._activations import relu as relu
from ._activations import relu6 as relu6
from ._activations import relu_ as relu_
from ._activations import rrelu as rrelu
from ._activations import rrelu_ as rrelu_
from ._activations import selu as selu
from ._activations import selu_ as selu_
from ._activations import sigmoid as sigmoid
from ._activations import silu as silu
from ._activations import softmax as softmax
from ._activations import softmin as softmin
from ._activations import softplus as softplus
from ._activations import softshrink as softshrink
from ._activations import softsign as softsign
from ._activations import tanh as tanh
from ._activations import tanhshrink as tanhshrink
from ._activations import threshold as threshold
from ._activations import threshold_ as threshold_
from ._attention import bilinear as bilinear
from ._attention import scaled_dot_product_attention as scaled_dot_product_attention
from ._class_losses import cross_entropy as cross_entropy
from ._class_losses import multi_margin_loss as multi_margin_loss
from ._class_losses import multilabel_margin_loss as multilabel_margin_loss
from ._class_losses import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from ._class_losses import nll_loss as nll_loss
from ._convolution import conv1d as conv1d
from ._convolution import conv2d as conv2d
from ._convolution import conv3d as conv3d
from ._convolution import conv_transpose1d as conv_transpose1d
from ._convolution import conv_transpose2d as conv_transpose2d
from ._convolution import conv_transpose3d as conv_transpose3d
from ._distance import cdist as _cdist
from ._distance import cosine_similarity as cosine_similarity
from ._distance import pairwise_distance as pairwise_distance
from ._distance import pdist as pdist
from ._dropout import alpha_dropout as alpha_dropout
from ._dropout import alpha_dropout_ as _alpha_dropout_
from ._dropout import dropout as dropout
from ._dropout import dropout1d as dropout1d
from ._dropout import dropout2d as dropout2d
from ._dropout import dropout3d as dropout3d
from ._dropout import dropout_ as _dropout_
from ._dropout import feature_alpha_dropout as feature_alpha_dropout
from ._dropout import feature_alpha_dropout_ as _feature_alpha_dropout_
from ._dropout import feature_dropout as _feature_dropout
from ._dropout import feature_dropout_ as _feature_dropout_
from ._embedding import embedding as embedding
from ._embedding import one_hot as one_hot
from ._embedding_bag import embedding_bag as embedding_bag
from ._interpolation import interpolate as interpolate
from ._interpolation import upsample as upsample
from ._losses import binary_cross_entropy as binary_cross_entropy
from ._losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from ._losses import cosine_embedding_loss as cosine_embedding_loss
from ._losses import gaussian_nll_loss as gaussian_nll_loss
from ._losses import hinge_embedding_loss as hinge_embedding_loss
from ._losses import huber_loss as huber_loss
from ._losses import kl_div as kl_div
from ._losses import l1_loss as l1_loss
from ._losses import margin_ranking_loss as margin_ranking_loss
from ._losses import mse_loss as mse_loss
from ._losses import poisson_nll_loss as poisson_nll_loss
from ._losses import smooth_l1_loss as smooth_l1_loss
from ._losses import soft_margin_loss as soft_margin_loss
from ._losses import triplet_margin_loss as triplet_margin_loss
from ._losses import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from ._multi_head import multi_head_attention_forward as multi_head_attention_forward
from ._normalization import batch_norm as batch_norm
from ._normalization import group_norm as group_norm
from ._normalization import instance_norm as instance_norm
from ._normalization import layer_norm as layer_norm
from ._normalization import local_response_norm as local_response_norm
from ._normalization import normalize as normalize
from ._normalization import rms_norm as rms_norm
from ._padding import channel_shuffle as channel_shuffle
from ._padding import fold as fold
from ._padding import pad as pad
from ._padding import pixel_shuffle as pixel_shuffle
from ._padding import pixel_unshuffle as pixel_unshuffle
from ._padding import unfold as unfold
from ._pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from ._pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from ._pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from ._pooling import adaptive_max_pool1d as adaptive_max_pool1d
from ._pooling import adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices
from ._pooling import adaptive_max_pool2d as adaptive_max_pool2d
from ._pooling import adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices
from ._pooling import adaptive_max_pool3d as adaptive_max_pool3d
from ._pooling import adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices
from ._pooling import avg_pool1d as avg_pool1d
from ._pooling import avg_pool2d as avg_pool2d
from ._pooling import avg_pool3d as avg_pool3d
from ._pooling import lp_pool1d as lp_pool1d
from ._pooling import lp_pool2d as lp_pool2d
from ._pooling import lp_pool3d as lp_pool3d
from ._pooling import max_pool1d as max_pool1d
from ._pooling import max_pool1d_with_indices as max_pool1d_with_indices
from ._pooling import max_pool2d as max_pool2d
from ._pooling import max_pool2d_with_indices as max_pool2d_with_indices
from ._pooling import max_pool3d as max_pool3d
from ._pooling import max_pool3d_with_indices as max_pool3d_with_indices
from ._pooling import max_unpool1d as max_unpool1d
from ._pooling import max_unpool2d as max_unpool2d
from ._pooling import max_unpool3d as max_unpool3d


# ---------------------------------------------------------------- names of the top level and of
# tensors
@_public("softmax")
def _softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, computed in `dtype` if given."""
    return softmax(input, dim, dtype=dtype)


@_public("log_softmax")
def _log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, computed in `dtype` if given."""
    return log_softmax(input, dim, dtype=dtype)


@_public("layer_norm", method=False)
def _layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Tensor:
    """nn.functional.layer_norm."""
    return layer_norm(input, normalized_shape, weight, bias, eps)


@_public("group_norm", method=False)
def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enabled: bool = True,
) -> Tensor:
    """nn.functional.group_norm."""
    return group_norm(input, num_groups, weight, bias, eps)


@_public("batch_norm", method=False)
def _batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, training: bool, momentum: float, eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """nn.functional.batch_norm, with the arguments in the order of `torch.batch_norm`."""
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@_public("instance_norm", method=False)
def _instance_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """nn.functional.instance_norm, with the arguments in the order of `torch.instance_norm`."""
    return instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


_METHODS: tuple[_Callable[..., Tensor], ...] = (prelu, hardshrink)
for _function in _METHODS:
    _public()(_function)
_FUNCTIONS: tuple[_Callable[..., Tensor], ...] = (
    alpha_dropout, bilinear, celu, celu_, channel_shuffle,
    avg_pool1d, adaptive_avg_pool1d, max_pool1d, max_pool2d, max_pool3d,
    max_pool1d_with_indices, conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d,
    conv_transpose3d, cosine_similarity, dropout, feature_alpha_dropout, pairwise_distance, pdist,
    pixel_shuffle, pixel_unshuffle, relu_, rms_norm, rrelu, rrelu_, selu, selu_, threshold,
    threshold_, _cdist, _alpha_dropout_, _dropout_, _feature_alpha_dropout_, _feature_dropout,
    _feature_dropout_,
)  # fmt: skip
for _function in _FUNCTIONS:
    _public(_function.__name__, method=False)(_function)


@_public("embedding", method=False)
def _embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` by number; the row `padding_idx` (-1: none) gets no gradient."""
    row = None if padding_idx < 0 else padding_idx
    return embedding(indices, weight, row, None, 2.0, scale_grad_by_freq, sparse)


def _with_reduction(function: Any) -> None:
    """At the top level, losses take their reduction as a number: 0 none, 1 mean, 2 sum."""

    def call(*args: Any, reduction: int = 0, **named: Any) -> Tensor:
        return function(*args, reduction=("none", "mean", "sum")[reduction], **named)

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = (
        f"nn.functional.{function.__name__} with a number as reduction: 0 none (the default), "
        "1 mean, 2 sum."
    )
    _public(function.__name__, method=False)(call)


_LOSSES: tuple[_Callable[..., Tensor], ...] = (
    binary_cross_entropy_with_logits, cosine_embedding_loss, hinge_embedding_loss, kl_div,
    margin_ranking_loss, poisson_nll_loss, triplet_margin_loss,
)  # fmt: skip
for _function in _LOSSES:
    _with_reduction(_function)


_public("adaptive_max_pool1d", method=False)(adaptive_max_pool1d_with_indices)
