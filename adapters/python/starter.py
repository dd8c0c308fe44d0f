"""My kernel under the laws of log-linear attention:

    npx lla gate -- python3 my_kernel.py

It passes as it is: plain numpy for linear attention and log-linear Mamba-2. Put your kernel where it says EDIT.
"""
import numpy as np

from lla_adapter import serve


def level(t, s):
    """Which level query t reads position s <= t from: the bit length of t xor s; 0 is t itself."""
    return (t ^ s).bit_length()


# EDIT 1: call your kernel here. In comes what lla_adapter.Case says, out goes o [B,T,H,V].
def forward(case):
    B, T, H, V = case.v.shape
    o = np.empty_like(case.v)
    for b in range(B):
        for h in range(H):
            q, k, v = case.q[b, :, h], case.k[b, :, h], case.v[b, :, h]
            for t in range(T):
                weights = case.scale * (k[:t + 1] @ q[t])
                if case.g is not None:
                    # the log decay from s to t is g_{s+1} + ... + g_t
                    segments = np.cumsum(case.g[b, t:0:-1, h])[::-1]
                    weights[:t] *= np.exp(segments)
                if case.lambda_ is not None:
                    weights *= case.lambda_[b, t, h, [level(t, s) for s in range(t + 1)]]
                o[b, t, h] = weights @ v[:t + 1]
    return {"o": o}


# EDIT 2: what your kernel is and can do; only that is asked for.
if __name__ == "__main__":
    np.seterr(all="ignore")  # NaN and infinities are asked on purpose
    serve(
        forward,
        # backward=backward,          gradients
        name="my kernel",
        systems=["linear", "log-linear-mamba2"],  # as `npx lla systems` lists them
        dtypes=["float32"],  # float64, float32, tf32, bfloat16, float16
        # state=True,                 initial and final states
        # packed=True,                sequences packed into one row
        # groups=True,                fewer heads of q and k than of v
        # resets=True, growth=True,   log decays of -inf; positive ones
        # loops of Python are slow; take these limits away with them, or say yours: {"K": {"multipleOf": 16}}
        limits={"T": {"max": 512}, "B": {"max": 64}},
        # torch="cuda",               torch tensors there, in place of numpy arrays
        # repeat=True,                call everything twice, and fail when a bit differs
    )
