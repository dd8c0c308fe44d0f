"""The masked form in numpy, all rows and heads at once: answers, gradients by hand, and how far a correct implementation may be from them.

    M = scale (q k^T) * D,  D[t,s] = exp(g_{s+1} + ... + g_t),  N = stril(beta k k^T * D),  A = M (I + N)^-1,
    P = A * lambda[t, level(t,s)],  o = P w,  w = beta v

without beta N = 0. The final state is what K unit vectors read behind the last position, level by level; what comes in is read by
R = D0 q - A (beta D0 k), D0[t] = exp(g_0 + ... + g_t).

A bound is a number of roundings times what the terms of an element add up to in absolute value. With the delta rule the terms of products
of (I - beta k k^T) alternate and that sum explodes, though no product is longer than the product of norms: there, rows are bounded by
their lengths.
"""
import numpy as np

UNIT = 2.0**-53
TINY = 1e-290


def level_of(t, s):
    """Bit length of t xor s."""
    return np.frexp(t ^ s)[1]


def appended(x, last):
    return np.concatenate([x, last], axis=-2)


def transposed(x):
    return np.swapaxes(x, -1, -2)


class Masked:
    """Sequences of one length: b rows, h heads, arrays [b,h,T,...]."""

    def __init__(self, case, rows, times, sequences):
        H, self.G = case.v.shape[2], case.k.shape[2]

        def heads(x):
            x = np.moveaxis(x[rows, times], 2, 1)
            return np.repeat(x, H // x.shape[1], axis=1)

        self.q, self.k, self.v, self.g = heads(case.q), heads(case.k), heads(case.v), heads(case.g)
        self.beta = None if case.beta is None else heads(case.beta)
        self.lam = None if case.lambda_ is None else heads(case.lambda_)
        self.scale, self.L = case.scale, case.levels
        self.state = None if case.initial_state is None else case.initial_state[sequences]
        self.w = self.v if self.beta is None else self.beta[..., None] * self.v
        self.T, self.K = self.k.shape[2:]
        # [b,T], positions
        self.t = np.array(case.position)[sequences][:, None] + np.arange(self.T)
        self.levels = level_of(self.t[:, :, None], self.t[:, None, :]) if self.lam is not None else np.zeros((1, self.T, self.T), int)
        self.Lambda = 1.0 if self.lam is None else np.take_along_axis(self.lam, self.levels[:, None], -1)
        lower = np.tri(self.T, dtype=bool)
        self.seg = np.cumsum(np.where(np.tri(self.T, k=-1, dtype=bool), self.g[..., None], 0), axis=-2)
        self.D = np.where(lower, np.exp(self.seg), 0)
        self.sum0 = np.cumsum(self.g, axis=-1)
        self.eye = np.broadcast_to(np.eye(self.K), (*self.q.shape[:2], self.K, self.K))

    def below(self, rows):
        """[b,h,T,...] and then the last row once for each of the K unit vectors."""
        return appended(rows, np.repeat(rows[..., -1:, :], self.K, axis=-2))

    def incoming(self):
        """Each level of the incoming state; [b,T] by which level it is read, and whether it is; [b,h,T,1] with what scale."""
        if self.state is None:
            return
        if self.lam is None:
            where = np.zeros((len(self.state), self.T), int)
            yield 0, where, where == 0, np.ones((1, 1, self.T, 1))
            return
        position = self.t[:, :1]
        last = np.maximum(position - 1, 0)
        for l in range(self.state.shape[2]):
            # level l > 0 holds a block of positions that merges with its neighbours; what lies in an empty one is dropped when it fills
            if l == 0:
                where, is_read = level_of(self.t, last), np.broadcast_to(position > 0, self.t.shape)
            else:
                is_block = (last >> (l - 1) & 1) == 1
                where = np.where(is_block, level_of(self.t, last >> l << l), l)
                is_read = is_block | (self.t < ((last >> (l - 1)) + 1) << (l - 1))
            where = np.where(is_read, where, 0)
            if is_read.any():
                yield l, where, is_read, np.take_along_axis(self.lam, where[:, None, :, None], -1) * is_read[:, None, :, None]

    def forward(self):
        """o [b,h,T,V] and final state [b,h,L,K,V]."""
        T = self.T
        final = np.zeros((*self.q.shape[:2], self.L, self.K, self.v.shape[-1]))
        if T == 0:
            if self.state is not None:
                final[:, :, :self.state.shape[2]] = self.state
            return {"o": self.v, "final_state": final}
        self.rows, self.decay = appended(self.scale * self.q, self.eye), self.below(self.D)
        self.M = (self.rows @ transposed(self.k)) * self.decay
        self.decay0 = self.below(np.exp(self.sum0)[..., None])
        self.A, self.R = self.M, self.decay0 * self.rows
        if self.beta is not None:
            self.N = np.tril(self.beta[..., None] * (self.k @ transposed(self.k)) * self.D, -1)
            self.A = transposed(np.linalg.solve(transposed(np.eye(T) + self.N), transposed(self.M)))
            self.k0 = self.beta[..., None] * np.exp(self.sum0)[..., None] * self.k
            self.R = self.R - self.A @ self.k0
        o = (self.A[..., :T, :] * self.Lambda) @ self.w
        for l in np.unique(self.levels[:, -1]):
            final[:, :, l] = (self.A[..., T:, :] * (self.levels[:, None, None, -1] == l)) @ self.w
        for l, where, is_read, scale in self.incoming():
            held = self.R @ self.state[:, :, l]
            o += scale * held[..., :T, :]
            for b in np.flatnonzero(is_read[:, -1]):
                final[b, :, where[b, -1]] += held[b, :, T:]
        return {"o": o, "final_state": final}

    def final_rows(self, d_final):
        """[b,h,K,T], cotangents of what the unit vectors read of each position."""
        out = np.zeros((*self.q.shape[:2], self.K, self.T))
        for l in np.unique(self.levels[:, -1]):
            out += (d_final[:, :, l] @ transposed(self.w)) * (self.levels[:, None, None, -1] == l)
        return out

    def backward(self, d_o, d_final):
        """Gradients by head, after forward."""
        T, (b, h) = self.T, self.q.shape[:2]
        d_state = None if self.state is None else np.zeros_like(self.state)
        if T == 0:
            if d_state is not None:
                d_state += d_final[:, :, :d_state.shape[2]]
            return {"q": self.q, "k": self.k, "v": self.v, "g": self.g, "beta": self.beta, "lambda_": self.lam, "initial_state": d_state}
        read_out = d_o @ transposed(self.w)
        dA = appended(read_out * self.Lambda, self.final_rows(d_final))
        d_lam = None if self.lam is None else np.zeros_like(self.lam)
        if d_lam is not None:
            each = read_out * self.A[..., :T, :]
            for l in range(self.L):
                d_lam[..., l] = np.sum(each * (self.levels[:, None] == l) * np.tri(T), axis=-1)
        dw = transposed(self.A[..., :T, :] * self.Lambda) @ d_o
        for l in np.unique(self.levels[:, -1]):
            dw += transposed(self.A[..., T:, :] * (self.levels[:, None, None, -1] == l)) @ d_final[:, :, l]
        dR = np.zeros_like(self.R)
        for l, where, is_read, scale in self.incoming():
            held = self.state[:, :, l]
            d_last = np.stack([d_final[i, :, where[i, -1]] * is_read[i, -1] for i in range(b)])
            d_held = appended(scale * d_o, d_last)
            d_state[:, :, l] = transposed(self.R) @ d_held
            dR += d_held @ transposed(held)
            if d_lam is not None:
                value = np.sum(self.R[..., :T, :] * (d_o @ transposed(held)), axis=-1) * is_read[:, None]
                index = np.broadcast_to(where[:, None, :, None], (b, h, T, 1))
                np.put_along_axis(d_lam, index, np.take_along_axis(d_lam, index, -1) + value[..., None], -1)
        d_beta, dk = None, np.zeros_like(self.k)
        d_decay0 = np.sum(dR * self.rows, axis=-1) * self.decay0[..., 0]
        d_rows = dR * self.decay0
        d_sum0 = d_decay0[..., :T].copy()
        d_sum0[..., -1] += d_decay0[..., T:].sum(-1)
        d_seg = np.zeros((b, h, T, T))
        dM = dA
        if self.beta is not None:
            dA = dA - dR @ transposed(self.k0)
            d_k0 = -transposed(self.A) @ dR
            # last row first: in an upper triangle there is nothing to pivot with
            backwards = (np.eye(T) + self.N)[..., ::-1, ::-1]
            dM = transposed(np.linalg.solve(backwards, transposed(dA)[..., ::-1, :])[..., ::-1, :])
            dN = -np.tril(transposed(self.A) @ dM, -1)
            weight = dN * self.D * self.beta[..., None]
            dk += weight @ self.k + transposed(weight) @ self.k + d_k0 * (self.beta * np.exp(self.sum0))[..., None]
            along = np.sum(d_k0 * self.k, axis=-1) * np.exp(self.sum0)
            d_beta = np.sum(dN * self.D * (self.k @ transposed(self.k)), axis=-1) + along + np.sum(self.v * dw, axis=-1)
            d_sum0 += along * self.beta
            d_seg += dN * self.N
        pairs = dM * self.decay
        d_rows += pairs @ self.k
        dk += transposed(pairs) @ self.rows
        of_rows = dM * self.M
        d_seg += of_rows[..., :T, :]
        d_seg[..., -1, :] += of_rows[..., T:, :].sum(-2)
        # dg_r: the pairs t >= r > s, and every t >= r for the incoming state
        later = np.cumsum(np.tril(d_seg, -1)[..., ::-1, :], axis=-2)[..., ::-1, :]
        dg = np.sum(later * np.tri(T, k=-1), axis=-1) + np.cumsum(d_sum0[..., ::-1], axis=-1)[..., ::-1]
        dv = dw if self.beta is None else self.beta[..., None] * dw
        return {"q": self.scale * d_rows[..., :T, :], "k": dk, "v": dv, "g": dg, "beta": d_beta, "lambda_": d_lam,
                "initial_state": d_state}

    def absolute(self):
        """The same sequences with everything positive; with the delta rule of one channel, that of the lengths."""
        other = object.__new__(Masked)
        other.__dict__.update(self.__dict__)
        other.scale = abs(self.scale)
        other.q, other.k, other.w, other.v = abs(self.q), abs(self.k), abs(self.w), abs(self.v)
        other.state = None if self.state is None else abs(self.state)
        other.lam = None if self.lam is None else abs(self.lam)
        other.Lambda = abs(self.Lambda)
        grown = self.g
        if self.beta is not None:
            q, k = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (self.q, self.k))
            other.q, other.k = q, k
            grown = grown + np.log(np.maximum(1, abs(1 - self.beta * k[..., 0] ** 2)))
            if self.state is not None:
                other.state = np.linalg.norm(self.state, axis=-2, keepdims=True)
        other.beta, other.K = None, other.k.shape[-1]
        other.eye = np.broadcast_to(np.eye(other.K), (*self.q.shape[:2], other.K, other.K))
        # the exponent's own error: a rounding of its value for each log decay in it
        seg = np.cumsum(np.where(np.tri(self.T, k=-1, dtype=bool), grown[..., None], 0), axis=-2)
        size = np.where(np.isfinite(seg), 1 + abs(self.seg), 1)
        other.D = np.where(np.tri(self.T, dtype=bool), np.exp(seg) * size, 0)
        total = np.cumsum(grown, axis=-1)
        other.sum0 = total + np.log(np.where(np.isfinite(total), 1 + abs(self.sum0), 1))
        return other

    def bounds(self, d_o, d_final):
        """How far answers, and gradients where there are cotangents, may be from those of `forward` and `backward`."""
        size, T, delta = self.absolute(), self.T, self.beta is not None
        per_term = UNIT * (24 * (T + 2) + 4 * (self.K + self.v.shape[-1]))
        results = size.forward()
        results["final_state"] = np.broadcast_to(results["final_state"], (*self.q.shape[:2], self.L, self.K, self.v.shape[-1]))
        if d_o is not None:
            d_final = abs(d_final)
            if delta:
                d_final = np.linalg.norm(d_final, axis=-2, keepdims=True)
            found = size.backward(abs(d_o), d_final)
            if delta and T > 0:
                reach, k = found["g"], size.k[..., 0]
                found["beta"] = np.sum(abs(self.v) * found["v"], axis=-1) + k**2 * reach
                found["k"] = found["k"] + (2 * abs(self.beta) * k * reach)[..., None]
                found["v"] = abs(self.beta)[..., None] * found["v"]
            elif delta:
                found["beta"] = self.beta
            results.update(found)
        return {name: per_term * value + TINY for name, value in results.items() if value is not None}


def groups_of(case):
    """Rows, positions and sequences that are evaluated together."""
    if case.cu_seqlens is None:
        return [(slice(None), slice(None), slice(None))]
    return [(slice(0, 1), slice(a, b), slice(i, i + 1)) for i, (a, b) in enumerate(zip(case.cu_seqlens, case.cu_seqlens[1:]))]


def assembled(case, evaluate):
    """o, final_state and gradients of a whole case, shaped like the implementation's, out of those of its sequences."""
    (B, T, H, V), (G, K), n = case.v.shape, case.k.shape[2:], len(case.position)
    out = {"o": np.zeros(case.v.shape), "final_state": np.zeros((n, H, case.levels, K, V))}
    if case.cotangents is not None:
        out.update({name: np.zeros(value.shape) for name, value in case.inputs.items()})
    for rows, times, sequences in groups_of(case):
        d_o = d_final = None
        if case.cotangents is not None:
            d_o = np.moveaxis(case.cotangents.o[rows, times], 2, 1)
            d_final = out["final_state"][sequences] * 0
            if case.cotangents.final_state is not None:
                d_final = case.cotangents.final_state[sequences]
        for name, value in evaluate(Masked(case, rows, times, sequences), d_o, d_final).items():
            if value is None:
                continue
            if name in ("final_state", "initial_state"):
                out[name][sequences] = value
                continue
            value = np.moveaxis(value, 1, 2)
            if name in ("q", "k"):
                # the heads of a group share its queries and keys
                value = value.reshape(*value.shape[:2], G, H // G, value.shape[-1]).sum(3)
            out[name][rows, times] = value
    return out


def answers(case):
    def evaluate(masked, d_o, d_final):
        out = masked.forward()
        return out if d_o is None else {**out, **masked.backward(d_o, d_final)}

    return assembled(case, evaluate)


def bounds(case):
    return assembled(case, Masked.bounds)
