"""The functions and methods on tensors; importing this package attaches them all."""

from . import creation as creation
from . import indexing as indexing
from . import linear as linear
from . import pointwise as pointwise
from . import random as random
from . import reductions as reductions
from . import shape as shape
