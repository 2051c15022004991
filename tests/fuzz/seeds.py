#!/usr/bin/env python3
"""Seeds for the targets of libfuzzer.sh: FOLDER/corpus_TARGET/*."""
import json
import pathlib
import struct
import sys

import h5py
import numpy as np

folder = pathlib.Path(sys.argv[1])
for target in ("json", "safetensors", "headers", "chunks"):
    (folder / f"corpus_{target}").mkdir(parents=True, exist_ok=True)

layer = {"name": "fc", "index": 1, "kind": "linear", "metrics": {"nrc1": 0.5, "evr": [0.5, 0.25], "samples": 9, "nrc3": None},
         "floors": {"nrc1": 1e-16}, "notes": {"nrc3": "no weight"}}
checkpoint = {"path": "a.h5", "id": "", "run": "r", "step": 3, "task": "regression", "samples": 9,
              "attributes": {"seed": 1, "lr": 0.1, "model": "mlp", "flag": True}, "targets": {"target_dim": 2},
              "target_notes": {}, "layers": [layer]}
provenance = {"version": "0", "commit": "", "command": "", "device": "cpu", "precision": "float64", "started": "", "threads": 1,
              "seconds": 0.1, "bytes_read": 1, "rejected_eigenbases": 0,
              "fallbacks": [{"work": "layer", "to": "cpu", "count": 1, "reason": "none"}]}
results = {"format": "collapscope-results", "format_version": 1, "provenance": provenance, "checkpoints": [checkpoint],
           "failures": [{"path": "b.h5", "object": "/", "message": "no"}]}
(folder / "corpus_json/results").write_text(json.dumps(results))

header = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}, "b": {"dtype": "BF16", "shape": [3], "data_offsets": [16, 22]}}
text = json.dumps(header).encode()
(folder / "corpus_safetensors/two").write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(22)))

# Shape [20, 6] in chunks [7, 3]; see the head in targets/chunks.cpp.
STORED = ({}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True, "fletcher32": True}, {"compression": "lzf"})
for number, stored in enumerate(STORED):
    path = folder / "seed.h5"
    with h5py.File(path, "w") as f:
        f.create_dataset("rows", data=np.arange(120, dtype="f4").reshape(20, 6), chunks=(7, 3), **stored)
    data = path.read_bytes()
    roots = [at for at in range(len(data) - 24) if data[at:at + 5] == b"TREE\1"]
    root = max(roots, key=lambda at: data[at + 5])  # the highest level
    shape = bytes((19, 5, 6 + 7 * 2, number))
    (folder / f"corpus_chunks/{number}").write_bytes(shape + struct.pack("<Q", root) + data)
    path.unlink()

# Files with a chunked and a virtual dataset and an attribute of variable length, in both kinds of headers.
for number, libver in enumerate((("earliest", "v110"), ("v110", "v110"))):
    path = folder / "seed.h5"
    with h5py.File(path, "w", libver=libver) as f:
        f.create_dataset("rows", data=np.zeros((4, 4), "f4"), chunks=(2, 2))
        f["rows"].attrs["name"] = "a string of variable length"
        shown = h5py.VirtualLayout((4, 4), "f4")
        shown[:] = h5py.VirtualSource(".", "rows", (4, 4))
        f.create_virtual_dataset("shown", shown)
        places = [h5py.h5o.get_info(f[name].id).addr for name in ("rows", "shown")]
    for address in places:
        (folder / f"corpus_headers/{number}_{address}").write_bytes(struct.pack("<Q", address) + path.read_bytes())
    path.unlink()
