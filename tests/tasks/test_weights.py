"""State dicts from files that may be wrapped, damaged or hostile."""

import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.loading import load_model
from tasks.model.weights import load_state_dict

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, -1.0])}


def loaded_equals_state(file: Path) -> bool:
    found = load_state_dict(str(file))
    return found.keys() == STATE.keys() and all(torch.equal(found[k], STATE[k]) for k in STATE)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".ckpt", ""])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model"])
def test_torch_files_bare_and_wrapped(tmp_path, suffix, wrapper):
    file = tmp_path / f"w{suffix}"
    torch.save(STATE if wrapper is None else {"epoch": 3, wrapper: STATE}, file)
    assert loaded_equals_state(file)


def test_safetensors(tmp_path):
    safetensors.torch.save_file(STATE, tmp_path / "w.safetensors")
    assert loaded_equals_state(tmp_path / "w.safetensors")


def test_the_prefix_of_data_parallel(tmp_path):
    torch.save({"state_dict": {f"module.{k}": v for k, v in STATE.items()}}, tmp_path / "w.pth")
    assert loaded_equals_state(tmp_path / "w.pth")


class Hostile:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("save", ["torch", "pickle"])
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, save):
    sign, file = tmp_path / "owned", tmp_path / "w.pth"
    content = {"a.weight": Hostile(f"touch {sign}")}
    if save == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    with pytest.raises(AuditError, match="run code"):
        load_state_dict(str(file))
    assert not sign.exists()


def test_the_hostile_file_of_the_test_above_is_hostile(tmp_path):
    file = tmp_path / "w.pkl"
    file.write_bytes(pickle.dumps(Hostile(f"touch {tmp_path / 'owned'}")))
    subprocess.run(["python3", "-m", "pickle", str(file)], check=True, capture_output=True)
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "content", [[torch.ones(2)], torch.ones(2), {}, {"a": 3}, {"state_dict": {"a": "text"}}]
)
def test_what_is_no_state_dict(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(AuditError, match="no state dict"):
        load_state_dict(str(tmp_path / "w.pth"))


@pytest.mark.parametrize("content", [nn.Linear(2, 2), {"best": np.float64(3), "state_dict": STATE}])
def test_more_than_tensors(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(AuditError, match="Save the state dict alone"):
        load_state_dict(str(tmp_path / "w.pth"))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404</html>", b"PK\x03\x04 half", b"hello world", b"\x80\x02s\xe7\xdd\x90"],
)
def test_damaged_files(tmp_path, suffix, content):
    file = tmp_path / f"w{suffix}"
    file.write_bytes(content)
    with pytest.raises(AuditError, match=file.name):
        load_state_dict(str(file))


@pytest.mark.parametrize("content", [b"<html>404</html>", b"version https://git-lfs.github.com"])
def test_a_page_of_text_is_not_called_hostile(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(AuditError, match="damaged"):
        load_state_dict(str(tmp_path / "w.pth"))


def test_a_truncated_file(tmp_path):
    torch.save(STATE, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    (tmp_path / "w.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(AuditError, match="damaged"):
        load_state_dict(str(tmp_path / "w.pth"))


def test_a_missing_file(tmp_path):
    with pytest.raises(AuditError, match="does not exist"):
        load_state_dict(str(tmp_path / "absent.pth"))


@pytest.mark.parametrize("name", ["squeezenet1_0", "shufflenet_v2_x0_5", "mobilenet_v2"])
@pytest.mark.parametrize("classes", [1000, 10])
def test_the_number_of_outputs_whatever_the_order_of_the_keys(tmp_path, name, classes):
    # of the classifier: mobilenet_v2's own published weights "do not fit".
    from torchvision import models

    state = models.get_model(name, weights=None, num_classes=classes).state_dict()
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    module = load_model(f"torchvision:{name}", str(tmp_path / "w.safetensors")).module
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
