"""The zip archive that holds a checkpoint: entries stored uncompressed, each aligned to 64 bytes.

The container is plain zip. It is written here by hand, and not by `zipfile`, for three reasons: the
alignment (a reader may map the file and use the values where they lie) needs control over the
local headers; it must go to any object with `write` in one pass; and gigabytes should be touched no
more often than the checksum needs. Reading goes through `zipfile` for the directory, and every fact
in it is checked against the length of the file before memory is taken.
"""

from __future__ import annotations

import io
import mmap as _mmap
import os
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

ALIGNMENT = 64
_LIMIT_32 = 0xFFFFFFFF  # from this value on, a field moves to the 64-bit extension
_LIMIT_16 = 0xFFFF
_UTF8_NAME = 0x800
_PADDING_TAG = b"FB"
_DOS_DATE = 0x21  # 1980-01-01: the same contents give the same file
_LOCAL = struct.Struct("<4s5H3I2H")
_CHUNK = 1 << 24

_ADVICE = (
    "The checkpoint is corrupted: it was not saved completely, was damaged on its way, or was "
    "changed after saving."
)


def corrupt(reason: str) -> RuntimeError:
    """The error for a damaged archive, in PyTorch's words with ours after them."""
    return RuntimeError(f"PytorchStreamReader failed reading zip archive: {reason}. {_ADVICE}")


class ArchiveWriter:
    """Writes a zip archive to `write`, entry by entry, without seeking."""

    def __init__(self, write: Callable[[Any], object], root: str) -> None:
        self._write, self._root = write, root
        self._position = 0
        self._directory: list[bytes] = []

    def _put(self, data: bytes | memoryview) -> None:
        """Writes all of `data`: a raw (unbuffered) file may take less than it was offered."""
        view = memoryview(data)
        while len(view):
            count = self._write(view[:_CHUNK])
            count = count if isinstance(count, int) else len(view[:_CHUNK])
            if count <= 0:
                raise OSError("the file object's write() took no more bytes")
            self._position += count
            view = view[count:]

    def add(self, name: str, data: bytes | memoryview) -> int:
        """Adds the entry `root/name`; returns its CRC-32."""
        path = f"{self._root}/{name}".encode()
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        size, offset, crc = len(view), self._position, zlib.crc32(view)
        wide = struct.pack("<2H2Q", 1, 16, size, size) if size >= _LIMIT_32 else b""
        start = offset + _LOCAL.size + len(path) + len(wide)
        padding = -(start + 4) % ALIGNMENT
        extra = wide + _PADDING_TAG + struct.pack("<H", padding) + b"Z" * padding
        shown = _LIMIT_32 if wide else size
        version = 45 if wide else 20
        self._put(
            _LOCAL.pack(
                b"PK\3\4", version, _UTF8_NAME, 0, 0, _DOS_DATE, crc, shown, shown,
                len(path), len(extra),
            )
            + path
            + extra
        )  # fmt: skip
        self._put(view)
        self._directory.append(self._directory_entry(path, size, offset, crc))
        return crc

    @staticmethod
    def _directory_entry(path: bytes, size: int, offset: int, crc: int) -> bytes:
        wide = b""
        shown_size, shown_offset = size, offset
        if size >= _LIMIT_32:
            wide += struct.pack("<2Q", size, size)
            shown_size = _LIMIT_32
        if offset >= _LIMIT_32:
            wide += struct.pack("<Q", offset)
            shown_offset = _LIMIT_32
        if wide:
            wide = struct.pack("<2H", 1, len(wide)) + wide
        version = 45 if wide else 20
        header = struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", version, version, _UTF8_NAME, 0, 0, _DOS_DATE, crc,
            shown_size, shown_size, len(path), len(wide), 0, 0, 0, 0, shown_offset,
        )  # fmt: skip
        return header + path + wide

    def close(self) -> None:
        """Writes the central directory. The archive is invalid without it."""
        start, count = self._position, len(self._directory)
        self._put(b"".join(self._directory))
        length, end = self._position - start, self._position
        if max(start, length) >= _LIMIT_32 or count >= _LIMIT_16:
            self._put(
                struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start)
            )
            self._put(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        few = min(count, _LIMIT_16)
        self._put(
            struct.pack(
                "<4s4H2IH", b"PK\5\6", 0, 0, few, few,
                min(length, _LIMIT_32), min(start, _LIMIT_32), 0,
            )
        )  # fmt: skip


def write_atomically(path: str, fill: Callable[[BinaryIO], None]) -> None:
    """Makes the file `path` with what `fill` writes, or leaves everything as it was.

    The new contents go to a temporary file in the same folder, reach the disk, and then take the
    place of the old file in one step: a crash, a full disk or an error half-way leave the old file.
    Raises RuntimeError where the folder does not exist, and what `fill` raises.
    """
    target = os.path.realpath(path)  # a symbolic link stays one; its target is replaced
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(path) or '.'} does not exist.")
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as device:  # a pipe or a device cannot be replaced
            fill(device)
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(target)[:100]}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_of(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    if os.name == "posix":
        folder_handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(folder_handle)
        finally:
            os.close(folder_handle)


def _mode_of(target: str) -> int:
    """The permissions for the new file: the old file's, or what the process gives to new files."""
    if os.path.exists(target):
        return os.stat(target).st_mode & 0o7777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


class ArchiveReader:
    """Reads a zip archive that PyTorch or Facula wrote. Raises RuntimeError for a damaged one."""

    def __init__(self, file: BinaryIO, *, mmap: bool = False) -> None:
        self._file = file
        file.seek(0, io.SEEK_END)
        self._length = file.tell()
        self._map: _mmap.mmap | None = None
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, struct.error, OverflowError,
                NotImplementedError, UnicodeError, IndexError) as error:  # fmt: skip
            raise corrupt(f"failed finding central directory ({error})") from error
        self._entries = {entry.filename: entry for entry in entries}
        if len(self._entries) != len(entries):
            raise corrupt("two entries have the same name")
        if sum(entry.compress_size for entry in entries) > self._length:
            raise corrupt("the entries are larger than the file")
        self.root = entries[0].filename.partition("/")[0] if entries else ""
        # PyTorch can be told to leave the checksums out: then all of them are zero.
        self._checked = any(entry.CRC for entry in entries)
        self.byteorder = self._byteorder()
        if mmap:
            self._map = _mmap.mmap(file.fileno(), 0, access=_mmap.ACCESS_COPY)

    def _byteorder(self) -> str:
        if not self.has("byteorder"):
            return sys.byteorder
        order = bytes(self.read("byteorder"))
        if order not in (b"little", b"big"):
            raise corrupt(f"unknown byteorder {order[:20]!r}")
        return order.decode()

    def has(self, name: str) -> bool:
        return f"{self.root}/{name}" in self._entries

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = self._entries.get(f"{self.root}/{name}")
        if entry is None:
            raise RuntimeError(
                f"PytorchStreamReader failed locating file {name}: file not found. {_ADVICE}"
            )
        return entry

    def size(self, name: str) -> int:
        """The number of bytes of an entry."""
        return self._entry(name).file_size

    def read(self, name: str) -> np.ndarray:
        """An entry as a writable array of bytes; on a mapped archive, where it lies in the file.

        Mapped bytes are not checked: that would read all of the file. Writes to them stay private.
        """
        entry = self._entry(name)
        if entry.flag_bits & 1:
            raise corrupt(f"entry {name} is encrypted")
        if entry.compress_type != zipfile.ZIP_STORED:
            return self._decompress(entry, name)
        begin = self._data_begin(entry, name)
        if self._map is not None:
            if not entry.file_size:  # NumPy takes no empty piece of a buffer
                return np.empty(0, np.uint8)
            return np.frombuffer(self._map, np.uint8, entry.file_size, begin)
        data = np.empty(entry.file_size, np.uint8)
        self._file.seek(begin)
        view = data.data
        while len(view):
            count = self._read_into(view[:_CHUNK])
            if not count:
                raise corrupt(f"entry {name} is cut off")
            view = view[count:]
        if self._checked and zlib.crc32(data.data) != entry.CRC:
            raise corrupt(f"the checksum of entry {name} does not match its contents")
        return data

    def _read_into(self, view: memoryview) -> int:
        """Fills the beginning of `view` and returns how much; 0 at the end of the file."""
        if hasattr(self._file, "readinto"):
            return self._file.readinto(view) or 0
        chunk = self._file.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def _data_begin(self, entry: zipfile.ZipInfo, name: str) -> int:
        """Where the bytes of a stored entry begin, all of them inside the file."""
        offset = entry.header_offset
        if entry.file_size != entry.compress_size:
            raise corrupt(f"entry {name} is stored, but its two sizes differ")
        if not 0 <= offset <= self._length - _LOCAL.size:
            raise corrupt(f"the header of entry {name} lies outside the file")
        self._file.seek(offset)
        fields = _LOCAL.unpack(self._file.read(_LOCAL.size))
        if fields[0] != b"PK\3\4":
            raise corrupt(f"the header of entry {name} is not where the directory says")
        begin = offset + _LOCAL.size + fields[-2] + fields[-1]
        if begin + entry.file_size > self._length:
            raise corrupt(f"entry {name} reaches past the end of the file")
        return begin

    def _decompress(self, entry: zipfile.ZipInfo, name: str) -> np.ndarray:
        """An entry of an archive that was packed again by another program."""
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            raise corrupt(f"entry {name} uses compression method {entry.compress_type}")
        if entry.file_size > 1100 * entry.compress_size:  # deflate reaches 1032 at most
            raise corrupt(f"entry {name} claims an impossible size")
        try:
            data = self._zip.read(entry)
        except (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, struct.error,
                NotImplementedError, RuntimeError, UnicodeError) as error:  # fmt: skip
            raise corrupt(f"entry {name}: {error}") from error
        return np.frombuffer(bytearray(data), np.uint8)
