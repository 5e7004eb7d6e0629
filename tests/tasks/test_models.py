"""Models from each source, and the errors of each."""

import pytest
import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.loading import load_model, model_digest
from tests.tasks.tiny_audit import MODEL, write_model

HEAD = "import torch\nfrom torch import nn\n"


def test_torchvision_from_a_state_dict(tmp_path):
    from torchvision import models

    model = models.squeezenet1_0(weights=None)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    loaded = load_model("torchvision:squeezenet1_0", str(tmp_path / "w.pth"))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.module(images), model.eval()(images))
    assert loaded.categories[0] == "tench" and len(loaded.categories) == 1000
    assert loaded.preprocessing["resize"] == 256 and loaded.preprocessing["crop"] == 224
    assert loaded.preprocessing["mean"] == (0.485, 0.456, 0.406)


def test_another_number_of_classes_takes_the_names_away(tmp_path):
    from torchvision import models

    torch.save(models.resnet18(num_classes=7).state_dict(), tmp_path / "w.pth")
    loaded = load_model("torchvision:resnet18", str(tmp_path / "w.pth"))
    assert loaded.module.fc.out_features == 7 and loaded.categories == ()


def test_timm_from_a_state_dict(tmp_path):
    timm = pytest.importorskip("timm")
    model = timm.create_model("mobilenetv3_small_050", num_classes=5)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "w.pth")
    loaded = load_model("timm:mobilenetv3_small_050", str(tmp_path / "w.pth"))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.module(images), model.eval()(images))
    assert loaded.preprocessing["crop"] == 224
    assert loaded.preprocessing["resize"] == int(224 / 0.875)


def test_a_python_file_with_its_preprocessing_and_weights(tmp_path):
    spec = write_model(tmp_path)
    first = load_model(spec, None)
    assert first.preprocessing["crop"] == 32 and not first.module.training
    state = {k: v + 1 for k, v in first.module.state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    second = load_model(spec, str(tmp_path / "w.pth")).module.state_dict()
    assert all(torch.equal(second[k], state[k]) for k in state)


def test_modules_of_ours_and_of_the_user_do_not_meet(tmp_path):
    for name in ("tasks", "data", "flows"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('imported')")
    load_model(write_model(tmp_path), None)
    import tasks.errors

    assert tasks.errors.AuditError is AuditError


def test_two_files_of_one_name_are_two_models(tmp_path):
    first = load_model(write_model(tmp_path / "a"), None).module
    second = load_model(write_model(tmp_path / "b", MODEL.replace("mul_(20)", "mul_(3)")), None)
    assert torch.allclose(first.fc.weight / 20, second.module.fc.weight / 3)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def build(:", "SyntaxError"),
        ("import nowhere_to_be_found", "nowhere_to_be_found"),
        ("x = 1", "no function 'build'"),
        ("build = 1", "build"),
        ("def build(size): pass", "missing 1 required"),
        ("def build(): return 3", "int; expected a torch.nn.Module"),
        ("def build(): raise ValueError('why not')", "why not"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        (HEAD + "def build():\n m = nn.Flatten()\n m.preprocessing = 3\n return m", "preproc"),
        (HEAD + "def build():\n m = nn.Flatten()\n m.preprocessing = 'x'\n return m", "preproc"),
    ],
)
def test_a_python_file_that_fails_says_so(tmp_path, source, says):
    with pytest.raises(AuditError, match=says) as error:
        load_model(write_model(tmp_path, source), None)
    assert "model.py" in str(error.value)


@pytest.mark.parametrize(
    ("spec", "weights", "says"),
    [
        ("resnet18", None, ["torchvision:NAME", "resnet18"]),
        ("torchvision:resnet19", None, ["resnet19", "closest: 'resnet18'"]),
        ("torchvision:", None, ["unknown"]),
        ("torchvision:resnet18", "IMAGENET1K_V9", ["IMAGENET1K_V9", "IMAGENET1K_V1"]),
        ("torchvision:resnet18", "absent.pth", ["absent.pth", "does not exist"]),
        ("timm:resnet19", None, ["resnet19", "closest"]),
        ("absent.py:build", None, ["absent.py", "does not exist"]),
        ("absent.pt2", None, ["absent.pt2", "does not exist"]),
    ],
)
def test_an_unknown_model_or_weights(spec, weights, says):
    with pytest.raises(AuditError) as error:
        load_model(spec, weights)
    for words in says:
        assert words in str(error.value)


def test_weights_that_do_not_fit_name_what_does_not(tmp_path):
    spec = write_model(tmp_path)
    state = load_model(spec, None).module.state_dict()
    changed = {k: v for k, v in state.items() if k != "fc.bias"}
    changed |= {"fc.weight": torch.ones(3, 5), "more": torch.ones(1)}
    torch.save(changed, tmp_path / "w.pth")
    with pytest.raises(AuditError) as error:
        load_model(spec, str(tmp_path / "w.pth"))
    for words in ("missing: fc.bias", "unknown: more", "expected (3, 12), got (3, 5)", "w.pth"):
        assert words in str(error.value)


def test_the_digest_sees_every_weight_and_nothing_else(tmp_path):
    spec = write_model(tmp_path)
    module = load_model(spec, None).module
    before = model_digest(module)
    assert model_digest(load_model(spec, None).module) == before
    for tensor in module.state_dict().values():
        old = tensor.clone()
        tensor += 1
        assert model_digest(module) != before
        tensor.copy_(old)
    assert model_digest(module) == before


def test_the_digest_is_the_same_in_every_process():
    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = object()  # say, a function or a partial

        def extra_repr(self) -> str:
            return f"act={self.act!r}"  # with its address

    first, second = Gate(), Gate()
    assert model_digest(first) == model_digest(second)
