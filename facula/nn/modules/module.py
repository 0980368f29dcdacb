"""The path under which PyTorch keeps the hooks for all modules."""

from .._hooks import register_module_backward_hook as register_module_backward_hook
from .._hooks import (
    register_module_buffer_registration_hook as register_module_buffer_registration_hook,
)
from .._hooks import register_module_forward_hook as register_module_forward_hook
from .._hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from .._hooks import register_module_full_backward_hook as register_module_full_backward_hook
from .._hooks import (
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from .._hooks import (
    register_module_module_registration_hook as register_module_module_registration_hook,
)
from .._hooks import (
    register_module_parameter_registration_hook as register_module_parameter_registration_hook,
)
from .._state import _IncompatibleKeys as _IncompatibleKeys
from ..module import Module as Module
