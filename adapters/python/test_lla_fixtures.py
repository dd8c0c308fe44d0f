"""A kernel against a folder of fixtures, a test for each case. Copy this file and lla_fixtures.py next to yours, edit two lines, and run

    pytest test_lla_fixtures.py
    pytest test_lla_fixtures.py -k "mamba2 and float32"
"""
import pytest

from lla_fixtures import Fixtures, Kernel, adapter, explain  # noqa: F401

# EDIT 1: what `lla fixtures export` wrote.
FOLDER = "fixtures"
# EDIT 2: the file with your serve(...) of lla_adapter; or, without one, your functions and what they can do, in the same words:
# Kernel(my_forward, my_backward, systems=["log-linear-mamba2"], dtypes=["float32"], packed=True, torch="cuda")
KERNEL = adapter("my_kernel.py")

# A right kernel may fail what is only recommended, as some laws of the gate are.
ENFORCE_RECOMMENDED = False

FIXTURES = Fixtures(FOLDER)


@pytest.mark.parametrize("name", FIXTURES.names)
def test_fixture(name):
    case = FIXTURES.case(name)
    reason = KERNEL.why_not(case)
    if reason is not None:
        pytest.skip(reason)
    mismatches = KERNEL.check(case)
    if mismatches and case.recommended and not ENFORCE_RECOMMENDED:
        pytest.xfail(f"recommended, and not enforced: {explain(case, mismatches)}")
    if mismatches:
        pytest.fail(explain(case, mismatches), pytrace=False)


def test_something_was_asked():
    """A folder or a kernel of which everything is skipped proves nothing."""
    assert any(KERNEL.why_not(FIXTURES.case(name)) is None for name in FIXTURES.names), f"every case of {FOLDER} is skipped"
