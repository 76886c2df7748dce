"""Ctrl-C ends a pass at once, and leaves no file."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import ndfolio as nf


@pytest.fixture(autouse=True)
def ctrl_c():
    """Python's own way with Ctrl-C, also where who started the tests has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def slow(tmp_path):
    """An expression that takes minutes: a megabyte of it takes longer than anybody should wait."""
    x = nf.create(tmp_path / "x.npy", (64_000, 1000), "f8")
    result = x + 1
    for _ in range(30):
        result = np.arctan2(np.sin(result), np.cosh(result))
    yield result
    x.close()


def interrupted(act, after=0.4):
    """How long it takes from the signal to the exception."""
    sent = []

    def send():
        sent.append(time.perf_counter())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            act()
        return time.perf_counter() - sent[0]
    finally:
        timer.join()


def soon(act, after=0.2):
    """Whether the exception comes within a tenth of a second: the median of five, as others use the machine too."""
    times = sorted(interrupted(act, after) for _ in range(5))
    return times[2] < 0.1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_reduction(slow, threads):
    with nf.config(threads=threads):
        assert soon(lambda: float(slow.sum()))


def test_a_running_sum(slow):
    assert soon(lambda: float(slow.cumsum(0).max()))


def test_a_result_in_memory(slow):
    out = np.empty(slow.shape)
    assert soon(lambda: np.add(slow, 1, out=out))
    # The array is as good as before.
    assert float(slow[0, 0]) == float(slow[5, 5])


def test_saving_leaves_no_file(slow, tmp_path):
    assert soon(lambda: slow.save(tmp_path / "y.npy"))
    assert os.listdir(tmp_path) == ["x.npy"]


def test_a_file_that_is_there_stays(slow, tmp_path):
    np.save(tmp_path / "y.npy", [1, 2])
    interrupted(lambda: slow.save(tmp_path / "y.npy"))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), [1, 2])
    assert sorted(os.listdir(tmp_path)) == ["x.npy", "y.npy"]


def test_appending_takes_back_the_rows(slow, tmp_path):
    with nf.create(tmp_path / "g.npy", (1, 1000), "f8", growable=True) as g:
        interrupted(lambda: g.append(slow))
        assert g.shape == (1, 1000)
    assert np.load(tmp_path / "g.npy").shape == (1, 1000)


def test_the_handlers_own_exception_comes_out(slow):
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        started = time.perf_counter()
        with pytest.raises(Alarm):
            slow.mean().compute()
        assert time.perf_counter() - started < 0.7
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_raises_nothing_stops_nothing(tmp_path):
    x = nf.create(tmp_path / "x.npy", (20_000, 1000), "f8")
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.perf_counter()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        expression = x
        for _ in range(10):
            expression = np.sin(expression)
        total = float(expression.sum())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isfinite(total) and len(rung) >= 1
    x.close()


def test_other_threads_run_meanwhile(slow):
    counted = []

    def count():
        for _ in range(20):
            counted.append(time.perf_counter())
            time.sleep(0.005)

    thread = threading.Thread(target=count)

    def act():
        thread.start()
        float(slow.sum())

    interrupted(act)
    thread.join()
    assert len(counted) == 20 and counted[-1] - counted[0] < 0.4
