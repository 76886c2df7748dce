"""Many threads with the same arrays."""

import threading

import ndfolio as nf
import numpy as np


def together(act, threads=8, times=30):
    """Runs something in many threads at once, and gives what went wrong in any of them."""
    wrong = []
    start = threading.Barrier(threads)

    def work(number):
        start.wait()
        try:
            for i in range(times):
                act(number * times + i)
        except BaseException as error:
            wrong.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert not any(worker.is_alive() for worker in workers)
    return wrong


def test_threads_compute_the_same_arrays(tmp_path):
    known = np.random.default_rng(0).random((3000, 50))
    np.save(tmp_path / "a.npy", known)
    x = nf.open(tmp_path / "a.npy")
    z = (x - x.mean(axis=0)) * 2
    mean, total = known.mean(), ((known - known.mean(axis=0)) * 2).sum(axis=1)

    def act(number):
        np.testing.assert_allclose(float(x.mean()), mean)
        np.testing.assert_allclose(z.sum(axis=1).compute(), total, atol=1e-9)
        row = number % 3000
        np.testing.assert_array_equal(np.asarray(x)[row], known[row])
        np.testing.assert_array_equal(x[row].compute(), known[row])
        with nf.config(memory="1MiB", threads=1):
            assert nf.asarray([number]).sum().item() == number

    assert together(act) == []


def test_threads_open_and_close_the_same_file(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(10_000.0))

    def act(_):
        with nf.open(tmp_path / "a.npy") as x:
            assert float(x[5:].max()) == 9999
        with nf.load(tmp_path / "a.npy", mmap_mode="r") as m:
            assert m[17] == 17

    assert together(act) == []


def test_arrays_that_another_thread_closes(tmp_path):
    known = np.arange(100_000.0)
    np.save(tmp_path / "a.npy", known)
    shared = [nf.open(tmp_path / "a.npy"), nf.load(tmp_path / "a.npy", mmap_mode="r")]

    def act(number):
        x, m = shared
        if number % 7 == 0:
            shared[:] = [nf.open(tmp_path / "a.npy"), nf.load(tmp_path / "a.npy", mmap_mode="r")]
            x.close()
            m.close()
            return
        # The sum of the file, or an error that says that it was closed: never a signal.
        for use in (lambda: float(x.sum()), lambda: float(x[10:20].sum()), lambda: m[3], lambda: m.check()):
            try:
                assert use() in (known.sum(), 145.0, 3.0, None)
            except ValueError as error:
                assert "closed" in str(error)

    assert together(act) == []


def test_threads_write_rows_of_their_own(tmp_path):
    with nf.create(tmp_path / "w.npy", (240, 1000), "i4") as w:

        def act(number):
            w[number] = number

        assert together(act) == []
    np.testing.assert_array_equal(np.load(tmp_path / "w.npy"), np.broadcast_to(np.arange(240)[:, None], (240, 1000)))
