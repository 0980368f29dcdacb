"""PyTorch's path to the same layers: `torch.nn.modules.linear.Linear`,
`torch.nn.modules.module.Module`.

The files lie one folder up; here are only their names, so that imports by the long path find them.
"""

import sys

from .. import activation as activation
from .. import containers as containers
from .. import dropout as dropout
from .. import flatten as flatten
from .. import linear as linear
from .. import loss as loss
from ..activation import *  # noqa: F403
from ..containers import *  # noqa: F401, F403
from ..dropout import *  # noqa: F403
from ..flatten import *  # noqa: F403
from ..linear import *  # noqa: F403
from ..loss import *  # noqa: F403
from ..module import Module as Module
from . import module as module

container = containers
for _name in ("activation", "container", "dropout", "flatten", "linear", "loss"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name]
