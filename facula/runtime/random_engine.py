"""The source of random words: MT19937 with PyTorch's seeding, word order and state layout.

Every distribution draws its words here, and consumes exactly as many as PyTorch's does, so that a
sequence of mixed draws agrees from one end to the other. The words come from Python's own `random`,
which is the same MT19937: importing `numpy.random` would cost 20 ms of every program's start. Large
draws take machine code instead. The current block of 624 words is kept, because most draws are
small and a slice of it costs far less than a call.
"""

from __future__ import annotations

import threading
from random import Random

import numpy as np

from . import memory, random_native

BLOCK = 624
STATE_BYTES = 5056  # the layout that torch.get_rng_state() has kept since its first versions
_STATE_ITEMS = STATE_BYTES // 8
_WORDS_AT, _NORMAL_AT, _VALID_AT, _FLOAT_AT = 3, 628, 630, 631
_MASK32 = 0xFFFFFFFF
_DOUBLE_SCALE = 2.0**-53
_WORD = np.dtype(np.uint32)
_CHUNK = 64 * BLOCK  # words drawn as one Python integer: they stay in the cache


class MersenneTwister:
    """MT19937 as PyTorch's CPU generator runs it, with the cached second half of a normal pair.

    `normal_sample` is the unscaled sample that the next single normal draw will use, or None;
    `float_sample` is the same in float32: no draw makes one, but a stored state may hold it.
    """

    __slots__ = (
        "seed", "normal_sample", "float_sample", "_source", "_pending", "_block", "_at", "_fresh",
        "lock",
    )  # fmt: skip

    def __init__(self, seed: int = 5489) -> None:
        self._source: Random | None = None
        self.lock = threading.RLock()  # what belongs together is drawn under it
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Starts the sequence of `seed`, 0 to 2**64 - 1: its low 32 bits choose the sequence."""
        self.seed = seed
        # The key that the next block starts from, where it is not the source's: handing it over
        # costs more than a block of words by machine code.
        self._pending: np.ndarray | None = _initial_key(seed & _MASK32)
        self._block = np.empty(0, np.uint32)  # made by the first draw
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
        with self.lock:
            rest = self._block[self._at :]
            blocks = -(-(n - rest.size) // BLOCK)
            if blocks == 1 and not rest.size:
                self._block = words = np.empty(BLOCK, _WORD)
                self._fill(words)
            else:
                words = memory.array(rest.size + blocks * BLOCK, _WORD)
                words[: rest.size] = rest
                self._fill(words[rest.size :])
                # A copy: a view would keep all the words of a large draw alive.
                self._block = words[-BLOCK:].copy()
            self._at = BLOCK - (words.size - n)
            self._fresh = False
        return words[:n]

    def _fill(self, words: np.ndarray) -> None:
        """Fills whole blocks. The source always stands at the end of a block."""
        key = random_native.generate(words, self._key)
        if key is not None:
            self._pending = key
            return
        source = self._settled()
        for start in range(0, words.size, _CHUNK):
            part = words[start : start + _CHUNK]
            drawn = source.getrandbits(32 * part.size).to_bytes(4 * part.size, "little")
            part[:] = np.frombuffer(drawn, "<u4")

    def _settled(self) -> Random:
        """The source, with the key that is current."""
        if self._source is None:
            self._source = Random(0)
        if self._pending is not None:
            self._source.setstate((3, (*self._pending.tolist(), BLOCK), None))
            self._pending = None
        return self._source

    def _key(self) -> np.ndarray:
        if self._pending is not None:
            return self._pending.copy()
        return np.array(self._settled().getstate()[1][:BLOCK], np.uint32)

    def words64(self, n: int) -> np.ndarray:
        """The next `n` 64-bit words, uint64 (n,): the upper half is the 32-bit word drawn first."""
        pairs = self.words32(2 * n).view(np.uint64)
        return (pairs << np.uint64(32)) | (pairs >> np.uint64(32))

    def word64(self) -> int:
        """The next 64-bit word."""
        high, low = self.words32(2).tolist()
        return int(high << 32 | low)

    def doubles(self, n: int) -> np.ndarray:
        """The next `n` uniform numbers of 53 bits in [0, 1), float64 (n,)."""
        result = mantissas(self.words32(2 * n)).astype(np.float64)
        result *= _DOUBLE_SCALE
        return result

    def double(self) -> float:
        """The next uniform number of 53 bits in [0, 1)."""
        high, low = self.words32(2).tolist()
        return ((high & 0x1FFFFF) << 32 | low) * _DOUBLE_SCALE

    def get_state(self) -> np.ndarray:
        """The state as torch.get_rng_state() lays it out: uint8 (5056,)."""
        items = np.zeros(_STATE_ITEMS, np.uint64)
        next_word = 0 if self._fresh else self._at
        left = 1 if self._fresh else BLOCK + 1 - max(next_word, 1)
        items[0] = self.seed
        items[1] = left | 1 << 32  # two ints: words left plus one, and "is seeded"
        items[2] = next_word
        items[_WORDS_AT : _WORDS_AT + BLOCK] = self._key()
        if self.normal_sample is not None:
            items[_NORMAL_AT : _NORMAL_AT + 1] = np.array([self.normal_sample]).view(np.uint64)
            items[_VALID_AT] = 1
        if self.float_sample is not None:
            bits = int(np.array([self.float_sample], np.float32).view(np.uint32)[0])
            items[_FLOAT_AT] = bits | 1 << 32
        return items.view(np.uint8)

    def set_state(self, state: np.ndarray) -> None:
        """Restores what `get_state` returned, from uint8 (5056,).

        Raises TypeError for another dtype, RuntimeError for another size or invalid contents.
        """
        if state.dtype != np.uint8:
            raise TypeError(f"RNG state must be a torch.ByteTensor: got dtype {state.dtype}")
        if state.size != STATE_BYTES:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_BYTES} "
                f"but found the input RNG state size to be {state.size}"
            )
        items = np.frombuffer(state.tobytes(), np.uint64)
        left, seeded, next_word = int(items[1]) & _MASK32, int(items[1]) >> 32, int(items[2])
        if seeded != 1 or not 1 <= left <= BLOCK or next_word > BLOCK:
            raise RuntimeError("Invalid mt19937 state")
        key = (items[_WORDS_AT : _WORDS_AT + BLOCK] & np.uint64(_MASK32)).tolist()
        with self.lock:
            self.seed = int(items[0])
            self._fresh = left == 1 and next_word == 0
            # `left` rules: only in a state that was seeded and not drawn from is it not the
            # complement of the position.
            self._at = BLOCK if left == 1 else next_word
            # From position 0 the source hands out the block of its key, without a new twist.
            self._pending = None
            source = self._settled()
            source.setstate((3, (*key, 0), None))
            words = source.getrandbits(32 * BLOCK).to_bytes(4 * BLOCK, "little")
            self._block = np.frombuffer(words, "<u4").astype(np.uint32)
            sample = items[_NORMAL_AT : _NORMAL_AT + 1].view(np.float64)
            self.normal_sample = float(sample[0]) if int(items[_VALID_AT]) & _MASK32 else None
            cached = items[_FLOAT_AT : _FLOAT_AT + 1].view(np.float32)
            self.float_sample = float(cached[0]) if int(items[_FLOAT_AT]) >> 32 & 0xFF else None

    def copy(self) -> MersenneTwister:
        """An independent engine in the same state."""
        other = MersenneTwister()
        other.set_state(self.get_state())
        return other


def mantissas(words: np.ndarray) -> np.ndarray:
    """The low 53 bits of the 64-bit words that pairs of 32-bit words make, uint64 (n // 2,)."""
    pairs = words.view(np.uint64)
    mantissa = (pairs & np.uint64(0x1FFFFF)) << np.uint64(32)
    mantissa |= pairs >> np.uint64(32)
    return mantissa


def _initial_key(seed: int) -> np.ndarray:
    """The 624 words that a 32-bit seed starts from (`init_genrand` of the MT19937 reference)."""
    made = random_native.seed_key(seed)
    if made is not None:
        return made
    key = [seed]
    for i in range(1, BLOCK):
        seed = (1812433253 * (seed ^ seed >> 30) + i) & _MASK32
        key.append(seed)
    return np.array(key, np.uint32)
