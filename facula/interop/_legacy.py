"""PyTorch's format before 1.6: five pickles in a row and then the storages, without a container.

Files of that time are still around (and `torch.save(_use_new_zipfile_serialization=False)` writes
them). They are read, not written. The storages come last, and their sizes are known only from the
pickle before them, so that pickle is surveyed first and read when the storages are at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import numpy as np

from ._machine import Machine
from ._rebuild import MapLocation, Storages
from ._unpickling import Survey

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_NOT_A_CHECKPOINT = "Invalid magic number; corrupt file? {}"
_TAR = 257


def _explain(data: bytes) -> str:
    """What the file seems to be, from its first bytes."""
    head = data[:512].lstrip()
    if data[_TAR : _TAR + 5] == b"ustar":
        return "It is a tar archive; that format of PyTorch 0.1 is not supported."
    if head[:1] == b"<":
        return "It looks like a web page: the download probably failed."
    if head.startswith(b"version https://git-lfs"):
        return "It is a pointer of Git LFS: the file itself has not been fetched."
    if head[:1] == b"\x80":
        return "It is a pickle, but not one that torch.save wrote."
    if head[8:10] == b'{"':
        return "It looks like a safetensors file."
    return f"It starts with {data[:16]!r} and is neither a zip archive nor an older checkpoint."


def read_legacy(
    data: bytes,
    map_location: MapLocation,
    unpickle: Callable[[memoryview, int, Storages], Any],
) -> Any:
    """The object in a file of the old format.

    `unpickle(data, start, storages)` reads the pickle at `start`. Raises RuntimeError for what is
    not such a file, EOFError for an empty one, UnpicklingError for a damaged one.
    """
    if not data:
        raise EOFError("Ran out of input: the file is empty, or a file object is at its end")
    if data[_TAR : _TAR + 5] == b"ustar":
        raise RuntimeError(_NOT_A_CHECKPOINT.format(_explain(data)))
    head = Machine(data)
    try:
        magic = head.run()
    except UnpicklingError as error:
        raise UnpicklingError(_NOT_A_CHECKPOINT.format(_explain(data))) from error
    if type(magic) is not int or magic != _MAGIC:
        raise RuntimeError(_NOT_A_CHECKPOINT.format(_explain(data)))
    protocol_pickle = Machine(data, head.position)
    protocol = protocol_pickle.run()
    if type(protocol) is not int or protocol != _PROTOCOL:
        raise RuntimeError(f"Invalid protocol version in the checkpoint, expected {_PROTOCOL}")
    system_pickle = Machine(data, protocol_pickle.position)
    system = system_pickle.run()
    little = system.get("little_endian", True) if type(system) is dict else True
    survey = Survey(data, system_pickle.position)
    survey.run()
    raw = _storages(data, survey, "little" if little else "big")

    def fetch(key: str, nbytes: int) -> np.ndarray:
        if key not in raw or raw[key].nbytes != nbytes:
            raise UnpicklingError(f"storage {key[:60]!r} is not in the file with that size")
        return raw[key]

    storages = Storages(fetch, map_location, "little" if little else "big")
    return unpickle(memoryview(data), system_pickle.position, storages)


def _storages(data: bytes, survey: Survey, byteorder: str) -> dict[str, np.ndarray]:
    """The bytes of each storage. The same key twice would be the same storage twice."""
    listing = Machine(data, survey.position)
    keys = listing.run()
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise UnpicklingError("the list of storages is not a list of names")
    position, found = listing.position, {}
    for key in keys:
        if key not in survey.storages or key in found:
            raise UnpicklingError(f"storage {key[:60]!r} belongs to no tensor of the file")
        kind, numel = survey.storages[key]
        stored = int.from_bytes(data[position : position + 8], byteorder)  # type: ignore[arg-type]
        nbytes = numel * (kind.dtype.itemsize if kind.dtype else 1)
        position += 8
        if stored != numel or position + nbytes > len(data):
            raise UnpicklingError(f"storage {key[:60]!r} is cut off or has another size")
        found[key] = np.frombuffer(bytearray(data[position : position + nbytes]), np.uint8)
        position += nbytes
    return found
