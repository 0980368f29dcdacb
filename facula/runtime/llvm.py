"""LLVM: from the text of a module to object code or assembly. Only `code.py` uses this.

Threads compile side by side: each has a context and a target machine of its own. llvmlite runs one
call at a time; generating the machine code, which takes three quarters of the time, goes past that
lock, as LLVM allows for modules of different contexts.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

from . import elf

# Kernels come with explicit vectors and little redundancy: what pays is cleaning up after the
# generator (constants, empty blocks). What is computed twice in a block, instruction selection
# finds; it takes longer than all of these.
_PASSES = ("sroa", "simplify_cfg", "instruction_combine")


class CodeError(Exception):
    """LLVM rejected the text of a kernel; the message holds LLVM's and the text."""


class _Own(threading.local):
    """What a thread has of its own."""

    machine: Any = None
    portable = False  # which of the two kinds the machine is
    context: Any = None


_own = _Own()


def machine() -> Any:
    """This thread's target machine."""
    if _own.machine is None or _own.portable != elf.SUPPORTED:
        _own.machine, _own.portable = new_machine(), elf.SUPPORTED
    return _own.machine


def new_machine() -> Any:
    """A target machine for this processor, whose objects `elf.py` links where it can."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()  # for assembly in kernels
    triple = "x86_64-unknown-linux-gnu" if elf.SUPPORTED else binding.get_process_triple()
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
        reloc="pic" if elf.SUPPORTED else "default",
        codemodel="small" if elf.SUPPORTED else "jitdefault",
    )


def compile_text(ir: str) -> tuple[bytes, tuple[str, ...]]:
    """The object code of a module and the names of the functions it defines for others."""
    module = _optimised(ir)
    names = tuple(
        f.name
        for f in module.functions
        if not f.is_declaration and f.linkage.name not in ("internal", "private")
    )
    return _emit(module), names


def object_code(ir: str) -> bytes:
    """The relocatable object file of a module of LLVM IR. Raises CodeError."""
    return compile_text(ir)[0]


def assembly(ir: str) -> str:
    """The assembly text of a module of LLVM IR, for people. Raises CodeError."""
    text: str = machine().emit_assembly(_optimised(ir))
    return text


def _optimised(ir: str) -> Any:
    from llvmlite import binding

    target = machine()
    if _own.context is None:
        _own.context = binding.create_context()
    try:
        module = binding.parse_assembly(ir, _own.context)
        module.triple = target.triple
        module.data_layout = str(target.target_data)
        module.verify()
    except RuntimeError as error:
        raise CodeError(f"LLVM does not accept this code: {error}\n{ir}") from error
    options = binding.create_pipeline_tuning_options(speed_level=2)
    builder = binding.create_pass_builder(target, options)
    if "alwaysinline" in ir:
        inliner = binding.create_new_module_pass_manager()
        inliner.add_always_inliner_pass()
        inliner.run(module, builder)
    passes = binding.create_new_function_pass_manager()
    for add in _PASSES:
        getattr(passes, f"add_{add}_pass")()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return module


def _emit(module: Any) -> bytes:
    library = _library()
    if library is None:
        found: bytes = machine().emit_object(module)
        return found
    error = ctypes.c_char_p()
    buffer = library.LLVMPY_TargetMachineEmitToMemory(machine(), module, 1, ctypes.byref(error))
    if not buffer:
        raise CodeError(f"LLVM cannot generate code: {(error.value or b'').decode()}")
    try:
        size = library.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), size)
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)


@functools.cache
def _library() -> ctypes.CDLL | None:
    """llvmlite's library without its lock; None where this llvmlite has it in another form."""
    from llvmlite.binding import ffi

    pointer = ctypes.c_void_p
    try:
        library = ctypes.CDLL(ffi.lib._name)
        emit = library.LLVMPY_TargetMachineEmitToMemory
        emit.argtypes = (pointer, pointer, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p))
        emit.restype = pointer
        library.LLVMPY_GetBufferStart.argtypes = (pointer,)
        library.LLVMPY_GetBufferStart.restype = pointer
        library.LLVMPY_GetBufferSize.argtypes = (pointer,)
        library.LLVMPY_GetBufferSize.restype = ctypes.c_size_t
        library.LLVMPY_DisposeMemoryBuffer.argtypes = (pointer,)
        library.LLVMPY_DisposeMemoryBuffer.restype = None
    except (AttributeError, OSError):
        return None
    return library
