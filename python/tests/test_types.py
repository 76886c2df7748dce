"""What type checkers are told: stubs that say what is there, and types that users rely on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ndfolio as nf

USER = '''
from typing import Any, assert_type

import ndfolio as nf
from ndfolio import array_api as xp

x = nf.open("x.npy", mode="r", shape=(2, -1), dtype="f4")
assert_type(x, nf.Array)
assert_type(x + 1, nf.Array)
assert_type(2.0 * x, nf.Array)
assert_type(-x, nf.Array)
assert_type(x < 1, nf.Array)
assert_type(x == 1, nf.Array)
assert_type(x[0, ..., None], nf.Array)
assert_type(x.T.reshape(-1).mT, nf.Array)
assert_type(x.sum(axis=(0, 1), keepdims=True), nf.Array)
assert_type(x.std(ddof=1), nf.Array)
assert_type(float(x.mean()), float)
assert_type(len(x), int)
assert_type(x.shape, tuple[int, ...])
assert_type(x.save("y.npy", overwrite=False), nf.Array)
assert_type(x.explain(), str)
assert_type(nf.explain(x, x + 1), str)
assert_type(x.filename, str | None)
assert_type(x.stats(), dict[str, Any])
assert_type(nf.create("z.npy", 3, fill=1), nf.Array)
assert_type(nf.asarray([1, 2], "f4"), nf.Array)
assert_type(xp.add(x, 1), nf.Array)
assert_type(xp.sqrt(x), nf.Array)
assert_type(xp.fft.fft(x, norm="ortho"), nf.Array)
assert_type(xp.unstack(x), tuple[nf.Array, ...])
loader = nf.Loader("x.npy", batch_size=3, dtype="f4")
assert_type(loader, nf.Loader)
assert_type(loader.state_dict(), dict[str, Any])
assert_type(len(loader), int)
assert_type(nf.shuffle("x.npy", "s.npy", seed=1), nf.Array)
m = nf.memmap("m.bin", dtype="f4", mode="w+", shape=(3, 4))
assert_type(m, nf.memmap)
assert_type(nf.open_memmap("m.npy"), nf.memmap)
assert_type(m.closed, bool)
m.flush((0, slice(1, 3)))
with m:
    nf.save("n.npy", m)
x[0] = 3
x += 1
with nf.open("x.npy") as y, nf.config(memory="2GiB", threads=2):
    assert_type(y, nf.Array)
with nf.Appender("x.npy") as rows:
    assert_type(rows, nf.Appender)
    rows.append([1.0])
'''

WRONG = {
    "nf.open()": "call-arg",
    "nf.open(3)": "arg-type",
    'nf.open("x.npy").no_such_thing': "attr-defined",
    'nf.create("x.npy")': "call-arg",
    'nf.open("x.npy").sum(axes=0)': "call-arg",
    'nf.open("x.npy").shape = (3,)': "misc",
    "nf.no_such_thing": "attr-defined",
    'nf.Loader("x.npy", batches=3)': "call-arg",
    "nf.array_api.fft.fft([1.0])": "arg-type",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the package lies as sources, wherever it was installed: of what was installed nobody is told errors."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "ndfolio").symlink_to(Path(nf.__file__).parent, target_is_directory=True)
    return folder


def run(folder, *args):
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "MYPY_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-m", *args], cwd=folder, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_stubs_say_what_is_there(folder):
    code, text = run(folder, "mypy.stubtest", "ndfolio")
    assert code == 0, text


def test_the_package_is_typed(folder):
    code, text = run(folder, "mypy", "-p", "ndfolio")
    assert code == 0, text


def test_what_users_write(folder):
    (folder / "user.py").write_text(USER)
    code, text = run(folder, "mypy", "--strict", "--follow-imports=silent", "user.py")
    assert code == 0, text


def test_what_is_wrong_is_found(folder):
    lines = ["import ndfolio as nf", "import ndfolio.array_api", *WRONG]
    (folder / "wrong.py").write_text("\n".join(lines) + "\n")
    code, text = run(folder, "mypy", "wrong.py")
    assert code == 1, text
    for number, (line, kind) in enumerate(WRONG.items(), 3):
        assert any(f"wrong.py:{number}: error" in one and f"[{kind}]" in one for one in text.splitlines()), (line, text)
