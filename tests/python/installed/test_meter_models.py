"""Meter of networks as they are used: ResNet, ViT and BERT with masks, random and small. The bits of the program, the oracle's values."""
import json
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import collapscope
from collapscope import program as collapscope_program

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reference"))
import collapse_oracle as oracle  # noqa: E402

LOOSE = {"nrc3_gamma", "nrc3_gamma_over_lambda_min", "feature_rankme", "feature_effective_rank"}  # 1e-6, as the spec says
WORDS, LENGTH, K = 50, 9, 3


def resnet(outputs):
    torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    torch.manual_seed(0)
    model = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=outputs)
    for module in model.modules():  # as after a training: running means and variances that are not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1), module.running_var.uniform_(0.5, 2)
    return model


def vit_of_torchvision(outputs):
    torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
    torch.manual_seed(1)
    model = torchvision.models.VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=24, mlp_dim=40, dropout=0.1,
                                                 num_classes=outputs)
    torch.nn.init.normal_(model.heads.head.weight)  # zeros at first
    return model


def vit_of_transformers(outputs):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(2)
    return transformers.ViTForImageClassification(transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, image_size=32, patch_size=8, num_labels=outputs))


def bert(kind, outputs):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(3)
    return getattr(transformers, f"BertFor{kind}")(transformers.BertConfig(
        vocab_size=WORDS, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, max_position_embeddings=32,
        num_labels=outputs))


def targets(shape, task):
    return torch.randn(*shape, K) if task == "regression" else torch.randint(0, K, shape)


def images(task, make_input=lambda x: x):
    torch.manual_seed(4)
    return [{"x": make_input(torch.randn(n, 3, 32, 32)), "y": targets((n,), task)} for n in (64, 64, 23)]


def sentences(task, per_token):
    """Batches of other lengths, padded, some on the left."""
    torch.manual_seed(5)
    items = []
    for n, length in ((40, LENGTH), (40, LENGTH + 4), (1, 5), (37, LENGTH)):
        kept = torch.arange(length) < torch.randint(1, length + 1, (n, 1))
        kept[: n // 4] = kept[: n // 4].flip(1)
        items.append({"x": {"input_ids": torch.randint(0, WORDS, (n, length)), "attention_mask": kept.long()},
                      "y": targets((n, length) if per_token else (n,), task), "mask": kept})
    return items


def stored(dataset):
    """Numbers of a dump, bfloat16 too, which it keeps as bits."""
    if dataset.attrs.get("dtype") == "bfloat16":
        return (dataset[()].astype("<u4") << 16).view("<f4").astype(float)
    return dataset[()].astype(float)


def of_program(path, looks):
    done = subprocess.run([collapscope_program.find_program(), "analyze", str(path), "-q", "-o", "-", "--looks", str(looks)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expect_oracle(found, path, task):
    """Every metric that the oracle has, of every layer, from the arrays of the dump."""
    compared = 0
    with h5py.File(path) as file:
        y, p = file["targets"][()], stored(file["predictions"])
        for layer in found["layers"]:
            group = file["layers"][layer["name"]]
            h = stored(group["activations"])
            w, b = (stored(group[name]) if name in group else None for name in ("weight", "bias"))
            if task == "regression":
                wanted = oracle.layer_metrics(h, y.reshape(len(y), -1), W=w, P=p.reshape(len(y), -1))
            else:
                wanted = oracle.classification_metrics(h, y, w if w is not None and w.ndim == 2 else None, b, p)
            for name, value in wanted.items():
                other = layer["metrics"].get(name, found["targets"].get(name))
                if value is None or other is None or name in ("classes", "classes_single", "class_imbalance"):
                    continue
                relative = 1e-6 if name in LOOSE else 1e-8
                floor = (layer.get("floors") or {}).get(name) or 0
                np.testing.assert_allclose(np.asarray(other, float), np.asarray(value, float), rtol=relative, atol=max(1e-12, floor),
                                           err_msg=f"{layer['name']}: {name}")
                compared += 1
    return compared


CASES = {
    "resnet": (resnet, images, {"exclude": "layer4"}),
    "resnet max": (resnet, images, {"pool": {"layer*": "max"}, "layers": ["layer[12]*", "fc"]}),
    "vit of torchvision": (vit_of_torchvision, images, {"exclude": "encoder.layers.*.self_attention"}),
    "vit of transformers": (vit_of_transformers, lambda task: images(task, lambda x: {"pixel_values": x}), {"pool": "first"}),
    "bert": (lambda outputs: bert("SequenceClassification", outputs), lambda task: sentences(task, False), {"pool": "mean"}),
    "bert last": (lambda outputs: bert("SequenceClassification", outputs), lambda task: sentences(task, False),
                  {"pool": {"bert.encoder.*": "last"}, "dtype": "float16"}),
    "bert tokens": (lambda outputs: bert("TokenClassification", outputs), lambda task: sentences(task, True), {"pool": "none"}),
    "bert autocast": (lambda outputs: bert("TokenClassification", outputs), lambda task: sentences(task, True),
                      {"pool": "none", "autocast": "bfloat16"}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", ["regression", "classification"])
@pytest.mark.parametrize("case", list(CASES))
def test_the_bits_of_the_program_and_the_values_of_the_definitions(case, task, tmp_path):
    make, batches, options = CASES[case]
    model, data = make(K).train(), batches(task)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    meter = collapscope.Meter(model, task=task, attributes={"run": "r", "step": 1}, **options)
    for item in data:
        meter.update(**item)
    path = tmp_path / "a.h5"
    collapscope.record(model, path, data, batch=dict, task=task, attributes={"run": "r", "step": 1}, **options)
    for looks, found in ((1, meter.results()), (2, meter.results(data, batch=dict))):
        wanted = of_program(path, looks)
        assert found["provenance"]["digest"] == wanted["provenance"]["digest"]
        for part in ("task", "samples", "attributes", "targets", "layers", "depth"):
            assert found["checkpoints"][0].get(part) == wanted["checkpoints"][0].get(part), part
        assert expect_oracle(found["checkpoints"][0], path, task) >= 10 * len(found["checkpoints"][0]["layers"])
    assert model.training and all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    expected = sum(len(item["y"]) if item["y"].ndim == 1 or "tokens" not in case and "autocast" not in case else int(item["mask"].sum())
                   for item in data)
    assert meter.samples == expected


@pytest.mark.filterwarnings("ignore")
def test_what_is_padding_does_not_count():
    """Other words under the mask: the same numbers. Means of the layers' inputs by hand: the same."""
    model, data = bert("SequenceClassification", K), sentences("regression", False)
    found = []
    for words in (0, 7):
        meter = collapscope.Meter(model, layers="bert.encoder.layer.*")
        for item in data:
            ids = torch.where(item["mask"], item["x"]["input_ids"], words)
            meter.update({**item["x"], "input_ids": ids}, item["y"], mask=item["mask"])
        found.append(meter.compute(wide=True))
    for name in ("nrc1", "deep_nrc1", "total_variance", "linear_mse"):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-5)
    rows = []
    for item in data:
        with torch.no_grad():
            hidden = model.eval().bert.embeddings(item["x"]["input_ids"])
        rows += [hidden[i][item["mask"][i]].mean(0).numpy() for i in range(len(hidden))]
    first = collapscope.Meter(model, layers="bert.encoder.layer.0.attention.self.query")
    for item in data:
        first.update(**item)
    variance = float(np.stack(rows).astype(float).var(0).sum())
    assert first.compute(wide=True)["total_variance"][0] == pytest.approx(variance, rel=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_tokens_of_padding_are_refused_without_a_mask():
    """Labels of -100 at padding: with ignore_label they are as good as the mask."""
    model, data = bert("TokenClassification", K), sentences("classification", True)
    masked, ignored = (collapscope.Meter(model, task="classification", pool="none", **options) for options in ({}, {"ignore_label": -100}))
    for item in data:
        masked.update(**item)
        ignored.update(item["x"], torch.where(item["mask"], item["y"], -100))
    assert masked.results()["checkpoints"][0]["layers"] == ignored.results()["checkpoints"][0]["layers"]
    plain = collapscope.Meter(model, task="classification", pool="none")
    with warnings.catch_warnings(), pytest.raises(ValueError, match=r"mask=\(y != -100\)"):
        warnings.simplefilter("ignore")
        plain.update(data[0]["x"], torch.where(data[0]["mask"], data[0]["y"], -100))
