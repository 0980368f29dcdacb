"""The functions and methods on tensors; importing this package attaches them all."""

from ..autograd import functional as _functional  # noqa: F401  (attaches the methods of gradients)
from ..autograd import hooks as _hooks  # noqa: F401
from . import comparison as comparison
from . import complex_parts as complex_parts
from . import conversion as conversion
from . import creation as creation
from . import indexing as indexing
from . import legacy as legacy
from . import linear as linear
from . import numeric as numeric
from . import operators as operators
from . import ordering as ordering
from . import pointwise as pointwise
from . import random as random
from . import rearranging as rearranging
from . import reductions as reductions
from . import searching as searching
from . import shape as shape
from . import weighted as weighted
from . import windows as windows
