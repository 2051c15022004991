"""Dumps for the end-to-end tests; the tests add a few lines of their own to these."""
import h5py
import numpy as np


def normal(n, d, seed=0):
    """Random rows, the same every time."""
    return np.random.default_rng(seed).standard_normal((n, d))


def dump(path, layers=("fc1", "fc2"), N=60, d=5, n=2, edit=None, **attributes):
    """A regression dump; `edit` gets the open file last."""
    with h5py.File(path, "w") as f:
        f.attrs["format"] = "collapscope-dump"
        f.attrs["format_version"] = 1
        for name, value in attributes.items():
            f.attrs[name] = value
        f["targets"] = normal(N, n)
        for i, layer in enumerate(layers):
            f[f"layers/{layer}/activations"] = normal(N, d, 1 + i)
            f[f"layers/{layer}/weight"] = normal(n, d, 100 + i)
        if edit:
            edit(f)


def spoil(name, row, value=np.nan):
    """An edit that puts `value` into one row of a dataset."""

    def edit(f):
        f[name][row, -1] = value

    return edit


def part(source, path, first, last):
    """Samples [first, last) of a dump, as a dump."""
    with h5py.File(source) as a, h5py.File(path, "w") as b:
        for name, value in a.attrs.items():
            b.attrs[name] = value
        b["targets"] = a["targets"][first:last]
        for layer, group in a["layers"].items():
            for name, value in group.attrs.items():
                b.require_group(f"layers/{layer}").attrs[name] = value
            b[f"layers/{layer}/activations"] = group["activations"][first:last]
            b[f"layers/{layer}/weight"] = group["weight"][:]
