"""Datasets in PyTorch's DataLoader, by fork and by spawn; where PyTorch is installed."""

import json

import numpy as np
import pytest

import ndfolio as nf

torch = pytest.importorskip("torch", reason="PyTorch is not among what the tests install")
DataLoader = torch.utils.data.DataLoader

pytestmark = pytest.mark.filterwarnings("ignore")
WAYS = [(0, None), (2, "fork"), (3, "spawn")]


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(4000, dtype="f4").reshape(1000, 4))
    np.save(tmp_path / "y.npy", np.arange(1000, dtype="u2"))
    return tmp_path / "x.npy", tmp_path / "y.npy"


def loader_of(files, **settings):
    return nf.Loader(*files, batch_size=48, shuffle="full", seed=5, dtype=[None, "i8"], **settings)


def known(files):
    return [labels.tolist() for _, labels in loader_of(files)]


@pytest.mark.parametrize(("workers", "way"), WAYS)
def test_batches_keep_the_order_of_the_loader(files, workers, way):
    dataset = nf.torch.BatchDataset(loader_of(files))
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, multiprocessing_context=way)
    found = []
    for features, labels in loader:
        assert isinstance(features, torch.Tensor) and labels.dtype == torch.int64
        assert torch.equal(features[:, 0], 4.0 * labels)
        found.append(labels.tolist())
    assert found == known(files)


@pytest.mark.parametrize(("workers", "way"), WAYS)
def test_going_on_with_another_number_of_workers(files, workers, way):
    first = nf.torch.BatchDataset(loader_of(files))
    given = []
    for _, labels in DataLoader(first, batch_size=None, num_workers=2, multiprocessing_context="fork"):
        given.append(labels.tolist())
        if len(given) == 7:
            break
    state = json.loads(json.dumps(first.state_dict(7)))
    second = nf.torch.BatchDataset(loader_of(files))
    second.load_state_dict(state)
    loader = DataLoader(second, batch_size=None, num_workers=workers, multiprocessing_context=way)
    assert given + [labels.tolist() for _, labels in loader] == known(files)


@pytest.mark.parametrize(("workers", "way"), WAYS)
def test_rows_by_any_sampler(files, workers, way):
    dataset = nf.torch.RowDataset(*files)
    assert len(dataset) == 1000 and dataset[-1][1] == 999
    assert [one.tolist() for one in dataset[3]] == [[12.0, 13.0, 14.0, 15.0], 3]
    loader = DataLoader(
        dataset, batch_size=64, shuffle=True, num_workers=workers, multiprocessing_context=way, collate_fn=dataset.collate
    )
    seen = []
    for features, labels in loader:
        assert torch.equal(features[:, 0], 4.0 * labels)
        seen.extend(labels.tolist())
    assert sorted(seen) == list(range(1000))


@pytest.mark.parametrize(("workers", "way"), WAYS)
def test_a_sampler_with_a_state(files, workers, way):
    dataset, sampler = nf.torch.RowDataset(*files), nf.torch.BatchSampler(loader_of(files))

    def loader(sampler):
        return DataLoader(
            dataset, batch_sampler=sampler, num_workers=workers, multiprocessing_context=way, collate_fn=dataset.collate
        )

    found = []
    for _, labels in loader(sampler):
        found.append(labels.tolist())
        if len(found) == 5:
            break
    other = nf.torch.BatchSampler(loader_of(files))
    other.load_state_dict(sampler.state_dict(5))
    assert found + [labels.tolist() for _, labels in loader(other)] == known(files)


def test_tensors_share_the_memory(files):
    (batch, *_) = nf.Loader(files[0], batch_size=10)
    tensor = nf.torch.tensors(batch)
    assert tensor.data_ptr() == batch.ctypes.data
    assert torch.from_dlpack(batch).data_ptr() == batch.ctypes.data
