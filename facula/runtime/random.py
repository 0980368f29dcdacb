"""Random numbers on the CPU: the same as PyTorch's for the same seed. This page is the catalogue.

Each function takes the engine first and consumes exactly the words that PyTorch would.
"""

from .random_engine import MersenneTwister as MersenneTwister
from .random_normal import normal as normal
from .random_uniform import bernoulli as bernoulli
from .random_uniform import bernoulli_of as bernoulli_of
from .random_uniform import randint as randint
from .random_uniform import random as random
from .random_uniform import randperm as randperm
from .random_uniform import uniform as uniform
