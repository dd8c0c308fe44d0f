"""The chunked form of log-linear Mamba-2 in PyTorch float32, an einsum a step and autograd's backward: what bench/gpu compares with.

Prints one JSON line for each T: milliseconds of the forward pass and of forward and backward together, and the peak of device memory.
Usage: einsum_chunked.py H K V C T [T ...]
"""
import json
import sys

import torch

torch.backends.cuda.matmul.allow_tf32 = False
torch.set_float32_matmul_precision("highest")


def local_levels(C, device):
    r = torch.arange(C, device=device)
    x = r[:, None] ^ r[None, :]
    return sum((x >= 2**b).long() for b in range(C.bit_length()))


def forward(q, k, v, g, lam, C):
    """q, k [B,T,H,K], v [B,T,H,V], g [B,T,H], lam [B,T,H,L]; T = C 2^n -> o [B,T,H,V]"""
    B, T, H, K = q.shape
    N, blocks = T // C, C.bit_length()
    cut = lambda x: x.unflatten(1, (N, C)).permute(0, 3, 1, 2, *range(4, x.dim() + 1))
    q, k, v, g, lam = cut(q), cut(k), cut(v), cut(g), cut(lam)
    c = g.cumsum(-1)
    mask = torch.ones(C, C, dtype=torch.bool, device=q.device).tril()
    decay = (c[..., :, None] - c[..., None, :]).masked_fill(~mask, -torch.inf).exp()
    index = local_levels(C, q.device).expand(B, H, N, C, C)
    P = torch.einsum("bhntk,bhnsk->bhnts", q, k) * decay * torch.gather(lam, -1, index)
    o = torch.einsum("bhnts,bhnsv->bhntv", P, v)
    total = c[..., -1]
    state = torch.einsum("bhnsk,bhns,bhnsv->bhnkv", k, (total[..., None] - c).exp(), v)
    y = q * c.exp()[..., None]
    size = 1
    while size < N:
        pairs = lambda x: x.unflatten(2, (N // (2 * size), 2, size))
        totals = pairs(total)[:, :, :, 1]
        before = totals.cumsum(-1) - totals
        level = blocks + size.bit_length() - 1
        weight = pairs(lam[..., level])[:, :, :, 1] * before.exp()[..., None]
        left, right = state.unflatten(2, (-1, 2)).unbind(3)
        read = torch.einsum("bhpmtk,bhpkv->bhpmtv", pairs(y)[:, :, :, 1] * weight[..., None], left)
        o = o + torch.stack((torch.zeros_like(read), read), 3).reshape(o.shape)
        state = left * totals.sum(-1).exp()[..., None, None] + right
        size *= 2
    return o.permute(0, 2, 3, 1, 4).reshape(B, T, H, -1)


def milliseconds(run, rounds=10):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(rounds):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[len(times) // 2]


def measure(H, K, V, C, T):
    torch.manual_seed(1)
    normal = lambda *shape: torch.randn(1, T, H, *shape, device="cuda")
    q, k, v, g = normal(K) / K**0.5, normal(K) / K**0.5, normal(V), -torch.nn.functional.softplus(normal())
    lam = torch.rand(1, T, H, (T - 1).bit_length() + 1, device="cuda")
    cotangent = normal(V)
    inputs = [q, k, v, g, lam]

    def forward_only():
        with torch.no_grad():
            forward(*inputs, C)

    def both():
        forward(*leaves, C).backward(cotangent)
        for leaf in leaves:
            leaf.grad = None

    torch.cuda.reset_peak_memory_stats()
    result = {"T": T, "forward": milliseconds(forward_only), "forwardPeak": torch.cuda.max_memory_allocated()}
    leaves = [x.clone().requires_grad_() for x in inputs]
    torch.cuda.reset_peak_memory_stats()
    return {**result, "both": milliseconds(both), "bothPeak": torch.cuda.max_memory_allocated()}


if __name__ == "__main__":
    H, K, V, C, *lengths = map(int, sys.argv[1:])
    print(json.dumps({"torch": torch.__version__, "device": torch.cuda.get_device_name()}))
    for T in lengths:
        print(json.dumps(measure(H, K, V, C, T)), flush=True)
