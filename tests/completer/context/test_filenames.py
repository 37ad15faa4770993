import pytest

from completer.context.filenames import file_reason, folder_reason, is_build_folder_name
from completer.context.verdict import Reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("environment.py", None),
        ("keys.py", None),
        ("credentials.py", None),
        ("monkey.ts", None),
        ("tokenizer.json", None),
        ("pemmican.rs", None),
        ("ID_RSA.bak", Reason.SECRET),
        ("terraform.tfstate.backup", Reason.SECRET),
        ("service-account-prod.json", Reason.SECRET),
        (".eslintrc.json", Reason.HIDDEN),
        ("api_pb2.py", Reason.GENERATED),
        ("Cargo.lock", Reason.GENERATED),
        ("jquery.min.js", Reason.GENERATED),
    ],
)
def test_files(name, reason):
    assert file_reason(name) is reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("src", None),
        ("environments", None),
        (".ssh", Reason.SECRET),
        (".github", Reason.HIDDEN),
        ("node_modules", Reason.VENDOR),
        ("thing.egg-info", Reason.VENDOR),
    ],
)
def test_folders(name, reason):
    assert folder_reason(name) is reason


def test_names_that_only_often_are_of_built_folders():
    assert is_build_folder_name("Dist")
    assert not is_build_folder_name("builder")
    assert folder_reason("build") is None
