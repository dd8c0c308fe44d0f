"""The laws of the gate a second time, in Python with Hypothesis, on the same numpy implementation: what the gate's speed is held against.

    python3 hypothesis_laws.py [--examples 16] [--seed 1] [--law NAMES] [--system NAMES]

Prints a line of JSON: cases, seconds, those of the implementation, and which laws were broken. Cases are drawn with the sizes and
styles of the gate (hypothesis_cases.py) and judged by a vectorised oracle and elementwise bounds (hypothesis_oracle.py).
"""
import argparse
import json
import os
import sys
import time
from dataclasses import replace
from zlib import crc32

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "adapters", "python"))

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import hypothesis_cases as cases  # noqa: E402
import numpy_example  # noqa: E402
from hypothesis_cases import SYSTEMS, Wish, levels_of  # noqa: E402
from hypothesis_oracle import answers, bounds, groups_of, level_of  # noqa: E402
from lla_adapter import Cotangents  # noqa: E402

spent = {"calls": 0, "seconds": 0.0}


def run(case):
    """o, final_state and, where there are cotangents, gradients by the implementation."""
    start = time.perf_counter()
    out = numpy_example.forward(case)
    if case.cotangents is not None:
        out.update(numpy_example.backward(case))
    spent["seconds"] += time.perf_counter() - start
    spent["calls"] += 1
    return out


def within(actual, expected, limit):
    """Every tensor, element by element; NaN is never within."""
    assert set(actual) == set(expected), (set(actual), set(expected))
    for name, wanted in expected.items():
        assert actual[name].shape == wanted.shape, (name, actual[name].shape, wanted.shape)
        apart = np.abs(actual[name] - wanted)
        close = (actual[name] == wanted) | (apart <= limit[name])
        assert close.all(), f"{name}{np.argwhere(~close)[0].tolist()} is apart by {apart[~close][0]}, allowed {limit[name][~close][0]}"


def equal(actual, expected):
    assert np.array_equal(actual, expected), "not equal"


def doubled(limit):
    return {name: 2 * value for name, value in limit.items()}


def inputs(case):
    return case.inputs.items()


def along_time(name, value):
    return value.ndim > 1 and name != "initial_state"


def edited(case, change, cotangents=None):
    """The case with each of its inputs changed by change(name, value)."""
    return replace(case, **{name: change(name, value) for name, value in inputs(case)}, cotangents=cotangents or case.cotangents)


def tokens(case, start, end):
    cotangents = case.cotangents and Cotangents(case.cotangents.o[:, start:end], case.cotangents.final_state)
    return edited(case, lambda name, value: value[:, start:end] if along_time(name, value) else value, cotangents)


def forward_only(case):
    return replace(case, cotangents=None)


def forward_equals_masked(case):
    within(run(case), answers(case), bounds(case))


def backward_equals_masked(case):
    within(run(case), answers(case), bounds(case))


def prefix(case, cut):
    length = cut % (case.q.shape[1] + 1)
    whole, part = run(case)["o"][:, :length], run(tokens(case, 0, length))["o"]
    within({"o": part}, {"o": whole}, {"o": 2 * bounds(case)["o"][:, :length]})


def packed_equals_separate(case):
    parts = []
    for i, (_, times, _) in enumerate(groups_of(case)):
        one = tokens(case, times.start, times.stop)
        state = None if case.initial_state is None else case.initial_state[i:i + 1]
        final = case.cotangents.final_state
        cotangents = Cotangents(one.cotangents.o, None if final is None else final[i:i + 1])
        parts.append(run(replace(one, cu_seqlens=None, position=case.position[i:i + 1], initial_state=state, cotangents=cotangents)))
    whole = run(case)
    together = {name: np.concatenate([part[name] for part in parts], axis=0 if name in ("final_state", "initial_state") else 1)
                for name in whole}
    within(whole, together, doubled(bounds(case)))


def reordered(case, b, order):
    """Rows of the batch, b = 0, or groups with their heads."""
    o, final = case.cotangents
    if b == 0:
        permuted = edited(case, lambda _, value: value[order], Cotangents(o[order], None if final is None else final[order]))
        return replace(permuted, position=[case.position[i] for i in order]), lambda name, value: value[order]
    groups, heads = order

    def pick(name, value):
        if name in ("final_state", "initial_state"):
            return value[:, heads]
        return value[:, :, groups if name in ("q", "k") else heads]

    return edited(case, pick, Cotangents(o[:, :, heads], None if final is None else final[:, heads])), pick


def permuted_alike(case, permuted, pick):
    straight = run(case)
    within(run(permuted), {name: pick(name, value) for name, value in straight.items()}, doubled(bounds(permuted)))


def batch_permutation(case, by):
    B = case.q.shape[0]
    permuted_alike(case, *reordered(case, 0, [(B - 1 - b + by) % B for b in range(B)]))


def head_permutation(case, by):
    G, H = case.q.shape[2], case.v.shape[2]
    groups = [(G - 1 - g + by) % G for g in range(G)]
    permuted_alike(case, *reordered(case, 1, (groups, [g * (H // G) + i for g in groups for i in range(H // G)])))


def groups_equal_repeated_heads(case):
    G, H = case.q.shape[2], case.v.shape[2]
    expected = run(replace(case, q=np.repeat(case.q, H // G, axis=2), k=np.repeat(case.k, H // G, axis=2)))
    for name in ("q", "k"):
        B, T, _, K = expected[name].shape
        expected[name] = expected[name].reshape(B, T, G, H // G, K).sum(3)
    within(run(case), expected, doubled(bounds(case)))


def same_answer_twice(case):
    first = run(case)
    run(replace(case, v=1 - case.v / 2))
    for name, value in run(case).items():
        assert value.tobytes() == first[name].tobytes(), name


def disturbed(case, where, seed, poison):
    """Other numbers, or NaN and infinities, where `where(name, value)` is."""
    rng = np.random.default_rng(seed)

    def change(name, value):
        other = np.array([np.nan, np.inf, -np.inf])[rng.integers(0, 3, value.shape)] if poison else cases.uniform(rng, 0, value.shape)
        return np.where(where(name, value), -abs(other) if name == "g" and not poison else other, value)

    return edited(case, change)


def causal_forward(case, t, seed, poison=False):
    last = t % (case.q.shape[1] - 1)

    def late(name, value):
        return along_time(name, value) and (np.arange(value.shape[1]) > last).reshape(1, -1, *[1] * (value.ndim - 2))

    before, after = run(case), run(disturbed(case, late, seed, poison))
    equal(after["o"][:, :last + 1], before["o"][:, :last + 1])


def causal_forward_nonfinite(case, t, seed):
    causal_forward(case, t, seed, True)


def causal_backward(case, t):
    last = t % (case.q.shape[1] - 1)
    o = case.cotangents.o.copy()
    o[:, last + 1:] = 0
    final = case.cotangents.final_state
    out = run(replace(case, cotangents=Cotangents(o, None if final is None else np.zeros_like(final))))
    for name, value in inputs(case):
        if along_time(name, value):
            equal(out[name][:, last + 1:], 0 * value[:, last + 1:].clip(0, 0))


def isolated_batch_rows(case, i, seed):
    B = case.q.shape[0]
    which = i % B
    others = [b for b in range(B) if b != which]

    def inside(_, value):
        return (np.arange(B) == which).reshape(-1, *[1] * (value.ndim - 1))

    before, after = run(case), run(disturbed(case, inside, seed, True))
    for name in before:
        equal(after[name][others], before[name][others])


def continued(case, start, end, first):
    return replace(tokens(case, start, end), initial_state=first["final_state"], position=[p + start for p in case.position])


def split_through_state(case, at):
    cut = at % (case.q.shape[1] + 1)
    first = run(tokens(case, 0, cut))
    second = run(continued(case, cut, case.q.shape[1], first))
    joined = {"o": np.concatenate([first["o"], second["o"]], axis=1), "final_state": second["final_state"]}
    within(joined, run(case), doubled(bounds(case)))


def no_state_is_a_zero_state(case):
    none = replace(case, initial_state=None)
    within(run(replace(case, initial_state=np.zeros_like(case.initial_state))), run(none), doubled(bounds(none)))


def empty_call_keeps_the_state(case):
    none = tokens(case, 0, 0)
    out, L = run(none), case.initial_state.shape[2]
    equal(out["final_state"][:, :, :L], case.initial_state)
    equal(out["final_state"][:, :, L:], 0 * out["final_state"][:, :, L:])
    if none.cotangents.final_state is not None:
        equal(out["initial_state"], none.cotangents.final_state[:, :, :L])


def linear_in_v(case, a, b, seed):
    rng = np.random.default_rng(seed)

    def second(value):
        return cases.uniform(rng, 0, value.shape)

    v, state = second(case.v), case.initial_state
    other_state = None if state is None else np.where(state == 0, 0, second(state))
    other = replace(case, v=v, initial_state=other_state)
    mixed = replace(case, v=a * case.v + b * v, initial_state=None if state is None else a * state + b * other_state)
    x, y, z = (run(each)["o"] for each in (case, other, mixed))
    parts = abs(a) * bounds(case)["o"] + abs(b) * bounds(other)["o"]
    within({"o": z}, {"o": a * x + b * y}, {"o": 2 * parts + bounds(mixed)["o"]})


def power_of_two_scales_bitwise(case, exponent):
    factor, state = 2.0**exponent, case.initial_state
    x = run(case)
    for name, value in run(replace(case, v=factor * case.v, initial_state=None if state is None else factor * state)).items():
        # what became subnormal on the way may have lost bits
        within({name: value}, {name: factor * x[name]}, {name: np.full(value.shape, 1e-290)})


def unit_lambda_collapses(case):
    ones = replace(case, lambda_=np.ones_like(case.lambda_), cotangents=Cotangents(case.cotangents.o, None))
    state = case.initial_state
    flat = replace(ones, system=case.system.replace("log-linear-", ""), lambda_=None,
                   initial_state=None if state is None else state.sum(2, keepdims=True))
    lifted, plain, limit = run(ones), run(flat), bounds(ones)
    for each in (lifted, limit):
        each["final_state"] = each["final_state"].sum(2, keepdims=True)
        each.pop("lambda_")
        each.pop("initial_state", None)
    plain.pop("initial_state", None)
    within(lifted, plain, doubled(limit))


def one_level_reads_its_bucket(case, t, l):
    T, L = case.q.shape[1], case.levels
    query, level = t % T, l % L
    alone = replace(case, lambda_=np.zeros_like(case.lambda_))
    alone.lambda_[..., level] = 1
    s = np.arange(T)
    is_read = (s <= query) & (level_of(query, s) == level)
    bucket = replace(case, system=case.system.replace("log-linear-", ""), lambda_=None, v=np.where(is_read[:, None, None], case.v, 0))
    limit = bounds(replace(case, lambda_=np.ones_like(case.lambda_)))["o"]
    within({"o": run(alone)["o"][:, query]}, {"o": run(bucket)["o"][:, query]}, {"o": 2 * limit[:, query]})


def reset_forgets(case, at, seed):
    T = case.q.shape[1]
    r = 1 + at % (T - 1)
    o, rng = case.cotangents.o.copy(), np.random.default_rng(seed)
    o[:, :r] = 0
    hard = replace(case, g=case.g.copy(), cotangents=Cotangents(o, None))
    hard.g[:, r] = -np.inf

    def early(name, value):
        return name in ("k", "v", "q") and (np.arange(T) < r).reshape(1, -1, 1, 1)

    changed = edited(hard, lambda name, value: np.where(early(name, value), cases.uniform(rng, 0, value.shape), value))
    x, y, limit = run(hard), run(changed), bounds(hard)
    equal(y["o"][:, r:], x["o"][:, r:])
    assert all(np.isfinite(value).all() for value in x.values())
    equal(x["k"][:, :r], np.zeros_like(x["k"][:, :r]))
    equal(x["v"][:, :r], np.zeros_like(x["v"][:, :r]))
    within({"g": x["g"][:, :r + 1]}, {"g": np.zeros_like(x["g"][:, :r + 1])}, {"g": limit["g"][:, :r + 1]})


def integers(most):
    return st.integers(0, most)


def wish(work=3e5, **flags):
    return Wish(work=work, **flags)


BACK = {"gradients": True, "state": "sometimes"}
LIFTED = [name for name in SYSTEMS if name.startswith("log-linear")]
# name of the law in the gate: function, wish, systems
LAWS = {
    "forward-equals-masked": (forward_equals_masked, wish(1e6, state="sometimes", packed="sometimes"), SYSTEMS),
    "packed-equals-separate": (packed_equals_separate, wish(packed="always", **BACK), SYSTEMS),
    "batch-permutation": (batch_permutation, wish(min_b=2, extra={"by": integers(5)}, **BACK), SYSTEMS),
    "head-permutation": (head_permutation, wish(packed="sometimes", extra={"by": integers(5)}, **BACK), SYSTEMS),
    "groups-equal-repeated-heads": (groups_equal_repeated_heads, wish(packed="sometimes", **BACK), SYSTEMS),
    "prefix": (prefix, wish(1e6, state="sometimes", min_t=1, extra={"cut": integers(400)}), SYSTEMS),
    "same-answer-twice": (same_answer_twice, wish(1e5, **BACK), SYSTEMS),
    "causal-forward": (causal_forward, wish(state="sometimes", min_t=2, extra={"t": integers(400), "seed": integers(1000)}), SYSTEMS),
    "causal-forward-nonfinite": (causal_forward_nonfinite,
                                 wish(state="sometimes", min_t=2, extra={"t": integers(400), "seed": integers(1000)}), SYSTEMS),
    "causal-backward": (causal_backward, wish(min_t=2, extra={"t": integers(400)}, **BACK), SYSTEMS),
    "isolated-batch-rows": (isolated_batch_rows,
                            wish(state="sometimes", min_b=2, extra={"i": integers(50), "seed": integers(1000)}), SYSTEMS),
    "split-through-state": (split_through_state, wish(state="sometimes", extra={"at": integers(400)}), SYSTEMS),
    "empty-call-keeps-the-state": (empty_call_keeps_the_state, wish(1e6, state="always", gradients=True, max_t=9), SYSTEMS),
    "no-state-is-a-zero-state": (no_state_is_a_zero_state, wish(state="always"), SYSTEMS),
    "linear-in-v": (linear_in_v, wish(state="sometimes", packed="sometimes",
                                      extra={"a": st.sampled_from([1, 2, -0.5, 3]), "b": st.sampled_from([1, -1, 0.25, 0]),
                                             "seed": integers(65535)}), SYSTEMS),
    "power-of-two-scales-bitwise": (power_of_two_scales_bitwise,
                                    wish(state="sometimes", packed="sometimes", extra={"exponent": st.integers(-8, 8)}), SYSTEMS),
    "unit-lambda-collapses": (unit_lambda_collapses, wish(packed="sometimes", **BACK), LIFTED),
    "one-level-reads-its-bucket": (one_level_reads_its_bucket,
                                   wish(1e5, min_t=1, extra={"t": integers(400), "l": integers(12)}), LIFTED),
    "reset-forgets": (reset_forgets, wish(min_t=2, extra={"at": integers(400), "seed": integers(1000)}, **BACK), SYSTEMS),
    "backward-equals-masked": (backward_equals_masked, wish(packed="sometimes", **BACK), SYSTEMS),
}


def judge(name, system, examples, start_seed):
    """Seconds, and how the law was broken."""
    check, of_law, _ = LAWS[name]

    @seed(crc32(f"{start_seed} {name} {system}".encode()))
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(cases.draws(name, system, of_law))
    def test(drawn):
        case, extra = drawn
        check(case, **extra)

    start, broken = time.perf_counter(), None
    try:
        test()
    except AssertionError as error:
        broken = f"{name} on {system}: {error}"
    return time.perf_counter() - start, broken


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--law", default=",".join(LAWS))
    parser.add_argument("--system", default=",".join(SYSTEMS))
    options = parser.parse_args()
    np.seterr(all="ignore")
    start, by_law, broken = time.perf_counter(), {}, []
    for name in options.law.split(","):
        for system in options.system.split(","):
            if system in LAWS[name][2]:
                before = cases.sizes["cases"]
                seconds, how = judge(name, system, options.examples, options.seed)
                told = by_law.setdefault(name, [0, 0.0])
                told[0] += cases.sizes["cases"] - before
                told[1] += seconds
                broken += [how] if how else []
    count = cases.sizes["cases"]
    print(json.dumps({
        "hypothesis": hypothesis.__version__, "numpy": np.__version__, "cases": count, "seconds": time.perf_counter() - start,
        "cpu": time.process_time(), "calls": spent["calls"], "implementation": spent["seconds"], "laws": by_law,
        "meanT": cases.sizes["T"] / max(count, 1), "meanNumbers": cases.sizes["numbers"] / max(count, 1), "broken": broken}))


if __name__ == "__main__":
    main()
