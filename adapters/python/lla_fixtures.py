"""Reads a folder of fixtures, cases of (log-linear) attention with what is right for them, and checks answers. Copy this one file next to yours.

    from lla_fixtures import check, load

    for case in load("fixtures", system="log-linear-mamba2", dtype="float32"):
        o = my_kernel(case.q, case.k, case.v, case.g, case.lambda_)
        for mismatch in check(case, {"o": o}):
            print(case.name, mismatch)

or, without a line of Python, for a function as lla_adapter.py calls it, and for a file that has a `serve(...)` of lla_adapter:

    python3 lla_fixtures.py fixtures --module my_kernel --function forward
    python3 lla_fixtures.py fixtures --adapter my_kernel.py

It needs numpy, and PyTorch only where `torch=` asks for it. numpy has no bfloat16: those numbers are float32 arrays here, each of them
exact in bfloat16; `to_torch` makes real bfloat16 tensors of them.

Nothing in a folder is trusted: what is not as its manifest says, sizes and SHA-256 included, is a FixtureError.
"""
import argparse
import hashlib
import importlib
import io
import json
import math
import os
import re
import runpy
import struct
import sys
import traceback
import types
import zipfile
from collections import Counter, namedtuple
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional

import numpy as np

VERSION = 1
# in the order in which they are preferred
FORMATS = ("safetensors", "npz", "json")
# dtype of a case: the numpy type of its inputs
DTYPES = {"float64": np.float64, "float32": np.float32, "tf32": np.float32, "bfloat16": np.float32, "float16": np.float16}
SAFETENSORS = {"F64": "<f8", "F32": "<f4", "BF16": "<u2", "F16": "<f2", "I64": "<i8"}
INPUTS = ("q", "k", "v", "g", "beta", "lambda", "initialState")
# names of the formats and of Case
PYTHON_NAMES = {"lambda": "lambda_", "initialState": "initial_state", "finalState": "final_state"}
FORMAT_NAMES = {python: name for name, python in PYTHON_NAMES.items()}
HEADER = {"name", "probes", "flags", "dtype", "system", "scale", "structure", "chunkSize", "error"}
TEXTS = ("name", "probes", "dtype", "system")
INTEGERS = ("position", "cuSeqlens", "expected.position")
TENSORS = {f"inputs.{name}" for name in INPUTS} | {"cotangents.o", "cotangents.finalState", *INTEGERS}
for _part in ("expected", "bounds"):
    TENSORS |= {f"{_part}.{name}" for name in ("o", "finalState", *(f"gradients.{name}" for name in INPUTS))}

Cotangents = namedtuple("Cotangents", ["o", "final_state"])


class FixtureError(Exception):
    """The folder is not what it has to be; the text says where and how."""


class BadAnswer(Exception):
    """The author's function did what it must not; the text says what."""


class Refused(Exception):
    """For kernels that say which argument is wrong: raise Refused("lambda", "3 levels, T = 9 needs 5"). Any exception is a refusal."""

    def __init__(self, argument, message):
        super().__init__(f"{argument}: {message}")
        self.argument = argument


@dataclass
class Case:
    """One fixture. The first fields are those of lla_adapter.Case: a function that takes the one takes the other.

    Tensors are numpy arrays, or torch tensors after to_torch; what the case does not have is None. B batch, T length, H heads, G groups
    of q and k (head h reads group h * G // H), K key size, V value size, L levels, n sequences: B, or the packed ones.
    """

    system: str  # "mamba2", "log-linear-mamba2", ...
    dtype: str  # float64, float32, tf32, bfloat16 or float16: inputs are exact in it, bounds are for it
    scale: float  # multiplies q.k
    structure: dict  # {"kind": "weak", "base": 2} unless flags say otherwise
    position: List[int]  # [n], positions seen before
    cu_seqlens: Optional[List[int]]  # [n+1], starts of packed sequences
    chunk_size: Optional[int]  # need not be heeded
    q: Any = None  # [B,T,G,K]
    k: Any = None  # [B,T,G,K]
    v: Any = None  # [B,T,H,V]
    g: Any = None  # log decay, [B,T,H], [B,T,H,K] (gla, kimi-delta) or [H] (retention)
    beta: Any = None  # [B,T,H]
    lambda_: Any = None  # [B,T,H,L], in log-linear systems
    initial_state: Any = None  # [n,H,L',K,V], L' <= L levels: what is not there is zero
    cotangents: Optional[Cotangents] = None  # o [B,T,H,V], final_state [n,H,L,K,V] or None: where gradients are expected
    name: str = ""
    probes: str = ""  # what it is about, one sentence
    flags: List[str] = field(default_factory=list)
    expected: Optional[Dict[str, Any]] = None  # o, final_state, position, gradients by the names of `inputs`; float64
    bounds: Optional[Dict[str, Any]] = None  # the same without position: how far an answer may be from it, element by element
    error: Optional[dict] = None  # {"kind": "invalid-input", "argument": "lambda"}: input that has to be refused; nothing is expected

    @property
    def inputs(self):
        """The inputs that the case has, by the attribute's name."""
        every = {python_name(name): getattr(self, python_name(name)) for name in INPUTS}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def levels(self):
        """L: levels of lambda, 1 in a flat system."""
        return 1 if self.lambda_ is None else int(self.lambda_.shape[3])

    @property
    def recommended(self):
        """Whether a right implementation may fail it: it is recommended, as some laws of the gate are."""
        return "recommended" in self.flags

    def map(self, change):
        """The case with its inputs and cotangents changed by a function."""
        given = {name: change(value) for name, value in self.inputs.items()}
        if self.cotangents is not None:
            given["cotangents"] = Cotangents(*(None if value is None else change(value) for value in self.cotangents))
        return replace(self, **given)


@dataclass
class Mismatch:
    """One tensor of an answer that is wrong: its worst element, or what is wrong with all of it."""

    tensor: str  # "o", "final_state", "position", "gradients.q", ...
    index: Optional[tuple] = None
    actual: Optional[float] = None
    expected: Optional[float] = None
    bound: Optional[float] = None
    ratio: float = math.inf  # |actual - expected| / bound
    wrong: int = 0  # elements that are wrong
    of: int = 0  # elements that there are
    problem: Optional[str] = None  # in place of an element: it is missing, has another shape, ...

    def __str__(self):
        if self.problem is not None:
            return f"{self.tensor} {self.problem}"
        where = f"{self.tensor}[{', '.join(map(str, self.index))}]"
        off = abs(self.actual - self.expected)
        by = "" if math.isnan(off) else f", off by {off:.3g}"
        by += "" if math.isinf(self.ratio) else f", {self.ratio:.3g} times the bound"
        return f"{where} is {self.actual!r}, expected {self.expected!r} +- {self.bound:.3g}{by} (wrong: {self.wrong} of {self.of})"


# ------------------------------------------------------------------------------------------------------------------ reading a folder

class Fixtures:
    """A folder of fixtures by its manifest.json: `names`, `case(name)`, and all cases one after another."""

    def __init__(self, folder, form=None):
        self.folder = os.fspath(folder)
        path = os.path.join(self.folder, "manifest.json")
        try:
            with open(path, "rb") as file:
                text = file.read()
        except OSError as error:
            raise FixtureError(f"{path}: {error.strerror or error}; `lla fixtures export` writes such a folder") from None
        manifest = parse_json(text, path)
        require(isinstance(manifest, dict) and manifest.get("format") == "lla-fixtures", path, "it is no manifest of fixtures")
        version = manifest.get("version")
        require(version == VERSION, path, f"version {version!r}, this file reads {VERSION}: take the lla_fixtures.py of that version")
        require(is_name(manifest.get("folder")), path, f"folder {manifest.get('folder')!r} is no name of a folder")
        self.manifest = manifest
        self.home = os.path.join(self.folder, manifest["folder"])
        self.entries = {}
        require(isinstance(manifest.get("cases"), list), path, "it has no list of cases")
        for entry in manifest["cases"]:
            name = entry.get("name") if isinstance(entry, dict) else None
            require(is_name(name), path, f"{name!r} is no name of a case")
            require(name not in self.entries, path, f"there are two cases {name}")
            fits = all(isinstance(entry.get(key), str) for key in ("system", "dtype", "probes")) and isinstance(entry.get("files"), dict)
            require(fits and is_list_of(str, entry.get("flags")), path, f"the entry of {name} is damaged")
            self.entries[name] = entry
        self.form = form

    @property
    def names(self):
        return list(self.entries)

    def __iter__(self):
        return map(self.case, self.entries)

    def file_of(self, name):
        """(format, path, bytes, sha256) of a case's file."""
        require(name in self.entries, self.folder, f"there is no case {name}")
        files = self.entries[name]["files"]
        form = next((each for each in ([self.form] if self.form else FORMATS) if each in files), None)
        require(form is not None, self.folder, f"{name} is there as {', '.join(files) or 'nothing'}, wanted is {self.form or ' or '.join(FORMATS)}")
        given = files[form]
        require(isinstance(given, dict), self.folder, f"the entry of {name} is damaged")
        file, size, digest = given.get("file"), given.get("bytes"), given.get("sha256")
        require(file == f"{name}.{form}", self.folder, f"the file of {name} is called {file!r}, it has to be {name}.{form}")
        require(is_count(size), self.folder, f"{file}: {size!r} is no count of bytes")
        require(isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest), self.folder, f"{file}: {digest!r} is no SHA-256")
        path = os.path.join(self.home, file)
        inside = os.path.join(os.path.realpath(self.folder), self.manifest["folder"], file)
        require(os.path.realpath(path) == inside, path, "it leads out of the folder")
        return form, path, size, digest

    def case(self, name):
        form, path, size, digest = self.file_of(name)
        try:
            with open(path, "rb") as file:
                data = file.read(size + 1)
        except OSError as error:
            raise FixtureError(f"{path}: {error.strerror or error}") from None
        require(len(data) == size, path, f"it has {'more' if len(data) > size else len(data)} bytes, the manifest says {size}")
        found = hashlib.sha256(data).hexdigest()
        require(found == digest, path, f"its SHA-256 is {found}, the manifest says {digest}: it was changed, export the folder again")
        return read_case(data, form, path, self.entries[name])


def load(folder, system=None, dtype=None, flags=(), without=(), name=None):
    """The cases of a folder one after another, those of these systems and dtypes (one, or a list) with all of `flags`, none of `without`."""
    fixtures = Fixtures(folder)
    for each in select(fixtures, system, dtype, flags, without, name):
        yield fixtures.case(each)


def select(fixtures, system=None, dtype=None, flags=(), without=(), name=None):
    """The names that `load` goes through."""
    def chosen(value, wanted):
        return wanted is None or value in ([wanted] if isinstance(wanted, str) else wanted)

    flags, without = ({each} if isinstance(each, str) else set(each) for each in (flags, without))
    return [each for each, entry in fixtures.entries.items()
            if chosen(each, name) and chosen(entry["system"], system) and chosen(entry["dtype"], dtype)
            and flags <= set(entry["flags"]) and not without & set(entry["flags"])]


def read_case(data, form, where, entry=None):
    """The Case in the bytes of one file, which has to be what its entry in a manifest says."""
    try:
        header, tensors = READERS[form](data, where)
        if entry is not None:
            check_entry(header, tensors, entry, where)
        return case_of(header, tensors, where)
    except (MemoryError, RecursionError) as error:
        raise FixtureError(f"{where}: {type(error).__name__} while it was read") from None


def check_entry(header, tensors, entry, where):
    for key in (*TEXTS, "flags", "error"):
        require(header.get(key) == entry.get(key), where, f"its {key} is {header.get(key)!r}, the manifest says {entry.get(key)!r}")
    listed = entry.get("tensors")
    require(isinstance(listed, dict) and set(listed) == set(tensors), where, "its tensors are not those that the manifest lists")
    for name, array in tensors.items():
        shape = listed[name].get("shape") if isinstance(listed[name], dict) else None
        require(shape == list(array.shape), where, f"{name} has the shape {list(array.shape)}, the manifest says {shape}")


def read_json(data, where):
    """Header and tensors by name of a JSON fixture."""
    given = parse_json(data, where)
    require(isinstance(given, dict), where, "it is no object")
    header, tensors = {}, {}
    require("error" not in given, where, "an error beside expected, it belongs into it")
    for key, value in given.items():
        if key == "expected" and isinstance(value, dict) and set(value) == {"error"}:
            header["error"] = value["error"]
        elif key in ("inputs", "cotangents", "expected", "bounds"):
            flatten(value, key, tensors, where)
        elif key in INTEGERS:
            tensors[key] = integers(value, key, where)
        else:
            header[key] = value
    return header, tensors


def flatten(value, name, tensors, where):
    require(isinstance(value, dict), where, f"{name} is no object")
    for key, part in value.items():
        inner = f"{name}.{key}"
        if key == "gradients":
            flatten(part, inner, tensors, where)
        elif key == "position":
            tensors[inner] = integers(part, inner, where)
        else:
            tensors[inner] = json_tensor(part, inner, where)


def integers(value, name, where):
    require(isinstance(value, list) and all(type(each) is int and abs(each) < 2 ** 53 for each in value), where, f"{name} is no list of integers")
    return np.array(value, np.int64)


def json_tensor(value, name, where):
    require(isinstance(value, dict) and set(value) <= {"shape", "data", "dtype"}, where, f"{name} is no tensor")
    shape, data, dtype = value.get("shape"), value.get("data"), value.get("dtype", "float64")
    require(dtype in ("float64", "float32"), where, f"{name} is of dtype {dtype!r}")
    require(is_list_of(int, shape) and all(is_count(size) for size in shape), where, f"{name} has the shape {shape!r}")
    require(isinstance(data, list) and len(data) == math.prod(shape), where, f"{name}: its data does not fit its shape {shape}")
    for each in data:
        require(is_number(each), where, f"{name} has {each!r} among its numbers")
    try:
        array = np.array([float(each) for each in data], np.float64).reshape(shape)
    except (OverflowError, ValueError):
        raise FixtureError(f"{where}: {name} has a number that no double holds, or too many axes") from None
    return exact(array, np.float32, name, where) if dtype == "float32" else array


def read_safetensors(data, where):
    """Header and tensors by name of a safetensors fixture."""
    tensors, metadata = parse_safetensors(data, where)
    fields = unwrapped(metadata, where)
    return {key: value if key in TEXTS else parse_json(value, f"{where}: {key}") for key, value in fields.items()}, tensors


def unwrapped(header, where):
    """A header without the two fields that say what it is one of."""
    kind, version = header.get("format"), header.get("version")
    require(kind == "lla-fixture" and str(version) == str(VERSION), where, f"format {kind!r} of version {version!r}, not lla-fixture {VERSION}")
    return {key: value for key, value in header.items() if key not in ("format", "version")}


def parse_safetensors(data, where="safetensors"):
    """(arrays by name, metadata) of the bytes of a safetensors file; bfloat16 becomes float32."""
    require(len(data) >= 8, where, "it is shorter than 8 bytes")
    size, = struct.unpack_from("<Q", data)
    require(size <= len(data) - 8, where, f"a header of {size} bytes in a file of {len(data)}")
    text = data[8:8 + size]
    require(text[:1] == b"{", where, "its header does not begin with {")
    header = parse_json(text, where)
    metadata = header.pop("__metadata__", {})
    require(isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values()), where, "__metadata__ holds more than strings")
    body = memoryview(data)[8 + size:]
    arrays, spans = {}, []
    for name, spec in header.items():
        fits = isinstance(spec, dict) and set(spec) == {"dtype", "shape", "data_offsets"}
        require(fits, where, f"{name} is not described by dtype, shape and data_offsets")
        dtype, shape, offsets = spec["dtype"], spec["shape"], spec["data_offsets"]
        require(isinstance(dtype, str) and dtype in SAFETENSORS, where, f"{name} is of dtype {dtype!r}")
        require(is_list_of(int, shape) and all(map(is_count, shape)) and len(shape) <= 8, where, f"{name} has the shape {shape!r}")
        require(is_list_of(int, offsets) and len(offsets) == 2, where, f"{name} has the offsets {offsets!r}")
        start, end = offsets
        require(0 <= start <= end <= len(body), where, f"{name} lies at {offsets} of {len(body)} bytes")
        kind = np.dtype(SAFETENSORS[dtype])
        require(end - start == math.prod(shape) * kind.itemsize, where, f"{name} of shape {shape} does not fit {end - start} bytes")
        array = np.frombuffer(body[start:end], kind).reshape(shape)
        if dtype == "BF16":
            # a bfloat16 is the upper half of a float32
            array = (array.astype(np.uint32) << 16).view(np.float32)
        arrays[name] = array
        spans.append((start, end))
    at = 0
    for start, end in sorted(spans):
        require(start == at, where, f"its tensors overlap, or leave a hole, at byte {min(start, at)}")
        at = end
    require(at == len(body), where, f"{len(body) - at} bytes behind the last tensor")
    return arrays, metadata


def read_npz(data, where):
    """Header and tensors by name of an npz fixture."""
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                name = info.filename[:-4]
                known = info.filename.endswith(".npy") and name in TENSORS | {"meta"} and name not in arrays
                require(known, where, f"{info.filename!r} is no member that it may have, or is there twice")
                require(info.compress_type == zipfile.ZIP_STORED and info.file_size <= len(data), where, f"{name} is compressed")
                arrays[name] = parse_npy(archive.read(info), f"{where}: {info.filename}")
    except FixtureError:
        raise
    except Exception as error:  # zipfile has many names for a damaged file
        raise FixtureError(f"{where}: {error}") from None
    meta = arrays.pop("meta", None)
    require(meta is not None and meta.dtype.kind == "S" and meta.shape == (), where, "it has no member meta, a string of bytes")
    header = parse_json(meta.item(), f"{where}: meta")
    require(isinstance(header, dict), where, "meta is no object")
    header = unwrapped(header, where)
    for name, array in arrays.items():
        require(array.dtype.kind in "fi", where, f"{name} is of dtype {array.dtype}")
    return header, arrays


def parse_npy(data, where):
    """The array in the bytes of an npy file. What np.load would do, but sizes are looked at before memory is asked for."""
    file = io.BytesIO(data)
    require(np.lib.format.read_magic(file) == (1, 0), where, "no npy of version 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    left = len(data) - file.tell()
    fits = not dtype.hasobject and not by_columns and dtype.kind in "fiS" and math.prod(shape) * dtype.itemsize == left
    require(fits, where, f"{dtype} of shape {shape} in {left} bytes, row-major numbers are wanted")
    if left == 0:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape)


READERS = {"json": read_json, "safetensors": read_safetensors, "npz": read_npz}


def case_of(header, tensors, where):
    """The Case of a header and of tensors by their names in all formats."""
    unknown = sorted((set(header) - HEADER) | (set(tensors) - TENSORS))
    require(not unknown, where, f"unknown: {', '.join(unknown[:5])}")
    for key in TEXTS:
        require(isinstance(header.get(key), str), where, f"{key} is missing, or no text")
    require(is_name(header["name"]), where, f"{header['name']!r} is no name of a case")
    require(header["dtype"] in DTYPES, where, f"unknown dtype {header['dtype']!r}")
    require(is_list_of(str, header.get("flags")), where, "flags is no list of words")
    scale, structure, chunk_size = header.get("scale", 1), header.get("structure", {"kind": "weak", "base": 2}), header.get("chunkSize")
    # what has to be refused may have any number there
    for key, value in (("scale", scale), ("chunkSize", chunk_size)):
        require(value is None or is_number(value), where, f"{key} is {value!r}")
    require(isinstance(structure, dict), where, f"structure is {structure!r}")
    error = header.get("error")
    if error is not None:
        fits = isinstance(error, dict) and error.get("kind") == "invalid-input" and isinstance(error.get("argument"), str)
        require(fits, where, f"error is {error!r}")
    kinds = {name: array.dtype.kind for name, array in tensors.items()}
    for name, kind in kinds.items():
        require((kind == "i") == (name in INTEGERS), where, f"{name} is of dtype {tensors[name].dtype}")
    dtype = DTYPES[header["dtype"]]
    by_name = {}
    for name in INPUTS:
        if f"inputs.{name}" in tensors:
            by_name[python_name(name)] = in_dtype(tensors[f"inputs.{name}"], header["dtype"], f"inputs.{name}", where)
    cotangents = None
    if "cotangents.o" in tensors:
        given = [tensors.get(f"cotangents.{name}") for name in ("o", "finalState")]
        cotangents = Cotangents(*(None if each is None else in_dtype(each, header["dtype"], "cotangents", where) for each in given))
    expected, bounds = (parts_of(tensors, part) for part in ("expected", "bounds"))
    if error is None:
        check_parts(by_name, cotangents, expected, bounds, where)
    else:
        require(not expected and not bounds, where, "it has an error and expected values")
    sequences = as_integers(tensors.get("cuSeqlens"))
    n = len(sequences) - 1 if sequences is not None else by_name["q"].shape[0] if "q" in by_name and by_name["q"].ndim else 1
    position = as_integers(tensors.get("position"))
    return Case(system=header["system"], dtype=header["dtype"], scale=float(scale), structure=structure,
                position=[0] * n if position is None else position, cu_seqlens=sequences, chunk_size=chunk_size, cotangents=cotangents,
                name=header["name"], probes=header["probes"], flags=header["flags"], expected=expected or None, bounds=bounds or None,
                error=error, **by_name)


def parts_of(tensors, part):
    """expected or bounds, nested and with the names of Case."""
    found, gradients = {}, {}
    for name, array in tensors.items():
        if name.startswith(f"{part}.gradients."):
            gradients[python_name(name.split(".")[2])] = array.astype(np.float64)
        elif name.startswith(f"{part}."):
            key = python_name(name.split(".")[1])
            found[key] = as_integers(array) if key == "position" else array.astype(np.float64)
    if gradients:
        found["gradients"] = gradients
    return found


def check_parts(inputs, cotangents, expected, bounds, where):
    """Whether what is expected has bounds, and the shapes of what it belongs to."""
    require("o" in expected and "q" in inputs and "k" in inputs and "v" in inputs, where, "q, k, v or the expected o is missing")
    require(set(inputs) == set(expected.get("gradients", inputs)), where, "expected gradients are not those of its inputs")
    require(("gradients" in expected) == (cotangents is not None), where, "it has cotangents without gradients, or gradients without cotangents")
    one, other = (list(tensors_of(each)) for each in (expected, bounds))
    require(sorted(name for name, _ in one) == sorted(name for name, _ in other), where, "expected values and bounds are of different tensors")
    shapes = {"o": inputs["v"].shape, **{f"gradients.{name}": value.shape for name, value in inputs.items()}}
    by_name = dict(other)
    for name, value in one:
        require(value.shape == by_name[name].shape == shapes.get(name, value.shape), where, f"{name}: expected values, bounds and inputs differ in shape")
        require(bool(np.all(by_name[name] >= 0)), where, f"a bound of {name} is no number of 0 or more")


def tensors_of(parts):
    """(name, array) of what an answer, expected values or bounds hold."""
    for name in ("o", "final_state"):
        if parts.get(name) is not None:
            yield name, parts[name]
    for name, value in (parts.get("gradients") or {}).items():
        yield f"gradients.{name}", value


def in_dtype(array, dtype, name, where):
    """A writable array of numpy's type for that dtype."""
    array = exact(array, DTYPES[dtype], name, where)
    if dtype == "bfloat16":
        lost = (array.view(np.uint32) & 0xFFFF != 0) & ~np.isnan(array)
        require(not lost.any(), where, f"{name} has numbers that are not exact in bfloat16")
    return array


def exact(array, dtype, name, where):
    with np.errstate(all="ignore"):
        narrow = array.astype(dtype)
    same = (narrow == array) | (np.isnan(array) & np.isnan(narrow))
    require(bool(np.all(same)), where, f"{name} has numbers that are not exact in {np.dtype(dtype).name}")
    return narrow


def as_integers(array):
    return None if array is None else [int(each) for each in array.reshape(-1)]


def parse_json(text, where):
    """RFC 8259, which knows no NaN, and no key twice; and no number that no finite double is near."""
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    def once(pairs):
        keys = dict(pairs)
        if len(keys) < len(pairs):
            raise ValueError("a key that is there twice")
        return keys

    def finite(digits):
        value = float(digits)
        if math.isinf(value):
            raise ValueError(f"{digits[:30]} is larger than any double; infinity is \"Infinity\"")
        return value

    def integer(digits):
        # float has no limit of digits, and -0 is the integer 0 in Python
        value = finite(digits)
        return value if digits == "-0" else int(digits)

    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        return json.loads(text, parse_constant=refuse, object_pairs_hook=once, parse_float=finite, parse_int=integer)
    except (ValueError, RecursionError) as error:
        raise FixtureError(f"{where}: {error}") from None


def require(holds, where, what):
    if not holds:
        raise FixtureError(f"{where}: {what}")


def is_name(value):
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value) is not None


def is_number(value):
    """Of JSON, or one of the three for which JSON has no number."""
    return type(value) in (int, float) or (isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"))


def is_count(value):
    return type(value) is int and value >= 0


def is_list_of(kind, value):
    return isinstance(value, list) and all(type(each) is kind for each in value)


def python_name(name):
    return PYTHON_NAMES.get(name, name)


# ------------------------------------------------------------------------------------------------------------------ checking answers

def check(case, answer):
    """What is wrong with an answer, the worst first; nothing is [].

    answer: {"o": ..., "final_state": ..., "position": ..., "gradients": {"q": ..., ...}}, or o alone. All but o may be left out, and is not
    looked at then; of gradients, all are wanted where there is that key. An element is right where |actual - expected| <= bound; NaN is wrong, but
    where a bound is infinite nothing is promised, not even a number. An exception is an answer to input that has to be refused.
    """
    error = answer if isinstance(answer, Exception) else None
    answer = {} if error else as_answer(answer)
    refused = error is not None or "error" in answer
    if case.error is not None:
        return check_refusal(case, error_to_json(case, error) if error else answer.get("error"))
    if refused:
        said = f"{type(error).__name__}: {error}" if error else answer["error"]
        return [Mismatch("error", problem=f"was the answer to input that is right: {said}")]
    unknown = sorted(str(name) for name in set(answer) - {"o", "final_state", "position", "gradients"})
    mismatches = [Mismatch(name, problem="is no part of an answer: o, final_state, position and gradients are") for name in unknown]
    compared = [("o", answer.get("o"))]
    if answer.get("final_state") is not None:
        compared.append(("final_state", answer["final_state"]))
    if "gradients" in answer and case.cotangents is not None:
        # None from a backward that forgot its return is no right answer
        gradients = {} if answer["gradients"] is None else answer["gradients"]
        if not isinstance(gradients, dict):
            return [Mismatch("gradients", problem=f"is {kind_of(gradients)}: a dict by the names of case.inputs is wanted")]
        gradients = {python_name(name): value for name, value in gradients.items()}
        mismatches += [Mismatch(f"gradients.{name}", problem="belongs to no input of the case") for name in sorted(set(gradients) - set(case.inputs))]
        compared += [(f"gradients.{name}", gradients.get(name)) for name in case.inputs]
    expected, bounds = dict(tensors_of(case.expected)), dict(tensors_of(case.bounds))
    for name, value in compared:
        if name in expected:
            mismatches += compare(name, value, expected[name], bounds[name])
        else:
            mismatches.append(Mismatch(name, problem=f"is nothing that {case.system} has"))
    if answer.get("position") is not None and "position" in case.expected:
        given = as_array(answer["position"]).reshape(-1).tolist()
        if given != case.expected["position"]:
            mismatches.append(Mismatch("position", problem=f"is {given}, {case.expected['position']} is expected"))
    return sorted(mismatches, key=lambda each: -each.ratio)


def compare(name, value, expected, bound):
    """[] or one Mismatch."""
    if value is None:
        return [Mismatch(name, problem=f"is missing, of shape {list(expected.shape)}")]
    if not hasattr(value, "shape"):
        return [Mismatch(name, problem=f"is {kind_of(value)}: a numpy array or a torch tensor is wanted")]
    if tuple(value.shape) != expected.shape:
        return [Mismatch(name, problem=f"has the shape {list(value.shape)}, {list(expected.shape)} is wanted")]
    value = as_array(value)
    if value.dtype.kind != "f":
        return [Mismatch(name, problem=f"is of dtype {value.dtype}: floating-point numbers are wanted")]
    with np.errstate(all="ignore"):
        value = value.astype(np.float64)
        off = np.abs(value - expected)
        # not off > bound: a NaN is wrong
        wrong = ~(off <= bound) & (value != expected) & ~np.isposinf(bound)
        if not wrong.any():
            return []
        ratio = np.where(wrong, np.where(np.isnan(off), np.inf, off / bound), -1.0)
    # of those that are infinitely wrong the first that is NaN
    worst = np.where(np.isnan(off) & wrong, np.inf, np.where(np.isinf(ratio), sys.float_info.max, ratio))
    at = np.unravel_index(int(np.argmax(worst)), expected.shape)
    index = tuple(int(each) for each in at)
    return [Mismatch(name, index, float(value[at]), float(expected[at]), float(bound[at]), float(ratio[at]), int(wrong.sum()), wrong.size)]


def check_refusal(case, error):
    wanted = case.error["argument"]
    if not error:
        return [Mismatch("error", problem=f"is missing: this input has to be refused, because of {wanted}")]
    if error.get("argument") not in (None, "", wanted, python_name(wanted)):
        return [Mismatch("error", problem=f"is about {error['argument']}, this input has to be refused because of {wanted}: {error.get('message')}")]
    return []


def error_to_json(case, error):
    """An exception as the answer to input that has to be refused. Its argument is what the exception or its text names."""
    message = f"{type(error).__name__}: {error}"
    argument = getattr(error, "argument", None)
    if not isinstance(argument, str):
        wanted = (case.error or {}).get("argument", "")
        names = {wanted, python_name(wanted)} - {""}
        argument = wanted if names & set(re.findall(r"\w+", str(error))) else ""
    return {"kind": "invalid-input", "argument": FORMAT_NAMES.get(argument, argument), "message": message}


def as_answer(returned):
    """What a function returned, as a dict with the names of Case."""
    if not isinstance(returned, dict):
        return {"o": returned}
    return {python_name(name): value for name, value in returned.items()}


def as_array(value):
    """A numpy array of what numpy or torch holds; bfloat16 as float32."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        value = value.resolve_conj().resolve_neg().numpy()
    return np.asarray(value)


def kind_of(value):
    return "nothing" if value is None else f"a {type(value).__name__}"


# ------------------------------------------------------------------------------------------------------------------ writing answers

def write_answers(folder, name, answer):
    """Writes an answer for `lla fixtures verify`: NAME.safetensors, or NAME.json for {"error": ...} and for {"not_covered": why}, which says
    that the kernel cannot do such a thing at all. The path; the file is there whole or not at all."""
    require(is_name(name), "write_answers", f"{name!r} is no name of a case")
    why_not = answer.get("not_covered") if isinstance(answer, dict) else None
    answer = {} if why_not is not None else as_answer(answer)
    os.makedirs(folder, exist_ok=True)
    if why_not is not None:
        require(isinstance(why_not, str) and why_not != "", "write_answers", "not_covered has to be the reason")
        data, kind, other = json.dumps({"notCovered": why_not}).encode() + b"\n", "json", "safetensors"
    elif answer.get("error") is not None:
        data, kind, other = json.dumps({"error": answer["error"]}).encode() + b"\n", "json", "safetensors"
    else:
        tensors = {FORMAT_NAMES.get(each, each): as_array(value) for each, value in tensors_of({**answer, "gradients": None})}
        if answer.get("position") is not None:
            tensors["position"] = as_array(answer["position"]).astype(np.int64)
        for each, value in (answer.get("gradients") or {}).items():
            tensors[f"gradients.{FORMAT_NAMES.get(each, each)}"] = as_array(value)
        data, kind, other = safetensors_bytes(tensors), "safetensors", "json"
    path = os.path.join(folder, f"{name}.{kind}")
    part = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
    # an answer of another run is none to this one
    stale = os.path.join(folder, f"{name}.{other}")
    if os.path.exists(stale):
        os.unlink(stale)
    return path


def safetensors_bytes(tensors, metadata=None):
    """The bytes of a safetensors file of arrays by name: float64, float32, float16 and int64."""
    kinds = {kind: name for name, kind in SAFETENSORS.items() if name != "BF16"}
    header, parts, at = {}, [], 0
    if metadata:
        header["__metadata__"] = dict(metadata)
    for name, array in tensors.items():
        kind = kinds.get(array.dtype.newbyteorder("<").str)
        require(kind is not None, name, f"{array.dtype} cannot be written, only float64, float32, float16 and int64")
        data = np.ascontiguousarray(array).astype(SAFETENSORS[kind], copy=False).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


# ------------------------------------------------------------------------------------------------------------------ torch

def to_torch(case, device="cpu"):
    """The case with torch tensors of its own dtype: bfloat16 is torch.bfloat16."""
    import torch

    dtype = getattr(torch, "float32" if case.dtype == "tf32" else case.dtype)
    return case.map(lambda value: torch.from_numpy(np.array(value)).to(device).to(dtype))


def gradients_of(function, case):
    """(output, gradients by the names of case.inputs) of a differentiable torch function of a case with torch tensors and cotangents."""
    import torch

    leaves = {name: value.detach().requires_grad_() for name, value in case.inputs.items()}
    with torch.enable_grad():
        output = as_answer(function(replace(case, **leaves)))
    pairs = [(output.get("o"), case.cotangents.o), (output.get("final_state"), case.cotangents.final_state)]
    # what does not depend on the inputs at all (T = 0) has no gradient
    pairs = [(value, given) for value, given in pairs if given is not None and getattr(value, "requires_grad", False)]
    for value, given in pairs:
        if value.shape != given.shape:
            raise BadAnswer(f"the function returned an output of shape {list(value.shape)}, {list(given.shape)} is wanted")
    found = [None] * len(leaves)
    if pairs:
        values = [value for value, _ in pairs]
        found = torch.autograd.grad(values, list(leaves.values()), [given.to(value.dtype) for value, given in pairs], allow_unused=True)
    found = [torch.zeros_like(leaf) if gradient is None else gradient for gradient, leaf in zip(found, leaves.values())]
    return output, dict(zip(leaves, found))


# ------------------------------------------------------------------------------------------------------------------ an author's functions

class Kernel:
    """An implementation: its functions, and what it can do, in the words of lla_adapter.serve(...).

    forward(case) returns {"o": [B,T,H,V], "final_state": [n,H,L,K,V]}, or o alone; backward(case) the gradients by the names of case.inputs.
    systems, dtypes  those it has; None: all
    state, packed, groups, structures, resets, growth, strong_beta, limits  as in serve: what is not said is skipped
    refusals         it raises an exception for input that has to be refused
    torch            None: numpy arrays. "cpu", "cuda": torch tensors there
    differentiable   forward is one differentiable torch function: gradients by torch.autograd
    contiguous       False hands over strided views in place of contiguous tensors
    What else serve knows (name, chunk_size, repeat, poison) is taken, and does nothing here. A case with the flag asked-twice is asked twice
    with the same tensors, and the second answer counts: memory that is not cleared shows, and inputs that are written.
    """

    def __init__(self, forward, backward=None, *, systems=None, dtypes=None, state=False, packed=False, groups=False, structures=False,
                 resets=False, growth=False, strong_beta=False, refusals=False, limits=None, torch=None, differentiable=False, contiguous=True,
                 **_others):
        if differentiable and (torch is None or backward is not None):
            raise ValueError('differentiable=True needs torch="cpu" or "cuda", and no backward')
        self.forward, self.backward, self.systems, self.dtypes = forward, backward, systems, dtypes
        self.can = {"state": state, "packed": packed, "groups": groups, "structures": structures, "resets": resets, "growth": growth,
                    "strong_beta": strong_beta, "refusals": refusals}
        self.limits, self.torch, self.differentiable, self.contiguous = limits or {}, torch, differentiable, contiguous

    @property
    def has_gradients(self):
        return self.differentiable or self.backward is not None

    def why_not(self, case):
        """Why it is not asked this case; None where it is."""
        if self.systems is not None and case.system not in self.systems:
            return f"system {case.system}"
        if self.dtypes is not None and case.dtype not in self.dtypes:
            return f"dtype {case.dtype}"
        if case.error is not None:
            return None if self.can["refusals"] else "input that has to be refused (refusals=True)"
        for ability, (needed, what) in needs_of(case).items():
            if needed and not self.can[ability]:
                return f"{what} ({ability}=True)"
        sizes = sizes_of(case)
        for letter, limit in self.limits.items():
            size = sizes[letter]
            fits = limit.get("min", size) <= size <= limit.get("max", size) and size % limit.get("multipleOf", 1) == 0
            if not fits or (limit.get("powerOfTwo") and (size < 1 or size & (size - 1))):
                return f"{letter} = {size} (limits)"
        return None

    def answer(self, case):
        """What it answers: {"o", "final_state"?, "gradients"?}, or {"error"} where it refuses what has to be refused."""
        try:
            return self.call(case)
        except Exception as error:  # whatever the author's code raises
            if case.error is None:
                raise
            return {"error": error_to_json(case, error)}

    def call(self, case):
        # a copy: whatever is written to it is gone
        given = to_torch(case, self.torch) if self.torch else case.map(np.array)
        if not self.contiguous:
            given = given.map(strided)
        if self.torch:
            import torch

            torch.backends.cuda.matmul.allow_tf32 = case.dtype == "tf32"
        if "asked-twice" in case.flags:
            self.once(given)
        return self.once(given)

    def once(self, given):
        # functions may put something else into the fields of a case
        case = replace(given)
        if given.cotangents is None or not self.has_gradients:
            return as_answer(self.forward(case))
        if self.differentiable:
            output, gradients = gradients_of(self.forward, case)
            return {**output, "gradients": gradients}
        output = as_answer(self.forward(case))
        return {**output, "gradients": self.backward(replace(given))}

    def check(self, case, answer=None):
        """What is wrong with its answer, the worst first."""
        answer = as_answer(self.answer(case) if answer is None else answer)
        found = check(case, answer)
        if case.error is None and self.can["state"] and case.system != "softmax" and answer.get("final_state") is None:
            found.insert(0, Mismatch("final_state", problem=f"is missing, of shape {list(case.expected['final_state'].shape)} (state=True)"))
        return found


def strided(value):
    """The same numbers, each with a NaN behind it in memory."""
    shape = (*value.shape[:-1], 2 * value.shape[-1])
    wide = value.new_full(shape, math.nan) if hasattr(value, "new_full") else np.full(shape, math.nan, value.dtype)
    wide[..., ::2] = value
    return wide[..., ::2]


def needs_of(case):
    """By ability: whether a case needs it, and what for."""
    def any_of(value, holds):
        return value is not None and bool(np.any(holds(value)))

    state = case.initial_state is not None or any(case.position) or (case.cotangents is not None and case.cotangents.final_state is not None)
    structure = case.structure.get("kind") != "weak" or case.structure.get("base", 2) != 2
    return {
        "state": (state, "states"),
        "packed": (case.cu_seqlens is not None, "packed sequences"),
        "groups": (case.q.shape[2] != case.v.shape[2], "fewer heads of q and k than of v"),
        "structures": (structure, "another structure of levels"),
        "resets": (any_of(case.g, np.isneginf), "log decays of -inf"),
        "growth": (any_of(case.g, lambda g: g > 0), "positive log decays"),
        "strong_beta": (any_of(case.beta, lambda beta: beta > 1), "beta above 1"),
    }


def sizes_of(case):
    B, T, G, K = case.q.shape
    return {"B": B, "T": T, "G": G, "H": case.v.shape[2], "K": K, "V": case.v.shape[3]}


def adapter(path):
    """The Kernel of a file that calls lla_adapter.serve(...), which is not served but looked at."""
    found = []
    stand_in = types.ModuleType("lla_adapter")
    stand_in.serve = lambda forward, backward=None, **options: found.append(Kernel(forward, backward, **options))
    stand_in.Case, stand_in.Cotangents, stand_in.BadAnswer = Case, Cotangents, BadAnswer
    before, arguments = sys.modules.get("lla_adapter"), sys.argv
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    sys.modules["lla_adapter"], sys.argv = stand_in, [path]
    try:
        runpy.run_path(path, run_name="__main__")
    finally:
        sys.argv = arguments
        if before is None:
            del sys.modules["lla_adapter"]
        else:
            sys.modules["lla_adapter"] = before
    require(len(found) == 1, path, f"it calls serve(...) {len(found)} times, where it is run as a program: once is wanted")
    return found[0]


def explain(case, mismatches):
    """A message for an assertion."""
    lines = [f"{case.name}: {case.probes}"] + [f"  {each}" for each in mismatches]
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------------ the command line

def kernel_of(options):
    if options.adapter:
        return adapter(options.adapter)
    sys.path.insert(0, os.getcwd())
    module = importlib.import_module(options.module)
    for name in filter(None, (options.function, options.backward)):
        require(callable(getattr(module, name, None)), options.module, f"it has no function {name}")
    abilities = {name: getattr(options, name) for name in ABILITIES}
    return Kernel(getattr(module, options.function), getattr(module, options.backward) if options.backward else None,
                  torch=options.torch, differentiable=options.differentiable, contiguous=not options.non_contiguous, **abilities)


ABILITIES = ("state", "packed", "groups", "structures", "resets", "growth", "strong_beta", "refusals")


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="lla_fixtures.py", description="Checks a kernel against a folder of fixtures.",
                                     epilog="Exit code: 0 all right, 1 a case failed, 2 nothing could be checked.")
    words = {"type": lambda text: text.split(","), "metavar": "A,B"}
    parser.add_argument("folder", help="what `lla fixtures export` wrote")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--module", metavar="NAME", help="the module that has the functions, looked for here too")
    which.add_argument("--adapter", metavar="FILE", help="a file that calls serve(...) of lla_adapter: functions and abilities are taken from it")
    parser.add_argument("--function", default="forward", metavar="NAME", help="forward(case) (default: forward)")
    parser.add_argument("--backward", metavar="NAME", help="backward(case), which returns gradients by name")
    parser.add_argument("--torch", metavar="DEVICE", help="hand over torch tensors there: cpu, cuda")
    parser.add_argument("--differentiable", action="store_true", help="gradients by torch.autograd through the function")
    parser.add_argument("--non-contiguous", action="store_true", help="hand over strided views")
    for name in ABILITIES:
        parser.add_argument("--" + name.replace("_", "-"), action="store_true", help=argparse.SUPPRESS)
    parser.add_argument_group("what the function can do", " ".join("--" + name.replace("_", "-") for name in ABILITIES)
                              + ": as in serve(...) of lla_adapter; what it cannot is skipped")
    parser.add_argument("--system", **words, help="only these systems")
    parser.add_argument("--dtype", **words, help="only these dtypes")
    parser.add_argument("--flag", **words, default=[], help="only cases with all these flags")
    parser.add_argument("--without", **words, default=[], help="no cases with one of these flags")
    parser.add_argument("--case", **words, help="only these cases")
    parser.add_argument("--answers", metavar="FOLDER", help="write what was answered there, for `lla fixtures verify`")
    parser.add_argument("--enforce-recommended", action="store_true", help="fixtures with the flag recommended count too")
    parser.add_argument("--skipped", action="store_true", help="name what is skipped")
    return parser.parse_args(arguments)


def run(options, kernel):
    fixtures = Fixtures(options.folder)
    passed, failed, skipped, excused, compared = 0, 0, Counter(), 0, Counter()
    for name in select(fixtures, options.system, options.dtype, options.flag, options.without, options.case):
        case = fixtures.case(name)
        reason = kernel.why_not(case)
        if reason is not None:
            skipped[reason] += 1
            if options.answers:
                write_answers(options.answers, name, {"not_covered": reason})
            if options.skipped:
                print(f"skipped {name}: {reason}")
            continue
        try:
            answer = kernel.answer(case)
            mismatches = kernel.check(case, answer)
        except Exception as error:  # whatever the author's code raises
            answer, mismatches = None, [last_line(error)]
        if options.answers and answer is not None:
            write_answers(options.answers, name, answer)
        if not mismatches:
            passed += 1
            compared.update(part for part in ("o", "final_state", "gradients", "error") if answer.get(part) is not None)
        elif case.recommended and not options.enforce_recommended:
            excused += 1
            print(f"recommended, and not enforced: {explain(case, mismatches)}")
        else:
            failed += 1
            print(f"FAILED {explain(case, mismatches)}")
    if skipped:
        print(f"skipped {sum(skipped.values())}: " + ", ".join(f"{count} {reason}" for reason, count in skipped.most_common()))
    words = {"o": "o of {}", "final_state": "final states of {}", "gradients": "gradients of {}", "error": "refusals of {}"}
    looked = ", ".join(text.format(compared[part]) for part, text in words.items() if compared[part])
    more = f", {excused} recommended and not enforced" if excused else ""
    print(f"{passed} passed, {failed} failed{more}" + (f" (right: {looked})" if looked else ""))
    if passed + failed + excused == 0:
        raise FixtureError(f"{options.folder}: nothing was checked")
    return 1 if failed else 0


def last_line(error):
    """The exception, and the last line of code outside of this file that led to it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    where = f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
    return "".join(traceback.format_exception_only(type(error), error)).strip() + where


def main(arguments=None):
    options = options_of(arguments)
    try:
        kernel = kernel_of(options)
    except FixtureError as error:
        return fail(error)
    except Exception:  # whatever the author's file raises
        traceback.print_exc()
        return 2
    try:
        return run(options, kernel)
    except (FixtureError, OSError) as error:
        return fail(error)


def fail(error):
    sys.stdout.flush()
    sys.stderr.write(f"lla_fixtures: {error}\n")
    return 2


if __name__ == "__main__":
    # a kernel that imports this file gets this module, not another one
    sys.modules.setdefault("lla_fixtures", sys.modules["__main__"])
    sys.exit(main())
