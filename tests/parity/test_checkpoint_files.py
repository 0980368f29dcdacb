"""Checkpoint files go both ways between PyTorch and Facula, down to the bytes of the pickle."""

from __future__ import annotations

import collections
import io
import pickletools
import random
import zipfile
from pickle import UnpicklingError

import numpy as np
import pytest

from facula import dtypes
from facula.devices import device
from facula.interop import checkpoint

torch = pytest.importorskip("torch")

DTYPES = {getattr(torch, d.name): d for d in dtypes.ALL}


class Plain:
    """A tensor as the checkpoint sees it: made by `build`, written by `describe`."""

    def __init__(self, storage, dtype, offset, size, stride, requires_grad, key) -> None:
        self.storage, self.dtype, self.key = storage, dtype, key
        self.offset, self.size, self.stride = offset, size, stride
        self.requires_grad, self.is_parameter = requires_grad, False

    def array(self) -> np.ndarray:
        strides = tuple(s * self.dtype.itemsize for s in self.stride)
        return np.lib.stride_tricks.as_strided(self.storage[self.offset :], self.size, strides)


def build_parameter(data: Plain, requires_grad: bool) -> Plain:
    data.requires_grad, data.is_parameter = requires_grad, True
    return data


def from_torch(t) -> Plain:
    """The same tensor, over a copy of its storage."""
    dtype = DTYPES[t.dtype]
    raw = np.array(list(bytes(t.untyped_storage())), np.uint8).view(dtype.np)
    key = t.untyped_storage().data_ptr() or id(t)
    plain = Plain(raw, dtype, t.storage_offset(), tuple(t.shape), t.stride(), t.requires_grad, key)
    plain.is_parameter = isinstance(t, torch.nn.Parameter)
    return plain


def describe(obj):
    if not isinstance(obj, Plain):
        return None
    return checkpoint.TensorRecord(
        obj.key, obj.storage, obj.dtype, obj.offset, obj.size, obj.stride, obj.requires_grad,
        obj.is_parameter,
    )  # fmt: skip


def dumps(obj) -> bytes:
    buffer = io.BytesIO()
    checkpoint.write(obj, buffer, describe=describe)
    return buffer.getvalue()


def loads(data: bytes, **options):
    return checkpoint.read(
        io.BytesIO(data), build=Plain, build_parameter=build_parameter, **options
    )


def torch_dumps(obj, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(obj, buffer, **options)
    return buffer.getvalue()


def torch_loads(data: bytes, **options):
    return torch.load(io.BytesIO(data), **options)


def convert(obj, seen: dict):
    """A copy of nested containers with Plain for every tensor; one object stays one object."""
    if isinstance(obj, torch.Tensor):
        return seen.setdefault(id(obj), from_torch(obj))
    if isinstance(obj, torch.dtype):
        return DTYPES[obj]
    if isinstance(obj, torch.device):
        return device(str(obj))
    if isinstance(obj, collections.OrderedDict):
        copy = collections.OrderedDict((k, convert(v, seen)) for k, v in obj.items())
        copy.__dict__.update(obj.__dict__)
        return copy
    if type(obj) is dict:
        return {k: convert(v, seen) for k, v in obj.items()}
    if isinstance(obj, list | tuple):
        return type(obj)(convert(v, seen) for v in obj)
    return obj


def assert_same(ours, theirs) -> None:
    """Containers equal in type and order, tensors equal in every fact and bit."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, Plain)
        assert ours.dtype is DTYPES[theirs.dtype]
        assert (ours.size, ours.stride) == (tuple(theirs.shape), theirs.stride())
        assert ours.offset == theirs.storage_offset()
        assert ours.requires_grad == theirs.requires_grad
        assert ours.is_parameter == isinstance(theirs, torch.nn.Parameter)
        expected = from_torch(theirs)
        assert ours.storage.tobytes() == expected.storage.tobytes()
        assert ours.array().tobytes() == expected.array().tobytes()
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
        assert getattr(ours, "__dict__", {}) == getattr(theirs, "__dict__", {})
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    elif isinstance(theirs, torch.dtype):
        assert ours is DTYPES[theirs]
    elif isinstance(theirs, torch.device):
        assert str(ours) == str(theirs)
    else:
        assert type(ours) is type(theirs) and ours == theirs


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3),
        torch.nn.BatchNorm2d(3),
        torch.nn.Flatten(),
        torch.nn.Linear(12, 2),
    )


def trained_adam() -> dict:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.randn(2, 1, 4, 4)).sum().backward()
        optimizer.step()
    return {"epoch": 2, "model": model.state_dict(), "optimizer": optimizer.state_dict()}


def shared_views() -> dict:
    base = torch.arange(24.0).reshape(4, 6)
    same = torch.ones(2)
    return {
        "base": base, "row": base[1], "t": base.t(), "step": base[::2, 1::3], "a": same,
        "b": same, "expanded": torch.ones(1).expand(3, 5), "diagonal": base.diagonal(),
    }  # fmt: skip


def all_dtypes() -> list:
    found = []
    for dtype in DTYPES:
        x = torch.randint(0, 100, (3, 2)).to(dtype)
        found += [x, x[1], x[1, 1], torch.empty(0, dtype=dtype), torch.empty(2, 0, dtype=dtype),
                  torch.ones((), dtype=dtype)]  # fmt: skip
    return found


def odds_and_ends() -> dict:
    return {
        "n": None, "t": (1, 2.5, True, "é", b"\x00\xff", 2**80, -(2**31), -1), "big": 10**30,
        "c": 1 + 2j, "set": {1, 2}, "empty": [{}, [], (), set()], "dtype": torch.bfloat16,
        "device": torch.device("cuda", 1), "cpu": torch.device("cpu"), 3: "int key", (1, "a"): 1.5,
        "counter": collections.Counter("abca"), "bytearray": bytearray(b"xy"), "inf": float("inf"),
        "many": list(range(2500)), "wide": {str(i): i for i in range(1500)},
    }  # fmt: skip


CASES = {
    "state dict": lambda: network().state_dict(),
    "parameters": lambda: list(network().parameters()),
    "optimizer": trained_adam,
    "views": shared_views,
    "dtypes": all_dtypes,
    "other objects": odds_and_ends,
    "scalar": lambda: torch.tensor(2.5),
    "grad": lambda: [torch.ones(2, requires_grad=True),
                     torch.nn.Parameter(torch.ones(1), requires_grad=False)],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_we_read_what_torch_writes(case: str) -> None:
    expected = CASES[case]()
    data = torch_dumps(expected)
    assert_same(loads(data), expected)
    assert_same(loads(data, weights_only=False), expected)
    assert_same(loads(data, map_location="cpu"), expected)


@pytest.mark.parametrize("case", CASES)
def test_we_read_torchs_older_format(case: str) -> None:
    expected = CASES[case]()
    data = torch_dumps(expected, _use_new_zipfile_serialization=False)
    assert_same(loads(data), expected)
    assert_same(loads(data, weights_only=False), expected)


@pytest.mark.thin(2)
@pytest.mark.parametrize("case", CASES)
def test_torch_reads_what_we_write(case: str) -> None:
    expected = CASES[case]()
    ours = convert(expected, {})
    data = dumps(ours)
    assert_same(loads(data), expected)
    for options in ({"weights_only": True}, {"weights_only": False}):
        found = torch_loads(data, **options)
        assert_same(convert(found, {}), expected)
        if isinstance(expected, torch.nn.Module | dict):
            assert type(found) is type(expected)


@pytest.mark.parametrize("case", ["state dict", "optimizer", "views", "grad"])
def test_the_pickle_and_the_layout_are_torchs(case: str) -> None:
    expected = CASES[case]()
    ours, theirs = dumps(convert(expected, {})), torch_dumps(expected)
    a, b = zipfile.ZipFile(io.BytesIO(ours)), zipfile.ZipFile(io.BytesIO(theirs))
    assert a.namelist() == b.namelist()

    def opcodes(archive):
        # A memo number more or less, as strings are shared or not, is no difference.
        skip = ("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET", "MEMOIZE")
        stream = pickletools.genops(archive.read("archive/data.pkl"))
        return [(op.name, arg) for op, arg, _ in stream if op.name not in skip]

    if case != "optimizer":  # there PyTorch shares strings that its own loop made
        assert opcodes(a) == opcodes(b)
    for name in a.namelist():
        if "data/" in name and "serialization_id" not in name:
            assert a.read(name) == b.read(name)
    for entry in a.infolist():
        start = entry.header_offset
        extra = int.from_bytes(ours[start + 28 : start + 30], "little")
        assert (start + 30 + len(entry.filename) + extra) % 64 == 0


def test_sharing_survives_both_ways() -> None:
    found = loads(torch_dumps(shared_views()))
    assert found["a"] is found["b"]
    assert found["base"].storage is found["row"].storage is found["t"].storage
    assert found["base"].key == found["row"].key != found["a"].key
    back = torch_loads(dumps(found))
    back["base"][1, 0] = 77
    assert back["row"][0] == back["t"][0, 1] == 77
    assert back["a"] is back["b"]


def test_files_on_disk_and_mapping(tmp_path) -> None:
    expected = trained_adam()
    theirs, ours = tmp_path / "theirs.pt", tmp_path / "ours.pt"
    torch.save(expected, theirs)
    checkpoint.write(convert(expected, {}), ours, describe=describe)
    names = [zipfile.ZipFile(p).namelist() for p in (theirs, ours)]
    assert [n.split("/", 1)[1] for n in names[0]] == [n.split("/", 1)[1] for n in names[1]]
    assert names[1][0] == "ours/data.pkl"
    for mmap in (None, False, True):
        for path in (theirs, ours):
            found = checkpoint.read(path, build=Plain, build_parameter=build_parameter, mmap=mmap)
            assert_same(found, expected)
    assert_same(convert(torch.load(ours, mmap=True), {}), expected)


def test_attributes_and_lazy_conjugates() -> None:
    x, p = torch.arange(2.0), torch.nn.Parameter(torch.ones(1))
    x.note, p.note = "x", [1]
    z = torch.tensor([1 + 2j, 3 - 1j])
    found = loads(torch_dumps([x, p, z.conj(), z.clone().conj().imag]))
    assert found[0].note == "x" and found[1].note == [1] and found[1].is_parameter
    np.testing.assert_array_equal(found[2].array(), z.conj().resolve_conj().numpy())
    np.testing.assert_array_equal(found[3].array(), z.conj().imag.resolve_neg().numpy())

    ours = convert([x, p], {})
    buffer = io.BytesIO()

    def with_state(obj):
        record = describe(obj)
        if record is not None:
            record.state = {"note": 5}
        return record

    checkpoint.write(ours, buffer, describe=with_state)
    back = torch_loads(buffer.getvalue())
    assert back[0].note == back[1].note == 5
    assert isinstance(back[1], torch.nn.Parameter) and torch.equal(back[0], torch.arange(2.0))


def test_checksums_left_out_by_torch_are_not_compared() -> None:
    torch.serialization.set_crc32_options(False)
    try:
        data = torch_dumps(torch.ones(3))
    finally:
        torch.serialization.set_crc32_options(True)
    assert_same(loads(data), torch.ones(3))


def test_what_torch_has_and_facula_lacks_is_named() -> None:
    cases = {
        "uint16": torch.ones(2, dtype=torch.uint16),
        "float8_e4m3fn": torch.ones(2).to(torch.float8_e4m3fn),
        "sparse": torch.eye(2).to_sparse(),
        "meta": torch.empty(2, device="meta"),
    }
    for name, value in cases.items():
        for weights_only in (True, False):
            with pytest.raises(UnpicklingError, match=f"Facula has no .*{name}"):
                loads(torch_dumps(value), weights_only=weights_only)


def test_refusals_name_the_global_as_torch_does() -> None:
    data = torch_dumps(network())
    with pytest.raises(UnpicklingError) as theirs:
        torch_loads(data)
    with pytest.raises(UnpicklingError) as ours:
        loads(data)
    sentence = "Please use `torch.serialization.add_safe_globals("
    assert sentence in str(theirs.value) and sentence in str(ours.value)
    assert "torch.nn.modules.container.Sequential" in str(ours.value)


def test_torch_reads_nothing_from_us_that_it_would_refuse_itself() -> None:
    """Damage that we report is never damage that we made."""
    data = dumps(convert(trained_adam(), {}))
    choice = random.Random(0)
    for _ in range(30):
        position = choice.randrange(len(data))
        damaged = data[:position] + bytes([data[position] ^ 0x41]) + data[position + 1 :]
        try:
            loads(damaged)
        except (RuntimeError, UnpicklingError, EOFError):
            continue
        torch_loads(damaged)


def test_damage_in_the_older_format_raises_cleanly() -> None:
    good = torch_dumps(trained_adam(), _use_new_zipfile_serialization=False)
    choice = random.Random(4)
    for length in range(0, len(good), 997):
        with pytest.raises((RuntimeError, UnpicklingError, EOFError)):
            loads(good[:length])
    for _ in range(300):
        damaged = bytearray(good)
        damaged[choice.randrange(len(damaged))] ^= 1 << choice.randrange(8)
        try:
            loads(bytes(damaged))
        except (RuntimeError, UnpicklingError, EOFError):
            continue
