"""Attention with several heads: projections around scaled_dot_product_attention."""

from __future__ import annotations

import math
from typing import Any

import facula

from ..dtypes import bool_
from ..functions.linear import linear
from ..tensor import Tensor
from ._attention import scaled_dot_product_attention
from ._dropout import dropout


def _additive(mask: Any, name: str, like: Tensor) -> Any:
    """A mask as numbers that are added: bool True becomes minus infinity."""
    if mask is None:
        return None
    if mask.dtype is bool_:
        return facula.zeros(mask.shape, dtype=like.dtype).masked_fill_(mask, -math.inf)
    if not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask


def _check_shapes(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int) -> bool:
    """Whether there is a batch. Raises AssertionError for ranks that don't fit together."""
    if query.dim() == 3:
        what, n, batched = "batched (3-D)", 3, True
    elif query.dim() == 2:
        what, n, batched = "unbatched (2-D)", 2, False
    else:
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query "
            "tensor"
        )
    assert key.dim() == n and value.dim() == n, (
        f"For {what} `query`, expected `key` and `value` to be {n}-D but found {key.dim()}-D and "
        f"{value.dim()}-D tensors respectively"
    )
    if padding is not None:
        assert padding.dim() == n - 1, (
            f"For {what} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
            f"{padding.dim()}-D tensor instead"
        )
    if mask is not None:
        assert mask.dim() in (2, 3), (
            f"For {what} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
            f"{mask.dim()}-D tensor instead"
        )
        if not batched and mask.dim() == 3:
            expected = (heads, query.shape[0], key.shape[0])
            assert tuple(mask.shape) == expected, (
                f"Expected `attn_mask` shape to be {expected} but got {mask.shape}"
            )
    return batched


def _projected(
    query: Any, key: Any, value: Any, weight: Any, bias: Any, separate: Any
) -> tuple[Any, Any, Any]:
    """Query, key and value times their weights."""
    if separate is not None:
        biases = (None, None, None) if bias is None else bias.chunk(3)
        return tuple(
            linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases, strict=True)
        )
    e = weight.shape[1]
    if key is value:
        if query is key:
            return tuple(linear(query, weight, bias).chunk(3, -1))
        first, rest = None, None
        if bias is not None:
            first, rest = bias[:e], bias[e:]
        q = linear(query, weight[:e], first)
        k, v = linear(key, weight[e:], rest).chunk(2, -1)
        return q, k, v
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return tuple(
        linear(x, w, b)
        for x, w, b in zip((query, key, value), weight.chunk(3), biases, strict=True)
    )


def _attention_mask(mask: Any, length: int, width: int, batch: int, heads: int) -> Any:
    """The mask with an axis for batch and heads. Raises RuntimeError for another shape."""
    if mask.dim() == 2:
        if tuple(mask.shape) != (length, width):
            raise RuntimeError(
                f"The shape of the 2D attn_mask is {mask.shape}, but should be {(length, width)}."
            )
        return mask.unsqueeze(0)
    expected = (batch * heads, length, width)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the 3D attn_mask is {mask.shape}, but should be {expected}."
        )
    return mask


def _check_sizes(query: Any, key: Any, value: Any, embed: int, heads: int, separate: bool) -> None:
    assert query.shape[-1] == embed, (
        f"was expecting embedding dimension of {embed}, but got {query.shape[-1]}"
    )
    assert embed // heads * heads == embed, f"embed_dim {embed} not divisible by num_heads {heads}"
    if separate:
        assert key.shape[:2] == value.shape[:2], (
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    else:
        assert key.shape == value.shape, (
            f"key shape {key.shape} does not match value shape {value.shape}"
        )


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None,
    bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor,
    out_proj_bias: Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None,
    need_weights: bool = True, attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None, static_v: Tensor | None = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention with `num_heads` heads over projections of query (L, N, E), key and value (S,
    N, *).

    Returns (result (L, N, E), weights (N, L, S), or (N, heads, L, S) if they are not averaged,
    or None). attn_mask (L, S) or (N * heads, L, S) and key_padding_mask (N, S): bool (True:
    does not take part) or numbers that are added. Without N everything has an axis less.
    in_proj_weight (3 E, E), or the three weights of their own. bias_k, bias_v: one more key and
    value; add_zero_attn: one of zeros.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    q_in, k_in, v_in = query, key, value
    if not batched:
        q_in = query.unsqueeze(1)
        k_in = q_in if key is query else key.unsqueeze(1)
        v_in = k_in if value is key else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, embed = q_in.shape
    _check_sizes(q_in, k_in, v_in, embed_dim_to_check, num_heads, use_separate_proj_weight)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    padding = _additive(key_padding_mask, "key_padding_mask", query)
    if is_causal and padding is None and not need_weights:
        mask = None
    else:
        mask, is_causal = _additive(attn_mask, "attn_mask", query), False
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projected(q_in, k_in, v_in, in_proj_weight, in_proj_bias, separate)
    if mask is not None:
        mask = _attention_mask(mask, length, k.shape[0], batch, num_heads)
    k, v, mask, padding = _more_keys(k, v, mask, padding, bias_k, bias_v)
    width = embed // num_heads

    def split(x: Any) -> Any:  # (S, N, E) -> (N * heads, S, E / heads)
        return x.reshape(x.shape[0], batch * num_heads, width).transpose(0, 1)

    q = split(q)
    k = split(k) if static_k is None else static_k
    v = split(v) if static_v is None else static_v
    if add_zero_attn:
        zeros = facula.zeros((batch * num_heads, 1, width), dtype=k.dtype)
        k, v = facula.cat([k, zeros], 1), facula.cat([v, zeros], 1)
        mask, padding = _wider(mask), _wider(padding)
    keys = k.shape[1]
    if padding is not None:
        assert tuple(padding.shape) == (batch, keys), (
            f"Expected key_padded_mask.shape[{int(padding.shape[0] == batch)}] to be "
            f"{keys if padding.shape[0] == batch else batch}, but got "
            f"{padding.shape[1] if padding.shape[0] == batch else padding.shape[0]}"
        )
        padding = padding.reshape(batch, 1, 1, keys).expand(-1, num_heads, -1, -1)
        padding = padding.reshape(batch * num_heads, 1, keys)
        mask = padding if mask is None else mask + padding
    out, weights = _heads(
        q, k, v, mask, dropout_p if training else 0.0, need_weights, is_causal, batch
    )
    out = out.transpose(0, 1).reshape(length, batch, embed)
    out = linear(out, out_proj_weight, out_proj_bias)
    if weights is not None:
        weights = weights.reshape(batch, num_heads, length, keys)
        if average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            weights = weights.squeeze(0)
    return (out if batched else out.squeeze(1)), weights


def _wider(mask: Any) -> Any:
    """One key more, which is seen."""
    from ._padding import pad

    return None if mask is None else pad(mask, (0, 1))


def _more_keys(
    k: Any, v: Any, mask: Any, padding: Any, bias_k: Any, bias_v: Any
) -> tuple[Any, ...]:
    if bias_k is None or bias_v is None:
        return k, v, mask, padding
    batch = k.shape[1]
    k = facula.cat([k, bias_k.repeat(1, batch, 1)])
    v = facula.cat([v, bias_v.repeat(1, batch, 1)])
    return k, v, _wider(mask), _wider(padding)


def _heads(
    q: Any, k: Any, v: Any, mask: Any, p: float, need_weights: bool, is_causal: bool, batch: int
) -> tuple[Any, Any]:
    """(results (N * heads, L, width), weights or None)."""
    if need_weights:
        scores = (q * math.sqrt(1.0 / q.shape[2])) @ k.transpose(-2, -1)
        if mask is not None:
            scores = scores + mask
        weights = scores.softmax(-1)
        if p > 0.0:
            weights = dropout(weights, p)
        return weights @ v, weights
    shape = (batch, -1, *q.shape[1:])
    if mask is not None:
        mask = mask.unsqueeze(0) if mask.shape[0] == 1 else mask.reshape(batch, -1, *mask.shape[1:])
    keys = (batch, -1, *k.shape[1:])
    out: Any = scaled_dot_product_attention(
        q.reshape(shape), k.reshape(keys), v.reshape(keys), mask, p, is_causal
    )
    return out.reshape(q.shape), None
