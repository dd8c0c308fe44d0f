"""Mamba-2, flat and log-linear, as one differentiable PyTorch function: gradients come from torch.autograd.

Row by row of the masked form, o_t = sum_{s <= t} scale lambda[t, level(t,s)] exp(g_{s+1} + ... + g_t) (q_t . k_s) v_s.
On the GPU where there is one.

    lla gate -- python3 torch_example.py
"""
import torch

from lla_adapter import serve


def forward(case):
    """o [B,T,H,V]."""
    dtype = case.v.dtype
    q, k, v, g, lam = (prepared(x) for x in (case.q, case.k, case.v, case.g, case.lambda_))
    # head h reads the queries and keys of group h * G // H
    q, k = (x.repeat_interleave(v.shape[2] // x.shape[2], dim=2) for x in (q, k))
    rows = []
    for t in range(v.shape[1]):
        # log decay from s to t, for s = 0 ... t: each segment is summed itself, from its end
        segments = g[:, 1:t + 1].flip(1).cumsum(1).flip(1)
        decay = torch.cat([segments, torch.zeros_like(g[:, :1])], 1).exp()
        weights = case.scale * decay * torch.einsum("bhk,bshk->bsh", q[:, t], k[:, :t + 1])
        if lam is not None:
            levels = [(t ^ s).bit_length() for s in range(t + 1)]
            weights = weights * lam[:, t, :, levels].transpose(1, 2)
        rows.append(torch.einsum("bsh,bshv->bhv", weights, v[:, :t + 1]))
    return {"o": torch.stack(rows, 1).to(dtype)}


def prepared(x):
    """The 16-bit formats are computed with in float32."""
    return x.float() if x is not None and x.dtype in (torch.bfloat16, torch.float16) else x


if __name__ == "__main__":
    serve(forward, name="torch example", systems=["mamba2", "log-linear-mamba2"], dtypes=["float64", "float32", "bfloat16"],
          groups=True, resets=True, growth=True, limits={"T": {"min": 1, "max": 2048}}, torch="cuda" if torch.cuda.is_available() else "cpu",
          differentiable=True)
