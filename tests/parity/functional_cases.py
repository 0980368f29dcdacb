"""Calls of nn.functional for comparison with PyTorch: one line each.

A case is (name, call, shapes): `call(t, F, *inputs)` gets the package, its `nn.functional` and
tensors of these shapes, drawn from the normal distribution. A shape with a letter in front draws
otherwise: "p" from (0, 1), "+" from (0.3, 2), "s" signs, "k" whole numbers of kinks: values at
which activations bend. Inputs of class numbers are made by the call, with `labels`.
"""

from __future__ import annotations

import zlib

import numpy as np

KINKS = [-6.0, -3.0, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 20.0, -40.0, 100.0]


def draw(name, shape, position):
    """The values of an input: the same for every package."""
    rng = np.random.default_rng(zlib.crc32(f"{name}{position}".encode()))
    kind = ""
    if shape and isinstance(shape[0], str):
        kind, *shape = shape
    if kind == "k":
        return np.array(KINKS)
    if kind == "p":
        return rng.uniform(0.05, 0.95, shape)
    if kind == "+":
        return rng.uniform(0.3, 2.0, shape)
    if kind == "s":
        return np.sign(rng.normal(size=shape))
    return rng.normal(size=shape)


def labels(t, shape, classes, seed=0):
    """Class numbers: int64 of `shape` below `classes`."""
    return t.tensor(np.random.default_rng(seed).integers(0, classes, shape).tolist())


def _activations():
    calls = {
        "relu": lambda t, F, x: F.relu(x),
        "relu6": lambda t, F, x: F.relu6(x),
        "hardtanh": lambda t, F, x: F.hardtanh(x, -0.5, 2.0),
        "leaky_relu": lambda t, F, x: F.leaky_relu(x),
        "leaky_relu_slope": lambda t, F, x: F.leaky_relu(x, 0.3),
        "threshold": lambda t, F, x: F.threshold(x, 0.5, 20.0),
        "rrelu": lambda t, F, x: F.rrelu(x, 0.1, 0.3),
        "hardsigmoid": lambda t, F, x: F.hardsigmoid(x),
        "hardswish": lambda t, F, x: F.hardswish(x),
        "hardshrink": lambda t, F, x: F.hardshrink(x),
        "softshrink": lambda t, F, x: F.softshrink(x, 0.5),
        "elu": lambda t, F, x: F.elu(x),
        "elu_alpha": lambda t, F, x: F.elu(x, 0.7),
        "selu": lambda t, F, x: F.selu(x),
        "celu": lambda t, F, x: F.celu(x, 0.8),
        "gelu": lambda t, F, x: F.gelu(x),
        "gelu_tanh": lambda t, F, x: F.gelu(x, approximate="tanh"),
        "silu": lambda t, F, x: F.silu(x),
        "mish": lambda t, F, x: F.mish(x),
        "sigmoid": lambda t, F, x: F.sigmoid(x),
        "tanh": lambda t, F, x: F.tanh(x),
        "logsigmoid": lambda t, F, x: F.logsigmoid(x),
        "softplus": lambda t, F, x: F.softplus(x),
        "softplus_beta": lambda t, F, x: F.softplus(x, 2.0, 5.0),
        "softsign": lambda t, F, x: F.softsign(x),
        "tanhshrink": lambda t, F, x: F.tanhshrink(x),
    }
    return [(n, f, [shape]) for n, f in calls.items() for shape in ((3, 4), ("k",))]


def _reduced(name, call, shapes):
    """One case for each reduction; `call` takes the reduction as keyword argument."""

    def case(reduction):
        return lambda t, F, *xs: call(t, F, *xs, reduction=reduction)

    return [(f"{name}-{r}", case(r), shapes) for r in ("none", "mean", "sum")]


ACTIVATIONS = [
    *_activations(),
    ("prelu", lambda t, F, x, w: F.prelu(x, w), [(3, 4, 2), (1,)]),
    ("prelu_channels", lambda t, F, x, w: F.prelu(x, w), [(3, 4, 2), (4,)]),
    ("glu", lambda t, F, x: F.glu(x), [(3, 4)]),
    ("glu_dim", lambda t, F, x: F.glu(x, 0), [(4, 3)]),
    ("softmax", lambda t, F, x: F.softmax(x, 1), [(3, 4)]),
    ("softmax_dim", lambda t, F, x: F.softmax(x * 5, 0), [(3, 4)]),
    ("softmax_0d", lambda t, F, x: F.softmax(x, 0), [()]),
    ("softmax_middle", lambda t, F, x: F.softmax(x, -2), [(2, 3, 4)]),
    ("softmin", lambda t, F, x: F.softmin(x, 1), [(3, 4)]),
    ("log_softmax", lambda t, F, x: F.log_softmax(x * 5, 1), [(3, 4)]),
    ("method_softmax", lambda t, F, x: x.softmax(-1), [(3, 4)]),
    ("top_log_softmax", lambda t, F, x: t.log_softmax(x, 1), [(3, 4)]),
]

_w4 = (4,)
LOSSES = [
    *_reduced("mse", lambda t, F, x, y, **k: F.mse_loss(x, y, **k), [(3, 4), (3, 4)]),
    *_reduced("l1", lambda t, F, x, y, **k: F.l1_loss(x, y, **k), [(3, 4), (3, 4)]),
    *_reduced("smooth_l1", lambda t, F, x, y, **k: F.smooth_l1_loss(x, y, **k), [(9, 4), (9, 4)]),
    *_reduced(
        "smooth_l1_beta",
        lambda t, F, x, y, **k: F.smooth_l1_loss(x, y, beta=0.3, **k),
        [(9, 4), (9, 4)],
    ),
    *_reduced(
        "huber", lambda t, F, x, y, **k: F.huber_loss(x, y, delta=0.7, **k), [(9, 4), (9, 4)]
    ),
    *_reduced("ce", lambda t, F, x, **k: F.cross_entropy(x, labels(t, 5, 4), **k), [(5, 4)]),
    *_reduced("ce_1d", lambda t, F, x, **k: F.cross_entropy(x, labels(t, (), 4), **k), [(4,)]),
    *_reduced(
        "ce_ignore",
        lambda t, F, x, **k: F.cross_entropy(x, labels(t, 5, 4), ignore_index=1, **k),
        [(5, 4)],
    ),
    *_reduced(
        "ce_weight",
        lambda t, F, x, w, **k: F.cross_entropy(x, labels(t, 5, 4), w.detach(), **k),
        [(5, 4), ("+", 4)],
    ),
    *_reduced(
        "ce_smooth",
        lambda t, F, x, **k: F.cross_entropy(x, labels(t, 5, 4), label_smoothing=0.1, **k),
        [(5, 4)],
    ),
    *_reduced(
        "ce_all",
        lambda t, F, x, w, **k: F.cross_entropy(
            x, labels(t, (5, 3), 4), w.detach(), ignore_index=2, label_smoothing=0.2, **k
        ),
        [(5, 4, 3), ("+", 4)],
    ),
    *_reduced(
        "ce_3d", lambda t, F, x, **k: F.cross_entropy(x, labels(t, (5, 3), 4), **k), [(5, 4, 3)]
    ),
    *_reduced(
        "ce_4d",
        lambda t, F, x, **k: F.cross_entropy(x, labels(t, (5, 3, 2), 4), **k),
        [(5, 4, 3, 2)],
    ),
    *_reduced(
        "ce_prob",
        lambda t, F, x, y, **k: F.cross_entropy(x, F.softmax(y, 1), **k),
        [(5, 4), (5, 4)],
    ),
    *_reduced(
        "ce_prob_1d", lambda t, F, x, y, **k: F.cross_entropy(x, F.softmax(y, 0), **k), [(4,), (4,)]
    ),
    *_reduced(
        "ce_prob_all",
        lambda t, F, x, y, w, **k: F.cross_entropy(
            x, F.softmax(y, 1), w.detach(), label_smoothing=0.1, **k
        ),
        [(5, 4, 3), (5, 4, 3), ("+", 4)],
    ),
    *_reduced("nll", lambda t, F, x, **k: F.nll_loss(x, labels(t, 5, 4), **k), [(5, 4)]),
    *_reduced(
        "nll_weight",
        lambda t, F, x, w, **k: F.nll_loss(x, labels(t, 5, 4), w.detach(), ignore_index=0, **k),
        [(5, 4), ("+", 4)],
    ),
    *_reduced(
        "nll_4d", lambda t, F, x, **k: F.nll_loss(x, labels(t, (5, 3, 2), 4), **k), [(5, 4, 3, 2)]
    ),
    *_reduced(
        "bce", lambda t, F, x, y, **k: F.binary_cross_entropy(x, y, **k), [("p", 3, 4), ("p", 3, 4)]
    ),
    *_reduced(
        "bce_weight",
        lambda t, F, x, y, w, **k: F.binary_cross_entropy(x, y, w.detach(), **k),
        [("p", 3, 4), ("p", 3, 4), ("+", 4)],
    ),
    *_reduced(
        "bce_logits",
        lambda t, F, x, y, **k: F.binary_cross_entropy_with_logits(x * 20, y, **k),
        [(3, 4), ("p", 3, 4)],
    ),
    *_reduced(
        "bce_logits_all",
        lambda t, F, x, y, w, p, **k: F.binary_cross_entropy_with_logits(
            x, y, w.detach(), pos_weight=p.detach(), **k
        ),
        [(3, 4), ("p", 3, 4), ("+", 4), ("+", 4)],
    ),
    *_reduced("kl", lambda t, F, x, y, **k: F.kl_div(x, y, **k), [(3, 4), ("p", 3, 4)]),
    *_reduced(
        "kl_log", lambda t, F, x, y, **k: F.kl_div(x, y, log_target=True, **k), [(3, 4), (3, 4)]
    ),
    (
        "kl_batchmean",
        lambda t, F, x, y: F.kl_div(x, y, reduction="batchmean"),
        [(3, 4), ("p", 3, 4)],
    ),
    *_reduced(
        "poisson", lambda t, F, x, y, **k: F.poisson_nll_loss(x, y * 3, **k), [(3, 4), ("+", 3, 4)]
    ),
    *_reduced(
        "poisson_full",
        lambda t, F, x, y, **k: F.poisson_nll_loss(x, y.detach() * 3, False, True, **k),
        [("+", 3, 4), ("+", 3, 4)],
    ),
    *_reduced(
        "gaussian",
        lambda t, F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, **k),
        [(3, 4), (3, 4), ("+", 3, 4)],
    ),
    *_reduced(
        "gaussian_full",
        lambda t, F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, full=True, eps=0.8, **k),
        [(3, 4), (3, 4), ("+", 3, 1)],
    ),
    *_reduced(
        "hinge_embedding",
        lambda t, F, x, y, **k: F.hinge_embedding_loss(x, y.detach(), **k),
        [(3, 4), ("s", 3, 4)],
    ),
    *_reduced(
        "margin_ranking",
        lambda t, F, a, b, y, **k: F.margin_ranking_loss(a, b, y.detach(), 0.2, **k),
        [(7,), (7,), ("s", 7)],
    ),
    *_reduced(
        "cosine_embedding",
        lambda t, F, a, b, y, **k: F.cosine_embedding_loss(a, b, y.detach(), 0.1, **k),
        [(5, 3), (5, 3), ("s", 5)],
    ),
    *_reduced(
        "soft_margin",
        lambda t, F, x, y, **k: F.soft_margin_loss(x, y.detach(), **k),
        [(3, 4), ("s", 3, 4)],
    ),
    *_reduced(
        "triplet",
        lambda t, F, a, p, n, **k: F.triplet_margin_loss(a, p, n, **k),
        [(5, 3), (5, 3), (5, 3)],
    ),
    *_reduced(
        "triplet_swap",
        lambda t, F, a, p, n, **k: F.triplet_margin_loss(a, p, n, 2.0, 3, swap=True, **k),
        [(5, 3), (5, 3), (5, 3)],
    ),
    *_reduced(
        "triplet_distance",
        lambda t, F, a, p, n, **k: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=lambda x, y: (x - y).abs().sum(-1), **k
        ),
        [(5, 3), (5, 3), (5, 3)],
    ),
    *_reduced(
        "multi_margin", lambda t, F, x, **k: F.multi_margin_loss(x, labels(t, 5, 4), **k), [(5, 4)]
    ),
    *_reduced(
        "multi_margin_all",
        lambda t, F, x, w, **k: F.multi_margin_loss(x, labels(t, 5, 4), 2, 0.7, w.detach(), **k),
        [(5, 4), ("+", 4)],
    ),
    *_reduced(
        "multi_margin_1d",
        lambda t, F, x, **k: F.multi_margin_loss(x, labels(t, (), 4), **k),
        [(4,)],
    ),
    *_reduced(
        "multilabel_margin",
        lambda t, F, x, **k: F.multilabel_margin_loss(
            x, t.tensor([[1, 3, -1, 0], [2, -1, 1, 1], [0, 1, 2, 3]]), **k
        ),
        [(3, 4)],
    ),
    *_reduced(
        "multilabel_margin_1d",
        lambda t, F, x, **k: F.multilabel_margin_loss(x, t.tensor([1, 3, -1, 0]), **k),
        [(4,)],
    ),
    *_reduced(
        "multilabel_soft_margin",
        lambda t, F, x, y, **k: F.multilabel_soft_margin_loss(x, y, **k),
        [(3, 4), ("p", 3, 4)],
    ),
    *_reduced(
        "multilabel_soft_margin_w",
        lambda t, F, x, y, w, **k: F.multilabel_soft_margin_loss(x, y, w.detach(), **k),
        [(3, 4), ("p", 3, 4), ("+", 4)],
    ),
]

NORMALISATIONS = [
    ("layer_norm", lambda t, F, x, w, b: F.layer_norm(x, (4,), w, b), [(3, 4), (4,), (4,)]),
    ("layer_norm_two", lambda t, F, x: F.layer_norm(x, [3, 4], eps=0.1), [(2, 3, 4)]),
    ("layer_norm_weight", lambda t, F, x, w: F.layer_norm(x, (4,), w), [(2, 3, 4), (4,)]),
    ("rms_norm", lambda t, F, x, w: F.rms_norm(x, (4,), w), [(2, 3, 4), (4,)]),
    ("rms_norm_eps", lambda t, F, x: F.rms_norm(x, (3, 4), eps=0.1), [(2, 3, 4)]),
    (
        "batch_norm",
        lambda t, F, x, w, b: F.batch_norm(x, None, None, w, b, True),
        [(5, 3), (3,), (3,)],
    ),
    (
        "batch_norm_4d",
        lambda t, F, x, w: F.batch_norm(x, None, None, w, None, True),
        [(5, 3, 2, 2), (3,)],
    ),
    (
        "batch_norm_running",
        lambda t, F, x, m, v, w: F.batch_norm(x, m.detach(), v.detach(), w, None, False),
        [(5, 3, 2), (3,), ("+", 3), (3,)],
    ),
    ("group_norm", lambda t, F, x, w, b: F.group_norm(x, 2, w, b), [(3, 4, 5), (4,), (4,)]),
    ("group_norm_2d", lambda t, F, x: F.group_norm(x, 2), [(3, 8)]),
    ("instance_norm", lambda t, F, x: F.instance_norm(x), [(3, 2, 5)]),
    (
        "instance_norm_w",
        lambda t, F, x, w, b: F.instance_norm(x, weight=w, bias=b),
        [(3, 2, 5), (2,), (2,)],
    ),
    ("local_response_norm", lambda t, F, x: F.local_response_norm(x, 3, 0.5), [(2, 5, 4)]),
    (
        "local_response_norm_even",
        lambda t, F, x: F.local_response_norm(x, 2, 0.5, 0.6, 2.0),
        [(2, 5, 4, 2)],
    ),
    ("normalize", lambda t, F, x: F.normalize(x), [(3, 4)]),
    ("normalize_1", lambda t, F, x: F.normalize(x, 1.0, 0), [(3, 4)]),
]

_q, _k = (2, 3, 4, 5), (2, 3, 6, 5)
OTHERS = [
    ("linear", lambda t, F, x, w, b: F.linear(x, w, b), [(3, 4), (2, 4), (2,)]),
    (
        "bilinear",
        lambda t, F, x, y, w, b: F.bilinear(x, y, w, b),
        [(5, 3), (5, 4), (2, 3, 4), (2,)],
    ),
    ("bilinear_lead", lambda t, F, x, y, w: F.bilinear(x, y, w), [(2, 5, 3), (2, 5, 4), (2, 3, 4)]),
    ("embedding", lambda t, F, w: F.embedding(labels(t, (2, 3), 5), w), [(5, 4)]),
    ("embedding_padding", lambda t, F, w: F.embedding(labels(t, (2, 3), 5), w, -1), [(5, 4)]),
    ("embedding_padding_2", lambda t, F, w: F.embedding(t.tensor([1, 2, 2, 0]), w, 2), [(5, 4)]),
    (
        "embedding_freq",
        lambda t, F, w: F.embedding(t.tensor([1, 2, 2, 0]), w, scale_grad_by_freq=True),
        [(5, 4)],
    ),
    ("cosine_similarity", lambda t, F, x, y: F.cosine_similarity(x, y), [(3, 4), (3, 4)]),
    (
        "cosine_similarity_b",
        lambda t, F, x, y: F.cosine_similarity(x, y, -1, 2.0),
        [(3, 1, 4), (2, 4)],
    ),
    ("pairwise_distance", lambda t, F, x, y: F.pairwise_distance(x, y), [(3, 4), (3, 4)]),
    (
        "pairwise_distance_1",
        lambda t, F, x, y: F.pairwise_distance(x, y, 1.0, keepdim=True),
        [(3, 4), (4,)],
    ),
    ("pdist", lambda t, F, x: F.pdist(x), [(4, 3)]),
    ("cdist", lambda t, F, x, y: t.cdist(x, y), [(3, 4), (5, 4)]),
    ("cdist_batch", lambda t, F, x, y: t.cdist(x, y, 1.0), [(2, 3, 4), (2, 5, 4)]),
    ("cdist_3", lambda t, F, x, y: t.cdist(x, y, 3.0), [(3, 4), (5, 4)]),
    ("pad", lambda t, F, x: F.pad(x, (1, 2, 0, 1), value=3.0), [(3, 4)]),
    ("pad_crop", lambda t, F, x: F.pad(x, (-1, 2)), [(3, 4)]),
    ("pad_reflect_1", lambda t, F, x: F.pad(x, (1, 2), "reflect"), [(2, 3, 4)]),
    ("pad_reflect_2", lambda t, F, x: F.pad(x, (1, 2, 2, 1), "reflect"), [(2, 2, 3, 4)]),
    ("pad_replicate_1", lambda t, F, x: F.pad(x, (3, 2), "replicate"), [(3, 4)]),
    (
        "pad_replicate_3",
        lambda t, F, x: F.pad(x, (1, 1, 0, 2, 1, 0), "replicate"),
        [(2, 2, 2, 3, 4)],
    ),
    ("pad_circular", lambda t, F, x: F.pad(x, (1, 2, 2, 0), "circular"), [(2, 2, 3, 4)]),
    ("pixel_shuffle", lambda t, F, x: F.pixel_shuffle(x, 2), [(2, 8, 3, 2)]),
    ("pixel_unshuffle", lambda t, F, x: F.pixel_unshuffle(x, 2), [(2, 2, 4, 6)]),
    ("channel_shuffle", lambda t, F, x: F.channel_shuffle(x, 3), [(2, 6, 2)]),
    ("unfold", lambda t, F, x: F.unfold(x, (2, 3), padding=1, stride=(2, 1)), [(2, 3, 4, 5)]),
    ("unfold_dilated", lambda t, F, x: F.unfold(x, 2, dilation=2), [(3, 5, 5)]),
    ("fold", lambda t, F, x: F.fold(x, (4, 5), 2, padding=1, stride=2), [(2, 12, 9)]),
    ("attention", lambda t, F, q, k, v: F.scaled_dot_product_attention(q, k, v), [_q, _k, _k]),
    (
        "attention_causal",
        lambda t, F, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3),
        [_q, _q, _q],
    ),
    (
        "attention_mask",
        lambda t, F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m.detach()),
        [_q, _k, _k, (4, 6)],
    ),
    (
        "attention_bool",
        lambda t, F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m > 0.5),
        [_q, _k, _k, (2, 1, 4, 6)],
    ),
    (
        "attention_gqa",
        lambda t, F, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        [(2, 4, 3, 5), (2, 2, 6, 5), (2, 2, 6, 5)],
    ),
]

CASES = [*ACTIVATIONS, *LOSSES, *NORMALISATIONS, *OTHERS]
