"""The reader of safetensors: sound files, and every way in which a header can lie."""
import json
import struct

import numpy as np
import pytest

from collapscope._safetensors import MAX_HEADER, SafeTensors

ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def write(path, header, blob=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + blob)
    return path


@pytest.mark.parametrize("kind, dtype", [("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2"), ("I64", "<i8"), ("I8", "i1"), ("U8", "u1"),
                                         ("BOOL", "u1")])
def test_values(tmp_path, kind, dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    n = values.nbytes
    path = write(tmp_path / "a", {"__metadata__": {"a": "b"}, "second": {"dtype": kind, "shape": [2, 3], "data_offsets": [1, 1 + n]},
                                  "first": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]},
                                  "empty": {"dtype": "F32", "shape": [0, 4], "data_offsets": [1 + n, 1 + n]}}, b"\x07" + values.tobytes())
    tensors = SafeTensors(path)
    assert sorted(tensors) == ["empty", "first", "second"]
    assert tensors["second"].dtype == np.dtype(dtype) and np.array_equal(tensors["second"], values)  # at an odd address
    assert tensors["first"] == 7 and tensors["empty"].shape == (0, 4)


@pytest.mark.parametrize("header, blob, message", [
    ({"a": {**ENTRY, "data_offsets": [0, 9]}}, bytes(9), "'a': found 9 bytes; expected 8 for F32"),
    ({"a": {**ENTRY, "data_offsets": [0, 80]}}, bytes(8), r"'a': found bytes \[0, 80\]; expected a range in 0 to 8"),
    ({"a": {**ENTRY, "data_offsets": [8, 0]}}, bytes(8), "expected a range"),
    ({"a": {**ENTRY, "data_offsets": [-8, 0]}}, bytes(8), "expected a range"),
    ({"a": {**ENTRY, "data_offsets": [0.0, 8.0]}}, bytes(8), "expected a range"),
    ({"a": {**ENTRY, "data_offsets": [False, True]}}, bytes(8), "expected a range"),
    ({"a": {**ENTRY, "shape": [2**62, 4]}}, bytes(8), "'a': found 8 bytes; expected 73786976294838206464 for F32"),
    ({"a": {**ENTRY, "shape": [-2]}}, bytes(8), "found type 'F32' and shape"),
    ({"a": {**ENTRY, "shape": [1] * 33}}, bytes(8), "expected a type and at most 32 lengths"),
    ({"a": {**ENTRY, "dtype": 3}}, bytes(8), "found type '3'"),
    ({"a": [1]}, b"", "expected dtype, shape and data_offsets"),
    ({"a": ENTRY, "b": ENTRY}, bytes(8), "'b': found its first byte at 0; expected 8"),
    ({"a": {**ENTRY, "data_offsets": [4, 12]}}, bytes(12), "'a': found its first byte at 4; expected 0"),
    ({"a": ENTRY}, bytes(9), "found 9 bytes of numbers; expected 8"),
    (b'{"a": 1, "a": 2}', b"", "a name stands twice"),
    (b'{"a": ' + b"[" * 100_000, b"", "found a header that is not JSON"),
    (b"{\xff}", b"", "found a header that is not JSON"),
    (b"[1, 2]", b"", r"begins with b'\['; expected b'\{'")])
def test_refused(tmp_path, header, blob, message):
    with pytest.raises(ValueError, match=message) as error:
        SafeTensors(write(tmp_path / "a.safetensors", header, blob))
    assert "a.safetensors: " in str(error.value)


@pytest.mark.parametrize("length", [0, 1, 3, 100, MAX_HEADER + 1, 2**63, 2**64 - 1])
def test_lengths_of_the_header(tmp_path, length):
    with pytest.raises(ValueError, match=f"found a header of {length} bytes in a file of 10; expected 2 to 2"):
        SafeTensors(write(tmp_path / "a", b"{}", length=length))
    assert list(SafeTensors(write(tmp_path / "b", b"{}"))) == []


def test_types_that_cannot_be_read_are_refused_when_asked_for(tmp_path):
    header = {"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}, "b": {**ENTRY, "data_offsets": [4, 12]}}
    tensors = SafeTensors(write(tmp_path / "a", header, bytes(12)))
    assert tensors["b"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="'a': found numbers of type 'F8_E4M3'; expected one of F64, F32"):
        tensors["a"]
