"""Kernels: from the text of LLVM IR to the address of machine code, kept in memory and on disk.

A kernel is looked up by its key, first in this process, then in the folder of compiled kernels, and
only then is its IR written and compiled; llvmlite is imported no earlier. A file of the cache is
named by a hash of everything that the machine code depends on (the key, the processor, the sources
of the code generator), so that a stale one is never found; its contents carry a checksum, so that a
damaged one is ignored and replaced.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import marshal
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config
from ..version import __version__
from . import elf, llvm
from .llvm import CodeError, assembly, object_code
from .runner_ir import machine_name

__all__ = [
    "Batch", "CodeError", "assembly", "digest", "function_address", "functions", "loaded",
    "object_code", "processor_features", "read", "write",
]  # fmt: skip

_linking = threading.Lock()  # of LLVM's own linker

# Bumped when the layout of cache files changes.
_MAGIC = b"faculakernel\x00\x00\x00\x01"
_DIGEST = 32
# Bytes in one of the cache's 256 folders above which its oldest files go: half a gigabyte in all.
_FOLDER_LIMIT = 2 << 20

_loaded: dict[str, dict[str, int]] = {}  # by key and by digest
_keep_alive: list[Any] = []  # execution engines, whose code must stay for the rest of the process


def function_address(key: str, make_ir: Callable[[], str]) -> int:
    """The address of `@kernel` in the IR that `make_ir()` returns.

    `key` identifies the IR: equal keys must mean equal text. `make_ir` is called only when the
    kernel is in no cache. Raises CodeError where LLVM does not accept the text.
    """
    found = _loaded.get(key)
    return (found if found is not None else functions(key, make_ir))["kernel"]


def functions(key: str, make_ir: Callable[[], str]) -> dict[str, int]:
    """The addresses of all functions that the IR defines, by name. See `function_address`."""
    found = _loaded.get(key)
    if found is None:
        found = _loaded[key] = _load(key, make_ir)
    return found


def loaded(name: str) -> dict[str, int] | None:
    """The functions of the kernel with this digest, from the process or the disk; None where it is
    in neither.
    """
    found = _loaded.get(name)
    if found is None and config.disk_cache:
        entry = read(name)
        if entry is not None:
            with contextlib.suppress(*_FOREIGN):
                found = _loaded[name] = _place(entry)
    return found


def digest(key: str | bytes) -> str:
    """The name of a kernel, or of another entry of the cache, that means the same in every process:
    a hash of the key and of the environment.
    """
    hashed = _environment_hash(environment()).copy()
    hashed.update(key.encode() if isinstance(key, str) else key)
    name: str = hashed.hexdigest()[:40]
    return name


def _load(key: str, make_ir: Callable[[], str]) -> dict[str, int]:
    name = digest(key)
    addresses = loaded(name)
    # In no cache, or not what this version writes: compiled and written anew.
    return _generate(name, make_ir()) if addresses is None else addresses


def _generate(name: str, ir: str) -> dict[str, int]:
    entry = _link(*_compile(ir))
    addresses = _loaded[name] = _place(entry)
    if config.disk_cache:
        write(name, entry)
    return addresses


class Batch:
    """The kernels of a program. A second thread compiles them while the caller goes on; what it has
    not begun when the caller has all of them, the caller compiles.
    """

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._jobs: deque[tuple[str, str]] = deque()
        self._more = threading.Semaphore(0)
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def want(self, key: str, make_ir: Callable[[], str]) -> str:
        """The digest of a kernel that `loaded` will know after `finish`."""
        name = digest(key)
        if name not in self._wanted and loaded(name) is None:
            self._wanted.add(name)
            self._jobs.append((name, make_ir()))
            self._more.release()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
        return name

    def _work(self) -> None:
        while True:
            self._more.acquire()
            try:
                name, ir = self._jobs.popleft()
            except IndexError:
                return  # nothing, though it was called: the end
            try:
                _generate(name, ir)
            except BaseException as error:  # of the caller's kernel: raised there
                self._error = error
                return

    def finish(self) -> None:
        """Waits for all kernels. Raises CodeError where LLVM does not accept the text of one."""
        while self._jobs and self._error is None:
            with contextlib.suppress(IndexError):
                _generate(*self._jobs.popleft())
        self.stop()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Gives up what has not begun."""
        self._jobs.clear()
        self._more.release()
        if self._thread is not None:
            self._thread.join()


# What loading raises for an entry that is not what this version writes.
_FOREIGN = (elf.UnsupportedObject, ValueError, TypeError, LookupError)

# An entry is ("image", *Image) or ("object", object code, names of functions), as `marshal` bytes.


def _link(obj: bytes, names: tuple[str, ...]) -> tuple[Any, ...]:
    if elf.SUPPORTED:
        try:
            return ("image", *elf.link(obj))
        except elf.UnsupportedObject:
            return ("object", obj, names)  # LLVM's own loader can do more
    return ("object", obj, names)


def _place(entry: tuple[Any, ...]) -> dict[str, int]:
    kind, *parts = entry
    if kind == "image":
        image = elf.Image(*parts)
        start = elf.place(image)
        return {name: start + offset for name, offset in image.symbols.items()}
    if kind == "object":
        return _place_object(*parts)
    raise ValueError(f"unknown kind of cache entry {kind!r}")


def _place_object(obj: bytes, names: tuple[str, ...]) -> dict[str, int]:
    """Loads an object file with LLVM's linker."""
    from llvmlite import binding

    with _linking:
        machine = llvm.new_machine()
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
        reference = binding.ObjectFileRef.from_data(obj)
        engine.add_object_file(reference)
        engine.finalize_object()
        _keep_alive.append((engine, reference))
        return {name: engine.get_function_address(name) for name in names}


def _compile(ir: str) -> tuple[bytes, tuple[str, ...]]:
    """The object code of a module and the names of the functions it defines for others."""
    return llvm.compile_text(ir)


# The folder of compiled kernels


@functools.cache
def environment() -> bytes:
    """What an entry depends on besides its key: processor, versions, the sources that make it."""
    versions = f"{__version__} {sys.version} {np.__version__}"
    return "\n".join((_processor(), sys.platform, versions, _sources())).encode()


def _processor() -> str:
    """The processor's model and features, as text, without asking LLVM."""
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            record = file.read(8192).split(b"\n\n")[0].decode("ascii", "replace")
    except OSError:
        import platform  # slow to import

        return " ".join((*platform.uname()[4:], platform.processor()))
    lines = [line.partition(":") for line in record.splitlines()]
    wanted = {"vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part"}
    return machine_name() + "".join(v for k, _, v in lines if k.strip() in wanted)


@functools.cache
def processor_features() -> frozenset[str]:
    """What the processor can do, by LLVM's and Linux' names, e.g. ``avx512f``."""
    text = _processor()
    if "sse2" in text or "asimd" in text:
        return frozenset(text.split())
    from llvmlite import binding

    features: dict[str, bool] = binding.get_host_cpu_features()
    return frozenset(name for name, has in features.items() if has)


# Folders whose sources, and those below them, determine the code and the steps.
_CODE_FOLDERS = ("graph", "runtime", "compiler", "ops", "trace")


def _sources() -> str:
    """Names, sizes and times of the sources that determine the code: cheaper than reading them."""
    root = os.path.dirname(os.path.dirname(__file__))
    found = []
    folders = ["", *(f"/{folder}" for folder in _CODE_FOLDERS)]
    for folder in folders:  # grows
        with os.scandir(root + folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if path.endswith(".py"):
                    status = entry.stat()
                    found.append(f"{path} {status.st_size} {status.st_mtime_ns}")
                elif folder and entry.is_dir() and entry.name != "__pycache__":
                    folders.append(path)
    return "\n".join(sorted(found))


@functools.cache
def _hash_function() -> Callable[[bytes], Any]:
    """SHA-256 from the interpreter itself: `hashlib` would load OpenSSL, which takes longer than
    everything else here.
    """
    for module in ("_sha2", "_sha256", "hashlib"):
        try:
            return importlib.import_module(module).sha256
        except ImportError:
            continue
    raise ImportError("this Python has no SHA-256")


def _checksum(path: str, body: bytes) -> bytes:
    return _hash_function()(os.path.basename(path).encode() + body).digest()


@functools.cache
def _environment_hash(environment: bytes) -> Any:
    return _hash_function()(environment + b"\0")


def _path_of(name: str) -> str:
    return f"{config.cache_dir()}/{name[:2]}/{name[2:]}"


def read(name: str) -> tuple[Any, ...] | None:
    """The entry of the disk cache with this digest, or None where there is none of ours."""
    return _read(_path_of(name))


def write(name: str, entry: tuple[Any, ...]) -> None:
    """Writes an entry (plain data, as `marshal` takes it) to the disk cache, where that allows it.

    Others see all of it or nothing.
    """
    _write(_path_of(name), entry)


def _read(path: str) -> tuple[Any, ...] | None:
    """The entry in a file, or None where there is none or it is not one of ours."""
    try:
        with open(path, "rb", buffering=0) as file:
            # Someone else's file is not run.
            if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            data = file.read()
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST
    if data[: len(_MAGIC)] != _MAGIC or len(data) < start:
        return None
    body = data[start:]
    if _checksum(path, body) != data[len(_MAGIC) : start]:
        return None
    entry = marshal.loads(body)
    return entry if isinstance(entry, tuple) else None


def _write(path: str, entry: tuple[Any, ...]) -> None:
    body = marshal.dumps(entry)
    temporary = f"{path}.{os.getpid()}.{threading.get_ident():x}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + _checksum(path, body) + body)
        os.replace(temporary, path)
        _prune(os.path.dirname(path))
    except OSError:
        # A cache that cannot be written costs time, nothing else.
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _prune(folder: str) -> None:
    """Removes the oldest files of a folder that has grown too large, down to half of the limit."""
    with os.scandir(folder) as entries:
        files = [(e.stat().st_mtime_ns, e.stat().st_size, e.path) for e in entries]
    total = sum(size for _, size, _ in files)
    if total <= _FOLDER_LIMIT:
        return
    for _, size, path in sorted(files)[:-1]:  # not the newest
        if total <= _FOLDER_LIMIT // 2:
            return
        os.unlink(path)
        total -= size


def _after_fork() -> None:
    """In a forked child: another thread of the parent may have held the lock."""
    global _linking
    _linking = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
