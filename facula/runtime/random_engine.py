"""The source of random words: MT19937 with PyTorch's seeding, word order and state layout.

Every distribution draws its words here, and consumes exactly as many as PyTorch's does, so that a
sequence of mixed draws agrees from one end to the other. NumPy's bit generator makes the words; this
class keeps the current block of 624 already tempered, because most draws are small and a slice of that
block costs far less than a call into the bit generator.
"""

from __future__ import annotations

import ctypes
import threading

import numpy as np
from numpy.random import MT19937, Generator

BLOCK = 624
STATE_BYTES = 5056  # the layout that torch.get_rng_state() has kept since its first versions
_STATE_ITEMS = STATE_BYTES // 8
_WORDS_AT, _NORMAL_AT, _VALID_AT, _FLOAT_AT = 3, 628, 630, 631
_MASK32 = 0xFFFFFFFF
_DOUBLE_SCALE = 2.0**-53


class MersenneTwister:
    """MT19937 as PyTorch's CPU generator runs it, with the cached second half of a normal pair.

    `normal_sample` is the unscaled sample that the next single normal draw will use, or None;
    `float_sample` is the same in float32: no draw makes one, but a stored state may hold it.
    """

    __slots__ = (
        "seed", "normal_sample", "float_sample",
        "_bits", "_generator", "_key", "_position", "_block", "_at", "_fresh", "_lock",
    )  # fmt: skip

    def __init__(self, seed: int = 5489) -> None:
        self._bits = MT19937(0)
        self._generator = Generator(self._bits)
        # NumPy's state struct is `uint32 key[624]; int pos`, at a fixed address for the object's life.
        memory = (ctypes.c_uint32 * (BLOCK + 1)).from_address(self._bits.ctypes.state_address)
        state = np.frombuffer(memory, np.uint32)
        self._key, self._position = state[:BLOCK], state[BLOCK:]
        self._lock = threading.Lock()
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Starts the sequence of `seed` (0 <= seed < 2**64; its low 32 bits choose the sequence)."""
        self.seed = seed
        self._bits._legacy_seeding(seed & _MASK32)
        self._block = self._key  # never read before the first refill: the position is at the end
        self._at = BLOCK
        self._fresh = True  # seeded and not drawn from: the stored state tells the two apart
        self.normal_sample: float | None = None
        self.float_sample: float | None = None

    def words32(self, n: int) -> np.ndarray:
        """The next `n` 32-bit words, uint32 (n,). The array may be a view: do not write to it."""
        start = self._at
        end = start + n
        if end <= BLOCK:
            self._at = end
            return self._block[start:end]
        return self._draw(n)

    def _draw(self, n: int) -> np.ndarray:
        with self._lock:
            start = self._at
            blocks = -(-(start + n - BLOCK) // BLOCK)
            self._position[0] = start
            fresh = self._generator.integers(
                0, 1 << 32, BLOCK - start + blocks * BLOCK, dtype=np.uint32
            )
            # A copy: a view would keep all the words of a large draw alive.
            self._block = fresh[-BLOCK:].copy()
            self._at = start + n - blocks * BLOCK
            self._fresh = False
        return fresh[:n]

    def words64(self, n: int) -> np.ndarray:
        """The next `n` 64-bit words, uint64 (n,): of each two 32-bit words the first is the upper half."""
        pairs = self.words32(2 * n).view(np.uint64)
        return (pairs << np.uint64(32)) | (pairs >> np.uint64(32))

    def doubles(self, n: int) -> np.ndarray:
        """The next `n` uniform numbers of 53 bits in [0, 1), float64 (n,)."""
        pairs = self.words32(2 * n).view(np.uint64)
        mantissa = (pairs & np.uint64(0x1FFFFF)) << np.uint64(32)
        mantissa |= pairs >> np.uint64(32)
        result = mantissa.astype(np.float64)
        result *= _DOUBLE_SCALE
        return result

    def word(self) -> int:
        """The next 32-bit word as an int."""
        return int(self.words32(1)[0])

    def double(self) -> float:
        """The next uniform number of 53 bits in [0, 1)."""
        high, low = self.words32(2).tolist()
        return ((high & 0x1FFFFF) << 32 | low) * _DOUBLE_SCALE

    def get_state(self) -> np.ndarray:
        """The state as torch.get_rng_state() lays it out: uint8 (5056,)."""
        items = np.zeros(_STATE_ITEMS, np.uint64)
        next_word = 0 if self._fresh else self._at
        left = 1 if self._fresh else BLOCK + 1 - next_word
        items[0] = self.seed
        items[1] = left | 1 << 32  # two ints: words left plus one, and "is seeded"
        items[2] = next_word
        items[_WORDS_AT : _WORDS_AT + BLOCK] = self._key
        if self.normal_sample is not None:
            items[_NORMAL_AT : _NORMAL_AT + 1] = np.array([self.normal_sample]).view(np.uint64)
            items[_VALID_AT] = 1
        if self.float_sample is not None:
            bits = int(np.array([self.float_sample], np.float32).view(np.uint32)[0])
            items[_FLOAT_AT] = bits | 1 << 32
        return items.view(np.uint8)

    def set_state(self, state: np.ndarray) -> None:
        """Restores what `get_state` returned. Raises RuntimeError for another size or invalid contents."""
        if state.dtype != np.uint8 or state.ndim != 1:
            raise TypeError(
                f"RNG state must be a torch.ByteTensor: expected uint8 of one axis, "
                f"got {state.dtype} of shape {state.shape}"
            )
        if state.size != STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} "
                f"but found the input RNG state size to be {state.size}"
            )
        items = np.frombuffer(state.tobytes(), np.uint64)
        left, seeded, next_word = int(items[1]) & _MASK32, int(items[1]) >> 32, int(items[2])
        if seeded != 1 or not 1 <= left <= BLOCK or next_word > BLOCK:
            raise RuntimeError("Invalid mt19937 state")
        with self._lock:
            self.seed = int(items[0])
            # From position 0 the bit generator tempers the key as it is, without a new twist.
            self._key[:] = items[_WORDS_AT : _WORDS_AT + BLOCK].astype(np.uint32)
            self._position[0] = 0
            self._block = self._generator.integers(0, 1 << 32, BLOCK, dtype=np.uint32)
            # `left` counts; `next` differs from it only in a state that was seeded and not drawn from.
            self._at = BLOCK if left == 1 else next_word
            self._fresh = left == 1 and next_word == 0
            valid = int(items[_VALID_AT]) & _MASK32
            self.normal_sample = (
                float(items[_NORMAL_AT : _NORMAL_AT + 1].view(np.float64)[0]) if valid else None
            )
            float_bits = int(items[_FLOAT_AT])
            self.float_sample = (
                float(np.array([float_bits & _MASK32], np.uint32).view(np.float32)[0])
                if float_bits >> 32 & 0xFF
                else None
            )

    def copy(self) -> MersenneTwister:
        """An independent engine in the same state."""
        other = MersenneTwister()
        other.set_state(self.get_state())
        return other
