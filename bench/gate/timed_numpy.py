"""adapters/python/numpy_example.py as it is, with a clock around what it does: a program under the gate.

Writes, when the gate says good-bye, the seconds of every call to the file that BENCH_TIMES names: those of forward and backward, and those
of the adapter around them (buffers between NaNs, checks that nothing was written, bytes of answers).
"""
import json
import os
import runpy
import sys
import time

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "adapters", "python", "numpy_example.py")
sys.path.insert(0, os.path.dirname(EXAMPLE))
import lla_adapter  # noqa: E402

calls = []  # [seconds of forward and backward, seconds of the adapter around them]
inside = 0.0


def timed(function):
    def call(case):
        global inside
        start = time.perf_counter()
        try:
            return function(case)
        finally:
            inside += time.perf_counter() - start

    return call


answer, serve = lla_adapter.Program.answer, lla_adapter.serve


def timed_answer(self, message, tensors):
    global inside
    inside, start = 0.0, time.perf_counter()
    result = answer(self, message, tensors)
    calls.append([inside, time.perf_counter() - start - inside])
    return result


lla_adapter.Program.answer = timed_answer
lla_adapter.serve = lambda forward, backward, **flags: serve(timed(forward), timed(backward), **flags)
runpy.run_path(EXAMPLE, run_name="__main__")
if "BENCH_TIMES" in os.environ:
    with open(os.environ["BENCH_TIMES"], "w") as file:
        json.dump({"cpu": time.process_time(), "calls": calls}, file)
