"""PyTorch's path to the same layers: `torch.nn.modules.linear.Linear`,
`torch.nn.modules.module.Module`.

The files lie one folder up; here are only their names, so that imports by the long path find them.
"""

import sys

from .. import activation as activation
from .. import attention as attention
from .. import batchnorm as batchnorm
from .. import containers as containers
from .. import conv as conv
from .. import dropout as dropout
from .. import flatten as flatten
from .. import linear as linear
from .. import loss as loss
from .. import normalization as normalization
from .. import padding as padding
from .. import pixelshuffle as pixelshuffle
from .. import pooling as pooling
from .. import rnn as rnn
from .. import sparse as sparse
from .. import transformer as transformer
from .. import upsampling as upsampling
from ..activation import *  # noqa: F401, F403
from ..attention import *  # noqa: F401, F403
from ..batchnorm import *  # noqa: F401, F403
from ..containers import *  # noqa: F401, F403
from ..conv import *  # noqa: F401, F403
from ..dropout import *  # noqa: F401, F403
from ..flatten import *  # noqa: F401, F403
from ..linear import *  # noqa: F401, F403
from ..loss import *  # noqa: F401, F403
from ..module import Module as Module
from ..normalization import *  # noqa: F401, F403
from ..padding import *  # noqa: F401, F403
from ..pixelshuffle import *  # noqa: F401, F403
from ..pooling import *  # noqa: F401, F403
from ..rnn import *  # noqa: F401, F403
from ..sparse import *  # noqa: F401, F403
from ..transformer import *  # noqa: F401, F403
from ..upsampling import *  # noqa: F401, F403
from . import module as module
from . import utils as utils

# PyTorch's file -> where its layers are here
_FILES = {
    "activation": activation,
    "batchnorm": batchnorm,
    "channelshuffle": pixelshuffle,
    "container": containers,
    "conv": conv,
    "distance": loss,
    "dropout": dropout,
    "flatten": flatten,
    "fold": pixelshuffle,
    "instancenorm": batchnorm,
    "linear": linear,
    "loss": loss,
    "normalization": normalization,
    "padding": padding,
    "pixelshuffle": pixelshuffle,
    "pooling": pooling,
    "rnn": rnn,
    "sparse": sparse,
    "transformer": transformer,
    "upsampling": upsampling,
}
for _name, _module in _FILES.items():
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = _module
