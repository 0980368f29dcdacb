"""Facula: a deep-learning framework with PyTorch's interface, recorded and compiled behind the
scenes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .devices import device as device
from .dtypes import bfloat16 as bfloat16
from .dtypes import bool_ as _bool
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
from .dtypes import uint8 as uint8
from .functions.legacy import BY_NAME as _TYPED
from .functions.registry import NAMES as _NAMES
from .generator import Generator as Generator
from .generator import default_generator as default_generator
from .layouts import channels_last as channels_last
from .layouts import channels_last_3d as channels_last_3d
from .layouts import contiguous_format as contiguous_format
from .layouts import layout as layout
from .layouts import memory_format as memory_format
from .layouts import preserve_format as preserve_format
from .layouts import sparse_coo as sparse_coo
from .layouts import sparse_csr as sparse_csr
from .layouts import strided as strided
from .settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
)
from .settings import get_default_device as get_default_device
from .settings import get_deterministic_debug_mode as get_deterministic_debug_mode
from .settings import get_float32_matmul_precision as get_float32_matmul_precision
from .settings import get_num_interop_threads as get_num_interop_threads
from .settings import get_num_threads as get_num_threads
from .settings import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from .settings import is_storage as is_storage
from .settings import is_warn_always_enabled as is_warn_always_enabled
from .settings import set_default_device as set_default_device
from .settings import set_default_dtype as set_default_dtype
from .settings import set_default_tensor_type as set_default_tensor_type
from .settings import set_deterministic_debug_mode as set_deterministic_debug_mode
from .settings import set_float32_matmul_precision as set_float32_matmul_precision
from .settings import set_flush_denormal as set_flush_denormal
from .settings import set_num_interop_threads as set_num_interop_threads
from .settings import set_num_threads as set_num_threads
from .settings import set_warn_always as set_warn_always
from .settings import typename as typename
from .settings import use_deterministic_algorithms as use_deterministic_algorithms
from .tensor import Size as Size
from .tensor import Tensor as Tensor
from .tensor_text import set_printoptions as set_printoptions
from .version import __version__ as __version__

half, double, long, short = float16, float64, int64, int16
float, int, cfloat, cdouble, bool = float32, int32, complex64, complex128, _bool
inf, nan, pi, e = 1e999, 1e999 * 0, 3.141592653589793, 2.718281828459045
newaxis = None

from . import accelerator as accelerator  # noqa: E402
from . import autograd as autograd  # noqa: E402
from . import backends as backends  # noqa: E402
from . import cuda as cuda  # noqa: E402
from . import linalg as linalg  # noqa: E402
from . import nn as nn  # noqa: E402
from . import optim as optim  # noqa: E402
from . import profiler as profiler  # noqa: E402
from . import random as random  # noqa: E402
from . import serialization as serialization  # noqa: E402
from . import special as special  # noqa: E402
from . import testing as testing  # noqa: E402
from . import utils as utils  # noqa: E402
from . import version as version  # noqa: E402
from .autograd import enable_grad as enable_grad  # noqa: E402
from .autograd import gradcheck as _gradcheck  # noqa: E402, F401  (before the module of that name is)
from .autograd import inference_mode as inference_mode  # noqa: E402
from .autograd import is_grad_enabled as is_grad_enabled  # noqa: E402
from .autograd import is_inference_mode_enabled as is_inference_mode_enabled  # noqa: E402
from .autograd import no_grad as no_grad  # noqa: E402
from .autograd import set_grad_enabled as set_grad_enabled  # noqa: E402
from .capture import compile as compile  # noqa: E402
from .serialization import load as load  # noqa: E402
from .serialization import save as save  # noqa: E402

globals().update(_TYPED)
globals().update(_NAMES)  # after nn, which publishes functions too
OutOfMemoryError = cuda.OutOfMemoryError

if TYPE_CHECKING:
    # What facula/functions publishes. Without annotations: mypy meets them too early, as the
    # modules below import this one. The function `tensor` hides the module of that name.
    def __getattr__(name): ...  # type: ignore[no-untyped-def]

    tensor: Any
