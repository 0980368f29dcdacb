"""`torch.special`: special functions under their names there."""

from __future__ import annotations

import math
from typing import Any

from .functions.pointwise import xlogy as xlogy
from .functions.reductions import logsumexp as logsumexp
from .functions.registry import NAMES
from .tensor import Tensor, wrap
from .trace.recorder import record1

digamma = psi = NAMES["digamma"]
erf, erfc, erfinv = NAMES["erf"], NAMES["erfc"], NAMES["erfinv"]
exp2, expm1, log1p = NAMES["exp2"], NAMES["expm1"], NAMES["log1p"]
expit = NAMES["sigmoid"]
gammaln = NAMES["lgamma"]
logit, round, sinc = NAMES["logit"], NAMES["round"], NAMES["sinc"]


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along an axis."""
    from .nn.functional import softmax as function

    return function(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along an axis."""
    from .nn.functional import log_softmax as function

    return function(input, dim, dtype=dtype)


def polygamma(n: int, input: Tensor) -> Tensor:
    """The derivative of order n of digamma, n >= 0."""
    from .ops import elementwise_rare as rare

    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return digamma(input)
    return wrap(
        record1(rare.TRIGAMMA, input._v) if n == 1 else record1(rare.POLYGAMMA, input._v, (n,))
    )


def xlog1py(input: Any, other: Any) -> Tensor:
    """input * log(1 + other), 0 where input is 0."""
    where = NAMES["where"]
    y = other.log1p() if isinstance(other, Tensor) else math.log1p(other)
    r = input * y
    if isinstance(input, Tensor):
        keep = input == 0
        if isinstance(other, Tensor):
            keep = keep & other.isnan().logical_not()
        return where(keep, 0.0, r)
    return where(other.isnan().logical_not(), 0.0, r) if input == 0 else r


def entr(input: Tensor) -> Tensor:
    """-x log(x); 0 at 0, -inf below."""
    where = NAMES["where"]
    r = where(input == 0, 0.0, -input * input.log())
    return where(input < 0, -math.inf, r)


def ndtr(input: Tensor) -> Tensor:
    """The distribution function of the standard normal distribution."""
    return erfc(input * -math.sqrt(0.5)) * 0.5


def ndtri(input: Tensor) -> Tensor:
    """The inverse of ndtr."""
    return erfinv(input * 2 - 1) * math.sqrt(2.0)


def log_ndtr(input: Tensor) -> Tensor:
    """log(ndtr(x))."""
    return ndtr(input).log()


def multigammaln(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    total: Any = gammaln(input)
    for k in range(1, p):
        total = total + gammaln(input - k / 2)
    return total + p * (p - 1) / 4 * math.log(math.pi)


for _name, _function in (("polygamma", polygamma), ("mvlgamma", multigammaln)):
    NAMES[_name] = _function
Tensor.polygamma = lambda self, n: polygamma(n, self)  # type: ignore[attr-defined]
Tensor.mvlgamma = multigammaln  # type: ignore[attr-defined]
