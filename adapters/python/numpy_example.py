"""All recurrent systems, flat and log-linear, in plain numpy: the masked O(T^2) form with a backward by hand.

Every system has a transition F_t(S) = (I - beta_t k_t k_t^T) diag(exp(g_t)) S; where it has no beta or no g, that factor is left out.
Query t reads position s through all the transitions between them,

    P[t,s] = scale * lambda[t, level(t,s)] * y_{t,s} . k_s     with  y_{t,s} = F_{s+1}^T ... F_t^T q_t ,    o_t = sum_s P[t,s] w_s ,

w = beta v with the delta rule, else v. One walk from the last position to the first pulls all queries back, one transition at a step.
Decays are multiplied on the way and nothing is ever divided or subtracted, so a hard reset (g = -inf) is an exact 0. What comes after
a query is not even multiplied by zero, so not even a NaN there reaches it.

The final state is what K further queries, the unit vectors, read at the last position, each level for itself.

    lla gate -- python3 numpy_example.py
"""
import numpy as np

from lla_adapter import serve

SYSTEMS = ["linear", "retention", "mamba2", "gla", "deltanet", "gated-deltanet", "kimi-delta"]


def level_table(first, T):
    """[T,T], for s <= t the level of t and s: the bit length of (first + t) xor (first + s)."""
    t = np.arange(first, first + T)
    rest = t[:, None] ^ t[None, :]
    levels = np.zeros((T, T), int)
    while rest.any():
        levels += rest > 0
        rest >>= 1
    return levels


def state_levels(first, T, L):
    """[T,L], the level at which query t reads what the incoming state holds at level l; -1 where it is dropped.

    Before step t, with z trailing zero bits, levels 0 ... z merge into z + 1, which the rule leaves empty until then.
    """
    read_by = np.full((T, L), -1)
    now = np.arange(L)
    for i in range(T):
        t = first + i
        z = (t & -t).bit_length() - 1  # -1 for t = 0: only level 0 is overwritten there
        merged = np.where(now <= z, z + 1, np.where(now == z + 1, -1, now))
        now = np.where(now < 0, -1, merged)
        read_by[i] = now
    return read_by


class Head:
    """One head of one sequence.

    q, k [T,K]; v [T,V]; lam [T,L]; alpha [T,K] or [T,1]; beta [T] or None; state [L,K,V]; levels [T,T]; read_by [T,L].
    """

    def __init__(self, case, sequence, h):
        row, start, end = sequence_rows(case)[sequence]
        group = h * case.k.shape[2] // case.v.shape[2]
        here = slice(start, end)
        self.scale = case.k.dtype.type(case.scale)
        self.q, self.k = case.q[row, here, group], case.k[row, here, group]
        self.v = case.v[row, here, h]
        T, K = self.k.shape
        V, dtype = self.v.shape[1], self.k.dtype
        if case.g is None:
            self.alpha = np.ones((T, 1), dtype)
        elif case.g.ndim == 1:
            self.alpha = np.full((T, 1), np.exp(case.g[h]))
        else:
            self.alpha = np.exp(case.g[row, here, h]).reshape(T, 1 if case.g.ndim == 3 else K)
        self.beta = None if case.beta is None else case.beta[row, here, h]
        self.w = self.v if self.beta is None else self.beta[:, None] * self.v
        self.state = np.zeros((case.levels, K, V), dtype)
        if case.initial_state is None:
            # nothing is there yet that the first transition could decay
            self.alpha[:1] = 1
        else:
            self.state[:case.initial_state.shape[2]] = case.initial_state[sequence, h]
        first = case.position[sequence]
        if case.lambda_ is None:
            # a flat system: one level, read with 1
            self.lam = np.ones((T, 1), dtype)
            self.levels, self.read_by = np.zeros((T, T), int), np.zeros((T, 1), int)
        else:
            self.lam = case.lambda_[row, here, h]
            self.levels, self.read_by = level_table(first, T), state_levels(first, T, case.levels)

    def incoming(self):
        """Each level l of the incoming state that is read, the queries t that read it, and by which of their levels."""
        for l in range(len(self.state)):
            t = np.flatnonzero(self.read_by[:, l] >= 0)
            if t.size:
                yield l, t, self.read_by[t, l]

    def forward(self):
        """o [T,V] and the final state [L,K,V]. Keeps what the backward needs."""
        T, K = self.k.shape
        o, final = np.zeros_like(self.v), np.zeros_like(self.state)
        if T == 0:
            return o, self.state
        # rows 0 ... T-1 are the queries, then the K unit vectors
        y = np.concatenate([self.q, np.eye(K, dtype=self.k.dtype)])
        self.y_at, self.pairs = [None] * T, [None] * T
        for s in reversed(range(T)):
            k, w, level = self.k[s], self.w[s], self.levels[s:, s]
            self.y_at[s] = y[s:].copy()
            pairs = self.pairs[s] = y[s:] @ k
            read = self.scale * self.lam[np.arange(s, T), level] * pairs[:T - s]
            o[s:] += read[:, None] * w
            final[level[-1]] += pairs[T - s:, None] * w
            # F_s^T
            if self.beta is not None:
                y[s:] -= self.beta[s] * pairs[:, None] * k
            y[s:] *= self.alpha[s]
        self.start = y
        for l, t, level in self.incoming():
            if self.state[l].any():
                o[t] += self.scale * self.lam[t, level, None] * (y[t] @ self.state[l])
                if t[-1] == T - 1:
                    final[level[-1]] += y[T:] @ self.state[l]
        return o, final

    def backward(self, d_o, d_final):
        """Gradients of q, k, v, lambda, log alpha [T,K] or [T,1], beta and state, after forward; d_o [T,V], d_final [L,K,V]."""
        T, K = self.k.shape
        dk, dw, d_lam = np.zeros_like(self.k), np.zeros_like(self.w), np.zeros_like(self.lam)
        dg, d_beta = np.zeros_like(self.alpha), np.zeros(T, self.k.dtype)
        if T == 0:
            return {"q": dk, "k": dk, "v": dw, "lambda_": d_lam, "g": dg, "beta": d_beta, "initial_state": d_final}
        d_state = np.zeros_like(self.state)
        dy = np.zeros_like(self.start)
        for l, t, level in self.incoming():
            factor = self.scale * self.lam[t, level, None]
            d_state[l] += self.start[t].T @ (factor * d_o[t])
            if self.state[l].any():
                # d_read [len(t),K]: what one more of y[t] reads
                d_read = d_o[t] @ self.state[l].T
                dy[t] += factor * d_read
                d_lam[t, level] += self.scale * np.sum(self.start[t] * d_read, axis=1)
            if t[-1] == T - 1:
                d_state[l] += self.start[T:].T @ d_final[level[-1]]
                dy[T:] += d_final[level[-1]] @ self.state[l].T
        for s in range(T):
            k, w, level = self.k[s], self.w[s], self.levels[s:, s]
            t, y, pairs = np.arange(s, T), self.y_at[s], self.pairs[s]
            lam, d_last = self.lam[t, level], d_final[level[-1]]
            # o_t = scale lambda pairs w, and the final state
            dw[s] = (self.scale * lam * pairs[:T - s]) @ d_o[s:] + pairs[T - s:] @ d_last
            d_read = self.scale * (d_o[s:] @ w)
            d_lam[t, level] += d_read * pairs[:T - s]
            d_pairs = np.concatenate([lam * d_read, d_last @ w])
            # y_before = alpha (y - beta pairs k)
            dy_scaled = dy[s:] * self.alpha[s]
            beta = 0 if self.beta is None else self.beta[s]
            middle = y - beta * pairs[:, None] * k
            dg[s] = summed(dy_scaled * middle, dg[s].shape)
            if self.beta is not None:
                along = dy_scaled @ k
                d_beta[s] = -(pairs @ along)
                dk[s] -= beta * (pairs @ dy_scaled)
                d_pairs -= beta * along
            # pairs = y . k
            dk[s] += d_pairs @ y
            dy[s:] = dy_scaled + d_pairs[:, None] * k
        dv = dw
        if self.beta is not None:
            dv = self.beta[:, None] * dw
            d_beta += np.sum(self.v * dw, axis=1)
        return {"q": dy[:T], "k": dk, "v": dv, "lambda_": d_lam, "g": dg, "beta": d_beta, "initial_state": d_state}


def summed(x, shape):
    """x [rows,K] summed over the rows, and over K too for a scalar decay."""
    total = x.sum(axis=0)
    return total if shape == total.shape else total.sum().reshape(shape)


def sequence_rows(case):
    """(batch row, start, end) of each sequence."""
    B, T = case.q.shape[:2]
    if case.cu_seqlens is None:
        return [(b, 0, T) for b in range(B)]
    return [(0, start, end) for start, end in zip(case.cu_seqlens, case.cu_seqlens[1:])]


def forward(case):
    """o [B,T,H,V] and final_state [n,H,L,K,V]."""
    (H, V), K = case.v.shape[2:], case.k.shape[3]
    o = np.zeros(case.v.shape, case.v.dtype)
    final = np.zeros((len(case.position), H, case.levels, K, V), case.v.dtype)
    for i, (row, start, end) in enumerate(sequence_rows(case)):
        for h in range(H):
            o[row, start:end, h], final[i, h] = Head(case, i, h).forward()
    return {"o": o, "final_state": final}


def backward(case):
    """The gradients by the names of case.inputs."""
    H, G = case.v.shape[2], case.k.shape[2]
    grads = {name: np.zeros(value.shape, value.dtype) for name, value in case.inputs.items()}
    for i, (row, start, end) in enumerate(sequence_rows(case)):
        for h in range(H):
            head = Head(case, i, h)
            head.forward()
            d_final = np.zeros_like(head.state)
            if case.cotangents.final_state is not None:
                d_final = case.cotangents.final_state[i, h]
            for name, d in head.backward(case.cotangents.o[row, start:end, h], d_final).items():
                if name not in grads:
                    continue
                if name in ("q", "k"):
                    # the heads of a group share its queries and keys
                    grads[name][row, start:end, h * G // H] += d
                elif name == "initial_state":
                    grads[name][i, h] = d[:grads[name].shape[2]]
                elif grads[name].ndim == 1:
                    # retention: one log decay for the head
                    grads[name][h] += d.sum()
                else:
                    grads[name][row, start:end, h] = d.reshape(grads[name][row, start:end, h].shape)
    return grads


if __name__ == "__main__":
    np.seterr(all="ignore")  # cases with NaN and infinities are asked on purpose
    serve(forward, backward, name="numpy example", systems=SYSTEMS + ["log-linear-" + name for name in SYSTEMS],
          dtypes=["float64", "float32"], state=True, packed=True, groups=True, resets=True, growth=True, strong_beta=True,
          # a loop over rows and heads in Python: thousands of rows would take minutes
          limits={"T": {"max": 2048}, "B": {"max": 64}})
