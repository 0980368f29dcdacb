"""Facula: a deep-learning framework with PyTorch's interface, recorded and compiled behind the scenes."""

from __future__ import annotations

from typing import Any

from . import functions as _functions
from .devices import device as device
from .dtypes import bfloat16 as bfloat16
from .dtypes import bool_ as bool
from .dtypes import complex64 as complex64
from .dtypes import complex128 as complex128
from .dtypes import dtype as dtype
from .dtypes import finfo as finfo
from .dtypes import float16 as float16
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import iinfo as iinfo
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import set_default_dtype as set_default_dtype
from .dtypes import uint8 as uint8
from .functions.registry import NAMES as _NAMES
from .generator import Generator as Generator
from .generator import default_generator as default_generator
from .tensor import Size as Size
from .tensor import Tensor as Tensor
from .tensor_text import printoptions as _printoptions
from .tensor_text import set_printoptions as set_printoptions
from .version import __version__ as __version__

half, double, long, short = float16, float64, int64, int16
float, int, cfloat, cdouble = float32, int32, complex64, complex128
inf, nan, pi, e = 1e999, 1e999 * 0, 3.141592653589793, 2.718281828459045
newaxis = None

from . import autograd as autograd  # noqa: E402
from . import nn as nn  # noqa: E402
from . import optim as optim  # noqa: E402
from . import serialization as serialization  # noqa: E402
from . import utils as utils  # noqa: E402
from .autograd import enable_grad as enable_grad  # noqa: E402
from .autograd import inference_mode as inference_mode  # noqa: E402
from .autograd import is_grad_enabled as is_grad_enabled  # noqa: E402
from .autograd import is_inference_mode_enabled as is_inference_mode_enabled  # noqa: E402
from .autograd import no_grad as no_grad  # noqa: E402
from .autograd import set_grad_enabled as set_grad_enabled  # noqa: E402
from .serialization import load as load  # noqa: E402
from .serialization import save as save  # noqa: E402

globals().update(_NAMES)  # after nn, which publishes functions too
_ = (_functions, _printoptions, Any)
