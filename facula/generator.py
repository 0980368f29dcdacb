"""`torch.Generator`: a seeded source of random numbers with PyTorch's sequence, errors and state.

A generator only holds the engine; the distributions are functions over the engine in
`facula.runtime.random`. States are NumPy arrays here: the layer above wraps them in tensors.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import devices

if TYPE_CHECKING:
    import numpy as np

    from .runtime.random_engine import MersenneTwister

DEFAULT_SEED = 67280421310721


class Generator:
    """A source of random numbers on the CPU: ``Generator()``, ``Generator(device="cpu")``.

    The sequence for a seed is PyTorch's. Raises RuntimeError for a device that has no generator.
    """

    # Weakly referenced by those who key caches on it, as PyTorch's is.
    __slots__ = ("_engine", "_initial", "__weakref__")

    def __init__(self, device: str | devices.device | int | None = None) -> None:
        where = devices.cpu if device is None else devices.device(device)
        if where.type != "cpu":
            raise RuntimeError(
                f"Generator: device type {where.type} has no generator here, only cpu"
            )
        self._engine: MersenneTwister | None = None
        self._initial = DEFAULT_SEED

    @property
    def engine(self) -> MersenneTwister:
        """The engine, made at the first use: NumPy's random module takes time to import."""
        if self._engine is None:
            from .runtime.random_engine import MersenneTwister

            self._engine = MersenneTwister(self._initial)
        return self._engine

    @property
    def device(self) -> devices.device:
        """The device of the generator: always the CPU."""
        return devices.cpu

    def manual_seed(self, seed: int) -> Generator:
        """Starts the sequence of `seed`, from -2**63 to 2**64 - 1, and returns the generator.

        A negative seed stands for seed + 2**64. Raises RuntimeError for what is no int and
        ValueError for an int out of range.
        """
        if isinstance(seed, bool) or not hasattr(type(seed), "__index__"):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._reseed(_seed64(seed.__index__()))
        return self

    def seed(self) -> int:
        """Starts the sequence of a seed that the operating system chose, and returns that seed."""
        value = nondeterministic_seed()
        self._reseed(value)
        return value

    def initial_seed(self) -> int:
        """The seed of the present sequence, from 0 to 2**64 - 1."""
        return self._initial if self._engine is None else self._engine.seed

    def _reseed(self, seed: int) -> None:
        self._initial = seed
        if self._engine is not None:
            self._engine.reseed(seed)

    def clone_state(self) -> Generator:
        """A new generator in the same state."""
        other = Generator()
        other._initial = self._initial
        other._engine = None if self._engine is None else self._engine.copy()
        return other

    def _get_state_array(self) -> np.ndarray:
        """The state as bytes in the layout of torch.get_rng_state(): uint8 (5056,)."""
        return self.engine.get_state()

    def _set_state_array(self, state: np.ndarray) -> None:
        """Restores a state. TypeError: not uint8; RuntimeError: wrong size or invalid contents."""
        self.engine.set_state(state)

    def __copy__(self) -> Generator:
        return self.clone_state()

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return self.clone_state()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._get_state_array().tobytes(),)


def _restored(state: bytes) -> Generator:
    import numpy as np

    generator = Generator()
    generator._set_state_array(np.frombuffer(state, np.uint8))
    return generator


def _seed64(seed: int) -> int:
    """The seed in 64 bits without a sign, as PyTorch keeps it. ValueError if out of range."""
    if not -(1 << 63) <= seed < 1 << 64:
        raise ValueError("Overflow when unpacking long long")
    return seed & 0xFFFFFFFFFFFFFFFF


def nondeterministic_seed() -> int:
    """A seed of 64 bits from the operating system."""
    return int.from_bytes(os.urandom(8), "little")


default_generator = Generator()
default_generator.seed()


def manual_seed(seed: Any) -> Generator:
    """Seeds the default generator with `int(seed)` and returns it. ValueError if out of range."""
    default_generator._reseed(_seed64(int(seed)))
    return default_generator


def seed() -> int:
    """Seeds the default generator from the operating system and returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator's present sequence."""
    return default_generator.initial_seed()
