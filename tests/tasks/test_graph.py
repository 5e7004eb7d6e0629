"""The view of a network: its table, and TensorBoard's events read back by TensorBoard."""

import re
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.graph_pb2 import GraphDef

from cam_kernels.layers.receptive_field import ReceptiveField
from tasks.errors import AuditError
from tasks.model.loading import load_model
from tasks.views.graph import EVENTS_FILE, GraphNotTraced, view_network, write_graph
from tests.tasks.tiny_audit import write_model

NET = """
import torch
from torch import nn
class Net(nn.Module):
    preprocessing = {"crop": 16}
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4)
        self.block = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU())
        self.fc = nn.Linear(6, 3)
    def forward(self, x):
        y = self.fc(self.block(self.norm(self.conv(x))).mean(dim=(2, 3)))
        return RESULT
build = Net
"""

TRANSFORMER = """
from torchvision.models import VisionTransformer
def build():
    model = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
    model.preprocessing = {"crop": 32}
    return model
"""


def net(folder: Path, result: str = "y") -> str:
    return write_model(folder, NET.replace("RESULT", result))


def read_graph(events: Path) -> GraphDef:
    """What TensorBoard shows of the folder of an events file."""
    accumulator = EventAccumulator(str(events.parent)).Reload()
    graph: GraphDef = accumulator.Graph()
    return graph


def layers_with(graph: GraphDef, operator: str) -> set[str]:
    """Layers in whose scope such a node stands: 'Net/Sequential[block]/Conv2d[0]/...' is block.0"""
    nodes = [node.name for node in graph.node if node.op == operator]
    return {".".join(re.findall(r"\[(\w+)\]", name)) for name in nodes}


def test_the_table_by_hand(tmp_path):
    view = view_network(net(tmp_path))
    rows = [
        (layer.name, layer.kind, layer.output_shapes, layer.parameters, layer.multiply_adds)
        for layer, _ in view.rows()
    ]
    assert rows == [
        ("conv", "Conv2d", ((4, 8, 8),), 4 * 27 + 4, 4 * 64 * 27),
        ("norm", "BatchNorm2d", ((4, 8, 8),), 8, 0),
        ("block.0", "Conv2d", ((6, 6, 6),), 6 * 36 + 6, 6 * 36 * 36),
        ("block.1", "ReLU", ((6, 6, 6),), 0, 0),
        ("fc", "Linear", ((3,),), 21, 18),
    ]
    early, late = ReceptiveField((-1, -1), (3, 3), (2, 2)), ReceptiveField((-1, -1), (7, 7), (2, 2))
    assert [field for _, field in view.rows()] == [early, early, late, late, None]
    assert view.cost.parameters == 112 + 8 + 222 + 21
    assert view.cost.multiply_adds == 4 * 64 * 27 + 6 * 36 * 36 + 18


@pytest.mark.parametrize("result", ["y", "(y, y + 1)", "{'logits': y, 'more': y * 2}"])
def test_the_events_hold_the_graph(tmp_path, result):
    view = view_network(net(tmp_path, result))
    events = write_graph(view, tmp_path / "out")
    assert events == tmp_path / "out" / "model.py_build" / EVENTS_FILE
    graph = read_graph(events)
    assert layers_with(graph, "aten::_convolution") == {"conv", "block.0"}
    assert layers_with(graph, "aten::linear") == {"fc"}
    assert layers_with(graph, "aten::batch_norm") == {"norm"}


def test_a_published_model(tmp_path):
    view = view_network("torchvision:squeezenet1_1", crop=64)
    graph = read_graph(write_graph(view, tmp_path))
    convolutions = {layer.name for layer, _ in view.rows() if layer.kind == "Conv2d"}
    assert layers_with(graph, "aten::_convolution") == convolutions and len(convolutions) == 26


def test_a_transformer_takes_one_path_with_and_without_gradients(tmp_path):
    view = view_network(write_model(tmp_path, TRANSFORMER))
    graph = read_graph(write_graph(view, tmp_path))
    attention = {layer.name for layer, _ in view.rows() if layer.kind == "MultiheadAttention"}
    assert attention == layers_with(graph, "aten::scaled_dot_product_attention")
    assert attention == {f"encoder.layers.encoder_layer_{i}.self_attention" for i in (0, 1)}


def test_timm(tmp_path):
    pytest.importorskip("timm")
    view = view_network("timm:resnet10t", crop=64)
    module = load_model("timm:resnet10t", None, untrained=True).module
    assert view.cost.parameters == sum(p.numel() for p in module.parameters())
    graph = read_graph(write_graph(view, tmp_path))
    assert "conv1.0" in layers_with(graph, "aten::_convolution")


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_an_exported_program_has_the_layers_of_its_model(tmp_path, batch):
    spec = net(tmp_path)
    module = load_model(spec, None).module
    images = torch.randn(batch or 4, 3, 16, 16)
    free = None if batch else ({0: torch.export.Dim("batch", min=1, max=64)},)
    program = torch.export.export(module, (images,), dynamic_shapes=free)
    torch.export.save(program, tmp_path / "p.pt2")
    view = view_network(str(tmp_path / "p.pt2"), crop=16)
    assert view.cost == view_network(spec).cost
    graph = read_graph(write_graph(view, tmp_path / "out"))
    assert layers_with(graph, "aten::_convolution") == {"conv", "block.0"}


def test_again_replaces_and_another_model_stands_beside(tmp_path):
    out = tmp_path / "out"
    first = write_graph(view_network(net(tmp_path)), out)
    again = write_graph(view_network(net(tmp_path, "y * 2")), out)
    other = write_graph(view_network("torchvision:squeezenet1_1", crop=64), out)
    assert first == again and {path for path in out.rglob("*") if path.is_file()} == {first, other}
    assert "aten::mul" in {node.op for node in read_graph(again).node}


def test_weights_with_another_number_of_classes(tmp_path):
    from torchvision import models

    torch.save(models.squeezenet1_1(num_classes=7).state_dict(), tmp_path / "w.pth")
    view = view_network("torchvision:squeezenet1_1", str(tmp_path / "w.pth"), 64)
    assert next(c for c in view.cost.layers if c.name == "classifier.1").parameters == 513 * 7
    named = view_network("torchvision:squeezenet1_1", "IMAGENET1K_V1", 64)
    assert next(c for c in named.cost.layers if c.name == "classifier.1").parameters == 513 * 1000


@pytest.mark.parametrize(
    ("model", "weights", "crop", "says"),
    [
        ("resnet18", None, None, ["of no known kind", "torchvision:NAME"]),
        ("torchvision:resnet19", None, None, ["'resnet19' is unknown", "closest: 'resnet18'"]),
        ("timm:resnet19", None, None, ["'resnet19' is unknown"]),
        ("absent.py:build", None, None, ["absent.py does not exist"]),
        ("absent.pt2", None, None, ["absent.pt2 does not exist"]),
        ("torchvision:vit_b_32", None, 100, ["fails on an input of 3 x 100 x 100", "--crop"]),
        ("torchvision:alexnet", None, 8, ["fails on an input of 3 x 8 x 8", "--crop"]),
        ("torchvision:alexnet", None, 0, ["crop is 0", "above 0"]),
        ("torchvision:alexnet", None, -3, ["crop is -3", "above 0"]),
        ("torchvision:alexnet", "IMAGENET1K_V9", None, ["IMAGENET1K_V9", "IMAGENET1K_V1"]),
        ("torchvision:alexnet", "absent.pth", None, ["absent.pth does not exist"]),
        ("timm:resnet18", "no_such_weights", None, ["no_such_weights does not exist"]),
    ],
)
def test_what_cannot_be_viewed(model, weights, crop, says):
    with pytest.raises(AuditError) as error:
        view_network(model, weights, crop)
    for words in says:
        assert words in str(error.value)


def test_a_stated_crop_that_is_no_number(tmp_path):
    spec = write_model(tmp_path, NET.replace("RESULT", "y").replace('"crop": 16', '"crop": "16"'))
    with pytest.raises(AuditError, match="crop is '16'"):
        view_network(spec)


@pytest.mark.parametrize("result", ["{'a': y, 'b': [y, y]}", "{'a': y, 'b': None}", "object()"])
def test_a_model_that_cannot_be_traced_has_its_table_and_leaves_no_events(tmp_path, result, capsys):
    view = view_network(net(tmp_path, result))
    assert len(view.rows()) == 5
    with pytest.raises(GraphNotTraced) as error:
        write_graph(view, tmp_path / "out")
    for words in ("model.py:build", "RuntimeError", "not written", "tuple or dict of tensors"):
        assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []
    assert capsys.readouterr().out == ""


def test_without_tensorboard_the_table_stands_and_the_extra_is_named(tmp_path, monkeypatch):
    view = view_network(net(tmp_path))
    for module in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(AuditError, match=re.escape("pip install 'camaudit[tensorboard]'")):
        write_graph(view, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_model_is_left_as_it_was(tmp_path):
    view = view_network(net(tmp_path))
    before = {key: value.clone() for key, value in view.module.state_dict().items()}
    write_graph(view, tmp_path / "out")
    assert all(torch.equal(v, before[k]) for k, v in view.module.state_dict().items())
    assert not any(module.training for module in view.module.modules())
    assert torch.backends.mha.get_fastpath_enabled()
