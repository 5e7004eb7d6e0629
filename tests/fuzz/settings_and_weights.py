"""Configurations, policies, weights and exported programs."""

import io
import json
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path

import safetensors.torch
import torch
from hypothesis import strategies as st
from torch import nn

from tasks.check.policy import load_policy
from tasks.config import load_config
from tasks.errors import AuditError
from tasks.model.loading import load_model
from tasks.model.weights import load_state_dict
from tasks.training.config import load_train_config
from tests.fuzz.mutation import mutated, restructured

MARK = "owned"  # in the working folder; no file may make it
AUDIT = (
    b'images = "a"\nmodel = "small"\nout = "o"\nroots = ["a", "s3://b"]\nresize = 32\ncrop = 32\n'
    b"mean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]\nsecond_pass = 0.4\ntop_k = 5\nexact = true\n",
    b'images = "a"\nmodel = "m.py:build"\nout = "o"\nmethod = "gradcam++, layercam"\n',
    b'images = "a"\nout = "o"\nway = "scratch"\nvalidation = 0.2\nepochs = 3\nrate = 1e-3\n',
)
POLICY = (
    b'[[limit]]\nmetric = "accuracy"\nof = "class"\nat_least = 0.8\n',
    b'[[limit]]\nmetric = "accuracy"\nagainst = "previous"\nat_most_lower = 0.02\n',
)


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.mark), "w"))


def check_toml(content: bytes, folder: Path) -> None:
    file = folder / "c.toml"
    file.write_bytes(content)
    for load in (load_config, load_train_config):
        try:
            load(file, {})
        except AuditError:
            continue


def check_policy(content: bytes, folder: Path) -> None:
    (folder / "policy.toml").write_bytes(content)
    try:
        load_policy(folder / "policy.toml")
    except AuditError:
        return


def check_weights(suffix: str, content: bytes, folder: Path) -> None:
    (folder / f"w{suffix}").write_bytes(content)
    try:
        state = load_state_dict(str(folder / f"w{suffix}"))
    except AuditError:
        state = {}
    assert all(torch.is_tensor(value) for value in state.values())
    assert not (folder / MARK).exists(), "code of the file was run"


def check_program(content: bytes, folder: Path) -> None:
    (folder / "p.pt2").write_bytes(content)
    with suppress(AuditError):
        load_model(str(folder / "p.pt2"), None)
    assert not (folder / MARK).exists(), "code of the file was run"


def weights(suffix: str, folder: Path) -> st.SearchStrategy[bytes]:
    """Changed state dicts, and changed pickles that would run code."""
    state = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 3)).state_dict()
    if suffix == ".safetensors":
        return mutated([safetensors.torch.save(state)])
    seeds = []
    for content in (state, {"state_dict": state, "epoch": 3}, {"x": Hostile(folder / MARK)}):
        for zipped in (True, False):
            stream = io.BytesIO()
            torch.save(content, stream, _use_new_zipfile_serialization=zipped)
            seeds.append(stream.getvalue())
    seeds.append(pickle.dumps({"x": Hostile(folder / MARK), "w": [1.0]}))
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), script)
    return mutated([*seeds, script.getvalue()])


def programs(folder: Path) -> st.SearchStrategy[bytes]:
    """Changed archives, and archives whose graph is another."""
    stream = io.BytesIO()
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten())
    free = ({0: torch.export.Dim("batch", min=1, max=64)},)
    program = torch.export.export(module, (torch.randn(2, 3, 4, 4),), dynamic_shapes=free)
    torch.export.save(program, stream)
    with zipfile.ZipFile(stream) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    graph = next(name for name in members if name.endswith("models/model.json"))
    inputs = next(name for name in members if "sample_inputs" in name)
    hostile = io.BytesIO()
    torch.save(((Hostile(folder / MARK),), {}), hostile)

    def packed(changed: dict[str, bytes]) -> bytes:
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            for name, content in {**members, **changed}.items():
                archive.writestr(name, content)
        return whole.getvalue()

    return st.one_of(
        mutated([stream.getvalue(), packed({inputs: hostile.getvalue()})]),
        restructured(json.loads(members[graph])).map(lambda content: packed({graph: content})),
        mutated([members[graph]]).map(lambda content: packed({graph: content})),
    )
