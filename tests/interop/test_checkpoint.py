"""Checkpoint files: round trips, atomic writing, damaged files and hostile ones."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import sys
import zipfile
from pickle import UnpicklingError

import numpy as np
import pytest

from facula import dtypes
from facula.devices import device
from facula.interop import _archive, checkpoint

CLEAN = (RuntimeError, UnpicklingError, EOFError)


class Plain:
    """A tensor as the checkpoint sees it: made by `build`, written by `describe`."""

    def __init__(self, storage, dtype, offset, size, stride, requires_grad, key) -> None:
        self.storage, self.dtype, self.key = storage, dtype, key
        self.offset, self.size, self.stride = offset, size, stride
        self.requires_grad, self.is_parameter = requires_grad, False


class Size(tuple):
    """Stands for the tensor layer's own class."""


class Custom:
    """A class of the user's."""

    def __init__(self, value) -> None:
        self.value = value


def plain(array: np.ndarray, key: object = None) -> Plain:
    dtype = dtypes.from_numpy_dtype(array.dtype)
    stride = tuple(s // array.itemsize for s in array.strides)
    return Plain(array.reshape(-1), dtype, 0, array.shape, stride, False, key or object())


def describe(obj):
    if not isinstance(obj, Plain):
        return None
    return checkpoint.TensorRecord(
        obj.key, obj.storage, obj.dtype, obj.offset, obj.size, obj.stride, obj.requires_grad,
        obj.is_parameter,
    )  # fmt: skip


def build_parameter(data: Plain, requires_grad: bool) -> Plain:
    data.requires_grad, data.is_parameter = requires_grad, True
    return data


def dumps(obj, **options) -> bytes:
    buffer = io.BytesIO()
    checkpoint.write(obj, buffer, describe=describe, **options)
    return buffer.getvalue()


def loads(data, **options):
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    return checkpoint.read(file, build=Plain, build_parameter=build_parameter, **options)


def archive(pickled: bytes, storages: dict[str, bytes] | None = None, **entries: bytes) -> bytes:
    """A checkpoint with the given pickle, as an attacker would pack it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", entries.get("byteorder", sys.byteorder.encode()))
        for key, data in (storages or {}).items():
            file.writestr(f"archive/data/{key}", data)
        file.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def storage_id(numel: int, key: str = "0", location: str = "cpu", kind: str = "Float") -> bytes:
    return (
        b"(" + text("storage") + f"ctorch\n{kind}Storage\n".encode()
        + text(key) + text(location) + integer(numel) + b"tQ"
    )  # fmt: skip


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def tensor(numel: int, offset, size, stride, grad: bytes = b"\x89", **kind) -> bytes:
    """The pickle of a tensor with any facts, true or not."""
    facts = b"".join(pickle.dumps(v, 2)[2:-1] for v in (offset, size, stride))
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage_id(numel, **kind) + facts + grad
        + b"ccollections\nOrderedDict\n)RtR."
    )  # fmt: skip


STATE = {
    "weight": plain(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "nested": [{"step": 3, "momentum": (0.9, plain(np.ones(2)))}],
    "name": "x",
}


def test_round_trip_of_objects() -> None:
    for protocol in (2, 3, 4, 5):
        found = loads(dumps(STATE, pickle_protocol=protocol))
        weight = found["weight"]
        assert (weight.size, weight.stride, weight.dtype) == ((2, 3), (3, 1), dtypes.float32)
        np.testing.assert_array_equal(weight.storage, np.arange(6))
        assert weight.storage.flags.writeable and weight.storage.ctypes.data % 16 == 0
        assert found["nested"][0]["momentum"][1].dtype is dtypes.float64
        assert found["name"] == "x"


def test_views_share_their_storage() -> None:
    base = plain(np.arange(6.0))
    view = Plain(base.storage, base.dtype, 1, (2,), (2,), False, base.key)
    data = dumps([base, view, base])
    a, b, c = loads(data)
    assert a is c and a.storage is b.storage and (b.offset, b.stride) == (1, (2,))
    assert sum("/data/" in name for name in zipfile.ZipFile(io.BytesIO(data)).namelist()) == 1


def test_one_storage_with_two_dtypes_is_refused() -> None:
    a = plain(np.zeros(4, np.float32), key="k")
    b = plain(np.zeros(4, np.int32), key="k")
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        dumps([a, b])


def test_parameters_dtypes_devices_and_sizes() -> None:
    p = plain(np.ones(3, np.float32))
    p.is_parameter = p.requires_grad = True
    names = {"torch.Size": Size}
    data = dumps([p, dtypes.bfloat16, device("cuda", 1), Size((2, 3)), dtypes.bool_], names=names)
    assert b"facula" not in data
    for weights_only in (True, False):
        q, dtype, place, size, boolean = loads(data, names=names, weights_only=weights_only)
        assert q.is_parameter and q.requires_grad
        assert dtype is dtypes.bfloat16 and boolean is dtypes.bool_
        assert place == device("cuda:1")
        assert type(size) is Size and size == (2, 3)


def test_users_objects_need_permission(monkeypatch) -> None:
    custom = Custom(plain(np.ones(2)))
    module = Custom.__module__
    importable = type(sys)(module)  # which this file is not under every import mode
    importable.Custom = Custom
    monkeypatch.setitem(sys.modules, module, importable)
    data = dumps({"model": custom})
    assert loads(data, weights_only=False)["model"].value.size == (2,)
    with pytest.raises(UnpicklingError, match="add_safe_globals") as refusal:
        loads(data)
    assert f"{module}.Custom" in str(refusal.value)
    with checkpoint.safe_globals([Custom]):
        assert checkpoint.get_safe_globals() == [Custom]
        assert loads(data)["model"].value.size == (2,)
    assert checkpoint.get_safe_globals() == []
    checkpoint.add_safe_globals([(Custom, f"{module}.Custom")])
    assert isinstance(loads(data)["model"], Custom)
    checkpoint.clear_safe_globals()
    with pytest.raises(UnpicklingError):
        loads(data)
    with pytest.raises(TypeError, match="safe globals"):
        checkpoint.add_safe_globals([3])


def test_a_state_dicts_metadata_survives() -> None:
    state = collections.OrderedDict(w=1)
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    found = loads(dumps(state))
    assert type(found) is collections.OrderedDict and found._metadata == state._metadata


def test_large_storages_are_no_suspicious_work() -> None:
    big = plain(np.zeros(3_000_000, np.int8))
    found = loads(dumps([big, Plain(big.storage, big.dtype, 7, (2,), (1,), False, big.key)] * 3))
    assert found[0].storage.size == 3_000_000 and found[1].storage is found[0].storage


# Writing.


def test_a_path_is_written_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "model.pt"
    checkpoint.write({"a": 1}, path, describe=describe)
    before = path.read_bytes()
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        checkpoint.write({"a": lambda: 0}, path, describe=describe)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_archive.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            checkpoint.write(STATE, path, describe=describe)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.pt"]


def test_permissions_and_links_survive(tmp_path) -> None:
    path, link = tmp_path / "a.pt", tmp_path / "link.pt"
    checkpoint.write(1, path, describe=describe)
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    path.chmod(0o640)
    link.symlink_to(path)
    checkpoint.write(2, link, describe=describe)
    assert link.is_symlink() and loads(path.read_bytes()) == 2
    assert path.stat().st_mode & 0o777 == 0o640


def test_wrong_targets(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="Parent directory .*nowhere does not exist"):
        checkpoint.write(1, tmp_path / "nowhere" / "x.pt", describe=describe)
    with pytest.raises(AttributeError, match="'write' attribute"):
        checkpoint.write(1, 3, describe=describe)


def test_any_object_with_write_will_do() -> None:
    class Slow:
        """Takes at most 7 bytes at a time and cannot seek, as a raw pipe may."""

        def __init__(self) -> None:
            self.data = bytearray()

        def write(self, data) -> int:
            self.data += bytes(data[:7])
            return min(7, len(data))

    slow = Slow()
    checkpoint.write(STATE, slow, describe=describe)
    assert bytes(slow.data) == dumps(STATE)


def test_the_same_contents_give_the_same_file() -> None:
    assert dumps(STATE) == dumps(STATE)


def test_archives_beyond_32_bits(monkeypatch) -> None:
    """The 64-bit fields, tried with a lower limit in place of 4 GiB of data."""
    monkeypatch.setattr(_archive, "_LIMIT_32", 100)
    data = bytearray(dumps(STATE))
    # A size that was moved reads as the mark 0xFFFFFFFF; the lower limit wrote its own.
    file = io.BytesIO()
    monkeypatch.setattr(_archive, "_LIMIT_32", 0xFFFFFFFF)
    for old in (b"PK\1\2", b"PK\5\6"):
        position = data.find(old)
        while position >= 0:
            fields = (20, 24, 42) if old == b"PK\1\2" else (12, 16)
            for field in fields:
                here = slice(position + field, position + field + 4)
                if data[here] == struct.pack("<I", 100):
                    data[here] = b"\xff" * 4
            position = data.find(old, position + 4)
    file.write(data)
    assert zipfile.ZipFile(file).testzip() is None
    found = loads(bytes(data))
    np.testing.assert_array_equal(found["weight"].storage, np.arange(6))


def test_errors_of_the_callers_own_functions_pass_unchanged() -> None:
    def broken(*args):
        raise ValueError("no memory left")

    data = dumps(STATE)
    for weights_only in (True, False):
        with pytest.raises(ValueError, match="no memory left"):
            checkpoint.read(
                io.BytesIO(data), build=broken, build_parameter=broken, weights_only=weights_only
            )
        with pytest.raises(ValueError, match="no memory left"):
            loads(data, map_location=broken, weights_only=weights_only)


# Reading: files, mapping, byte order, locations.


def test_mapped_storages(tmp_path) -> None:
    path = tmp_path / "m.pt"
    empty = plain(np.empty(0, np.float32))
    checkpoint.write([STATE, empty], path, describe=describe)
    before = path.read_bytes()
    found, nothing = loads(path, mmap=True)
    found["weight"].storage[0] = 99  # private to this process
    assert path.read_bytes() == before and nothing.storage.size == 0
    with pytest.raises(ValueError, match="file path"):
        loads(before, mmap=True)
    (tmp_path / "text").write_bytes(b"hello")
    with pytest.raises(RuntimeError, match="mmap can only be used"):
        loads(tmp_path / "text", mmap=True)


def test_the_other_byte_order() -> None:
    values = np.array([1.5, -2.0], "<f4" if sys.byteorder == "big" else ">f4")
    other = b"little" if sys.byteorder == "big" else b"big"
    data = archive(tensor(2, 0, (2,), (1,)), {"0": values.tobytes()}, byteorder=other)
    np.testing.assert_array_equal(loads(data).storage, [1.5, -2.0])
    swapped = np.array([1 - 2j], values.dtype.byteorder + "c8")
    pickled = tensor(1, 0, (1,), (1,), kind="ComplexFloat")
    found = loads(archive(pickled, {"0": swapped.tobytes()}, byteorder=other))
    assert found.storage.tolist() == [1 - 2j]


def test_map_location() -> None:
    data = archive(tensor(1, 0, (1,), (1,), location="cuda:1"), {"0": b"\0\0\x80?"})
    for refused in (None, "cuda", {"cuda:0": "cpu"}, lambda s, where: None, device("cuda")):
        with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
            loads(data, map_location=refused)
    seen = []

    def keep(storage, location):
        seen.append((len(storage), location))
        return storage.cpu()

    for accepted in ("cpu", device("cpu"), {"cuda:1": "cpu"}, keep):
        assert loads(data, map_location=accepted).storage.tolist() == [1.0]
    assert seen == [(1, "cuda:1")]
    with pytest.raises(RuntimeError, match="tagged with zpu"):
        loads(archive(tensor(1, 0, (1,), (1,), location="zpu"), {"0": b"\0" * 4}))
    with pytest.raises(TypeError, match="map_location"):
        loads(data, map_location=3)
    with pytest.raises(RuntimeError, match="CUDA"):
        loads(data, map_location=lambda storage, location: storage.cuda(1))


def test_repacked_and_prefixed_archives_are_read() -> None:
    source = zipfile.ZipFile(io.BytesIO(dumps(STATE)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in source.namelist():
            packed.writestr(name, source.read(name))
    assert loads(buffer.getvalue())["weight"].storage.tolist() == list(range(6))


# Damaged files.


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", EOFError, "empty"),
        (b"<!DOCTYPE html><html>", UnpicklingError, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", UnpicklingError, "Git LFS"),
        (b"PK\3\4" + b"a" * 300, RuntimeError, "failed finding central directory"),
        (pickle.dumps({"a": 1}), RuntimeError, "not one that torch.save wrote"),
        (pickle.dumps(3, 2), RuntimeError, "Invalid magic number"),
        (b"\0" * 257 + b"ustar" + b"\0" * 99, RuntimeError, "tar archive"),
        (struct.pack("<Q", 40) + b'{"a":{}}', UnpicklingError, "safetensors"),
    ],
)
def test_foreign_files(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        loads(data)


def test_missing_and_wrong_entries() -> None:
    pickled = tensor(2, 0, (2,), (1,))
    with pytest.raises(RuntimeError, match="failed locating file data/0"):
        loads(archive(pickled))
    with pytest.raises(RuntimeError, match="record size"):
        loads(archive(pickled, {"0": b"\0" * 7}))
    with pytest.raises(RuntimeError, match="byteorder"):
        loads(archive(pickled, {"0": b"\0" * 8}, byteorder=b"middle"))
    good = dumps(STATE)
    at = good.index(np.arange(6, dtype=np.float32).tobytes())
    with pytest.raises(RuntimeError, match="checksum of entry data/0"):
        loads(good[: at + 4] + b"\1" + good[at + 5 :])
    buffer = io.BytesIO(good)
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("archive/constants.pkl", b"")
    with pytest.raises(RuntimeError, match="TorchScript"):
        loads(buffer.getvalue())


def test_unseekable_objects_are_named() -> None:
    with pytest.raises(AttributeError, match="'int' object has no attribute 'read'"):
        loads(3)


def test_truncation_and_flipped_bytes_raise_cleanly() -> None:
    good = dumps(STATE)
    for length in range(0, len(good), 23):
        with pytest.raises(CLEAN):
            loads(good[:length])
    choice = random.Random(1)
    for _ in range(600):
        damaged = bytearray(good)
        for _ in range(choice.choice((1, 1, 4))):
            damaged[choice.randrange(len(damaged))] ^= 1 << choice.randrange(8)
        _loads_or_refuses(bytes(damaged))


def test_damaged_pickles_raise_cleanly() -> None:
    """With a valid checksum, so that the damage reaches the machine."""
    pickled = zipfile.ZipFile(io.BytesIO(dumps(STATE))).read("archive/data.pkl")
    storages = {"0": b"\0" * 24, "1": b"\0" * 16}
    choice = random.Random(2)
    for _ in range(2000):
        damaged = bytearray(pickled)
        for _ in range(choice.choice((1, 2, 5))):
            damaged[choice.randrange(2, len(damaged))] = choice.randrange(256)
        _loads_or_refuses(archive(bytes(damaged), storages))


def test_random_opcodes_raise_cleanly() -> None:
    pieces = [bytes([c]) for c in b"(0.1N2)]}atesudlRbQ\x81\x85\x86\x87\x88\x90\x92\x93\x94\x8f"]
    pieces += [b"K\5", b"h\0", b"q\0", b"h\1", b"q\1", text("a"), b"ccollections\nOrderedDict\n",
               b"c__builtin__\nset\n", b"ctorch\nSize\n", b"ctorch\ndevice\n", storage_id(1),
               b"ctorch._utils\n_rebuild_tensor_v2\n", b"c_codecs\nencode\n", b"ctorch\nTensor\n",
               b"ctorch._tensor\n_rebuild_from_type_v2\n", b"ctorch\nfloat32\n",
               b"ccollections\nCounter\n", b"c__builtin__\nbytearray\n"]  # fmt: skip
    choice = random.Random(3)
    for _ in range(3000):
        body = b"".join(choice.choices(pieces, k=choice.randrange(1, 40)))
        _loads_or_refuses(archive(b"\x80\x02" + body + b".", {"0": b"\0\0\0\0"}))


def _loads_or_refuses(data: bytes) -> None:
    try:
        loads(data)
    except CLEAN:
        return


# Hostile files.


class _Call:
    def __init__(self, function, *args) -> None:
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "payload",
    [
        _Call(os.system, "touch pwned"),
        _Call(eval, "open('pwned', 'w')"),
        _Call(exec, "open('pwned', 'w')"),
        _Call(getattr, [], "append"),
        _Call(__import__, "os"),
        {"weights": [1, {"deep": _Call(os.mkdir, "pwned")}]},
        collections.OrderedDict(a=_Call(pickle.loads, b"cos\nsystem\n(S'touch pwned'\ntR.")),
    ],
)
def test_nothing_that_a_file_names_is_called(payload, protocol, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        loads(archive(pickle.dumps(payload, protocol)))
    assert os.listdir(tmp_path) == []


def test_blocked_modules_stay_blocked_when_allowed() -> None:
    data = archive(b"cos\nsystem\n" + text("true") + b"\x85R.")
    with checkpoint.safe_globals([(os.system, "os.system")]):
        with pytest.raises(UnpicklingError, match="module os is blocked"):
            loads(data)


@pytest.mark.parametrize(
    "pickled",
    [
        b"c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.",  # a length: 2 GiB
        b"c__builtin__\nset\nJ\xff\xff\xff\x7f\x85R.",
        b"]r\xff\xff\xff\xff0j\xfe\xff\xff\xff.",  # a memo of 4 billion places
        b"\x8b\xff\xff\xff\x7fabc.",  # a number of 2 GiB
        b"B\xff\xff\xff\xffabc.",
        b"X\xff\xff\xff\x7fabc.",
        b"\x8d" + b"\xff" * 8 + b"abc.",
        b"I" + b"9" * 2000 + b"\n.",
        b"}(" + b")" + b"\x85" * 200000 + b"K\1u.",  # a key nested so deep that its hash overflows
        b"}(K\1" + b"2\x86" * 60 + b"K\1u.",  # a key whose hash never ends
        b"c_codecs\nencode\n" + text("a") + text("zlib_codec") + b"\x86R.",
        b"ccollections\nOrderedDict\n}" + text("keys") + b"K\1sb.",  # state for a class
        b"ccollections\nOrderedDict\n)R}" + text("keys") + b"K\1sb.",  # hides a method
        b"ctorch._utils\n_rebuild_tensor_v2\n}" + text("__code__") + b"K\1sb.",
        b"ctorch\nfloat32\n}" + text("itemsize") + b"K\1sb.",
        b"c__builtin__\ngetattr\n)R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"ctorch\nFloatStorage\n)\x81.",
        b"ctorch\ndevice\n" + text("nowhere") + b"\x85R.",
        b"\x82\x01.",  # the registry of extensions
        b"K\1Q.",
        text("storage") + b"Q.",
        storage_id(-1) + b".",
        storage_id(2**62) + b".",
        storage_id(1, key="../../data.pkl") + b".",
        b"(" + text("storage") + b"ctorch\nFloatStorage\n]" + text("cpu") + b"K\1tQ.",
        b"(" + text("storage") + b"]" + text("0") + text("cpu") + b"K\1tQ.",
        b"(" + text("storage") + storage_id(1) + text("0") + text("cpu") + b"K\1tQ.",
        storage_id(1) + storage_id(1, kind="Int") + b"\x86.",  # one storage, two dtypes
        b"",
        b".",
        b"(.",
    ],
)  # fmt: skip
def test_hostile_pickles_are_refused(pickled: bytes) -> None:
    with pytest.raises(CLEAN):
        loads(archive(b"\x80\x02" + pickled, {"0": b"\0\0\0\0"}))


@pytest.mark.parametrize(
    ("offset", "size", "stride", "grad"),
    [
        (0, (5,), (1,), b"\x89"),
        (1, (4,), (1,), b"\x89"),
        (5, (0,), (1,), b"\x89"),
        (-1, (1,), (1,), b"\x89"),
        (0, (2,), (4,), b"\x89"),
        (0, (2,), (-1,), b"\x89"),
        (0, (-2,), (1,), b"\x89"),
        (0, (2, 2), (1,), b"\x89"),
        (0, (2**62, 2**62), (0, 0), b"\x89"),
        (2**63, (), (), b"\x89"),
        (0, (1,) * 65, (1,) * 65, b"\x89"),
        (0, "ab", (1, 1), b"\x89"),
        (0, (1.5,), (1,), b"\x89"),
        (True, (1,), (1,), b"\x89"),
        (0, (True,), (1,), b"\x89"),
        (0, (1,), (1,), b"K\1"),
    ],
)
def test_tensors_outside_their_storage_are_refused(offset, size, stride, grad) -> None:
    data = archive(tensor(4, offset, size, stride, grad), {"0": b"\0" * 16})
    for weights_only in (True, False):
        with pytest.raises(UnpicklingError, match="tensor"):
            loads(data, weights_only=weights_only)


def test_small_files_cannot_ask_for_endless_work() -> None:
    # One list of 100,000 items, copied by two bytes each time.
    body = b"]q\0(" + b"K\1" * 100_000 + b"e0" + b"c__builtin__\nbytearray\nq\1" + b"0"
    body += b"](" + b"h\1h\0\x85R" * 10_000 + b"e."
    with pytest.raises(UnpicklingError, match="more work"):
        loads(archive(b"\x80\x02" + body))


def test_cycles_and_depth_are_no_problem() -> None:
    loop: list = []
    loop.append({"loop": loop})
    found = loads(archive(pickle.dumps(loop, 2)))
    assert found[0]["loop"] is found
    deep = loads(archive(b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b"."))
    assert isinstance(deep, list)


def test_entries_that_overlap_or_repeat_are_refused() -> None:
    data = bytearray(dumps(STATE))
    first = data.index(b"PK\1\2")
    data[first + 20 : first + 28] = struct.pack("<2I", 2**30, 2**30)
    with pytest.raises(RuntimeError, match="larger than the file"):
        loads(bytes(data))
    buffer = io.BytesIO(dumps(STATE))
    with zipfile.ZipFile(buffer, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("archive/data.pkl", b"N.")
    with pytest.raises(RuntimeError, match="same name"):
        loads(buffer.getvalue())
