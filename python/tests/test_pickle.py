"""Pickles of maps: by the name of the file, into other processes, and what becomes of files meanwhile."""

import copy
import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys
import threading
import time

import ndfolio as nf
import numpy as np
import pytest

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data():
    data = np.random.default_rng(5).random((300, 40))
    np.save("a.npy", data)
    return data


def views(a):
    return [
        a, a[10:], a[::-1], a[5:50:3, ::-2], a.T, a[3], a[3, 4, ...], a[5:5], a[None], a.view("u1"), a[:, 7],
        np.broadcast_to(a[0], (3, 40), subok=True),
    ]  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_views_come_back_as_they_were(data, protocol, mode):
    for view in views(nf.load("a.npy", mmap_mode=mode)):
        text = pickle.dumps(view, protocol)
        assert len(text) < 1024
        found = pickle.loads(text)
        assert type(found) is nf.memmap and np.array_equal(found, view)
        assert (found.dtype, found.shape, found.strides) == (view.dtype, view.shape, view.strides)
        assert (found.filename, found.offset, found.mode) == (view.filename, view.offset, view.mode)
        assert found.flags.writeable == view.flags.writeable
        found.check()


def test_a_pickle_is_small_and_fast_whatever_the_file():
    with open("a.bin", "wb") as file:
        file.truncate(1 << 40)
    for mode in ("r", "r+", "c"):
        a = nf.memmap("a.bin", dtype=[("a", "f8"), ("b", ">i4", (2,))], mode=mode, shape=1 << 36)
        text = pickle.dumps(a)
        assert len(text) < 1024
        # Far more than it takes, as tests run on busy machines.
        assert min(timed(lambda: pickle.dumps(a)) for _ in range(20)) < 1e-3
        assert min(timed(lambda: pickle.loads(text)) for _ in range(20)) < 1e-3


def timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def test_unpickling_looks_at_no_file(data):
    text = pickle.dumps(nf.load("a.npy", mmap_mode="r"))
    os.rename("a.npy", "elsewhere.npy")
    a = pickle.loads(text)
    assert a._mmap.waiting and a.shape == (300, 40) and a.T.dtype == "f8"
    for use in (lambda: a[0], lambda: a[1:], lambda: a.check(), lambda: a.prefetch()):
        with pytest.raises(FileNotFoundError) as caught:
            use()
        assert caught.value.filename.endswith("a.npy")
    # It can be pickled again, and the file can come back.
    again = pickle.loads(pickle.dumps(a))
    os.rename("elsewhere.npy", "a.npy")
    assert np.array_equal(a, data) and np.array_equal(again, data) and not a._mmap.waiting


@pytest.mark.parametrize("use", ["a.sum()", "a + 1", "np.asarray(a).sum() + a[0, 0]", "memoryview(a)[3, 3]; a.check()"])
@pytest.mark.parametrize("fate", ["missing", "replaced", "cut"])
def test_first_use_of_a_file_that_is_another(data, use, fate):
    text = pickle.dumps(nf.load("a.npy", mmap_mode="r"))
    if fate == "cut":
        os.truncate("a.npy", 5000)
    else:
        os.rename("a.npy", "b.npy")
    if fate == "replaced":
        np.save("a.npy", data + 1)
    a = pickle.loads(text)
    with pytest.raises(OSError) as caught:
        exec(use, {"a": a, "np": np})
    assert caught.value.filename.endswith("a.npy")
    assert isinstance(caught.value, FileNotFoundError) == (fate == "missing")


@pytest.mark.parametrize(
    "use",
    ["a.sum()", "a[3, 4]", "np.asarray(a).sum()", "memoryview(a).tobytes()", "a.tobytes()", "np.sort(a)", "np.dot(a, a.T)"],
)
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_first_use_of_a_file_that_is_there(data, use, mode):
    original = nf.load("a.npy", mmap_mode=mode)
    a = pickle.loads(pickle.dumps(original))
    found, wanted = (eval(use, {"a": array, "np": np}) for array in (a, original))
    assert np.array_equal(found, wanted) if not isinstance(found, bytes) else found == wanted


def test_first_use_by_a_system_call(data):
    for use in (nf.save, lambda name, a: a.tofile(name), np.save, lambda name, a: nf.save(name, np.asarray(a))):
        use("b.npy", pickle.loads(pickle.dumps(nf.load("a.npy", mmap_mode="r"))))
        with open("b.npy", "rb") as file:
            assert file.read()[-data.nbytes :] == data.tobytes()


def test_first_use_that_writes(data):
    a = pickle.loads(pickle.dumps(nf.load("a.npy", mmap_mode="r+")))
    a[5] = 3
    a.flush()
    assert (np.load("a.npy")[5] == 3).all()
    b = pickle.loads(pickle.dumps(nf.load("a.npy", mmap_mode="r+")))
    np.multiply(np.asarray(b), 2, out=np.asarray(b))
    assert (np.load("a.npy")[5] == 6).all()
    made = pickle.loads(pickle.dumps(nf.memmap("w.bin", mode="w+", shape=10)))
    assert made.mode == "r+" and made.shape == (10,)
    made[0] = 1
    assert np.fromfile("w.bin", "u1")[0] == 1


def test_changes_in_memory_are_carried(data):
    a = nf.load("a.npy", mmap_mode="c")
    a[100] = 7
    a[299, 39] = 8
    wanted = np.array(a)
    text = pickle.dumps(a[50:])
    assert len(text) < 16 << 10
    before = os.stat("a.npy").st_mtime_ns
    b = pickle.loads(text)
    # And on, without a look at the file.
    c = pickle.loads(pickle.dumps(b))
    for found in (b, c):
        assert np.array_equal(found, wanted[50:])
        found[0] = 9
    assert np.array_equal(a, wanted) and np.array_equal(np.load("a.npy"), data)
    assert os.stat("a.npy").st_mtime_ns == before
    assert np.array_equal(pickle.loads(pickle.dumps(b)), b)


def test_views_of_one_map_stay_views_of_one_map(data):
    a = nf.load("a.npy", mmap_mode="c")
    first, second = pickle.loads(pickle.dumps((a[:100], a[50:])))
    first[60] = 1
    assert (second[10] == 1).all() and first._mmap is second._mmap


def test_what_no_name_leads_to_is_carried(data):
    a = nf.load("a.npy", mmap_mode="r")
    os.remove("a.npy")
    found = pickle.loads(pickle.dumps(a))
    assert np.array_equal(found, data) and found._mmap is None and found.filename is None
    copied = pickle.loads(pickle.dumps(a.copy()))
    assert np.array_equal(copied, data)


def test_copies_are_copies(data):
    a = nf.load("a.npy", mmap_mode="r+")
    for made in (copy.copy(a), copy.deepcopy(a)):
        made[0] = 5
        assert np.array_equal(a, data) and made._mmap is None


def test_names_and_subclasses(data):
    for name in (pathlib.Path("a.npy"), b"a.npy"):
        a = nf.memmap(name, mode="r", offset=128, dtype="f8", shape=(300, 40))
        found = pickle.loads(pickle.dumps(a))
        assert found.filename == a.filename and np.array_equal(found, data)
    folder = os.getcwd()
    os.chdir("/")
    assert np.array_equal(pickle.loads(pickle.dumps(a)), data)
    os.chdir(folder)


def test_threads_that_touch_at_once(data):
    for _ in range(30):
        a = pickle.loads(pickle.dumps(nf.load("a.npy", mmap_mode="r")))
        plain, sums = np.asarray(a), []
        threads = [threading.Thread(target=lambda: sums.append(plain.sum())) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(set(sums)) == 1 and sums[0] == data.sum()


def use(a, row):
    a[row] = row
    a.flush()
    return os.getpid(), float(a[row].sum())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_other_processes_write_to_one_file(method):
    a = nf.open_memmap("shared.npy", "w+", "f8", (8, 1000))
    context = multiprocessing.get_context(method)
    with context.Pool(4) as pool:
        found = pool.starmap(use, [(a, row) for row in range(8)])
    assert {sum for _, sum in found} == {row * 1000.0 for row in range(8)}
    assert all(pid != os.getpid() for pid, _ in found)
    assert np.array_equal(a, np.arange(8.0)[:, None] * np.ones(1000))


def test_forked_children_use_what_is_mapped(data):
    a, c = nf.load("a.npy", mmap_mode="r+"), nf.load("a.npy", mmap_mode="c")
    later = pickle.loads(pickle.dumps(a))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            a[0] = 1
            c[1] = 2
            code = 0 if np.array_equal(later[2:], data[2:]) and (c[1] == 2).all() else 2
            os.truncate("a.npy", 128)
            try:
                a.sum()
                code = 3
            except OSError:
                pass
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_pickle_is_read_by_a_new_process(data):
    text = pickle.dumps(nf.load("a.npy", mmap_mode="r")[7])
    program = "import pickle, sys; print(repr(float(pickle.loads(sys.stdin.buffer.read()).sum())))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], input=text, capture_output=True, check=True)
    assert float(done.stdout) == data[7].sum()


def test_a_pickle_of_no_sense_is_an_error():
    about = (b"/nowhere", (1, 2), "c", 5, 10)
    for changes in ([(5, b"123456")], [(1 << 63, b"1")]):
        with pytest.raises((ValueError, OverflowError)):
            nf._ndfolio.Mapping.later(os.fsdecode(about[0]), *about[1:], changes)
    with pytest.raises(ValueError):
        nf._ndfolio.Mapping.later("/nowhere", (1, 2), "q", 0, 1, [])
    with pytest.raises(OSError):
        nf._ndfolio.Mapping.later("/nowhere", (1, 2), "r", 0, 1 << 63, [])
