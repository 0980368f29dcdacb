"""A loader for the object files of kernels on x86-64 Linux, so that a warm process needs no
llvmlite.

`link` lays the code and constants of a relocatable ELF object out in one position-independent
image, with the relocations between them already applied: what remains are 8-byte slots for absolute
addresses (of `memcpy` and its like, rarely of the image itself). An image is what the disk cache
holds; `place` copies it into executable memory. Small images share pages: a region of memory is
mapped twice, once writable and once executable, so that no page is ever both, and kernels that run
meanwhile are not disturbed.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import sys
import threading
from typing import NamedTuple

SUPPORTED = sys.platform == "linux" and os.uname().machine == "x86_64"

_PAGE = 4096
if SUPPORTED:
    _READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
    _READ_EXECUTE = mmap.PROT_READ | mmap.PROT_EXEC
_REGION = 1 << 20
# LLVM turns loops into calls of these; everything else that a kernel needs is in the kernel.
_EXTERNALS = ("memcpy", "memmove", "memset", "bzero")

_SHT_PROGBITS, _SHT_SYMTAB, _SHT_RELA, _SHT_NOBITS = 1, 2, 4, 8
_SHF_WRITE, _SHF_ALLOC = 1, 2
_R_64, _R_PC32, _R_GOTPCREL, _R_PLT32, _R_PC64 = 1, 2, 9, 4, 24
_R_GOTPCRELX, _R_REX_GOTPCRELX = 41, 42
_SHT_X86_64_UNWIND = 0x70000001


class UnsupportedObject(Exception):
    """The object needs something that this loader does not do."""


class Image(NamedTuple):
    """Linked code: bytes, alignment, offset of every function, and slots to fill with addresses.

    A slot is (offset, name, addend): 8 bytes at `offset` get the address of the external `name`, or
    of the image itself where the name is empty, plus the addend.
    """

    code: bytes
    alignment: int
    symbols: dict[str, int]
    slots: tuple[tuple[int, str, int], ...]


class _Section(NamedTuple):
    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int


class _Symbol(NamedTuple):
    name: str
    section: int
    value: int
    binding: int


def link(obj: bytes) -> Image:
    """The image of a relocatable x86-64 ELF object. Raises UnsupportedObject."""
    if obj[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", obj, 16) != (1, 62):
        raise UnsupportedObject("not a relocatable x86-64 ELF object")
    sections = _sections(obj)
    code, base, alignment = _lay_out(obj, sections)
    symbols = _symbols(obj, sections)
    linker = _Linker(code, base, symbols)
    for section in sections:
        if section.kind == _SHT_RELA and section.info in base:
            for entry in range(section.offset, section.offset + section.size, 24):
                linker.relocate(base[section.info], *struct.unpack_from("<QQq", obj, entry))
    functions = {
        s.name: base[s.section] + s.value
        for s in symbols
        if s.name and s.binding and s.section in base
    }
    return Image(bytes(code), alignment, functions, tuple(linker.slots))


def _sections(obj: bytes) -> list[_Section]:
    (table,) = struct.unpack_from("<Q", obj, 40)
    size, count, names_index = struct.unpack_from("<HHH", obj, 58)
    raw = [struct.unpack_from("<IIQQQQIIQQ", obj, table + size * i) for i in range(count)]
    names = raw[names_index][4]
    return [
        _Section(_text(obj, names + r[0]), r[1], r[2], r[4], r[5], r[6], r[7], r[8]) for r in raw
    ]


def _text(obj: bytes, start: int) -> str:
    return obj[start : obj.index(b"\0", start)].decode()


def _lay_out(obj: bytes, sections: list[_Section]) -> tuple[bytearray, dict[int, int], int]:
    """Code and constants one after the other: bytes, offset of each section, alignment."""
    code, base, alignment = bytearray(), {}, 64
    for index, section in enumerate(sections):
        if not section.flags & _SHF_ALLOC or not section.size:
            continue
        if section.name == ".eh_frame" or section.kind == _SHT_X86_64_UNWIND:
            continue  # nothing unwinds through kernels
        if section.flags & _SHF_WRITE or section.kind != _SHT_PROGBITS:
            raise UnsupportedObject(f"section {section.name}: expected code or constants only")
        boundary = max(section.alignment, 1)
        alignment = max(alignment, boundary)
        code += bytes(-len(code) % boundary)
        base[index] = len(code)
        code += obj[section.offset : section.offset + section.size]
    return code, base, alignment


def _symbols(obj: bytes, sections: list[_Section]) -> list[_Symbol]:
    for section in sections:
        if section.kind == _SHT_SYMTAB:
            names = sections[section.link].offset
            entries = range(section.offset, section.offset + section.size, 24)
            raw = [struct.unpack_from("<IBBHQQ", obj, e) for e in entries]
            return [_Symbol(_text(obj, names + r[0]), r[3], r[4], r[1] >> 4) for r in raw]
    raise UnsupportedObject("no symbol table")


class _Linker:
    """Applies relocations to an image; adds stubs and address slots at its end where needed."""

    def __init__(self, code: bytearray, base: dict[int, int], symbols: list[_Symbol]) -> None:
        self.code, self.base, self.symbols = code, base, symbols
        self.slots: list[tuple[int, str, int]] = []
        self._slot_of: dict[tuple[str, int], int] = {}
        self._stub_of: dict[str, int] = {}

    def relocate(self, start: int, offset: int, info: int, addend: int) -> None:
        """One relocation entry of the section that begins at `start`."""
        symbol, kind, place = self.symbols[info >> 32], info & 0xFFFFFFFF, start + offset
        inside = self.base.get(symbol.section)
        if inside is None and symbol.section != 0:
            raise UnsupportedObject(f"symbol {symbol.name!r} in section {symbol.section}")
        if inside is None and symbol.name not in _EXTERNALS:
            raise UnsupportedObject(f"the code calls {symbol.name!r}, which is not part of it")
        target = inside + symbol.value if inside is not None else 0
        name = symbol.name if inside is None else ""
        if kind == _R_64:
            self.slots.append((place, name, target + addend))
        elif kind in (_R_GOTPCREL, _R_GOTPCRELX, _R_REX_GOTPCRELX):
            self._relative(place, self._slot(name, target) + addend)
        elif kind in (_R_PC32, _R_PLT32):
            self._relative(place, (target if inside is not None else self._stub(name)) + addend)
        elif kind == _R_PC64 and inside is not None:
            struct.pack_into("<q", self.code, place, target + addend - place)
        else:
            raise UnsupportedObject(f"relocation type {kind} against {symbol.name!r}")

    def _relative(self, place: int, target: int) -> None:
        struct.pack_into("<i", self.code, place, target - place)

    def _slot(self, name: str, target: int) -> int:
        """The offset of 8 bytes that will hold an address."""
        key = (name, target)
        if key not in self._slot_of:
            self.code += bytes(-len(self.code) % 8)
            self._slot_of[key] = len(self.code)
            self.slots.append((len(self.code), name, target))
            self.code += bytes(8)
        return self._slot_of[key]

    def _stub(self, name: str) -> int:
        """The offset of a jump to an external, which may be too far away for a direct call."""
        if name not in self._stub_of:
            slot = self._slot(name, 0)
            self.code += bytes(-len(self.code) % 8)
            self._stub_of[name] = len(self.code)
            self.code += b"\xff\x25" + struct.pack("<i", slot - len(self.code) - 6)
        return self._stub_of[name]


class _Region:
    """Memory that is mapped twice: code is written through one mapping and runs in the other.

    It is never unmapped: threads of the pool may be inside until the process ends.
    """

    def __init__(self, size: int) -> None:
        descriptor = os.memfd_create("facula-code")
        try:
            os.ftruncate(descriptor, size)
            self.writable = _map(size, _READ_WRITE, mmap.MAP_SHARED, descriptor)
            self.executable = _map(size, _READ_EXECUTE, mmap.MAP_SHARED, descriptor)
        finally:
            os.close(descriptor)
        self.size, self.used = size, 0


_libc = ctypes.CDLL(None, use_errno=True) if SUPPORTED else None
_region: _Region | None = None
_placing = threading.Lock()
_shared_mappings = SUPPORTED


def _map(size: int, protection: int, flags: int, descriptor: int) -> int:
    assert _libc is not None
    _libc.mmap.restype = ctypes.c_void_p
    _libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    )  # fmt: skip
    address = _libc.mmap(None, size, protection, flags, descriptor, 0)
    if address is None or address == ctypes.c_void_p(-1).value:
        error = ctypes.get_errno()
        raise OSError(error, f"mmap of {size} bytes for code: {os.strerror(error)}")
    return int(address)


def external_address(name: str) -> int:
    """The address of a function of the C library."""
    address = ctypes.cast(getattr(ctypes.CDLL(None), name), ctypes.c_void_p).value
    assert address is not None
    return address


def place(image: Image) -> int:
    """Copies an image into executable memory for the rest of the process and returns its address.

    Raises OSError where the system gives no executable memory.
    """
    global _shared_mappings
    if _shared_mappings:
        try:
            with _placing:
                return _place_shared(image)
        except OSError:
            _shared_mappings = False  # memfd forbidden or not executable: pages of their own serve
    return _place_alone(image)


def _place_shared(image: Image) -> int:
    global _region
    size = len(image.code)
    region = _region
    start = -1
    if region is not None:
        start = region.used + -region.used % image.alignment
    if region is None or start + size > region.size:
        region, start = _Region(max(_REGION, size + _PAGE & -_PAGE)), 0
        _region = region
    region.used = start + size
    address = region.executable + start
    code = _filled(image, address)
    ctypes.memmove(region.writable + start, code, size)
    return address


def _place_alone(image: Image) -> int:
    """Pages of its own: written, then made executable."""
    assert _libc is not None
    size = max(len(image.code), 1)
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = _map(size, _READ_WRITE, private, -1)
    ctypes.memmove(address, _filled(image, address), len(image.code))
    _libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if _libc.mprotect(address, size, _READ_EXECUTE) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mprotect for code: {os.strerror(error)}")
    return address


def _filled(image: Image, address: int) -> bytes:
    """The image's bytes with its address slots filled for a copy at `address`."""
    if not image.slots:
        return image.code
    code = bytearray(image.code)
    for offset, name, addend in image.slots:
        target = external_address(name) if name else address
        struct.pack_into("<Q", code, offset, target + addend)
    return bytes(code)


def _forget_region() -> None:
    """In a forked child: the region is shared with the parent, which goes on writing into it."""
    global _region, _placing
    _region, _placing = None, threading.Lock()


if SUPPORTED:
    os.register_at_fork(after_in_child=_forget_region)
