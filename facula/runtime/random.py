"""Random numbers on the CPU: the same as PyTorch's for the same seed. This page is the catalogue.

Each function takes the engine first and consumes exactly the words that PyTorch would.
"""

from .random_distributions import binomial as binomial
from .random_distributions import cauchy as cauchy
from .random_distributions import data_loader_seed as data_loader_seed
from .random_distributions import exponential as exponential
from .random_distributions import geometric as geometric
from .random_distributions import log_normal as log_normal
from .random_distributions import multinomial as multinomial
from .random_distributions import poisson as poisson
from .random_engine import MersenneTwister as MersenneTwister
from .random_normal import normal as normal
from .random_uniform import bernoulli as bernoulli
from .random_uniform import bernoulli_of as bernoulli_of
from .random_uniform import randint as randint
from .random_uniform import random as random
from .random_uniform import randperm as randperm
from .random_uniform import uniform as uniform
