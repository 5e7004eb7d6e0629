"""The configuration: from TOML and flags, refused where it cannot hold."""

from pathlib import Path

import pytest

from tasks.config import AuditConfig, load_config
from tasks.errors import AuditError

REQUIRED = 'images = "pics"\nmodel = "torchvision:resnet18"\nout = "run"\n'


def load(folder: Path, text: str | bytes, **flags: object) -> AuditConfig:
    file = folder / "audit.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(file, flags)


def test_paths_in_the_file_are_relative_to_the_file_and_flags_to_the_current_folder(
    tmp_path, monkeypatch
):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    text = REQUIRED + 'weights = "../w.pth"\nclasses = "c.csv"\nannotations = "a.json"\n'
    config = load(there, text, out="elsewhere")
    assert config.images == str(there / "pics")
    assert config.weights == str(tmp_path / "w.pth")
    assert config.classes == str(there / "c.csv")
    assert config.annotations == str(there / "a.json")
    assert config.out == str(here / "elsewhere")


def test_what_is_no_path_is_left_alone(tmp_path):
    text = REQUIRED.replace('"pics"', '"s3://bucket/pics"') + 'weights = "IMAGENET1K_V1"\n'
    config = load(tmp_path, text, scheduler="tcp://host:8786")
    assert config.images == "s3://bucket/pics"
    assert config.model == "torchvision:resnet18"
    assert config.weights == "IMAGENET1K_V1"
    assert config.scheduler == "tcp://host:8786"


@pytest.mark.parametrize("model", ["net.py:build", "net.pt2"])
def test_a_models_file_is_a_path(tmp_path, model):
    config = load(tmp_path, REQUIRED.replace("torchvision:resnet18", model))
    assert config.model == str(tmp_path / model)


def test_flags_win_and_those_not_given_do_not(tmp_path):
    config = load(tmp_path, REQUIRED + "resize = 300\ncrop = 280\n", resize=290, crop=None)
    assert (config.resize, config.crop) == (290, 280)


def test_the_same_from_flags_alone(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = load_config(None, {"images": "i", "model": "timm:x", "out": "o", "mean": (0.1,) * 3})
    assert config.images == str(tmp_path / "i") and config.mean == (0.1, 0.1, 0.1)


@pytest.mark.parametrize("text", [REQUIRED.replace("\n", "\r\n"), REQUIRED + 'title = "Zoë"\n'])
def test_windows_line_ends_and_unicode(tmp_path, text):
    assert load(tmp_path, text).images == str(tmp_path / "pics")


def test_byte_order_mark(tmp_path):
    assert load(tmp_path, b"\xef\xbb\xbf" + REQUIRED.encode()).images == str(tmp_path / "pics")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("metod = 'cam'", ["metod", "unknown key", "method"]),
        ("method = 'gradcam+++'", ["gradcam+++", "gradcam++"]),
        ("shard_size = 0", ["shard_size", "greater than 0", "0"]),
        ("shard_size = 'many'", ["shard_size", "many"]),
        ("resize = 200\ncrop = 224", ["crop 224", "resize 200"]),
        ("std = [0.2, 0.0, 0.2]", ["std", "above 0"]),
        ("mean = [0.5, 0.5]", ["mean"]),
        ("device = 'tpu'", ["device", "tpu"]),
        ("interpolation = 'lanczos'", ["interpolation", "bilinear", "bicubic", "lanczos"]),
        ("[model_options]\nx = 1", ["model_options", "unknown key"]),
    ],
)
def test_an_error_names_the_key_the_expected_and_the_got(tmp_path, line, says):
    with pytest.raises(AuditError) as error:
        load(tmp_path, REQUIRED + line)
    for words in says:
        assert words in str(error.value)


def test_every_missing_key_is_named_with_its_flag(tmp_path):
    with pytest.raises(AuditError) as error:
        load(tmp_path, "")
    for flag in ("--images", "--model", "--out"):
        assert flag in str(error.value)


@pytest.mark.parametrize("text", ["images = ", b"title = '\xe9'", "a = 1\na = 2"])
def test_text_that_is_no_toml(tmp_path, text):
    with pytest.raises(AuditError, match=r"audit\.toml cannot be read as TOML"):
        load(tmp_path, text)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(AuditError, match=r"absent\.toml"):
        load_config(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    "line", ["std = [nan, 0.2, 0.2]", "std = [inf, 0.2, 0.2]", "mean = [nan, 0.5, 0.5]"]
)
def test_numbers_that_are_not_finite(tmp_path, line):
    with pytest.raises(AuditError):
        load(tmp_path, REQUIRED + line)


@pytest.mark.parametrize("line", ["resize = true", "shard_size = true", "exact = 'yes'"])
def test_wrong_types_are_not_bent_into_right_ones(tmp_path, line):
    with pytest.raises(AuditError):
        load(tmp_path, REQUIRED + line)


@pytest.mark.parametrize("key", ["images", "out", "model"])
def test_empty_text_is_no_value(tmp_path, key):
    value = {"images": "pics", "out": "run", "model": "torchvision:resnet18"}[key]
    with pytest.raises(AuditError):
        load(tmp_path, REQUIRED.replace(f'"{value}"', '""'))


def test_frozen(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        load(tmp_path, REQUIRED).crop = 3
