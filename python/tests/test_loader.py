"""Batches: each row once, the same for all workers, and where a state says."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import ndfolio as nf


@pytest.fixture
def files(tmp_path):
    features = np.arange(1000 * 6, dtype=">f4").reshape(1000, 6)
    np.save(tmp_path / "x.npy", features)
    np.save(tmp_path / "y.npy", np.arange(1000, dtype="u2"))
    return features, tmp_path / "x.npy", tmp_path / "y.npy"


@pytest.fixture
def tokens(tmp_path):
    known = np.random.default_rng(0).integers(0, 50000, 10_000).astype("u2")
    np.save(tmp_path / "t.npy", known)
    return known, tmp_path / "t.npy"


@pytest.mark.parametrize("shuffle", [None, "full", "blocks"])
@pytest.mark.parametrize("drop_last", [False, True])
def test_each_row_once(files, shuffle, drop_last):
    features, x, y = files
    loader = nf.Loader(x, nf.open(y), batch_size=64, shuffle=shuffle, seed=3, drop_last=drop_last, dtype=[None, "i8"])
    epochs = []
    for epoch in range(2):
        assert loader.epoch == epoch and len(loader) == (15 if drop_last else 16)
        batches = list(loader)
        assert len(batches) == len(loader)
        rows = np.concatenate([labels for _, labels in batches])
        assert rows.dtype == np.int64 and all(labels.flags.writeable for _, labels in batches)
        np.testing.assert_array_equal(np.concatenate([items for items, _ in batches]), features[rows])
        assert len(set(rows.tolist())) == len(rows) == (960 if drop_last else 1000)
        epochs.append(rows.tolist())
    assert (epochs[0] == epochs[1]) == (shuffle is None)
    if shuffle is None:
        assert epochs[0] == sorted(epochs[0])
    loader.set_epoch(0)
    assert np.concatenate([labels for _, labels in loader]).tolist() == epochs[0]


def test_what_is_given_is_the_readers_own(files):
    _, x, _ = files
    for buffers in ("reuse", "fresh"):
        loader = nf.Loader(x, batch_size=100, buffers=buffers)
        kept = list(loader)
        known = np.concatenate(kept)
        kept[0][:] = -1
        assert all(one.ctypes.data % 64 == 0 and one.flags.c_contiguous for one in kept)
        np.testing.assert_array_equal(np.concatenate(list(loader)), known * 1)
        capsule = np.from_dlpack(kept[1])
        assert capsule.ctypes.data == kept[1].ctypes.data
        del loader, kept
        np.testing.assert_array_equal(capsule, known[100:200])


def test_windows(tokens):
    known, path = tokens
    loader = nf.Loader(path, length=100, target=True, batch_size=7, dtype="i8", shuffle="full")
    assert loader.items == 99
    seen = []
    for inputs, targets in loader:
        assert inputs.dtype == targets.dtype == np.int64 and inputs.shape == targets.shape == (len(inputs), 100)
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
        seen.extend(inputs.tolist())
    assert sorted(seen) == sorted(known[i : i + 100].tolist() for i in range(0, 9900, 100))
    overlapping = nf.Loader(path, length=100, stride=50, first=7, batch_size=1000)
    (windows,) = overlapping
    np.testing.assert_array_equal(windows, [known[i : i + 100] for i in range(7, 9901, 50)])
    anywhere = nf.Loader(path, length=10, samples=500, batch_size=500, seed=1)
    (first,), (second,) = anywhere, anywhere
    assert first.shape == (500, 10) and (first != second).any()
    text = known.tobytes()
    assert all(row.tobytes() in text for row in first)
    np.testing.assert_array_equal(overlapping.fetch([3, -1]), [known[157:257], windows[-1]])


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("shuffle", [None, "full", "blocks"])
def test_a_state_in_the_middle_of_an_epoch(files, shuffle, workers):
    _, x, y = files
    settings = {"batch_size": 32, "shuffle": shuffle, "seed": 9}
    loader = nf.Loader(x, y, **settings)
    list(loader)
    going = iter(loader)
    for _ in range(10):
        next(going)
    state = json.loads(json.dumps(loader.state_dict()))
    rest = [labels.tolist() for _, labels in going]
    assert len(rest) == 22
    other = nf.Loader(x, y, **settings)
    other.load_state_dict(state)
    assert (other.epoch, other.step) == (1, 10)
    parts = [iter(other.shared(i, workers)) for i in range(workers)]
    found, turn = [], 10 % workers
    while True:
        batch = next(parts[turn % workers], None)
        if batch is None:
            break
        found.append(batch[1].tolist())
        turn += 1
    assert found == rest
    assert all(next(part, None) is None for part in parts)
    # The epoch behind it is the same too.
    list(other)
    assert [labels.tolist() for _, labels in other] == [labels.tolist() for _, labels in loader]


def test_states_of_others_are_refused(files, tmp_path):
    features, x, y = files
    loader = nf.Loader(x, batch_size=10, seed=1)
    next(iter(loader))
    state = loader.state_dict()
    np.save(tmp_path / "copy.npy", features)
    nf.Loader(tmp_path / "copy.npy", batch_size=10, seed=1).load_state_dict(state)
    np.save(tmp_path / "other.npy", features + 1)
    for other, words in [
        (nf.Loader(tmp_path / "other.npy", batch_size=10, seed=1), "other.npy"),
        (nf.Loader(x, batch_size=20, seed=1), "10.*20|batch"),
        (nf.Loader(x, batch_size=10, seed=2), "seed"),
        (nf.Loader(x, batch_size=10, seed=1, shuffle="full"), "shuffle|order"),
    ]:
        with pytest.raises(ValueError, match=words):
            other.load_state_dict(state)
    with pytest.raises(ValueError, match="no state of a loader"):
        loader.load_state_dict({"epoch": 1})


def test_ranks_share_each_step(files):
    _, _, y = files
    whole = [set() for _ in range(3)]
    for rank in range(3):
        for step, batch in enumerate(nf.Loader(y, batch_size=50, shuffle="full", rank=rank, world_size=3)):
            whole[rank].update(batch.tolist())
    assert sum(map(len, whole)) == 1000 and len(set.union(*whole)) == 1000


def first_batches(loader):
    return [batch.tolist() for batch in loader][:5]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes(files, method):
    _, _, y = files
    loader = nf.Loader(y, batch_size=50, shuffle="full")
    # Threads read ahead when the process is made.
    going = iter(loader)
    given = next(going).tolist()
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.apply_async(first_batches, (loader,)).get(timeout=60)
    here = [batch.tolist() for batch in going]
    assert found == here[:5] and given not in here
    assert len(pickle.dumps(loader)) < 2000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_goes_on(files):
    _, _, y = files
    going = iter(nf.Loader(y, batch_size=50, shuffle="full"))
    next(going)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, json.dumps(next(going).tolist()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert found == next(going).tolist()


def test_sources(files, tmp_path):
    features, x, _ = files
    raw = tmp_path / "raw.bin"
    features.tofile(raw)
    mapped = nf.memmap(raw, dtype=">f4", mode="r", shape=(1000, 6))
    for source in (str(x), x, nf.open(x), mapped, np.load(x, mmap_mode="r")):
        np.testing.assert_array_equal(next(iter(nf.Loader(source, batch_size=3))), features[:3])
    np.testing.assert_array_equal(next(iter(nf.Loader(nf.open(x)[::2, 1], batch_size=3))), features[:6:2, 1])


def test_what_is_wrong(files, tmp_path):
    _, x, y = files
    np.save(tmp_path / "short.npy", np.zeros(3))
    for act, error, words in [
        (lambda: nf.Loader(np.zeros(3)), TypeError, "ndarray.*Save"),
        (lambda: nf.Loader(nf.open(x) + 1), TypeError, "files"),
        (lambda: nf.Loader(), ValueError, "no array"),
        (lambda: nf.Loader(x, tmp_path / "short.npy"), ValueError, "1000|3"),
        (lambda: nf.Loader(x, batch_size=0), ValueError, "batches of 0"),
        (lambda: nf.Loader(x, batch_size=1.5), TypeError, "integer"),
        (lambda: nf.Loader(x, batch_size=-1), ValueError, "batch_size must be 0 or more"),
        (lambda: nf.Loader(x, shuffle="some"), ValueError, "'full' or 'blocks'"),
        (lambda: nf.Loader(x, rank=2, world_size=2), ValueError, "rank 2 of 2"),
        (lambda: nf.Loader(x, workers=2000), ValueError, "2000 workers share 1000 items"),
        (lambda: nf.Loader(y, length=2000), (ValueError, IndexError), "2000"),
        (lambda: nf.Loader(y, target=True), ValueError, "give their length"),
        (lambda: nf.Loader(y, length=3, stride=1, samples=4), ValueError, "not both"),
        (lambda: nf.Loader(x, y, length=3), ValueError, "one array, and 2"),
        (lambda: nf.Loader(x, dtype="i2"), TypeError, "same_kind"),
        (lambda: nf.Loader(x, y, dtype=["f8"]), ValueError, "1 dtypes were given for 2"),
        (lambda: nf.Loader(x, buffers="new"), ValueError, "'reuse' or 'fresh'"),
        (lambda: nf.Loader(x, batch_size=1000, memory="8KiB"), MemoryError, "memory"),
        (lambda: nf.Loader(x).fetch([1000]), IndexError, "index 1000 is out of bounds for axis 0 with size 1000"),
        (lambda: nf.Loader(x).fetch([0.5]), IndexError, "integers"),
        (lambda: nf.Loader(tmp_path / "none.npy"), FileNotFoundError, "none.npy"),
    ]:
        with pytest.raises(error, match=words):
            act()


def test_a_file_that_changes(files):
    features, x, _ = files
    loader = nf.Loader(x, batch_size=10)
    next(iter(loader))
    os.truncate(x, 5000)
    with pytest.raises(OSError, match="changed under a loader.*x.npy"):
        for _ in range(3):
            list(loader)


def test_shuffle(files, tmp_path):
    features, x, y = files
    new = nf.shuffle(x, tmp_path / "a.npy", seed=5)
    order = np.asarray(nf.shuffle(nf.open(y), tmp_path / "b.npy", seed=5))
    assert sorted(order.tolist()) == list(range(1000)) and order.tolist() != list(range(1000))
    np.testing.assert_array_equal(new, features[order])
    assert new.profile["bytes_written"] > 0
    with pytest.raises(FileExistsError):
        nf.shuffle(x, tmp_path / "a.npy", overwrite=False)
    nf.shuffle(y, y, seed=5)
    np.testing.assert_array_equal(np.load(y), order)
    with pytest.raises(TypeError, match="Save"):
        nf.shuffle(features, tmp_path / "c.npy")


SLOW = """
import signal, sys, ndfolio as nf
# Also where who started the tests has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
loader = nf.Loader(sys.argv[1], batch_size=1 << 16, shuffle="full", memory="64MiB", threads=1)
print("begun", flush=True)
try:
    while True:
        for batch in loader:
            pass
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def test_ctrl_c(tmp_path):
    nf.create(tmp_path / "s.npy", (1 << 21, 16), "u1").close()
    process = subprocess.Popen([sys.executable, "-c", SLOW, tmp_path / "s.npy"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "stopped\n" and process.returncode == 0
    assert time.monotonic() - started < 2


def test_without_pytorch(files, monkeypatch):
    _, _, y = files
    monkeypatch.setitem(sys.modules, "torch", None)
    dataset = nf.torch.RowDataset(y)
    assert len(dataset) == 1000
    with pytest.raises(ImportError, match="pip install torch"):
        dataset[0]
    monkeypatch.delitem(vars(nf.torch), "BatchDataset", raising=False)
    with pytest.raises(ImportError, match="pip install torch"):
        _ = nf.torch.BatchDataset
    with pytest.raises(AttributeError, match="no_such"):
        _ = nf.torch.no_such
