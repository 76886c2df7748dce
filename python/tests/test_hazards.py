"""Each row of the list of what crashes NumPy or loses data there. What could end a process runs in one of its own."""

import os
import resource
import subprocess
import sys
import textwrap
import threading

import ndfolio as nf
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(code, options=()):
    """Runs a program, which must come to its end and print 'end'."""
    program = "import os\nimport numpy as np\nimport ndfolio as nf\n" + textwrap.dedent(code) + "\nprint('end')\n"
    done = subprocess.run(
        [sys.executable, *options, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and done.stdout.endswith("end\n"), (done.returncode, done.stderr[-3000:])


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("options", [(), ("-X", "faulthandler")])
def test_1_a_file_that_is_cut_under_a_map(mode, options):
    run(
        f"""
        np.arange(10_000, dtype='f8').tofile('a.bin')
        a = nf.memmap('a.bin', dtype='f8', mode={mode!r})
        assert a[9_999] == 9_999
        os.truncate('a.bin', 4096 + 8)
        for touch in (lambda: a[5_000], lambda: a.sum(), lambda: a + 1, lambda: a.check(), lambda: a[0]):
            try:
                touch()
            except OSError as error:
                assert error.filename.endswith('a.bin') and 'cut' in str(error), error
            else:
                raise AssertionError('no error')
        plain = np.asarray(a)
        assert plain[511] == 511 and plain[512] == 512 and not plain[513:].any()
        if {mode!r} == 'r+':
            try:
                a.flush()
            except OSError:
                pass
            else:
                raise AssertionError('no error')
        """,
        options,
    )


def test_1_a_file_that_is_cut_within_the_last_page_is_seen_by_check():
    a = nf.memmap("a.bin", mode="w+", shape=100)
    os.truncate("a.bin", 50)
    with pytest.raises(OSError, match="cut"):
        a.check()
    with pytest.raises(OSError, match="cut"):
        a.flush()


def test_2_a_second_new_file_of_the_name():
    run(
        """
        a = nf.memmap('a.bin', mode='w+', shape=1 << 20)
        a[:] = 7
        b = nf.memmap('a.bin', mode='w+', shape=10)
        assert a.sum() == 7 << 20 and not b.any()
        a.check()
        """
    )


def test_3_a_mapping_that_is_closed():
    run(
        """
        a = nf.memmap('a.bin', mode='w+', shape=1 << 20)
        a[:] = 7
        plain, view = np.asarray(a), memoryview(a)
        a._mmap.close()
        try:
            a[0]
        except ValueError as error:
            assert 'closed' in str(error)
        else:
            raise AssertionError('no error')
        assert not plain.any() and view[5] == 0
        plain[:] = 1
        assert np.fromfile('a.bin', 'u1').sum() == 7 << 20
        """
    )


@pytest.mark.parametrize("dtype", ["O", [("a", "O")], [("a", "i4"), ("b", [("c", "O")])], np.dtypes.StringDType()])
def test_4_python_objects(dtype):
    with open("a.bin", "wb") as file:
        file.write(b"x" * 1024)
    for mode in ("r", "r+", "c", "w+"):
        with pytest.raises(ValueError, match="Python objects"):
            nf.memmap("a.bin", dtype=dtype, mode=mode, shape=1)
    with pytest.raises(ValueError, match="Python objects"):
        nf.open_memmap("a.bin", "w+", dtype=dtype, shape=(1,))
    assert os.path.getsize("a.bin") == 1024


def test_5_a_full_disk_is_an_error_of_the_creation():
    free = os.statvfs(".").f_bavail * os.statvfs(".").f_frsize
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    too_much = min(free * 4, 1 << 60)
    np.arange(10, dtype="u1").tofile("old.bin")
    for make in (
        lambda name: nf.memmap(name, mode="w+", shape=too_much),
        lambda name: nf.open_memmap(name, mode="w+", shape=(too_much,), dtype="u1"),
        lambda name: nf.memmap(name, mode="r+", shape=too_much),
    ):
        with pytest.raises(OSError, match="space|limit"):
            make("old.bin")
        assert list(np.fromfile("old.bin", "u1")) == list(range(10))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        for mode in ("w+", "r+"):
            with pytest.raises(OSError, match="limit"):
                nf.memmap("old.bin", mode=mode, shape=1 << 21)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert sorted(os.listdir()) == ["old.bin"]


def test_5_a_small_file_system(tmp_path):
    """On a file system that is full in truth, where there is one to be had."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("not allowed to mount")
    try:
        target = str(tmp_path / "a.bin")
        with pytest.raises(OSError, match="space") as caught:
            nf.memmap(target, mode="w+", shape=1 << 21)
        assert caught.value.errno == 28
        with open(target, "wb") as file:
            file.truncate(1 << 21)
        run(
            f"""
            a = nf.memmap({target!r}, mode='r+')
            try:
                a[:] = 1
            except OSError as error:
                pass
            else:
                raise AssertionError('no error')
            try:
                a.flush()
            except OSError:
                pass
            else:
                raise AssertionError('no error')
            """
        )
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)


def expect_kept(make, error):
    """Something that fails leaves the file as it was, and nothing beside it."""
    np.save("kept.npy", np.arange(5))
    with open("kept.npy", "rb") as file:
        before = file.read()
    with pytest.raises(error):
        make("kept.npy")
    with open("kept.npy", "rb") as file:
        assert file.read() == before
    assert [name for name in os.listdir() if name.endswith(".part")] == []


def test_6_load_with_a_mode_that_empties():
    for mode in ("w+", "write", "w", "a", "x", "rb"):
        expect_kept(lambda name, mode=mode: nf.load(name, mmap_mode=mode), ValueError)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"mode": "w+"}, ValueError),
        ({"mode": "w"}, ValueError),
        ({"mode": "wb"}, ValueError),
        ({"mode": None}, TypeError),
        ({"mode": "w+", "shape": (2, -1)}, ValueError),
        ({"mode": "w+", "shape": (2, True)}, TypeError),
        ({"mode": "w+", "shape": 2.0}, TypeError),
        ({"mode": "w+", "shape": ("2",)}, TypeError),
        ({"mode": "w+", "shape": (3,), "dtype": "nonsense"}, TypeError),
        ({"mode": "w+", "shape": (3,), "dtype": "O"}, ValueError),
        ({"mode": "w+", "shape": (3,), "version": (9, 9)}, ValueError),
        ({"mode": "w+", "shape": (1 << 62, 9)}, ValueError),
    ],
)
def test_7_open_memmap_with_wrong_arguments(arguments, error):
    expect_kept(lambda name: nf.open_memmap(name, **arguments), error)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "shape, wanted",
    [([5, 2], (5, 2)), ((np.int64(5), np.int8(2)), (5, 2)), (np.array([5, 2]), (5, 2)), (5, (5,)), ((), ())],
)
def test_8_shapes_that_numpy_writes_wrong(shape, wanted, order):
    made = nf.open_memmap("a.npy", "w+", "i4", shape, fortran_order=order == "F")
    made[...] = np.arange(np.prod(wanted, dtype=int)).reshape(wanted)
    assert made.shape == wanted and made.mode == "r+" and made.offset == 128
    found = np.load("a.npy")
    assert found.shape == wanted and np.array_equal(found, made)
    numpys = np.lib.format.open_memmap("b.npy", "w+", "i4", wanted, fortran_order=order == "F")
    numpys[...] = made
    numpys.flush()
    with open("a.npy", "rb") as ours, open("b.npy", "rb") as numpys:
        assert ours.read() == numpys.read()


def test_9_saving_a_view_over_its_own_file():
    data = np.random.default_rng(1).random((1000, 50))
    for view in (lambda a: a[:10], lambda a: a, lambda a: a.T, lambda a: a[::-1, ::3]):
        for mode in ("r", "r+", "c"):
            nf.save("a.npy", data)
            a = nf.load("a.npy", mmap_mode=mode)
            nf.save("a.npy", view(a))
            assert np.array_equal(np.load("a.npy"), view(data))
            assert np.array_equal(a, data)
            a.check()


def test_10_a_file_that_is_shorter_than_its_header_says():
    for mode in ("r", "r+", "c"):

        def cut(name, mode=mode):
            os.truncate(name, 140)
            try:
                nf.open_memmap(name, mode)
            finally:
                assert os.path.getsize(name) == 140

        np.save("a.npy", np.arange(5))
        with pytest.raises(ValueError, match="greater than file size"):
            cut("a.npy")
        with pytest.raises(ValueError, match="greater than file size"):
            nf.load("a.npy", mmap_mode=mode)


def test_11_a_negative_shape_makes_no_file():
    for shape in ((-1,), -1, (-2, -3), (2, -1)):
        expect_kept(lambda name, shape=shape: nf.memmap(name, mode="w+", shape=shape), ValueError)


def test_12_threads_that_make_one_file():
    run(
        """
        import threading
        def make(value):
            for size in range(1, 60):
                a = nf.memmap('a.bin', mode='w+', shape=size * 5000)
                a[:] = value
                assert (a == value).all()
                b = nf.open_memmap('a.npy', mode='w+', shape=(size * 5000,), dtype='u1')
                b[:] = value
                assert (b == value).all()
        threads = [threading.Thread(target=make, args=(value,)) for value in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(os.listdir()) == 2, os.listdir()
        """
    )


def test_14_a_save_that_is_killed():
    np.save("a.npy", np.arange(5))
    program = (
        "import os, signal, numpy as np, ndfolio as nf\n"
        "class Killer(np.ndarray): pass\n"
        "real = nf._format._Writer.write\n"
        "def write(self, data):\n"
        "    if self._position > 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, data)\n"
        "nf._format._Writer.write = write\n"
        "nf.save('a.npy', np.ones(100_000))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -9
    assert list(np.load("a.npy")) == [0, 1, 2, 3, 4]
    nf.save("a.npy", np.ones(3))
    # What was left is gone.
    assert os.listdir() == ["a.npy"]


def test_14_a_save_that_fails():
    class Bad:
        def __reduce__(self):
            raise RuntimeError("not to be saved")

    for function in (
        lambda name: nf.save(name, np.array([Bad()], dtype=object)),
        lambda name: nf.save(name, np.array([1], dtype=object), allow_pickle=False),
        lambda name: nf.save(name, np.ma.masked_array([1, 2])),
    ):
        expect_kept(function, (RuntimeError, ValueError, NotImplementedError))
    nf.savez("kept.npz", a=np.arange(3))
    with pytest.raises(RuntimeError):
        nf.savez("kept.npz", a=np.arange(2), b=np.array([Bad()], dtype=object))
    assert list(np.load("kept.npz")["a"]) == [0, 1, 2]


@pytest.mark.parametrize("view", ["a", "a[::2]", "np.asarray(a)[5:]", "a.T"])
def test_a_map_that_lost_its_file_is_not_saved(view):
    for save in (nf.save, nf.savez, lambda name, arr: arr.tofile(name)):
        np.save("a.npy", np.ones((1000, 20)))
        np.save("kept.npy", np.ones(3))
        arr = eval(view, {"a": nf.load("a.npy", mmap_mode="r"), "np": np})
        os.truncate("a.npy", 4096)
        if save not in (nf.save, nf.savez) and type(arr) is np.ndarray:
            continue
        with pytest.raises(OSError):
            save("kept.npy" if save is nf.save else "new", arr)
        assert list(np.load("kept.npy")) == [1, 1, 1]


@pytest.mark.parametrize("save", [nf.save, nf.savez])
def test_a_map_that_loses_its_file_while_it_is_saved_is_not_saved(save, monkeypatch):
    np.save("a.npy", np.ones((3000, 20)))
    np.save("kept.npy", np.ones(3))
    a = nf.load("a.npy", mmap_mode="r")
    real = nf._format._Writer.write

    def write(self, data):
        os.truncate("a.npy", 8192)
        return real(self, data)

    monkeypatch.setattr(nf._format._Writer, "write", write)
    with pytest.raises(OSError, match="cut"):
        save("kept.npy" if save is nf.save else "new", a[::2])
    assert list(np.load("kept.npy")) == [1, 1, 1] and sorted(os.listdir()) == ["a.npy", "kept.npy"]


def test_maps_and_threads_while_files_are_cut_and_replaced():
    stop = threading.Event()

    def change():
        while not stop.is_set():
            nf.memmap("a.bin", mode="w+", shape=100_000)[:] = 1
            os.truncate("a.bin", 5000)

    nf.memmap("a.bin", mode="w+", shape=100_000)[:] = 1
    thread = threading.Thread(target=change)
    thread.start()
    try:
        outcomes = set()
        for _ in range(300):
            try:
                found = nf.memmap("a.bin", mode="r", shape=100_000)
                outcomes.add(int(found.sum()))
            except (OSError, ValueError):
                continue
    finally:
        stop.set()
        thread.join()
    assert all(0 <= total <= 100_000 for total in outcomes)
