"""Correct kernels of log-linear attention in PyTorch, on real tensor cores, against the bounds of this suite.

    python3 torch_kernels.py DIRECTORY [--device cuda] [--json FILE]

reads the files of export-cases.ts. Each case is answered by two implementations: `masked`, one O(T^2) matrix, and `chunked`, chunks
whose states are carried level by level. Both are written forwards; the backward is autograd's, with every matrix product of it made as
the forward ones are (see Dot). docs/hardware.md says how to read what is printed. Exit code 1: something is outside a certain bound.

Letters: T positions, H heads, K key size, V value size, C chunk size; t is the query position, s the key position. Inside, everything
is [H,T,...]: the cases have one batch row and one group.
"""

import argparse
import base64
import gzip
import json
import os
import sys

import numpy as np
import torch

DTYPES = {'float32': torch.float32, 'tf32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}
PRECISIONS = list(DTYPES)
SHORT = (torch.bfloat16, torch.float16)
# rows of a chunk whose decays of one number a channel are multiplied pair by pair; and of a block that is inverted row by row
BLOCK = 16
# elements outside of a bound that are printed
LISTED = 100


# ---------------------------------------------------------------------------------------------------------------- arithmetic


class Arithmetic:
    """What numbers are rounded to, where. Everything between products is float32, or float64 in the check of the formulas."""

    def __init__(self, precision, device, exact, is_native=False):
        self.exact = exact
        self.device = device
        self.work = torch.float64 if exact else torch.float32
        self.held = torch.float64 if exact else DTYPES[precision]
        self.is_native = is_native and self.held in SHORT
        self.emulates_tf32 = precision == 'tf32' and device == 'cpu' and not exact

    def factor(self, x):
        """A factor of a product, rounded unless the hardware does it."""
        if self.emulates_tf32:
            return to_ten_bits(x)
        return x.to(self.held).to(self.work)

    def multiply(self, a, b):
        """The product of two factors [H,m,n] and [H,n,p], summed in float32."""
        if self.is_native:
            return torch.bmm(a.to(self.held), b.to(self.held), out_dtype=torch.float32)
        return a @ b

    def dot(self, a, b):
        return Dot.apply(a, b, self)

    def store(self, x):
        return Store.apply(x, self)


def to_ten_bits(x):
    """The nearest number with 10 bits after the leading one, ties to even: float32's other 13 bits become zero."""
    bits = x.contiguous().view(torch.int32)
    odd = (bits >> 13) & 1
    rounded = ((bits + 0xFFF + odd) >> 13) << 13
    return torch.where(torch.isfinite(x), rounded.view(torch.float32), x)


class Dot(torch.autograd.Function):
    """a @ b with both factors rounded to the format of products, forwards and backwards, and summed in float32.

    Numbers of bfloat16 and float16 are numbers of TF32 too, so TF32 tensor cores multiply them exactly, and add as tensor cores add. With
    `--products native` the instructions of bfloat16 and float16 themselves make them, which add more products at a time.
    """

    @staticmethod
    def forward(ctx, a, b, arithmetic):
        a, b = arithmetic.factor(a), arithmetic.factor(b)
        ctx.save_for_backward(a, b)
        ctx.arithmetic = arithmetic
        return arithmetic.multiply(a, b)

    @staticmethod
    def backward(ctx, d):
        a, b = ctx.saved_tensors
        multiply, d = ctx.arithmetic.multiply, ctx.arithmetic.factor(d)
        return multiply(d, b.transpose(-1, -2)), multiply(a.transpose(-1, -2), d), None


class Store(torch.autograd.Function):
    """A state that is kept in memory, and the gradient by it, in the format of states."""

    @staticmethod
    def forward(ctx, x, arithmetic):
        ctx.arithmetic = arithmetic
        return x.to(arithmetic.held).to(arithmetic.work)

    @staticmethod
    def backward(ctx, d):
        return d.to(ctx.arithmetic.held).to(ctx.arithmetic.work), None


class InverseOf(torch.autograd.Function):
    """(I + N)^-1 for strictly lower triangular N, as chunked delta kernels make it: blocks of 16 rows by substitution, then products of
    blocks. With X the inverse, dN = -X^T dX X^T below the diagonal."""

    @staticmethod
    def forward(ctx, N, arithmetic):
        X = inverse_by_blocks(N, arithmetic)
        ctx.save_for_backward(X)
        ctx.arithmetic = arithmetic
        return X

    @staticmethod
    def backward(ctx, dX):
        (X,) = ctx.saved_tensors
        dot, XT = ctx.arithmetic.dot, X.transpose(-1, -2)
        return -dot(dot(XT, dX), XT).tril(-1), None


def inverse_by_blocks(N, arithmetic):
    c = N.shape[-1]
    if c <= BLOCK:
        return inverse_by_rows(N)
    half = BLOCK
    while 2 * half < c:
        half *= 2
    A = inverse_by_blocks(N[..., :half, :half], arithmetic)
    D = inverse_by_blocks(N[..., half:, half:], arithmetic)
    corner = -arithmetic.dot(arithmetic.dot(D, N[..., half:, :half]), A)
    return torch.cat([torch.cat([A, torch.zeros_like(corner).transpose(-1, -2)], -1), torch.cat([corner, D], -1)], -2)


def inverse_by_rows(N):
    """x_t = e_t - sum over s < t of N[t,s] x_s, without tensor cores."""
    c = N.shape[-1]
    unit = torch.eye(c, dtype=N.dtype, device=N.device).expand(N.shape)
    rows = []
    for t in range(c):
        row = unit[..., t, :]
        for s in range(t):
            row = row - N[..., t, s : s + 1] * rows[s]
        rows.append(row)
    return torch.stack(rows, -2)


# ------------------------------------------------------------------------------------------------------------------- levels


def level_of(t, s):
    """Which level query t reads position s at, s <= t."""
    return (t ^ s).bit_length()


def level_map(T, log_linear, device):
    """[T,T] integers; 0 above the diagonal, where nobody looks."""
    levels = [[level_of(t, s) if log_linear and s < t else 0 for s in range(T)] for t in range(T)]
    return torch.tensor(levels, device=device)


def level_scales(scales, levels):
    """lambda[t, level(t,s)] as [H,T,T] from [H,T,L]; a part of the map gives a part of the matrix."""
    return torch.gather(scales, -1, levels.expand(scales.shape[0], *levels.shape))


# ------------------------------------------------------------------------------------------------------------------- decays


def sums_of_segments(g):
    """g_{s+1} + ... + g_t for every s <= t, added over the segment itself: [H,T,T,...] from [H,T,...]; 0 elsewhere."""
    T = g.shape[1]
    inside = torch.ones(T, T, dtype=torch.bool, device=g.device).tril(-1)
    inside = inside.view(T, T, *[1] * (g.dim() - 2))
    # [t,s]: what step t adds to the segment that begins after s
    steps = torch.where(inside, g.unsqueeze(2), torch.zeros_like(g).unsqueeze(2))
    return steps.cumsum(1)


class Prefixes:
    """Decays of a chunk from sums since its start: exp(c_t - c_s), and 0 where a reset lies between. A reset adds nothing to c, so that
    no difference is infinite less infinite; it is counted instead."""

    def __init__(self, g):
        is_reset = torch.isinf(g)
        self.sums = torch.where(is_reset, torch.zeros_like(g), g).cumsum(1)
        self.resets = is_reset.cumsum(1)

    def between(self, to, since):
        """exp of the sum over (since, to]; both (sums, resets)."""
        difference = to[0] - since[0]
        is_same = to[1] == since[1]
        # masked before exp and after: neither the value nor the gradient may become infinite in what is not read
        safe = torch.where(is_same, difference, torch.zeros_like(difference))
        return torch.where(is_same, safe.exp(), torch.zeros_like(safe))

    def rows(self, start, end):
        return self.sums[:, start:end], self.resets[:, start:end]

    def before(self, t):
        """Everything before position t of the chunk, as one row."""
        if t > 0:
            return self.rows(t - 1, t)
        return torch.zeros_like(self.sums[:, :1]), torch.zeros_like(self.resets[:, :1])

    def pairs(self, start, end):
        """D[t,s] for s <= t in [start, end): [H,c,c,...]; 0 above the diagonal."""
        sums, resets = self.rows(start, end)
        c = sums.shape[1]
        causal = torch.ones(c, c, dtype=torch.bool, device=sums.device).tril().view(c, c, *[1] * (sums.dim() - 2))
        # above the diagonal a count that no other one equals
        since = torch.where(causal, resets.unsqueeze(1), torch.full_like(resets, -1).unsqueeze(1))
        return self.between((sums.unsqueeze(2), resets.unsqueeze(2)), (sums.unsqueeze(1), since))


# -------------------------------------------------------------------------------------------------------------------- inputs


class Head:
    """The inputs of a case in the format of the work, [H,T,...]; what a system does not have is None."""

    def __init__(self, case, leaves, arithmetic):
        x = {name: leaf.to(arithmetic.work) for name, leaf in leaves.items()}
        self.H = x['v'].shape[2]
        self.scale, self.C = case['scale'], case['chunkSize']
        self.q, self.k = (heads_first(x[name]).expand(self.H, -1, -1) for name in ('q', 'k'))
        self.v = heads_first(x['v'])
        self.T, self.K, self.V = self.q.shape[1], self.q.shape[2], self.v.shape[2]
        self.beta = heads_first(x['beta'].unsqueeze(-1)) if 'beta' in x else None
        self.w = self.v if self.beta is None else self.beta * self.v
        self.g = self.decays(x['g']) if 'g' in x else None
        self.by_channel = self.g is not None and self.g.dim() == 3
        self.log_linear = 'lambda' in x
        self.scales = heads_first(x['lambda']) if self.log_linear else None
        self.L = self.scales.shape[2] if self.log_linear else 1
        self.levels = level_map(self.T, self.log_linear, self.v.device)

    def decays(self, g):
        """[H,T] or [H,T,K]. The first one has nothing to decay."""
        if g.dim() == 1:
            g = g.unsqueeze(-1).expand(self.H, self.T)
        else:
            g = g[0].transpose(0, 1)
        later = (torch.arange(self.T, device=g.device) > 0).view(1, -1, *[1] * (g.dim() - 2))
        return torch.where(later, g, torch.zeros_like(g))


def heads_first(x):
    """[1,T,H,n] as [H,T,n]"""
    return x[0].transpose(0, 1)


def as_column(decay):
    """[H,T] or [H,T,K] so that it multiplies [H,T,K]."""
    return decay if decay.dim() == 3 else decay.unsqueeze(-1)


# -------------------------------------------------------------------------------------------------------------------- masked


def masked(x, arithmetic):
    """o = P w, P = tril(scale q k^T * D) X * lambda, with X = (I + tril(beta k k^T * D, -1))^-1 for the delta rule."""
    if x.g is None:
        scores, to_end = plain_scores, 1
    else:
        logs = sums_of_segments(x.g)
        decays = logs.exp()
        scores = per_channel_scores if x.by_channel else decayed_scores
        # from s to the end: the last row of segments
        to_end = as_column(decays[:, -1])
    D = None if x.g is None else decays
    dot = arithmetic.dot
    A = scores(x.q * x.scale, x.k, D, dot).tril()
    keys = x.k * to_end
    if x.beta is not None:
        N = scores(x.k * x.beta, x.k, D, dot).tril(-1)
        unit = torch.eye(x.T, dtype=N.dtype, device=N.device).expand(N.shape)
        X = torch.linalg.solve_triangular(N + unit, unit, upper=False, unitriangular=True)
        A, keys = dot(A, X).tril(), dot(X.transpose(-1, -2), keys)
    P = A if x.scales is None else A * level_scales(x.scales, x.levels)
    return dot(P, x.w), state_by_level(x, keys, arithmetic)


def plain_scores(a, b, _decays, dot):
    return dot(a, b.transpose(-1, -2))


def decayed_scores(a, b, decays, dot):
    return dot(a, b.transpose(-1, -2)) * decays


def per_channel_scores(a, b, decays, _dot):
    """A decay of one number a channel is inside the inner product: no tensor core can make it as it is."""
    return (a.unsqueeze(2) * decays * b.unsqueeze(1)).sum(-1)


def state_by_level(x, keys, arithmetic):
    """[H,L,K,V]: at level l the sum of k_s w_s^T over the positions that the last token reads at l."""
    last = x.levels[-1]
    states = [arithmetic.dot((keys * (last == level).view(1, -1, 1)).transpose(-1, -2), x.w) for level in range(x.L)]
    return torch.stack(states, 1)


# ------------------------------------------------------------------------------------------------------------------- chunked


class Chunk:
    """What a chunk of tokens does: `pairs` [c,c] inside of it, `queries` read a state that enters, `keys` write one that leaves."""

    def __init__(self, x, start, arithmetic):
        self.arithmetic = arithmetic
        self.start, self.end = start, min(start + x.C, x.T)
        rows = slice(self.start, self.end)
        q, k, self.w = x.q[:, rows] * x.scale, x.k[:, rows], x.w[:, rows]
        decays = None if x.g is None else Prefixes(x.g[:, rows])
        from_start, self.to_end, self.whole = self.edges(decays)
        self.decayed_keys = k * self.to_end
        A = inside_scores(q, k, decays, x.by_channel, arithmetic.dot)
        if x.beta is None:
            self.pairs, self.queries, self.keys, self.W = A, q * from_start, self.decayed_keys, None
            return
        dot, written = arithmetic.dot, k * x.beta[:, rows]
        N = inside_scores(written, k, decays, x.by_channel, dot).tril(-1)
        X = InverseOf.apply(N, arithmetic)
        self.W = dot(X, written * from_start)
        self.pairs = dot(A, X).tril()
        self.queries = q * from_start - dot(A, self.W)
        self.keys = dot(X.transpose(-1, -2), self.decayed_keys)

    def edges(self, decays):
        """Decays from the start to t, from s to the end, over the whole: as columns, the last one [H,K or 1,1]."""
        if decays is None:
            return 1, 1, 1
        c = self.end - self.start
        rows, last = decays.rows(0, c), decays.rows(c - 1, c)
        from_start = as_column(decays.between(rows, decays.before(0)))
        to_end = as_column(decays.between(last, rows))
        return from_start, to_end, from_start[:, -1].unsqueeze(-1)

    def inside(self, x):
        rows = slice(self.start, self.end)
        if x.scales is None:
            return self.arithmetic.dot(self.pairs, self.w)
        scales = level_scales(x.scales[:, rows], x.levels[rows, rows])
        return self.arithmetic.dot(self.pairs * scales, self.w)

    def read(self, x, state, level):
        out = self.arithmetic.dot(self.queries, state)
        return out if x.scales is None else out * x.scales[:, self.start : self.end, level : level + 1]

    def carry(self, state):
        kept = self.whole * state
        if self.W is None:
            return kept
        dot = self.arithmetic.dot
        return kept - dot(self.decayed_keys.transpose(-1, -2), dot(self.W, state))

    def written(self, tokens):
        """What those of its tokens write, [H,K,V]; a mask [c]."""
        return self.arithmetic.dot((self.keys * tokens.view(1, -1, 1)).transpose(-1, -2), self.w)


def inside_scores(a, b, decays, by_channel, dot):
    """tril(a b^T * D) of a chunk."""
    if decays is None:
        return dot(a, b.transpose(-1, -2)).tril()
    c = a.shape[1]
    if not by_channel:
        return dot(a, b.transpose(-1, -2)) * decays.pairs(0, c)
    return torch.cat([row_of_blocks(a, b, decays, start, dot) for start in range(0, c, BLOCK)], 1)


def row_of_blocks(a, b, decays, start, dot):
    """Rows [start, start + BLOCK) for a decay of one number a channel. On the diagonal pair by pair; left of it the decay is split at
    the rows' start, exp(c_t - c_start) exp(c_start - c_s), and neither factor grows."""
    c = a.shape[1]
    end = min(start + BLOCK, c)
    own = per_channel_scores(a[:, start:end], b[:, start:end], decays.pairs(start, end), dot)
    parts = [own]
    if start > 0:
        split = decays.before(start)
        left = a[:, start:end] * decays.between(decays.rows(start, end), split)
        right = b[:, :start] * decays.between(split, decays.rows(0, start))
        parts.insert(0, dot(left, right.transpose(-1, -2)))
    if end < c:
        parts.append(torch.zeros(a.shape[0], end - start, c - end, dtype=a.dtype, device=a.device))
    return torch.cat(parts, -1)


def chunked(x, arithmetic):
    """One state in memory for each level; chunk by chunk they are merged, read, carried on, and a new one is written."""
    states, outputs, chunk = {}, [], None
    for start in range(0, x.T, x.C):
        states = merged(x, states, start)
        chunk = Chunk(x, start, arithmetic)
        out = chunk.inside(x)
        for source, state in states.items():
            out = out + chunk.read(x, state, int(x.levels[start, source]))
        outputs.append(out)
        states = {source: chunk.carry(state) for source, state in states.items()}
        if chunk.end < x.T:
            everything = torch.ones(chunk.end - start, dtype=torch.bool, device=x.v.device)
            states[start] = chunk.written(everything)
            states = {source: arithmetic.store(state) for source, state in states.items()}
    return torch.cat(outputs, 1), final_state(x, states, chunk)


def merged(x, states, t):
    """States by a position that each of them holds; those that t reads at one level become one."""
    by_level = {}
    for source, state in states.items():
        level = int(x.levels[t, source])
        if level in by_level:
            other, sum_so_far = by_level[level]
            by_level[level] = (other, sum_so_far + state)
        else:
            by_level[level] = (source, state)
    return dict(by_level.values())


def final_state(x, states, chunk):
    last = x.levels[-1]
    by_level = {}
    for source, state in states.items():
        level = int(last[source])
        by_level[level] = by_level.get(level, 0) + state
    own = last[chunk.start : chunk.end]
    for level in set(own.tolist()):
        by_level[level] = by_level.get(level, 0) + chunk.written(own == level)
    empty = torch.zeros(x.H, x.K, x.V, dtype=x.v.dtype, device=x.v.device)
    return torch.stack([by_level.get(level, empty) for level in range(x.L)], 1)


# ------------------------------------------------------------------------------------------------------------------- softmax


def softmax_at_once(x, arithmetic):
    scores = arithmetic.dot(x.q, x.k.transpose(-1, -2)) * x.scale
    causal = torch.ones(x.T, x.T, dtype=torch.bool, device=scores.device).tril()
    weights = torch.softmax(scores.masked_fill(~causal, float('-inf')), -1)
    return arithmetic.dot(weights, x.v), None


def softmax_online(x, arithmetic):
    """Keys chunk by chunk. What was summed is rescaled when a larger score comes; the largest score itself has no gradient."""
    positions = torch.arange(x.T, device=x.v.device)
    most = torch.full((x.H, x.T, 1), float('-inf'), dtype=x.v.dtype, device=x.v.device)
    total, out = torch.zeros_like(most), torch.zeros_like(x.v)
    for start in range(0, x.T, x.C):
        rows = slice(start, min(start + x.C, x.T))
        scores = arithmetic.dot(x.q * x.scale, x.k[:, rows].transpose(-1, -2))
        visible = positions[:, None] >= positions[None, rows]
        scores = scores.masked_fill(~visible, float('-inf'))
        now = torch.maximum(most, scores.detach().amax(-1, keepdim=True))
        shrink, weights = (most - now).exp(), (scores - now).exp()
        total = total * shrink + weights.sum(-1, keepdim=True)
        out = out * shrink + arithmetic.dot(weights, x.v[:, rows])
        most = now
    return out / total, None


IMPLEMENTATIONS = {'masked': (masked, softmax_at_once), 'chunked': (chunked, softmax_online)}


# ------------------------------------------------------------------------------------------------------------------ the runs


def decode(encoded):
    """float64 from the encoding of export-cases.ts: byte planes, little-endian."""
    dtype = np.dtype('<f4' if encoded['dtype'] == 'float32' else '<f8')
    planes = np.frombuffer(base64.b64decode(encoded['base64']), np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(encoded['shape']).astype(np.float64)


def decode_outputs(outputs):
    """{'o': ..., 'finalState': ..., 'gradients.q': ...}"""
    if outputs is None:
        return None
    flat = {name: decode(outputs[name]) for name in ('o', 'finalState') if name in outputs}
    return {**flat, **{f'gradients.{name}': decode(value) for name, value in outputs['gradients'].items()}}


def answer(case, implementation, arithmetic):
    """What the implementation says, shaped like the case's `expected`, in float64."""

    def held(encoded):
        return torch.from_numpy(decode(encoded)).to(arithmetic.device).to(arithmetic.held)

    leaves = {name: held(value).requires_grad_() for name, value in case['inputs'].items()}
    compute = IMPLEMENTATIONS[implementation][case['system'] == 'softmax']
    o, state = compute(Head(case, leaves, arithmetic), arithmetic)
    outputs = {'o': o.transpose(0, 1).unsqueeze(0)}
    if state is not None:
        outputs['finalState'] = state.unsqueeze(0)
    total = sum((outputs[name] * held(value).to(arithmetic.work)).sum() for name, value in case['cotangents'].items())
    gradients = torch.autograd.grad(total, list(leaves.values()))
    outputs.update({f'gradients.{name}': value for name, value in zip(leaves, gradients)})
    return {name: value.detach().to(arithmetic.held).double().cpu().numpy() for name, value in outputs.items()}


def errors_over(actual, expected, bound):
    """error / bound of every element; 0 where nothing is promised, infinite for a number that is none."""
    with np.errstate(invalid='ignore'):
        ratio = np.abs(actual - expected) / bound
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    return np.where(np.isinf(bound), 0, ratio)


class Table:
    """Worst ratios by precision, implementation, output, and by precision and system; and every element outside of a bound."""

    def __init__(self):
        self.rows, self.systems, self.outside = {}, {}, []

    def add(self, precision, implementation, case, actual, bounds, kind):
        expected, name = case['expected'], case['name']
        for output, values in actual.items():
            ratio = errors_over(values, expected[output], bounds[output])
            promised = int(np.isfinite(bounds[output]).sum())
            for rows, key in (
                (self.rows, (precision, implementation, output)),
                (self.systems, (precision, implementation, case['system'])),
            ):
                note_worst(rows.setdefault(key, new_row()), kind, ratio, promised, name)
            for index in np.argwhere(ratio > 1):
                at = tuple(int(i) for i in index)
                numbers = {'actual': values[at], 'expected': expected[output][at], 'bound': bounds[output][at]}
                where = {'kind': kind, 'precision': precision, 'implementation': implementation, 'case': name}
                numbers = {key: float(value) for key, value in numbers.items()}
                self.outside.append({**where, 'output': output, 'index': at, **numbers})

    def print(self):
        for title, rows in (('output', self.rows), ('system', self.systems)):
            head = f'{"answers":>8}{"elements":>10}{"certain":>10}{"likely":>10}  worst of certain'
            print(f'\n{"precision":10}{"form":9}{title:25}{head}')
            for (precision, implementation, name), row in rows.items():
                likely = f'{row["likely"]:10.3g}' if row['likely answers'] else f'{"-":>10}'
                counts = f'{row["certain answers"]:8}{row["certain elements"]:10}'
                worst = f'{row["certain"]:10.3g}{likely}  {row["certain case"]}'
                print(f'{precision:10}{implementation:9}{name:25}{counts}{worst}')

    def print_outside(self):
        for each in self.outside[:LISTED]:
            form = f'{each["precision"]} · {each["implementation"]}'
            place = f'{form} · {each["case"]} · {each["output"]}{list(each["index"])}'
            ratio = abs(each['actual'] - each['expected']) / each['bound']
            print(
                f'✗ {each["kind"]}: {place}: {each["actual"]!r} where {each["expected"]!r} is wanted, '
                f'bound {each["bound"]:.3g}, {ratio:.3g} times it'
            )
        if len(self.outside) > LISTED:
            print(f'… {len(self.outside) - LISTED} more; --json writes all of them')

    def print_counts(self):
        certain, likely = self.count('certain'), self.count('likely')
        print(f'\n{certain} elements outside of a certain bound, {likely} outside of a likely one')

    def count(self, kind):
        return sum(each['kind'] == kind for each in self.outside)


def note_worst(row, kind, ratio, promised, case):
    row[f'{kind} answers'] += 1
    row[f'{kind} elements'] += promised
    if ratio.size and ratio.max() > row[kind]:
        row[kind], row[f'{kind} case'] = float(ratio.max()), case


def new_row():
    """For each kind of bound: the worst ratio and its case, outputs that were compared, and their elements with a finite bound."""
    row = {}
    for kind in ('certain', 'likely'):
        row.update({kind: 0.0, f'{kind} answers': 0, f'{kind} elements': 0, f'{kind} case': ''})
    return row


def run(directory, precisions, device, exact, is_native):
    table = Table()
    for precision in precisions:
        # the formulas are checked in plain float64, whatever the bounds are for
        use_tf32(precision != 'float32' and not exact)
        arithmetic = Arithmetic(precision, device, exact, is_native)
        with gzip.open(os.path.join(directory, f'{precision}.jsonl.gz'), 'rt') as lines:
            for line in lines:
                check(json.loads(line), precision, arithmetic, table)
        print(f'{precision} done', file=sys.stderr, flush=True)
    return table


def check(case, precision, arithmetic, table):
    case['expected'] = decode_outputs(case['expected'])
    limits = {'certain': decode_outputs(case['bounds']), 'likely': decode_outputs(case['likely'])}
    for implementation in IMPLEMENTATIONS:
        actual = answer(case, implementation, arithmetic)
        for kind, bounds in limits.items():
            if bounds is not None:
                table.add(precision, implementation, case, actual, bounds, kind)


# --------------------------------------------------------------------------------------------------------------- the machine


def use_tf32(on):
    """Whether float32 products may use TF32 tensor cores; what PyTorch calls precision "high" is TF32 on CUDA."""
    torch.set_float32_matmul_precision('high' if on else 'highest')


def probe_tf32():
    """What products do to a factor that TF32 does not hold, 1 and three quarters of its last place, for the sizes of the cases: small
    ones need not go to tensor cores at all."""
    answers = []
    for H, T, K in [(2, 9, 4), (2, 40, 16), (1, 130, 64)]:
        for on in (False, True):
            use_tf32(on)
            factor = torch.full((H, T, K), 1 + 0.75 * 2**-10, device='cuda')
            product = factor @ torch.eye(K, device='cuda').expand(H, K, K)
            done = {1.0: 'cut off', 1 + 2**-10: 'rounded'}.get(float(product[0, 0, 0]), 'kept whole')
            answers.append(f'[{H},{T},{K}] TF32 {"on" if on else "off"}: {done}')
    return '; '.join(answers)


def describe(device):
    name = torch.cuda.get_device_name() if device == 'cuda' else 'CPU'
    facts = {'device': name, 'torch': torch.__version__, 'cuda': torch.version.cuda if device == 'cuda' else None}
    if device == 'cuda':
        facts['factors'] = probe_tf32()
    return facts


def main():
    parser = argparse.ArgumentParser(description='Correct PyTorch kernels against the bounds of exported cases.')
    parser.add_argument('directory', help='where export-cases.js has written its files')
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--precision', default=','.join(PRECISIONS), help='comma-separated')
    parser.add_argument('--dtype', choices=['float64'], help='everything in float64, nothing rounded: checks the formulas')
    products = 'who multiplies bfloat16 and float16: TF32 instructions, or their own (CUDA, PyTorch 2.8 or later)'
    parser.add_argument('--products', choices=['tf32', 'native'], default='tf32', help=products)
    parser.add_argument('--json', help='a file for the results')
    arguments = parser.parse_args()
    facts = describe(arguments.device)
    print(', '.join(f'{key} {value}' for key, value in facts.items() if value), flush=True)
    exact = arguments.dtype is not None
    is_native = arguments.products == 'native'
    table = run(arguments.directory, arguments.precision.split(','), arguments.device, exact, is_native)
    table.print_outside()
    table.print()
    table.print_counts()
    if arguments.json:
        named = {
            'outputs': [dict(zip(('precision', 'implementation', 'output'), key), **row) for key, row in table.rows.items()],
            'systems': [dict(zip(('precision', 'implementation', 'system'), key), **row) for key, row in table.systems.items()],
        }
        with open(arguments.json, 'w') as file:
            json.dump({**facts, **named, 'outside': table.outside}, file, indent=1)
    return 1 if table.count('certain') > 0 else 0


if __name__ == '__main__':
    sys.exit(main())
