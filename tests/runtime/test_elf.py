"""The loader of object files: relocations, external functions, and what it refuses."""

import ctypes
import os

import pytest

from facula.runtime import code, elf

pytestmark = pytest.mark.skipif(not elf.SUPPORTED, reason="for x86-64 Linux")

I64 = ctypes.c_int64


def load(ir):
    image = elf.link(code.object_code(ir))
    start = elf.place(image)
    return {name: start + offset for name, offset in image.symbols.items()}


def integer_function(address, arguments=1):
    return ctypes.CFUNCTYPE(I64, *[I64] * arguments)(address)


SWITCH = """
define i64 @kernel(i64 %x) {
  switch i64 %x, label %other [ i64 0, label %a  i64 1, label %b  i64 2, label %c
                                i64 3, label %d  i64 4, label %e  i64 5, label %f ]
a: ret i64 17
b: %b1 = mul i64 %x, 91
   ret i64 %b1
c: %c1 = sdiv i64 1000, %x
   ret i64 %c1
d: %d1 = shl i64 %x, 9
   ret i64 %d1
e: %e1 = xor i64 %x, 77
   ret i64 %e1
f: %f1 = sub i64 3, %x
   ret i64 %f1
other: ret i64 -1
}
"""


def test_jump_tables():
    kernel = integer_function(load(SWITCH)["kernel"])
    assert [kernel(x) for x in range(7)] == [17, 91, 500, 1536, 73, -2, -1]


def test_functions_that_call_each_other():
    functions = load(
        "define i64 @one(i64 %x) noinline {\n  %y = add i64 %x, 1\n  ret i64 %y\n}\n"
        "define i64 @two(i64 %x) {\n  %y = call i64 @one(i64 %x)\n  %z = call i64 @one(i64 %y)\n"
        "  ret i64 %z\n}\n"
    )
    assert integer_function(functions["two"])(5) == 7
    assert integer_function(functions["one"])(5) == 6


@pytest.mark.parametrize("name", ("memset", "memcpy", "memmove"))
def test_memory_functions_of_the_c_library(name):
    second = "i8 1" if name == "memset" else "ptr %q"
    types = "ptr, i8, i64, i1" if name == "memset" else "ptr, ptr, i64, i1"
    suffix = "p0.i64" if name == "memset" else "p0.p0.i64"
    functions = load(
        f"define void @kernel(ptr %p, ptr %q, i64 %n) {{\n"
        f"  call void @llvm.{name}.{suffix}(ptr %p, {second}, i64 %n, i1 false)\n  ret void\n}}\n"
        f"declare void @llvm.{name}.{suffix}({types})\n"
    )
    target, source = (ctypes.c_char * 1000)(), (ctypes.c_char * 1000)(*b"\1" * 1000)
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, I64)(functions["kernel"])
    kernel(ctypes.addressof(target), ctypes.addressof(source), 900)
    assert target.raw == b"\1" * 900 + bytes(100)


def test_vector_constants_keep_their_alignment():
    lanes = ", ".join(f"float {i}.0" for i in range(16))
    functions = load(
        f"define void @kernel(ptr %p) {{\n  %v = load <16 x float>, ptr %p, align 4\n"
        f"  %w = fadd <16 x float> %v, <{lanes}>\n  store <16 x float> %w, ptr %p, align 4\n"
        f"  ret void\n}}\n"
    )
    values = (ctypes.c_float * 16)(*[0.5] * 16)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(functions["kernel"])(ctypes.addressof(values))
    assert list(values) == [i + 0.5 for i in range(16)]


def test_addresses_of_the_image_itself():
    image = elf.Image(bytes(16), 64, {"kernel": 0}, ((8, "", 4),))
    start = elf.place(image)
    assert start % 64 == 0
    assert ctypes.c_uint64.from_address(start + 8).value == start + 4


@pytest.mark.parametrize(
    "ir, words",
    (
        ("declare i64 @missing()\ndefine i64 @kernel() {\n  %x = call i64 @missing()\n"
         "  ret i64 %x\n}", "missing"),
        ("@v = global i64 5\ndefine ptr @kernel() {\n  ret ptr @v\n}", "section"),
    ),
)  # fmt: skip
def test_what_it_refuses(ir, words):
    with pytest.raises(elf.UnsupportedObject, match=words):
        elf.link(code.object_code(ir))


def test_other_files_are_refused():
    for data in (b"", b"\x7fELF\x01\x01" + bytes(100), b"MZ" + bytes(100)):
        with pytest.raises(elf.UnsupportedObject):
            elf.link(data)


def test_small_images_share_a_region_and_large_ones_fit():
    image = elf.link(code.object_code(SWITCH))
    first, second = elf.place(image), elf.place(image)
    assert 0 < abs(second - first) < 1 << 20
    large = image._replace(code=image.code + bytes(3 << 20))
    assert integer_function(elf.place(large) + image.symbols["kernel"])(0) == 17


def test_pages_of_its_own_where_shared_mappings_are_forbidden(monkeypatch):
    def forbidden(*_):
        raise PermissionError("no memfd")

    monkeypatch.setattr(elf, "_shared_mappings", True)
    monkeypatch.setattr(elf, "_region", None)
    monkeypatch.setattr(os, "memfd_create", forbidden)
    assert integer_function(load(SWITCH)["kernel"])(1) == 91
    assert not elf._shared_mappings


def test_no_page_is_writable_and_executable():
    load(SWITCH)
    with open("/proc/self/maps") as maps:
        ours = [line for line in maps if "facula-code" in line]
    assert ours
    assert not [line for line in ours if "w" in line.split()[1] and "x" in line.split()[1]]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_write_into_its_parents_code():
    first = integer_function(load(SWITCH)["kernel"])
    child = os.fork()
    if child == 0:
        for _ in range(20):
            elf.place(elf.Image(b"\xcc" * 512, 64, {}, ()))
        os._exit(0 if first(1) == 91 else 1)
    assert os.waitpid(child, 0)[1] == 0
    second = integer_function(load(SWITCH)["kernel"])
    assert (first(1), second(1)) == (91, 91)
