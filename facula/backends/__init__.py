"""`torch.backends`: which libraries there are, and switches that programs set.

Flags of libraries that are not here are kept and have no effect: results do not depend on them.
"""

from __future__ import annotations

from . import cpu as cpu
from . import cuda as cuda
from . import cudnn as cudnn
from . import mkl as mkl
from . import mkldnn as mkldnn
from . import mps as mps
from . import openmp as openmp
