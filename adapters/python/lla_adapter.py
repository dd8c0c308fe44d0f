"""Puts an implementation of (log-linear) attention in Python under the gate. Copy this one file next to yours.

    from lla_adapter import serve

    def forward(case):          # case.q, case.k, case.v, ... : see Case
        return {"o": my_kernel(case.q, case.k, case.v, case.g, case.lambda_)}

    serve(forward, name="my kernel", systems=["log-linear-mamba2"], dtypes=["float32"])

Run it with `lla gate -- python3 my_file.py`; on a machine without Node, with `python3 my_file.py --bundle FOLDER` on a folder of `lla bundle`
(`--describe` prints what that wants to know). It needs numpy, and PyTorch only where `serve(torch=...)` asks for it.

Everything that is handed over lies between NaNs, so that a read outside of a tensor shows in the answer; nothing that is handed over may
be written. What np.empty and torch.empty hand out while your functions run is full of NaN and lies between NaNs too: what is left
unwritten of it in an answer, or written outside of it, is an error that says where. The program may print: it talks to the gate through two pipes of its own (file descriptors 3 and 4), not through stdout.
"""
import json
import math
import os
import stat
import sys
import traceback
from collections import namedtuple
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

import numpy as np

VERSION = 1
DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")
# format of the numbers: bytes each, and a NaN that no computation makes
FORMATS = {
    "float64": (8, 0x7FF8DEAD0000BEEF),
    "float32": (4, 0x7FC0DEAD),
    "float16": (2, 0x7EAD),
    "bfloat16": (2, 0x7FED),
}
# other such NaNs, in memory that nobody has written
POISONS = {"float64": 0x7FF8DEAD0000F00D, "float32": 0x7FC0F00D, "float16": 0x7E0D, "bfloat16": 0x7FCD}
PAD = 4096  # NaNs before and behind every tensor
LONGEST_LINE = 2 ** 20
# names of the protocol and of Case
PYTHON_NAMES = {"lambda": "lambda_", "initialState": "initial_state", "chunkStates": "chunk_states", "levelOutputs": "level_outputs"}
STEPS = {"chunk_states": "chunkStates", "states": "states", "level_outputs": "levelOutputs"}  # steps on the way
INPUTS = ("q", "k", "v", "g", "beta", "lambda", "initialState")

Cotangents = namedtuple("Cotangents", ["o", "final_state"])


@dataclass
class Case:
    """One question. Tensors are numpy arrays or torch tensors; what the case does not have is None.

    B batch, T length, H heads, G groups of q and k (head h reads group h * G // H), K key size, V value size, L levels,
    n sequences: B, or the packed ones.
    """

    system: str  # "mamba2", "log-linear-mamba2", ...
    dtype: str  # one of `dtypes`
    scale: float  # multiplies q.k
    structure: dict  # {"kind": "weak", "base": 2} unless structures=True
    position: List[int]  # [n], positions seen before this call: 0 unless state=True
    cu_seqlens: Optional[List[int]]  # [n+1], starts of packed sequences, unless packed=False
    chunk_size: Optional[int]  # need not be heeded
    q: Any  # [B,T,G,K]
    k: Any  # [B,T,G,K]
    v: Any  # [B,T,H,V]
    g: Any = None  # log decay, [B,T,H], [B,T,H,K] (gla, kimi-delta) or [H] (retention)
    beta: Any = None  # [B,T,H]
    lambda_: Any = None  # [B,T,H,L], in log-linear systems
    initial_state: Any = None  # [n,H,L',K,V], L' <= L levels: what is not there is zero
    intermediates: Tuple[str, ...] = ()  # steps on the way that are asked for too, out of what serve(intermediates=...) named
    cotangents: Optional[Cotangents] = None  # o [B,T,H,V], final_state [n,H,L,K,V] or None: given when gradients are asked for

    @property
    def inputs(self):
        """The inputs that the case has, by the attribute's name."""
        every = {python_name(name): getattr(self, python_name(name)) for name in INPUTS}
        return {name: value for name, value in every.items() if value is not None}

    @property
    def levels(self):
        """L: levels of lambda, 1 in a flat system."""
        return 1 if self.lambda_ is None else int(self.lambda_.shape[3])


class BadAnswer(Exception):
    """The author's function did what it must not; the text says what."""


def serve(forward, backward=None, *, name, systems, dtypes, state=False, packed=False, groups=False, structures=False, resets=False,
          growth=False, strong_beta=False, large=True, intermediates=(), chunk_size=None, limits=None, torch=None, differentiable=False, contiguous=True, repeat=False, poison=True):
    """Answers the gate until it says good-bye.

    forward(case) returns {"o": [B,T,H,V], "final_state": [n,H,L,K,V]}, or o alone when state=False.
    backward(case), if there is one, returns the gradients by the names of case.inputs, each shaped like its input: the gradients
    of sum(o * case.cotangents.o) + sum(final_state * case.cotangents.final_state).

    What the implementation can do, so that nothing else is asked:
      name         what verdicts call it
      systems      names of systems, as `lla systems` lists them
      dtypes       out of float64, float32, tf32 (float32 tensors, products in TF32), bfloat16, float16
      state        initial and final states, and positions other than 0
      packed       sequences packed into one row (cu_seqlens)
      groups       fewer heads of q and k than of v (G < H)
      structures   structures other than weak, base 2
      resets       log decays of -inf
      growth       positive log decays
      strong_beta  beta above 1
      large        False: cases of the sizes of real kernels take it too long
      intermediates  steps on the way that forward can return beside o, for `lla debug`, when case.intermediates names them, in a call
                   without gradients: out of "chunk_states" [B,N,H,K,V], what the tokens of each chunk by themselves leave at its end,
                   N chunks of chunk_size; "states" [B,T,H,L,K,V], every level after each token; "level_outputs" [B,T,H,L,V], what
                   each level adds to o
      chunk_size   its own chunk size, a power of two; the gate looks closest around its multiples
      limits       sizes it takes, e.g. {"K": {"multipleOf": 16, "max": 256}, "T": {"min": 1}}: for B, T, H, G, K, V any of
                   min, max, multipleOf, powerOfTwo

    How it is called:
      torch           None: numpy arrays (bfloat16 as float32). "cpu", "cuda", "cuda:1": torch tensors there, in the case's own dtype
      differentiable  forward is one differentiable torch function: gradients by torch.autograd, no backward
      contiguous      False hands over strided views in place of contiguous tensors
      repeat          True calls everything twice and fails when a bit differs
      poison          False leaves np.empty, np.empty_like, torch.empty, torch.empty_like, torch.empty_strided and new_empty as they are
    """
    description = describe(name=name, systems=systems, dtypes=dtypes, state=state, packed=packed, groups=groups, structures=structures,
                           resets=resets, growth=growth, strong_beta=strong_beta, large=large, intermediates=intermediates, chunk_size=chunk_size, limits=limits,
                           gradients=backward is not None or differentiable)
    if differentiable and (torch is None or backward is not None):
        stop('differentiable=True needs torch="cpu" or "cuda", and no backward')
    if sys.argv[1:2] == ["--describe"]:
        print(json.dumps(description))
        return
    if sys.argv[1:2] == ["--bundle"] and len(sys.argv) > 2:
        # a bundle brings the script that asks its cases, of this program as the gate would start it
        run = os.path.join(sys.argv[2], "run.py")
        os.execv(sys.executable, [sys.executable, run, *sys.argv[3:], "--", sys.executable, sys.argv[0]])
    program = Program(forward, backward, state, torch, differentiable, contiguous, repeat, poison, chunk_size or 64)
    source, sink = open_pipes()
    try:
        while True:
            line = source.readline(LONGEST_LINE + 1)
            if not line:
                return
            message = json.loads(line)
            kind = message["type"]
            if kind == "bye":
                return
            if kind == "describe":
                if VERSION not in message["versions"]:
                    stop(f"the gate speaks versions {message['versions']} of the protocol, this adapter {VERSION}", 1)
                send(sink, description)
            elif kind == "case":
                tensors = [(spec, read_exactly(source, size_of(spec))) for spec in message["tensors"]]
                send(sink, *program.answer(message, tensors))
            else:
                stop(f"the gate sent a message that this adapter does not know: {kind!r}", 1)
    except BrokenPipeError:
        os._exit(1)  # the gate has gone; nothing can be flushed


def describe(*, name, systems, dtypes, chunk_size, limits, strong_beta, large, intermediates, **flags):
    """The description of the protocol, checked as far as it can be here."""
    if not isinstance(name, str) or not 1 <= len(name) <= 100:
        stop("name must have 1 to 100 characters")
    for what, given in (("systems", systems), ("dtypes", dtypes)):
        if isinstance(given, str) or not given:
            stop(f"{what} must be a list of at least one name")
        if len(set(given)) < len(list(given)):
            stop(f"{what} names one twice")
    unknown = [dtype for dtype in dtypes if dtype not in DTYPES]
    if unknown:
        stop(f"unknown dtypes {unknown}: choose out of {', '.join(DTYPES)}")
    description = {"type": "description", "version": VERSION, "name": name, "systems": list(systems), "dtypes": list(dtypes)}
    description.update({flag: bool(value) for flag, value in flags.items()}, strongBeta=bool(strong_beta))
    if not large:
        description["large"] = False
    unknown = [step for step in intermediates if step not in STEPS]
    if isinstance(intermediates, str) or unknown:
        stop(f"intermediates must be a list out of {', '.join(STEPS)}")
    if intermediates:
        description["intermediates"] = [STEPS[step] for step in intermediates]
    if chunk_size is not None:
        if chunk_size < 1 or chunk_size & (chunk_size - 1):
            stop("chunk_size must be a power of two")
        description["chunkSize"] = chunk_size
    for letter, limit in (limits or {}).items():
        unknown = set(limit) - {"min", "max", "multipleOf", "powerOfTwo"}
        if letter not in ("B", "T", "H", "G", "K", "V") or unknown:
            stop(f"limits: unknown {sorted(unknown) or letter}; sizes are B, T, H, G, K, V, each with min, max, multipleOf, powerOfTwo")
    if limits:
        description["limits"] = limits
    return description


class Program:
    """The author's functions, and how they are called."""

    def __init__(self, forward, backward, state, device, differentiable, contiguous, repeat, poison, chunk_size):
        self.forward, self.backward, self.state, self.poison = forward, backward, state, poison
        self.device, self.differentiable, self.contiguous, self.repeat = device, differentiable, contiguous, repeat
        self.chunk_size = chunk_size
        self.torch = None
        if device is not None:
            try:
                import torch
            except ImportError as error:
                stop(f"serve(torch={device!r}) needs PyTorch: {error}")
            if str(device).startswith("cuda") and not torch.cuda.is_available():
                stop(f"serve(torch={device!r}): PyTorch finds no CUDA device")
            self.torch = torch

    def answer(self, message, tensors):
        """The message that answers, and the bytes of its tensors."""
        try:
            first = self.results(message, tensors)
            if self.repeat:
                compare(first, self.results(message, tensors))
        except BadAnswer as bad:
            return {"type": "error", "id": message["id"], "message": str(bad)}, []
        except Exception as error:  # whatever the author's code raises
            self.leave_if_device_is_lost()
            return {"type": "error", "id": message["id"], "message": last_lines(error)}, []
        specs = [{"name": name, "dtype": dtype, "shape": list(shape)} for name, dtype, shape, _ in first]
        return {"type": "answer", "id": message["id"], "tensors": specs}, [data for _, _, _, data in first]

    def results(self, message, tensors):
        """Calls the author's functions on fresh tensors: a list of (name, dtype, shape, bytes)."""
        buffers = [Buffer(spec, data, self.torch, self.device, self.contiguous) for spec, data in tensors]
        case = case_of(message, {buffer.name: buffer.view for buffer in buffers})
        if self.torch:
            # a case of dtype float32 is judged as float32
            self.torch.backends.cuda.matmul.allow_tf32 = case.dtype == "tf32"
        with poisoned_memory(self.torch, self.poison) as guards:
            output, gradients = self.differentiate(case) if self.differentiable else self.call(case, buffers)
        if self.differentiable:
            check_unwritten(buffers, "the function")
        for guard in guards:
            guard.check()
        wanted = {"o": shape_of(case.v)}
        if self.state and case.system != "softmax":
            n, (_, _, heads, width) = len(case.position), wanted["o"]
            wanted["final_state"] = (n, heads, case.levels, shape_of(case.k)[3], width)
        results = [encode(name, output.get(name), shape) for name, shape in wanted.items()]
        results += [encode(name, output.get(name), self.shape_of_step(name, case), "intermediates.") for name in case.intermediates]
        if case.cotangents is not None:
            shapes = {name: shape_of(value) for name, value in case.inputs.items()}
            surplus = [name for name in gradients if python_name(name) not in shapes]
            if surplus:
                raise BadAnswer(f"gradients by {', '.join(map(str, surplus))}, but the case has the inputs {', '.join(shapes)}")
            found = {python_name(name): value for name, value in gradients.items()}
            results += [encode(name, found.get(name), shape, "gradients.") for name, shape in shapes.items()]
        return results

    def shape_of_step(self, name, case):
        batch, length, heads, width = shape_of(case.v)
        keys, levels, chunks = shape_of(case.k)[3], case.levels, -(-length // self.chunk_size)
        return {"chunk_states": (batch, chunks, heads, keys, width), "states": (batch, length, heads, levels, keys, width),
                "level_outputs": (batch, length, heads, levels, width)}[name]

    def call(self, case, buffers):
        """Output and gradients by forward and backward."""
        output = as_output(self.forward(case))
        check_unwritten(buffers, "forward")
        if case.cotangents is None:
            return output, {}
        gradients = self.backward(case)
        check_unwritten(buffers, "backward")
        if not isinstance(gradients, dict):
            raise BadAnswer(f"backward returned {kind_of(gradients)}: a dict of gradients by the names of case.inputs is wanted")
        return output, gradients

    def differentiate(self, case):
        """Output and gradients by forward and torch.autograd."""
        torch = self.torch
        if case.cotangents is None:
            with torch.no_grad():
                return as_output(self.forward(case)), {}
        leaves = {name: value.detach().requires_grad_() for name, value in case.inputs.items()}
        for name, leaf in leaves.items():
            setattr(case, name, leaf)
        with torch.enable_grad():
            output = as_output(self.forward(case))
        pairs = [(output.get("o"), case.cotangents.o), (output.get("final_state"), case.cotangents.final_state)]
        # what does not depend on the inputs at all (T = 0) has no gradient
        pairs = [(value, given) for value, given in pairs if given is not None and getattr(value, "requires_grad", False)]
        for value, given in pairs:
            if value.shape != given.shape:
                raise BadAnswer(f"forward returned an output of shape {list(value.shape)}, {list(given.shape)} is wanted")
        found = [None] * len(leaves)
        if pairs:
            values = [value for value, _ in pairs]
            given = [cotangent.to(value.dtype) for value, cotangent in pairs]
            found = torch.autograd.grad(values, list(leaves.values()), given, allow_unused=True)
        found = [torch.zeros_like(leaf) if gradient is None else gradient for gradient, leaf in zip(found, leaves.values())]
        return output, dict(zip(leaves, found))

    def leave_if_device_is_lost(self):
        """After an illegal access CUDA answers nothing more in this process: ends it with the traceback, the gate starts another."""
        if self.torch is None or not str(self.device).startswith("cuda"):
            return
        try:
            self.torch.cuda.synchronize()
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)


class Buffer:
    """A tensor that is handed over: a view into a larger allocation that is NaN everywhere else."""

    def __init__(self, spec, data, torch, device, contiguous):
        self.name, self.shape, dtype = spec["name"], tuple(spec["shape"]), spec["dtype"]
        bits = np.frombuffer(data, f"<u{FORMATS[dtype][0]}").astype(f"u{FORMATS[dtype][0]}")
        if dtype == "bfloat16" and torch is None:
            # a bfloat16 is the upper half of a float32, and numpy has the latter alone
            bits, dtype = bits.astype("u4") << 16, "float32"
        width, nan = FORMATS[dtype]
        # where the numbers lie, counted in numbers: row-major, or axes 1 and 2 swapped and every second place empty
        axes = list(range(len(self.shape)))
        step = 1
        if not contiguous:
            axes[1:3] = axes[1:3][::-1]
            step = 2
        strides = [0] * len(axes)
        for axis in reversed(axes):
            strides[axis] = step
            step *= self.shape[axis]
        self.strides, self.dtype = strides, dtype
        in_bytes = [width * stride for stride in strides]
        self.original = np.full(step + 2 * PAD, nan, f"u{width}")
        np.ndarray(self.shape, f"u{width}", self.original, PAD * width, in_bytes)[...] = bits.reshape(self.shape)
        if torch is None:
            self.memory = self.original.copy()
            self.view = np.ndarray(self.shape, f"f{width}", self.memory, PAD * width, in_bytes)
        else:
            signed = torch.from_numpy(self.original.copy().view(f"i{width}"))
            self.memory = signed.to(device)
            self.view = self.memory.view(getattr(torch, dtype)).as_strided(self.shape, strides, PAD)

    def places(self):
        """Where each number lies in the memory."""
        places = np.full(self.shape, PAD, int)
        for axis, stride in enumerate(self.strides):
            along = [1] * len(self.shape)
            along[axis] = -1
            places = places + np.arange(self.shape[axis]).reshape(along) * stride
        return places

    def check(self, who):
        """Raises when anything was written, inside or around."""
        memory = self.memory if isinstance(self.memory, np.ndarray) else self.memory.cpu().numpy().view(self.original.dtype)
        written = np.flatnonzero(memory != self.original)
        if written.size == 0:
            return
        first, name = written[0], python_name(self.name)
        places = self.places()
        hit = np.argwhere(places == first)
        if len(hit):
            where = f"first at {name}[{', '.join(map(str, hit[0]))}]"
        elif places.size == 0:
            where = "which is empty"
        elif first < places.min():
            where = f"first {places.min() - first} numbers before its first one"
        elif first > places.max():
            where = f"first {first - places.max()} numbers behind its last one"
        else:
            where = "first between its numbers (it is strided)"
        raise BadAnswer(f"{who} wrote to memory of the input {name}, {where} (numbers changed: {written.size})")


class Guard:
    """Memory that was asked for without numbers in it: poison, between NaNs."""

    def __init__(self, flat, dtype, shape, asked):
        self.flat, self.dtype, self.shape, self.asked = flat, dtype, shape, asked

    def check(self):
        width, nan = FORMATS[self.dtype]
        for end, where in ((self.flat[:PAD], "before its first"), (self.flat[-PAD:], "behind its last")):
            bits = (end if isinstance(end, np.ndarray) else end.cpu().numpy()).view(f"u{width}")
            written = np.flatnonzero(bits != nan)
            if written.size:
                distance = PAD - written[-1] if where.startswith("before") else written[0] + 1
                raise BadAnswer(f"written outside of what {self.asked} handed out, of shape {list(self.shape)}: {distance} numbers {where} one "
                                f"(numbers changed: {written.size})")


@contextmanager
def poisoned_memory(torch, wanted):
    """While it lasts, np.empty, torch.empty and their like hand out poison between NaNs. Yields the list of its guards."""
    guards, undo = [], []
    # PyTorch before 2.1 does not say
    is_compiling = getattr(getattr(torch, "compiler", None), "is_compiling", lambda: False)

    def replace(owner, name, wrap):
        own, original = name in vars(owner), getattr(owner, name)
        undo.append(lambda: setattr(owner, name, original) if own else delattr(owner, name))
        setattr(owner, name, wrap(original, name))

    def in_numpy(original, name):
        def empty(*args, **options):
            array = original(*args, **options)
            dtype = array.dtype.name
            if type(array) is not np.ndarray or dtype not in FORMATS or not array.dtype.isnative:
                return array
            width, nan = FORMATS[dtype]
            if not array.flags.c_contiguous:
                array.view(f"u{width}")[...] = POISONS[dtype]
                return array
            flat = np.full(array.size + 2 * PAD, nan, f"u{width}")
            flat[PAD:PAD + array.size] = POISONS[dtype]
            guards.append(Guard(flat, dtype, array.shape, f"np.{name}"))
            return flat[PAD:PAD + array.size].view(array.dtype).reshape(array.shape)
        return empty

    def in_torch(original, name):
        def empty(*args, **options):
            tensor = original(*args, **options)
            dtype = str(tensor.dtype).replace("torch.", "")
            # torch.compile makes its own memory; meta tensors and the like have none
            if dtype not in FORMATS or is_compiling() or tensor.device.type not in ("cpu", "cuda"):
                return tensor
            if tensor.layout != torch.strided or type(tensor) is not torch.Tensor:
                return tensor
            if not tensor.is_contiguous() or set(options) & {"out", "pin_memory", "memory_format"}:
                return tensor.detach().fill_(math.nan) if not tensor.requires_grad else tensor
            width, nan = FORMATS[dtype]
            poison, bits = POISONS[dtype], getattr(torch, f"int{8 * width}")
            flat = torch.full((tensor.numel() + 2 * PAD,), nan, dtype=bits, device=tensor.device)
            flat[PAD:PAD + tensor.numel()] = poison
            guards.append(Guard(flat, dtype, tuple(tensor.shape), f"{'' if name == 'new_empty' else 'torch.'}{name}"))
            # no view for autograd: it may be written in place
            inside = flat.view(tensor.dtype)[PAD:PAD + tensor.numel()].view(tensor.shape).detach()
            return inside.requires_grad_(tensor.requires_grad)
        return empty

    # PyTorch before 2.1 has no torch.compiler
    is_compiling = getattr(getattr(torch, "compiler", None), "is_compiling", lambda: False)
    try:
        if wanted:
            for name in ("empty", "empty_like"):
                replace(np, name, in_numpy)
        if wanted and torch:
            for name in ("empty", "empty_like", "empty_strided"):
                replace(torch, name, in_torch)
            replace(torch.Tensor, "new_empty", in_torch)
        yield guards
    finally:
        for each in reversed(undo):
            each()


def check_unwritten(buffers, who):
    for buffer in buffers:
        buffer.check(who)


def case_of(message, views):
    """The Case of a message, with its tensors by name."""
    given = message["case"]
    sequences = given.get("cuSeqlens")
    n = views["q"].shape[0] if sequences is None else len(sequences) - 1
    cotangents = None
    if "cotangents.o" in views:
        cotangents = Cotangents(views["cotangents.o"], views.get("cotangents.finalState"))
    inputs = {python_name(name): views[name] for name in INPUTS if name in views}
    return Case(system=given["system"], dtype=message["dtype"], scale=float(given.get("scale", 1)),
                structure=given.get("structure", {"kind": "weak", "base": 2}), position=list(given.get("position", [0] * n)),
                cu_seqlens=sequences, chunk_size=given.get("chunkSize"), cotangents=cotangents,
                intermediates=tuple(python_name(name) for name in message.get("intermediates", [])), **inputs)


def as_output(returned):
    """What forward returned, as a dict of o and final_state."""
    if not isinstance(returned, dict):
        if not hasattr(returned, "shape"):
            raise BadAnswer(f'forward returned {kind_of(returned)}: {{"o": ..., "final_state": ...}} or o is wanted')
        return {"o": returned}
    surplus = [str(name) for name in returned if name not in ("o", "final_state", *STEPS)]
    if surplus:
        raise BadAnswer(f"forward returned {', '.join(surplus)}: o and final_state are wanted")
    return returned


def encode(name, value, shape, prefix=""):
    """(name, dtype, shape, bytes) of one tensor of an answer."""
    if value is None:
        raise BadAnswer(f"{prefix}{name} is missing, of shape {list(shape)}" + (" (state=True)" if name == "final_state" else ""))
    if not hasattr(value, "shape"):
        raise BadAnswer(f"{prefix}{name} is {kind_of(value)}: a numpy array or a torch tensor is wanted")
    if shape_of(value) != tuple(shape):
        raise BadAnswer(f"{prefix}{name} has the shape {list(shape_of(value))}, {list(shape)} is wanted")
    dtype = str(value.dtype).replace("torch.", "")
    if dtype not in FORMATS:
        raise BadAnswer(f"{prefix}{name} is of dtype {dtype}: {', '.join(FORMATS)} can be answered")
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        # numpy has no bfloat16; float32 holds each of its numbers
        value, dtype = (value.float(), "float32") if dtype == "bfloat16" else (value, dtype)
        value = value.resolve_conj().resolve_neg().numpy()
    else:
        value = np.asarray(value)
        if value.dtype.name not in FORMATS:
            value, dtype = value.astype("float32"), "float32"
    value = np.ascontiguousarray(value, f"<f{FORMATS[dtype][0]}")
    # bfloat16 came as the upper half of a float32
    bits = value.view(f"<u{FORMATS[dtype][0]}")
    is_poison = bits == bits.dtype.type(POISONS[dtype])
    if dtype == "float32":
        is_poison |= bits == bits.dtype.type(POISONS["bfloat16"] << 16)
    if is_poison.any():
        unwritten = np.argwhere(is_poison)
        raise BadAnswer(f"{prefix}{name}[{', '.join(map(str, unwritten[0]))}] was never written, or added to: what is called empty is full "
                        f"of NaN (numbers like it: {len(unwritten)} of {value.size})")
    data = value.tobytes()
    wire = {"final_state": "finalState", "lambda_": "lambda", "initial_state": "initialState", **STEPS}.get(name, name)
    return prefix + wire, dtype, tuple(shape), data


def compare(first, second):
    """Raises when two calls answered different bits."""
    for (name, dtype, shape, bytes1), (_, other, _, bytes2) in zip(first, second):
        if dtype == other and bytes1 == bytes2:
            continue
        if dtype != other:
            raise BadAnswer(f"called twice, {name} was {dtype} and then {other}")
        a, b = (np.frombuffer(data, f"<f{FORMATS[dtype][0]}") for data in (bytes1, bytes2))
        bits = f"<u{FORMATS[dtype][0]}"
        differ = np.flatnonzero(a.view(bits) != b.view(bits))
        index = ", ".join(map(str, np.unravel_index(differ[0], shape)))
        raise BadAnswer(f"called twice with the same inputs, {name}[{index}] was {a[differ[0]]} and then {b[differ[0]]} "
                        f"(numbers that differ: {differ.size})")


def last_lines(error):
    """The end of a traceback, without the calls inside of this file."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if frame.filename != __file__] or frames
    text = "".join(traceback.format_list(frames[-4:]) + traceback.format_exception_only(type(error), error))
    # without the rows of carets of newer versions of Python
    return "\n".join(line for line in text.split("\n") if line.strip(" ^~")).strip()[-4000:]


def open_pipes():
    """The gate's two pipes: file descriptor 3 to read from, 4 to write to."""
    for descriptor in (3, 4):
        try:
            mode = os.fstat(descriptor).st_mode
        except OSError:
            mode = 0
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            stop(f"this program is started by the gate, which gives it file descriptors 3 and 4. Run\n\n"
                 f"    lla gate -- python3 {sys.argv[0]}\n")
        # what the author starts (compilers, workers) must not hold the pipes open
        os.set_inheritable(descriptor, False)
        os.set_blocking(descriptor, True)
    return os.fdopen(3, "rb"), os.fdopen(4, "wb")


def send(sink, message, tensors=()):
    sink.write(json.dumps(message).encode() + b"\n")
    for data in tensors:
        sink.write(data)
    sink.flush()


def read_exactly(source, size):
    data = source.read(size)
    if len(data) < size:
        stop("the pipe from the gate ended in the middle of a tensor", 1)
    return data


def size_of(spec):
    return math.prod(spec["shape"]) * FORMATS[spec["dtype"]][0]


def shape_of(value):
    return tuple(int(size) for size in value.shape)


def python_name(name):
    return PYTHON_NAMES.get(name, name)


def kind_of(value):
    return "nothing" if value is None else f"a {type(value).__name__}"


def stop(reason, code=2):
    sys.stderr.write(f"lla_adapter: {reason}\n")
    sys.stderr.flush()
    sys.exit(code)
