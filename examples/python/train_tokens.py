"""A bigram model learns from a file of tokens, and goes on where it was when it was killed.

    python train_tokens.py FOLDER [STEPS]

The tokens are made if there are none. Each ten steps, model and loader are saved together, in one file that appears
whole or not at all: started again, the program prints what it would have printed.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

import ndfolio as nf

VOCABULARY = 64
LENGTH = 128
BATCH = 32
RATE = 20.0


def make_tokens(path: Path) -> None:
    """A text whose letters follow each other by rules with some noise: there is something to learn."""
    random = np.random.default_rng(0)
    steps = random.choice([1, 5, 17], 1 << 20, p=[0.7, 0.2, 0.1])
    np.save(path, (np.cumsum(steps) % VOCABULARY).astype(np.uint16))


def step(weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> float:
    """One step of gradient descent on the cross entropy; returns the loss before it."""
    counts = np.zeros_like(weights)
    np.add.at(counts, (inputs.ravel(), targets.ravel()), 1.0 / inputs.size)
    scores = np.exp(weights - weights.max(axis=1, keepdims=True))
    chances = scores / scores.sum(axis=1, keepdims=True)
    loss = -float((counts * np.log(chances)).sum())
    weights -= RATE * (counts.sum(axis=1, keepdims=True) * chances - counts)
    return loss


def save(path: Path, weights: np.ndarray, loader: nf.Loader, done: int) -> None:
    """Model and loader as of one moment."""
    new = path.with_suffix(".new.npz")
    np.savez(new, weights=weights, about=json.dumps({"done": done, "loader": loader.state_dict()}))
    os.replace(new, path)


def main(folder: Path, steps: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokens, saved = folder / "tokens.npy", folder / "saved.npz"
    if not tokens.exists():
        make_tokens(tokens)
    loader = nf.Loader(
        tokens, length=LENGTH, target=True, batch_size=BATCH, shuffle="full", seed=1, drop_last=True, dtype="int64"
    )
    weights, done = np.zeros((VOCABULARY, VOCABULARY)), 0
    if saved.exists():
        with np.load(saved) as found:
            about = json.loads(str(found["about"]))
            weights, done = found["weights"], about["done"]
        loader.load_state_dict(about["loader"])
    while done < steps:
        for inputs, targets in loader:
            loss = step(weights, inputs, targets)
            done += 1
            print(f"step {done} epoch {loader.epoch} loss {loss:.6f}", flush=True)
            if done % 10 == 0:
                save(saved, weights, loader, done)
            if done == steps:
                return


if __name__ == "__main__":
    words = sys.argv[1:]
    if len(words) not in (1, 2) or words[0].startswith("-"):
        sys.exit(__doc__)
    main(Path(words[0]), int(words[1]) if len(words) > 1 else 600)
