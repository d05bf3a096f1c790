"""Time as it is."""

from __future__ import annotations

import re
import signal
import time

import pytest

from agent.adapters.clock import SystemClock


def test_monotonic_never_goes_back():
    clock = SystemClock()
    moments = [clock.monotonic() for _ in range(100)]
    assert moments == sorted(moments)


def test_utc_is_rfc_3339():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", SystemClock().utc())


def test_a_signal_cuts_a_sleep_short():
    class ToldError(Exception):
        pass

    def told(*_):
        raise ToldError

    before = signal.signal(signal.SIGALRM, told)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    began = time.monotonic()
    try:
        with pytest.raises(ToldError):
            SystemClock().sleep(30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 5


def test_nothing_is_slept_for_less_than_nothing():
    SystemClock().sleep(-1)
