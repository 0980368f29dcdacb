"""Checkpoint files: PyTorch's format, both ways, without PyTorch.

`write` and `read` know NumPy arrays and the facts of tensors; what a tensor is they learn from the
callables that the tensor layer hands in. A file written here is read by PyTorch, and the reverse:
a zip archive with one pickle of the object's structure and one entry for each storage.

What a checkpoint must never do: leave half a file where a whole one was (writing is atomic), run
code that its reader did not ask for (reading is restricted unless told otherwise), or load damaged
numbers in silence (checksums are compared, which PyTorch does not).
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from collections.abc import Callable, Mapping
from pickle import UnpicklingError
from typing import Any, BinaryIO

import numpy as np

from ..devices import device
from ._archive import ALIGNMENT, ArchiveReader, ArchiveWriter, write_atomically
from ._legacy import read_legacy
from ._pickling import CheckpointPickler, Describe, TensorRecord
from ._rebuild import (
    BuildParameter,
    BuildTensor,
    CallerError,
    LoadedStorage,
    MapLocation,
    Rebuilder,
    Storages,
)
from ._torch_names import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from ._unpickling import RestrictedUnpickler, TrustedUnpickler

__all__ = [
    "LoadedStorage",
    "MapLocation",
    "TensorRecord",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "read",
    "safe_globals",
    "write",
]

_ZIP_MAGIC = b"PK\3\4"
_NOTHING: Mapping[str, Any] = {}
_Unpickle = Callable[[memoryview, int, Storages], Any]


def write(
    obj: Any,
    file: Any,
    *,
    describe: Describe,
    names: Mapping[str, Any] = _NOTHING,
    pickle_protocol: int = 2,
) -> None:
    """Writes an object with its tensors to a file in PyTorch's format.

    Args:
        obj: anything that can be pickled.
        file: a path, or an object with `write` (it gets the bytes in one pass, without seeking).
            The file at a path is replaced in one step when all is written; on an error it stays.
        describe: gives the facts of a tensor, or None for what is no tensor.
        names: Facula's classes by PyTorch's name ("torch.Size"), written under that name.
        pickle_protocol: 2 is what PyTorch reads with `weights_only=True`.

    Raises AttributeError where `file` is neither, RuntimeError where its folder does not exist or a
    storage is seen as two dtypes, PicklingError or TypeError for what cannot be pickled.
    """
    if not isinstance(file, str | os.PathLike) and not hasattr(file, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute, "
            f"got {type(file).__name__}"
        )
    buffer = io.BytesIO()
    pickler = CheckpointPickler(buffer, describe, names, pickle_protocol)
    pickler.dump(obj)

    if not isinstance(file, str | os.PathLike):
        _fill(file.write, "archive", buffer.getbuffer(), pickler.storages)
        return
    path = os.fsdecode(file)
    root = os.path.splitext(os.path.basename(path))[0]
    root = root if root and root.isascii() and root.isprintable() else "archive"
    write_atomically(
        path, lambda target: _fill(target.write, root, buffer.getbuffer(), pickler.storages)
    )


def _fill(
    write_bytes: Callable[[Any], object],
    root: str,
    pickled: memoryview,
    storages: list[np.ndarray],
) -> None:
    """Writes the whole archive, its entries in PyTorch's order."""
    archive = ArchiveWriter(write_bytes, root)
    digest = hashlib.sha256()

    def add(name: str, data: bytes | memoryview) -> None:
        digest.update(f"{name} {len(data)} {archive.add(name, data)}\n".encode())

    add("data.pkl", pickled)
    add(".format_version", b"1")
    add(".storage_alignment", str(ALIGNMENT).encode())
    add("byteorder", sys.byteorder.encode())
    for number, array in enumerate(storages):
        add(f"data/{number}", np.ascontiguousarray(array).view(np.uint8).data)
    add("version", b"3\n")
    identity = int.from_bytes(digest.digest()[:16], "little")
    archive.add(".data/serialization_id", f"{identity:040d}"[-40:].encode())
    archive.close()


def read(
    file: Any,
    *,
    build: BuildTensor,
    build_parameter: BuildParameter,
    map_location: MapLocation = None,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    names: Mapping[str, Any] = _NOTHING,
) -> Any:
    """Reads an object that PyTorch or Facula wrote.

    Args:
        file: a path, or an object with `read`, `seek` and `tell`.
        build: makes a tensor of (storage_array, dtype, offset, size, stride, requires_grad,
            storage_key). Tensors that shared a storage get the same array and an equal key; the
            array is 1-D, writable and belongs to the tensors.
        build_parameter: makes a parameter of (what `build` made, requires_grad).
        map_location: where storages go: None, a device or its name, a dict from names in the file
            to names here, or a callable of (LoadedStorage, location) that returns the storage or
            None.
        weights_only: True (or None): plain containers, tensors and the user's safe globals only.
            False: everything that the file names is imported and called.
        mmap: True: storages of a file at a path are mapped, not read. Changes to them stay private,
            and checksums are not compared.
        names: Facula's objects by PyTorch's name ("torch.Size", ...).

    Raises RuntimeError for a damaged or foreign file or a device that is not there, EOFError for an
    empty file, pickle.UnpicklingError for a pickle that is damaged or asks for what is not allowed,
    TypeError for a wrong `map_location`, ValueError for `mmap` with a file object, OSError where
    the file cannot be read. Errors of `build` and of a callable `map_location` pass unchanged.
    """
    restricted = weights_only is None or bool(weights_only)
    rebuilder = Rebuilder(build, build_parameter)

    def unpickle(data: memoryview, start: int, storages: Storages) -> Any:
        if restricted:
            return _restricted(RestrictedUnpickler(data, storages, rebuilder, names, start))
        return TrustedUnpickler(io.BytesIO(data[start:]), storages, rebuilder, names).load()

    if not (map_location is None or isinstance(map_location, str | device | dict)):
        if not callable(map_location):
            raise TypeError(
                "map_location: expected None, a str, a device, a dict or a callable, "
                f"got {type(map_location).__name__}"
            )
    try:
        return _read_file(file, map_location, unpickle, bool(mmap))
    except CallerError as carried:
        raise carried.error from carried.error.__cause__


def _read_file(file: Any, map_location: MapLocation, unpickle: _Unpickle, mmap: bool) -> Any:
    if isinstance(file, str | os.PathLike):
        with open(file, "rb") as opened:
            return _read_open(opened, map_location, unpickle, mmap)
    if mmap:
        raise ValueError("f must be a file path in order to use the mmap argument")
    for attribute in ("read", "seek", "tell"):
        if not hasattr(file, attribute):
            raise AttributeError(
                f"'{type(file).__name__}' object has no attribute '{attribute}'. You can only "
                "torch.load from a file that is seekable. Please pre-load the data into a buffer "
                "like io.BytesIO and try to load from it instead."
            )
    return _read_open(file, map_location, unpickle, False)


def _restricted(unpickler: RestrictedUnpickler) -> Any:
    """Runs a restricted unpickler; its errors all say that the restriction was on."""
    try:
        return unpickler.run()
    except UnpicklingError as error:
        if "Weights only load failed" in str(error):
            raise
        raise UnpicklingError(f"Weights only load failed: {error}") from error


def _read_open(
    file: BinaryIO,
    map_location: MapLocation,
    unpickle: _Unpickle,
    mmap: bool,
) -> Any:
    start = file.tell()
    head = file.read(len(_ZIP_MAGIC))
    if head != _ZIP_MAGIC:
        if mmap:
            raise RuntimeError(
                "mmap can only be used with files in the zip format, which torch.save writes "
                "unless _use_new_zipfile_serialization=False"
            )
        file.seek(start)
        return read_legacy(file.read(), map_location, unpickle)
    archive = ArchiveReader(file, mmap=mmap)
    if archive.has("constants.pkl"):
        raise RuntimeError(
            "the file is a TorchScript archive (torch.jit.save), a program and not a checkpoint: "
            "Facula cannot load it"
        )

    def fetch(key: str, nbytes: int) -> np.ndarray:
        name = f"data/{key}"
        size = archive.size(name)
        if size != nbytes:
            raise RuntimeError(
                f"record size ({size} bytes) of storage {key} does not match the expected size "
                f"({nbytes} bytes)"
            )
        return archive.read(name)

    storages = Storages(fetch, map_location, archive.byteorder)
    return unpickle(archive.read("data.pkl").data, 0, storages)
