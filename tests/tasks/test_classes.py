"""Class indices of folders and label words."""

import pytest

from tasks.errors import AuditError
from tasks.index.classes import classes_from_words, read_classes

OUTPUTS = ["out 0", "out 1", "out 2"]


@pytest.fixture
def read(tmp_path):
    def read_text(text: str, encoding: str = "utf-8"):
        file = tmp_path / "classes.csv"
        file.write_bytes(text.encode(encoding))
        return read_classes(str(file), OUTPUTS)

    return read_text


def test_names_replace_those_of_the_model_and_folders_lead_to_indices(read):
    classes = read("class_idx,name,folder\n2,tench,n01\n0,horn,n02\n")
    assert classes.names == ("horn", "out 1", "tench")
    assert classes.index_of == {"n01": 2, "n02": 0, "tench": 2, "horn": 0}


def test_the_name_is_the_folder_where_none_is_given(read):
    assert read("name,class_idx\nb,0\na,1\n").index_of == {"b": 0, "a": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_windows_files(read, encoding, end):
    text = "class_idx,name\n0,Zoë\n1,a b\n".replace("\n", end)
    assert read(text, encoding).index_of == {"Zoë": 0, "a b": 1}


def test_words_like_na_are_names(read):
    assert read("class_idx,name\n0,NA\n1,null\n2,nan\n").names == ("NA", "null", "nan")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("idx,name\n0,a\n", ["class_idx", "idx,name"]),
        ("class_idx,name\n3,a\n", ["'3'", "0 to 2"]),
        ("class_idx,name\n-1,a\n", ["'-1'", "0 to 2"]),
        ("class_idx,name\n1.5,a\n", ["'1.5'"]),
        ("class_idx,name\n,a\n", ["''", "0 to 2"]),
        ("class_idx,name\n0,a\n0,b\n", ["class_idx", "twice"]),
        ("class_idx,name\n0,a\n1,a\n", ["folder 'a'", "twice"]),
        ("", ["cannot be read"]),
    ],
)
def test_errors_say_what_is_wrong(read, text, says):
    with pytest.raises(AuditError) as error:
        read(text)
    for words in [*says, "classes.csv"]:
        assert words in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(AuditError, match=r"absent\.csv"):
        read_classes(str(tmp_path / "absent.csv"), OUTPUTS)


def test_a_comma_at_the_end_of_each_line(read):
    assert read("class_idx,name\n0,a,\n1,b,\n").index_of == {"a": 0, "b": 1}


def test_a_name_that_two_classes_share_leads_to_neither(read):
    classes = read("class_idx,name,folder\n0,crane,n1\n1,crane,n2\n")
    assert classes.index_of == {"n1": 0, "n2": 1}


def test_folders_in_sorted_order():
    classes = classes_from_words(["b", "a", "c", "a"], OUTPUTS, "folders")
    assert classes.names == ("a", "b", "c")
    assert classes.index_of == {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize("words", [["a", "b"], ["a", "b", "c", "d"]])
def test_another_number_of_folders_is_an_error_that_says_how_to_mend_it(words):
    with pytest.raises(AuditError) as error:
        classes_from_words(words, OUTPUTS, "folders")
    for words_of_error in (f"{len(words)} class folders", "3 outputs", "--classes", "folder"):
        assert words_of_error in str(error.value)
