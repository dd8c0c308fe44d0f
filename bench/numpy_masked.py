"""The masked form of log-linear Mamba-2 in vectorised numpy, float64: the yardstick of bench/against-numpy.ts.

    python numpy_masked.py FOLDER T H K V L REPETITIONS

Reads q, k, v, g, lambda from FOLDER/<name>.f64 (raw float64, [T,H,...]), writes o.f64 [T,H,V], prints JSON: numpy's version, its BLAS
and the seconds of the best repetition. What depends on T alone (level table, triangles) and the layout are made before the clock starts.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def blas_name():
    """The BLAS that this process has really loaded, where the system can tell."""
    try:
        loaded = Path("/proc/self/maps").read_text().lower()
    except OSError:
        return "unknown BLAS"
    for name, title in (("openblas", "OpenBLAS"), ("mkl", "MKL"), ("blis", "BLIS"), ("atlas", "ATLAS")):
        if name in loaded:
            return title
    return "reference BLAS" if "libblas" in loaded else "unknown BLAS"


def masked(q, k, v, g, lam, entry, below, lower):
    """o [H,T,V] = ((q k^T) * D * lambda[level]) v for q, k [H,T,K], v [H,T,V], g [H,T], lam [H,T*L]"""
    # D[t,s] = exp(g_{s+1} + ... + g_t): cumulative sums down each column, of what lies below the diagonal
    P = np.where(below, g[:, :, None], 0.0)
    np.cumsum(P, axis=1, out=P)
    np.exp(P, out=P)
    P *= np.take(lam, entry, axis=1)
    P *= np.matmul(q, k.transpose(0, 2, 1))
    P *= lower
    return np.matmul(P, v)


def main():
    folder = Path(sys.argv[1])
    T, H, K, V, L, repetitions = map(int, sys.argv[2:])

    def read(name, *width):
        values = np.fromfile(folder / f"{name}.f64", dtype="<f8").reshape(T, H, *width)
        return np.ascontiguousarray(np.moveaxis(values, 0, 1))

    q, k, v, g = read("q", K), read("k", K), read("v", V), read("g")
    lam = read("lambda", L).reshape(H, T * L)
    t = np.arange(T)
    level = np.frexp(t[:, None] ^ t[None, :])[1]  # the exponent of an integer is its bit length
    lower = np.tril(np.ones((T, T), bool))
    below = np.tril(lower, -1)
    entry = t[:, None] * L + np.where(lower, level, 0)

    best = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        o = masked(q, k, v, g, lam, entry, below, lower)
        best = min(best, time.perf_counter() - start)
    np.ascontiguousarray(np.moveaxis(o, 0, 1)).astype("<f8").tofile(folder / "o.f64")
    print(json.dumps({"numpy": np.__version__, "blas": blas_name(), "seconds": best}))


main()
