"""Settings, the memory that is promised, and progress."""

import asyncio
import io
import os
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

import ndfolio as nf
from ndfolio import _config, _progress


def budget():
    return _config.session().budget


def test_settings_hold_within_a_block():
    # What the machine can spare is another number at each look.
    assert _config.settings().memory is None
    with nf.config(memory="64MiB"):
        assert budget() == 64 << 20
        with nf.config(threads=1):
            assert budget() == 64 << 20
            with nf.config(memory=1 << 20):
                assert budget() == 1 << 20
        assert budget() == 64 << 20
    assert _config.settings().memory is None
    again = nf.config(memory="1 GiB")
    for _ in range(2):
        with again:
            assert budget() == 1 << 30
    with pytest.raises(ZeroDivisionError), nf.config(memory=5000):
        raise ZeroDivisionError
    assert _config.settings().memory is None


def test_settings_are_of_a_thread_and_of_a_coroutine():
    seen = []
    with nf.config(memory="2MiB"):
        thread = threading.Thread(target=lambda: seen.append(budget()))
        thread.start()
        thread.join()

    async def one(size):
        with nf.config(memory=size):
            await asyncio.sleep(0.01)
            return budget()

    async def both():
        return await asyncio.gather(one(4096), one(8192))

    assert seen != [2 << 20] and asyncio.run(both()) == [4096, 8192]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"memory": "many"}, ValueError, "64MiB"),
        ({"memory": 1.5}, TypeError, "memory"),
        ({"memory": -1}, TypeError, "memory"),
        ({"threads": 0}, ValueError, "threads"),
        ({"io": "fast"}, ValueError, "'mmap'"),
        ({"progress": "yes"}, ValueError, "progress"),
        ({"colour": 1}, TypeError, "memory, threads"),
    ],
)
def test_wrong_settings(changes, error, words):
    with pytest.raises(error, match=words):
        nf.config(**changes)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("memory", ["256KiB", "4MiB"])
def test_settings_change_no_bit(threads, memory, tmp_path):
    known = np.random.default_rng(1).normal(size=(600, 1000)).astype("f4")
    np.save(tmp_path / "x.npy", known)
    x = nf.open(tmp_path / "x.npy")
    usual = nf.compute(x.mean(axis=1), x.std(), np.exp(x).sum())
    with nf.config(threads=threads, memory=memory, scratch=tmp_path):
        for one, other in zip(usual, nf.compute(x.mean(axis=1), x.std(), np.exp(x).sum()), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_result_that_does_not_fit(tmp_path):
    x = nf.create(tmp_path / "x.npy", (1000, 1000), "f8")
    with nf.config(memory="1MiB"):
        for call in (
            x.compute, lambda: np.asarray(x + 1), x.tolist, lambda: x[np.arange(500)], lambda: np.sort(x), x.T.ravel,
            lambda: x + np.zeros((1000, 1000)), lambda: x[x == 0], lambda: x.astype("f4").compute(),
        ):  # fmt: skip
            with pytest.raises(MemoryError, match=r"\d bytes|1048576"):
                call()
        # What is bounded goes on.
        assert float(x.sum()) == 0 and np.asarray(x).shape == (1000, 1000)
        (x + 1).save(tmp_path / "y.npy").close()
        out = np.empty((1000, 1000))
        np.add(x, 2, out=out)
    assert (out == 2).all() and np.load(tmp_path / "y.npy", mmap_mode="r")[-1, -1] == 1


def test_results_may_be_large_if_nobody_says_otherwise(tmp_path):
    x = nf.create(tmp_path / "x.npy", (100 << 20,), "u1")
    assert (x + 1).compute().nbytes == x.compute().nbytes == 100 << 20
    huge = np.broadcast_to(x, (1 << 20, 100 << 20))
    for call in (huge.compute, lambda: np.asarray(huge + 1), lambda: np.sort(huge)):
        with pytest.raises(MemoryError, match=r"\d bytes"):
            call()


BOUNDED = """
import os, sys, numpy as np, ndfolio as nf

def anonymous():
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith('RssAnon'))

path = sys.argv[1]
# A file of 256 MiB.
x = nf.create(path, (1 << 13, 1 << 12), 'f8')
x[::2] = 1.5
x.flush()
import threading
import types
most, going = 0, True
def watch():
    global most
    while going:
        most = max(most, anonymous())
        threading.Event().wait(0.002)
with nf.config(memory='32MiB'):
    before = anonymous()
    thread = threading.Thread(target=watch)
    thread.start()
    assert float(x.mean()) == 0.75
    x.T.std(axis=0).compute()
    z = (x - x.mean(axis=0)) / (1 + x.std(axis=0))
    float(np.abs(z).max())
    z.save(path + '.z.npy').close()
    x[...] = x * 2
    x += 1
    np.cumsum(x, axis=1).save(path + '.z.npy').close()
    for row in x[:2000]:
        pass
    repr(x), x._repr_html_(), x.stats()
    going = False
    thread.join()
print((most - before) >> 20)
"""


def test_memory_stays_within_the_budget(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "x.npy")], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 32 + 24, f"{done.stdout} MiB"


def test_lines_of_progress():
    assert _progress.line(0, 1 << 30, 0.0).startswith("[>")
    half = _progress.line(1 << 29, 1 << 30, 2.0)
    assert " 50%" in half and "512.0 MiB" in half and "256.0 MiB/s" in half and "2 s left" in half
    assert "99%" in _progress.line(3 << 30, 1 << 30, 2.0)


def test_bars_are_shown_where_somebody_looks(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    _progress.show(10, 100, 0.1)
    assert stream.getvalue() == ""
    _progress.show(50, 100, 0.6)
    _progress.show(51, 100, 0.61)
    assert stream.getvalue().count("\r") == 1 and "50%" in stream.getvalue()
    _progress.show()
    assert stream.getvalue().endswith("\r") and stream.getvalue().count("\r") == 3
    plain = io.StringIO()
    monkeypatch.setattr(sys, "stderr", plain)
    _progress.show(50, 100, 0.6)
    assert plain.getvalue() == ""
    with nf.config(progress=True):
        _progress.show(50, 100, 0.6)
    _progress.show()
    assert "50%" in plain.getvalue()
    monkeypatch.setattr(sys, "stderr", None)
    _progress.show(50, 100, 0.6)
    gone = Terminal()
    monkeypatch.setattr(gone, "write", lambda text: (_ for _ in ()).throw(BrokenPipeError))
    monkeypatch.setattr(sys, "stderr", gone)
    _progress.show(50, 100, 0.6)
    _progress.show()


@pytest.mark.parametrize(("shell", "shown"), [("kernel", True), ("terminal", False), (None, False)])
def test_bars_are_shown_in_notebooks(monkeypatch, shell, shown):
    """Their stream is no terminal, but IPython's shell has a kernel."""
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(**{shell: object()}) if shell else None
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    _progress.show(50, 100, 0.6)
    _progress.show()
    assert ("50%" in stream.getvalue()) == shown


def test_a_long_pass_tells_how_far_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    x = nf.create(tmp_path / "x.npy", (12_000, 1000), "f8")
    slow = x
    for _ in range(20):
        slow = np.arctan2(np.sin(slow), np.cosh(slow))
    with nf.config(progress=True, threads=1):
        float(slow.sum())
    assert "%" in stream.getvalue() and stream.getvalue().endswith("\r")
    stream.truncate(0)
    with nf.config(progress=False):
        float(slow.sum())
    assert "%" not in stream.getvalue()


def test_importing_is_quick():
    code = "import numpy, time; s = time.perf_counter(); import ndfolio; print(time.perf_counter() - s)"
    times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3)]
    assert min(times) < 0.3 and os.cpu_count()
