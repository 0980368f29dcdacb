"""`torch.FloatTensor` and its kin: constructors by dtype that also serve `isinstance` and
`Tensor.type`.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import BY_NAME as DTYPES
from ..dtypes import dtype
from ..tensor import Size, Tensor, from_array
from .array_data import to_numpy
from .creation import shape_of


class _Typed(type):
    dtype: dtype

    def __call__(cls, *args: Any, device: Any = None) -> Tensor:
        """A tensor of the class's dtype: of data, or of sizes with contents not to be relied on."""
        import numpy as np

        if len(args) == 1 and not isinstance(args[0], int):
            data = args[0]
            if isinstance(data, Size):
                return from_array(np.zeros(tuple(data), cls.dtype.np), cls.dtype)
            if isinstance(data, Tensor):
                if data.dtype is not cls.dtype:
                    raise TypeError(f"expected {cls.dtype!r} (got {data.dtype!r})")
                return data.detach()
            return from_array(to_numpy(data, cls.dtype), cls.dtype)
        shape = shape_of(args) if args else (0,)
        return from_array(np.zeros(shape, cls.dtype.np), cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


BY_NAME: dict[str, Any] = {
    f"{name}Tensor": _Typed(
        f"{name}Tensor", (), {"dtype": DTYPES[kind], "__doc__": f"Tensors of {kind}."}
    )
    for name, kind in (
        ("Float", "float32"),
        ("Double", "float64"),
        ("Half", "float16"),
        ("BFloat16", "bfloat16"),
        ("Long", "int64"),
        ("Int", "int32"),
        ("Short", "int16"),
        ("Char", "int8"),
        ("Byte", "uint8"),
        ("Bool", "bool"),
    )
}
