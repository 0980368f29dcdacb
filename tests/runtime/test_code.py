"""Kernels from text to address: both loaders, the disk cache and what is not believed in it."""

import ctypes
import os
import threading

import pytest

from facula import config
from facula.runtime import code, elf, llvm

KERNEL = """
@table = internal constant [4 x i64] [i64 10, i64 20, i64 30, i64 40]
define void @kernel(ptr %slots, ptr %record, i64 %begin, i64 %end) {{
  %k = and i64 %begin, 3
  %at = getelementptr [4 x i64], ptr @table, i64 0, i64 %k
  %v = load i64, ptr %at
  %w = add i64 %v, {number}
  store i64 %w, ptr %record
  ret void
}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache folder and an empty table of loaded kernels."""
    monkeypatch.setenv("FACULA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(config, "disk_cache", True)
    monkeypatch.setattr(code, "_loaded", {})
    return tmp_path / "cache"


def kernel(number):
    return lambda: KERNEL.format(number=number)


def never():
    raise AssertionError("the kernel should have come from a cache")


def call(address, begin=0, end=0):
    """What the kernel writes to its record."""
    prototype = ctypes.CFUNCTYPE(
        None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
    )
    result = ctypes.c_int64(-1)
    prototype(address)(None, ctypes.addressof(result), begin, end)
    return result.value


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_kernel_is_compiled_once_and_runs():
    address = code.function_address("a", kernel(1))
    assert call(address, 2) == 31
    assert code.function_address("a", never) == address
    assert code.functions("a", never) == {"kernel": address}


def test_a_second_process_takes_it_from_disk(folder):
    code.function_address("a", kernel(2))
    assert len(files(folder)) == 1
    code._loaded.clear()
    assert call(code.function_address("a", never), 1) == 22


def test_another_key_or_environment_is_another_kernel(folder, monkeypatch):
    code.function_address("a", kernel(1))
    assert call(code.function_address("b", kernel(2))) == 12
    monkeypatch.setattr(code, "environment", lambda: b"another processor")
    code._loaded.clear()
    assert call(code.function_address("a", kernel(3))) == 13
    assert len(files(folder)) == 3


def test_the_environment_names_the_sources_of_all_that_makes_code():
    text = code._sources()
    for path in ("/compiler/schedule.py", "/compiler/targets/__init__.py", "/trace/build.py"):
        assert f"{path} " in text
    assert "/dtypes.py " in text and "/nn/" not in text


def damages():
    yield "truncated", lambda data: data[: len(data) // 2]
    yield "empty", lambda data: b""
    yield "one bit", lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]
    yield "foreign", lambda data: b"#!/bin/sh\n" + data
    yield "longer", lambda data: data + b"x"


@pytest.mark.parametrize("damage", [pytest.param(d, id=name) for name, d in damages()])
def test_damaged_files_are_ignored_and_replaced(folder, damage):
    code.function_address("a", kernel(1))
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    code._loaded.clear()
    assert call(code.function_address("a", kernel(1))) == 11
    assert files(folder) == [path]
    assert path.read_bytes() == whole


def test_a_file_under_another_name_is_not_believed(folder):
    code.function_address("a", kernel(1))
    (path,) = files(folder)
    code._loaded.clear()
    other = code._path_of(code.digest("b"))
    os.makedirs(os.path.dirname(other), exist_ok=True)
    os.replace(path, other)
    assert call(code.function_address("b", kernel(2))) == 12


def test_a_folder_that_cannot_be_written_is_tolerated(folder):
    folder.write_text("a file where the folder should be")
    assert call(code.function_address("a", kernel(1))) == 11
    assert folder.read_text().startswith("a file")


def test_the_disk_cache_can_be_off(folder, monkeypatch):
    monkeypatch.setattr(config, "disk_cache", False)
    assert call(code.function_address("a", kernel(1))) == 11
    assert not folder.exists()


def test_folders_stay_bounded(folder, monkeypatch):
    monkeypatch.setattr(code, "_path_of", lambda key: f"{folder}/00/{key}")
    monkeypatch.setattr(code, "_FOLDER_LIMIT", 4000)
    for i in range(40):
        code._write(code._path_of(str(i)), ("image", bytes(200)))
    assert sum(path.stat().st_size for path in files(folder)) <= 4000
    assert code._read(code._path_of("39")) is not None


def test_the_loader_of_llvm_serves_where_ours_does_not(folder, monkeypatch):
    monkeypatch.setattr(elf, "SUPPORTED", False)
    assert call(code.function_address("a", kernel(5)), 3) == 45
    code._loaded.clear()
    assert call(code.function_address("a", never), 3) == 45


def test_text_that_llvm_rejects_is_an_error_that_shows_it():
    with pytest.raises(code.CodeError, match="nonsense"):
        code.function_address("bad", lambda: "define nonsense")
    assert "bad" not in code._loaded


def test_a_batch_compiles_all_that_is_wanted(folder):
    batch = code.Batch()
    names = [batch.want(str(i), kernel(i)) for i in range(12)]
    assert batch.want("3", never) == names[3]
    batch.finish()
    addresses = [code.loaded(name)["kernel"] for name in names]
    assert [call(a) for a in addresses] == [10 + i for i in range(12)]
    assert len(files(folder)) == 12
    second = code.Batch()
    assert [second.want(str(i), never) for i in range(12)] == names
    second.finish()


def test_a_batch_raises_what_its_thread_met():
    batch = code.Batch()
    batch.want("bad", lambda: "define nonsense")
    batch.want("good", kernel(1))
    with pytest.raises(code.CodeError, match="nonsense"):
        batch.finish()
    batch.stop()


def test_without_the_way_past_the_lock(monkeypatch):
    monkeypatch.setattr(llvm, "_library", lambda: None)
    assert call(code.function_address("a", kernel(7))) == 17


def test_object_code_and_assembly_can_be_seen():
    assert len(code.object_code(KERNEL.format(number=1))) > 100
    assert "kernel" in code.assembly(KERNEL.format(number=1))


def test_helpers_are_inlined():
    text = code.assembly(
        "define internal i64 @helper(i64 %x) alwaysinline {\n"
        "  %y = mul i64 %x, 3\n  ret i64 %y\n}\n"
        "define i64 @kernel(i64 %x) {\n  %y = call i64 @helper(i64 %x)\n  ret i64 %y\n}\n"
    )
    assert "call" not in text and "helper" not in text


def test_several_threads_may_load_at_once():
    results = {}

    def work(i):
        results[i] = [call(code.function_address(str(j), kernel(j))) for j in range(6)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: [10 + j for j in range(6)] for i in range(4)}


@pytest.mark.skipif(not elf.SUPPORTED, reason="elsewhere LLVM's loader is used")
def test_a_warm_process_does_not_import_llvmlite(folder, run_python):
    code.function_address("a", kernel(1))
    script = (
        "import sys\n"
        "from facula.runtime import code\n"
        "code.function_address('a', None)\n"
        "assert 'llvmlite' not in sys.modules\n"
    )
    result = run_python("-c", script, FACULA_CACHE_DIR=str(folder))
    assert result.returncode == 0, result.stderr
