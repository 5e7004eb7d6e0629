"""Exported programs that would run code where torch reads them."""

import json
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tasks.errors import AuditError
from tasks.model.loading import load_model

Change = Callable[[dict[str, bytes], Path], None]


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.mark), "w"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of a free batch, so that it states a size as an expression."""
    file = tmp_path_factory.mktemp("program") / "p.pt2"
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    free = ({0: torch.export.Dim("batch", min=1, max=64)},)
    example = (torch.randn(4, 3, 8, 8),)
    torch.export.save(torch.export.export(module, example, dynamic_shapes=free), file)
    return file


def changed(program: Path, file: Path, change: Change, mark: Path) -> str:
    with zipfile.ZipFile(program) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members, mark)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(file)


def expression(text: str) -> Change:
    """In the place of the size of the batch; MARK is the file's path, spelt without quotes."""

    def change(members: dict[str, bytes], mark: Path) -> None:
        path = "+".join(f"chr({ord(sign)})" for sign in str(mark))
        model = members["p/models/model.json"].decode()
        written = f'"expr_str": {json.dumps(text.replace("MARK", path))}'
        model, count = re.subn(r'"expr_str": "Symbol[^"]*"', lambda _: written, model)
        assert count
        members["p/models/model.json"] = model.encode()

    return change


def example_inputs(members: dict[str, bytes], mark: Path) -> None:
    torch.save(((Hostile(mark),), {}), mark.with_suffix(".pt"))
    members["p/data/sample_inputs/model.pt"] = mark.with_suffix(".pt").read_bytes()


def weight(members: dict[str, bytes], mark: Path) -> None:
    torch.save(Hostile(mark), mark.with_suffix(".pt"))
    members["p/data/weights/weight_0"] = mark.with_suffix(".pt").read_bytes()
    name = "p/data/weights/model_weights_config.json"
    config = json.loads(members[name])
    for payload in config["config"].values():
        payload["use_pickle"] = True
    members[name] = json.dumps(config).encode()


def constant(members: dict[str, bytes], mark: Path) -> None:
    members["p/data/constants/opaque_obj_0"] = pickle.dumps(Hostile(mark))
    payload = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True}
    config = {"config": {"x": {**payload, "tensor_meta": None}}}
    members["p/data/constants/model_constants_config.json"] = json.dumps(config).encode()


HOSTILE = {
    "an expression": expression("open(MARK,chr(119))"),
    "members of an expression": expression("().__class__.__base__.__subclasses__()"),
    "example inputs": example_inputs,
    "a weight": weight,
    "a constant": constant,
}
SILENT = ("members of an expression",)  # does nothing but look around


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_program_is_refused_and_not_run(program: Path, tmp_path: Path, kind: str) -> None:
    mark = tmp_path / "owned"
    file = changed(program, tmp_path / "p.pt2", HOSTILE[kind], mark)
    with pytest.raises(AuditError, match=r"p\.pt2 is no exported program"):
        load_model(file, None)
    assert not mark.exists()
    try:
        torch.export.load(file)  # the attack is a real one, and nothing of ours is left behind
    except Exception as error:
        print(error)
    assert mark.exists() == (kind not in SILENT)


def test_compiled_libraries_are_not_loaded(program: Path, tmp_path: Path) -> None:
    def compiled(members: dict[str, bytes], mark: Path) -> None:
        members["p/data/aotinductor/model/model.wrapper.so"] = b"\x7fELF"

    file = changed(program, tmp_path / "p.pt2", compiled, tmp_path / "owned")
    with pytest.raises(AuditError, match="compiled library"):
        load_model(file, None)


def test_sizes_of_many_forms_are_read(tmp_path: Path) -> None:
    class Grid(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.max_pool2d(torch.cat([x, x]), 3, 2)
            return x.reshape(x.shape[0] // 2, -1).view(-1, x[0].numel() * 2) + x.shape[0] * 0.5

    free = ({0: torch.export.Dim("batch", min=2, max=64)},)
    file = tmp_path / "g.pt2"
    example = torch.randn(4, 3, 9, 9)
    torch.export.save(torch.export.export(Grid(), (example,), dynamic_shapes=free), file)
    loaded = load_model(str(file), None)
    assert torch.equal(loaded.module(example), Grid()(example))
