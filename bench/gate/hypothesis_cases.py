"""Cases for Hypothesis with the sizes, styles and weights of properties/arbitraries.

Hypothesis draws a seed, and sizes, styles and numbers are made of that. Drawn one by one, sizes are not what the weights say: it begins
with the plainest case and repeats parts of earlier ones (200 cases had 13 different lengths, a fifth of them 1), and takes longer.
"""
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from random import Random
from typing import Optional
from zlib import crc32

import numpy as np
from hypothesis import strategies as st
from lla_adapter import Case, Cotangents

SYSTEMS = ["mamba2", "gated-deltanet", "log-linear-mamba2", "log-linear-gated-deltanet"]


def weighted(*entries):
    """A function of a generator that gives values by their weights: (weight, value), ..."""
    ends = list(accumulate(weight for weight, _ in entries))
    values = [value for _, value in entries]
    return lambda rng: values[bisect_right(ends, rng.randrange(ends[-1]))]


# properties/arbitraries/sizes.ts
LENGTHS = [(60, 1), (25, 0), *((60, T) for T in range(2, 10)), *((25, T) for T in (10, 11, 12, 13, 15, 16, 17, 20, 23)),
           *((10, T) for T in (31, 32, 33, 40, 63, 64, 65)), *((2, T) for T in (95, 127, 128, 129)),
           *((1, T) for T in (255, 256, 257, 300))]
LONG_LENGTHS = [129, 65, 96, 127, 128, 192, 193, 255, 256, 257, 300]
CHANNELS = [(60, 1), (60, 2), (60, 3), (40, 4), (20, 5), (20, 8), (6, 15), (6, 16), (10, 17), (4, 33), (6, 64), (12, 65), (4, 70)]
POSITIONS = weighted((8, 0), *((2, p) for p in (1, 2, 3, 4, 5, 6, 7, 8, 11, 15, 16, 17)),
                     *((1, p) for p in (31, 32, 33, 63, 64, 65, 127, 128, 1000, 8191, 8192, 32768, 65535, 65536, 2**20 - 1, 2**20)))
FEW = weighted((6, 1), (3, 2), (1, 3))
ROWS = weighted((6, 1), (2, 2), (1, 3))
SCALE = weighted((6, 1), (3, 0.5), (1, -0.75), (1, 0), (1, 0.125))
EXTRA_LEVELS = weighted((5, 0), (2, 1), (1, 3))
IS_LONG = weighted((13, False), (1, True))
LONG_WORK = 10


@dataclass(frozen=True)
class Wish:
    """What a law asks of its cases: properties/arbitraries/cases.ts."""

    min_t: int = 0
    max_t: int = 300
    max_channels: int = 70
    work: float = 1e6
    gradients: bool = False
    state: str = "never"
    packed: str = "never"
    min_b: int = 1
    extra: dict = field(default_factory=dict, hash=False)


# properties/arbitraries/values.ts: each from a generator, a seed and a shape


def uniform(rng, seed, shape):
    return (rng.integers(0, 257, shape) - 128) / 128


def full(rng, seed, shape):
    return rng.uniform(-1, 1, shape)


def unit(rng, seed, shape):
    return rng.integers(0, 129, shape) / 128


def constant(value):
    return lambda rng, seed, shape: np.full(shape, float(value))


def one_of(*values):
    return lambda rng, seed, shape: np.array(values, float)[rng.integers(0, len(values), shape)]


def small_integers(rng, seed, shape):
    return rng.integers(-2, 3, shape).astype(float)


def bell(rng, seed, shape):
    return uniform(rng, seed, (3, *shape)).sum(0)


def sparse(rng, seed, shape):
    return uniform(rng, seed, shape) * (rng.integers(0, 3, shape) == 0)


def mixed_magnitudes(rng, seed, shape):
    return uniform(rng, seed, shape) * 2.0 ** rng.integers(-20, 21, (*shape[:-1], 1))


def repeated(every):
    """The same row again after so many tokens."""
    return lambda rng, seed, shape: uniform(rng, seed, (shape[0], every, *shape[2:]))[:, np.arange(shape[1]) % every]


def unit_vectors(rng, seed, shape):
    t, i = np.arange(shape[1])[:, None, None], np.arange(shape[3])
    return np.broadcast_to((i == (t + seed) % 4).astype(float), shape).copy()


def one_level(by_token):
    def style(rng, seed, shape):
        level = rng.integers(0, 5, (*shape[:-1], 1)) if by_token else rng.integers(0, 5)
        return np.broadcast_to(np.arange(shape[-1]) == level, shape).astype(float)

    return style


def resets(rng, seed, shape):
    return np.where(rng.integers(0, 5, shape) == 0, -np.inf, -unit(rng, seed, shape))


VECTORS = [constant(1), uniform, full, small_integers, bell, sparse, mixed_magnitudes,
           lambda *to: uniform(*to) * 2.0**40, lambda *to: uniform(*to) * 2.0**-40]
KEYS = [*VECTORS, repeated(1), repeated(2), unit_vectors]
DECAYS = [constant(0), constant(-0.125), lambda *to: -abs(full(*to)), lambda *to: -unit(*to), lambda *to: -unit(*to) / 1024,
          lambda *to: -4 - 48 * unit(*to), resets, lambda *to: uniform(*to) / 8, one_of(0, -0.5, -1 / 1024, -40, -3, -700)]
BETAS = [constant(1), unit, lambda *to: abs(full(*to)), constant(0.5), constant(0), lambda *to: unit(*to) * 2.0**-20,
         lambda *to: 1 - unit(*to) * 2.0**-20, constant(2), lambda *to: 2 * unit(*to), one_of(0, 1, 2, 0.5)]
SCALES = [constant(1), lambda rng, seed, shape: np.broadcast_to(np.arange(shape[-1]) + 1.0, shape).copy(), full, unit, uniform,
          one_level(False), one_level(True), lambda *to: uniform(*to) * (to[0].integers(0, 2, to[2]) == 1),
          lambda *to: uniform(*to) * 2.0**20, lambda *to: uniform(*to) * 2.0**-30]
ORDINARY = [constant(1), uniform, full, small_integers, sparse]


def style(styles):
    """Ordinary numbers (1 and 2) come most often."""
    return weighted(*((4 if i in (1, 2) else 1, each) for i, each in enumerate(styles)))


STYLES = {"q": style(VECTORS), "k": style(KEYS), "v": style(VECTORS), "g": style(DECAYS), "beta": style(BETAS), "lam": style(SCALES),
          "state": style(VECTORS), "o": style(ORDINARY), "final": style(ORDINARY)}


@cache
def sizes_for(wish):
    lengths = weighted(*(entry for entry in LENGTHS if wish.min_t <= entry[1] <= wish.max_t))
    return lengths, weighted(*(entry for entry in CHANNELS if entry[1] <= wish.max_channels))


def recipe(seed, wish):
    rng = Random(seed)
    length, channels = sizes_for(wish)

    def flag(how):
        return how == "always" or (how == "sometimes" and rng.random() < 0.5)

    is_stateful = wish.state != "never"
    return {
        "is_long": wish.max_t >= 100 and IS_LONG(rng), "long_t": rng.choice(LONG_LENGTHS), "seed": seed,
        "T": length(rng), "K": channels(rng), "V": channels(rng), "B": ROWS(rng), "G": FEW(rng), "heads_per_group": FEW(rng),
        "scale": SCALE(rng), "extra_levels": EXTRA_LEVELS(rng), "packed": flag(wish.packed),
        "cuts": [rng.randint(0, 400) for _ in range(rng.randint(0, 4))], "has_state": flag(wish.state), "short_state": flag("sometimes"),
        "positions": [POSITIONS(rng) if is_stateful else 0 for _ in range(3)], "unbounded": rng.randint(0, 3),
        "final_cotangent": is_stateful and flag("sometimes"), "styles": {name: of(rng) for name, of in STYLES.items()}}


def affordable(r, wish):
    """Sizes B, G, H, T, K, V, cut until one masked evaluation costs no more than the law's work."""
    B, G, per_group, T, K, V = max(r["B"], wish.min_b), r["G"], r["heads_per_group"], r["T"], r["K"], r["V"]
    if r["is_long"]:
        B, G, per_group, T, K, V = wish.min_b, 1, 1, min(r["long_t"], wish.max_t), max(K, 4), max(V, 4)
    most = wish.work * (LONG_WORK if r["is_long"] else 1)

    def is_dear():
        return B * G * per_group * (T + 1) * (T + 4) * (K + V) > most

    if is_dear():
        B = wish.min_b
    if is_dear():
        per_group = 1
    if is_dear():
        G = 1
    if is_dear():
        V = min(V, 4)
    if is_dear():
        K = min(K, 4)
    while is_dear() and T > 1:
        T //= 2
    return 1 if r["packed"] else B, G, G * per_group, T, K, V


def levels_of(count):
    """Levels that so many positions need."""
    return max(count - 1, 0).bit_length() + 1


def alive(position):
    """Levels of a state that are not empty by rule."""
    return [0, *(i + 1 for i in range(position.bit_length()) if (position - 1) >> i & 1)] if position > 0 else []


def build(system, r, wish):
    B, G, H, T, K, V = affordable(r, wish)
    rng, seed, styles = np.random.default_rng(r["seed"]), r["seed"], r["styles"]
    cuts = [0, *sorted(cut % (T + 1) for cut in r["cuts"]), T] if r["packed"] else None
    lengths = [b - a for a, b in zip(cuts, cuts[1:])] if cuts else [T] * B
    n = len(lengths)
    position = [r["positions"][i % 3] for i in range(n)]
    is_lifted, is_delta = system.startswith("log-linear"), "delta" in system
    L = max(levels_of(p + length) for p, length in zip(position, lengths)) + r["extra_levels"] if is_lifted else 1

    def made(which, *shape):
        return styles[which](rng, seed, shape)

    k = made("k", B, T, G, K)
    if is_delta and not (r["unbounded"] == 3 and T <= 8 and np.max(abs(k), initial=0) <= 4):
        largest = np.max(abs(k), axis=-1, keepdims=True, initial=0)
        k /= np.where(largest == 0, 1, largest)
        norm = np.linalg.norm(k, axis=-1, keepdims=True)
        k /= np.where(norm == 0, 1, norm)
    state: Optional[np.ndarray] = None
    if r["has_state"]:
        state_levels = max(levels_of(p) for p in position) if is_lifted and r["short_state"] else L
        state = made("state", n, H, state_levels, K, V)
        for i, p in enumerate(position if is_lifted else []):
            state[i][:, [level for level in range(state_levels) if level not in alive(p)]] = 0
    cotangents = None
    if wish.gradients:
        final = made("final", n, H, L, K, V) if r["final_cotangent"] else None
        cotangents = Cotangents(made("o", B, T, H, V), final)
    sizes["cases"] += 1
    sizes["T"] += T
    sizes["numbers"] += B * T * (2 * G * K + H * V)
    return Case(system=system, dtype="float64", scale=float(r["scale"]), structure={"kind": "weak", "base": 2}, position=position,
                cu_seqlens=cuts, chunk_size=None, q=made("q", B, T, G, K), k=k, v=made("v", B, T, H, V), g=made("g", B, T, H),
                beta=made("beta", B, T, H) if is_delta else None, lambda_=made("lam", B, T, H, L) if is_lifted else None,
                initial_state=state, cotangents=cotangents)


# what was drawn, to be held beside what the gate draws
sizes = Counter()


def draws(law, system, wish):
    """A case, and what else the law varies; seeds are of the law and the system, so that not all of them see the same few cases."""
    seeds = st.integers(0, 2**64 - 1).map(lambda seed: crc32(f"{seed} {law} {system}".encode()))
    return st.tuples(seeds.map(lambda seed: build(system, recipe(seed, wish), wish)), st.fixed_dictionaries(wish.extra))
