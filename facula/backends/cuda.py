"""`torch.backends.cuda`: flags that programs set, kept and without effect; there is no CUDA."""

from __future__ import annotations


class _Matmul:
    """Flags of matrix products on GPUs."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Matmul()
_enabled = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Whether this build supports CUDA: no."""
    return False


def flash_sdp_enabled() -> bool:
    """What enable_flash_sdp was given."""
    return _enabled["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Kept, without effect."""
    _enabled["flash"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """What enable_mem_efficient_sdp was given."""
    return _enabled["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Kept, without effect."""
    _enabled["mem_efficient"] = enabled


def math_sdp_enabled() -> bool:
    """What enable_math_sdp was given."""
    return _enabled["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Kept, without effect."""
    _enabled["math"] = enabled


def cudnn_sdp_enabled() -> bool:
    """What enable_cudnn_sdp was given."""
    return _enabled["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Kept, without effect."""
    _enabled["cudnn"] = enabled
