"""A new workspace validates, is whole or not there, and writes over nothing."""

import re
import stat
from pathlib import Path

import pytest
import yaml

from auditor.errors import UsageError
from auditor.loading import load_workspace
from auditor.loading.document import Report
from auditor.loading.inventories import load_department
from auditor.loading.schema import check_schema
from auditor.loading.settings import load_settings
from auditor.loading.yaml_reader import read_yaml
from auditor.model import Settings
from auditor.workflow.setup import init_workspace

CLONE = Path(__file__).parents[2]


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    root = tmp_path / "stock"
    for file in ("policies/national.yaml", "policies/departments/health.yaml", "policies/f/A.5.1.yaml", "checks/ssh/a.yaml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"file: {file}\n")
        (root / file).chmod(0o444)
    return root


def test_the_stock_is_copied_and_the_department_overlays_are_not(stock: Path, tmp_path: Path):
    """Policies and checks come along, writable; overlays belong to departments that a new workspace does not have."""
    written = init_workspace(tmp_path / "ws", stock=stock)
    assert [str(path.relative_to(tmp_path / "ws")) for path in written] == [
        ".gitignore",
        "auditor.toml",
        "checks/ssh/a.yaml",
        "inventories/example.yaml",
        "policies/f/A.5.1.yaml",
        "policies/national.yaml",
    ]
    assert (tmp_path / "ws/checks/ssh/a.yaml").stat().st_mode & stat.S_IWUSR
    assert stat.S_IMODE((tmp_path / "ws/findings").stat().st_mode) == 0o700
    assert "findings/" in (tmp_path / "ws/.gitignore").read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_settings_written_are_the_defaults(stock: Path, tmp_path: Path):
    """What the commented file says holds anyway: it says nothing that the program does not do."""
    root = tmp_path / "ws"
    init_workspace(root, stock=stock)
    names = ("policies", "checks", "inventories", "known_hosts")
    expected = Settings(root=root, ledger=root / "findings/ledger.db", **{name: root / name for name in names})
    assert load_settings(root) == expected


def test_the_example_inventory_is_this_machine_alone(stock: Path, tmp_path: Path):
    """The example is right, and auditing it touches no network."""
    init_workspace(tmp_path / "ws", stock=stock)
    data = (tmp_path / "ws/inventories/example.yaml").read_bytes()
    document, mistakes = read_yaml(data, "example.yaml", "example")
    assert document is not None
    schema, report = check_schema(document, "inventory"), Report()
    department = load_department(document, report, schema.unusable)
    assert (*mistakes, *schema.mistakes, *report.mistakes) == ()
    assert department is not None
    assert [asset.connection.method for asset in department.assets] == ["local"]
    uncommented = b"\n".join(line[1:] if line.startswith(b"#  ") else line for line in data.split(b"\n"))
    assert [host["uid"] for host in yaml.safe_load(uncommented)["hosts"]] == ["example-this-machine", "example-web-01"]


def test_a_workspace_of_the_stock_of_this_clone_validates(tmp_path: Path):
    """`auditor init` gives a workspace in which every file is right."""
    init_workspace(tmp_path / "ws", stock=CLONE)
    loaded = load_workspace(tmp_path / "ws")
    assert [str(mistake) for mistake in loaded.mistakes] == []
    assert loaded.catalogue is not None


def test_an_empty_folder_is_filled_and_stays_itself(stock: Path, tmp_path: Path):
    """`mkdir ws; cd ws; auditor init .` leaves the shell standing in the workspace."""
    root = tmp_path / "ws"
    root.mkdir()
    inode = root.stat().st_ino
    init_workspace(root, stock=stock)
    assert root.stat().st_ino == inode
    assert (root / "auditor.toml").is_file()


@pytest.mark.parametrize("kind", ["file", "filled", "dangling"])
def test_nothing_is_written_over(kind: str, stock: Path, tmp_path: Path):
    """A file, a folder with anything in it and a link to nowhere are refused and left as they were."""
    root = tmp_path / "ws"
    if kind == "file":
        root.write_text("mine")
    elif kind == "filled":
        root.mkdir()
        (root / "mine").write_text("mine")
    else:
        root.symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="name"):
        init_workspace(root, stock=stock)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_leaves_nothing_behind(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk that is full half-way leaves no half of a workspace."""

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UsageError, match="No space left"):
        init_workspace(tmp_path / "ws", stock=stock)
    assert [path.name for path in tmp_path.iterdir()] == ["stock"]


def test_an_installation_without_stock_says_so(tmp_path: Path):
    """A broken installation is told as one."""
    with pytest.raises(UsageError, match="install the auditor again"):
        init_workspace(tmp_path / "ws", stock=tmp_path)
    assert not (tmp_path / "ws").exists()


def test_every_commented_example_is_right_when_it_is_uncommented(tmp_path: Path):
    """Regression: the example of a calendar had its braces doubled, and was no YAML once its # was taken away."""
    root = tmp_path / "ws"
    init_workspace(root, stock=CLONE)
    for name, example in (
        ("auditor.toml", r"^# ?(?=\[|[a-z_]+ = |$)"),
        ("inventories/example.yaml", r"^#(?=  )|^# (?=[a-z]+: )"),
    ):
        path = root / name
        plain = re.sub(example, "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert plain != path.read_text(encoding="utf-8")
        path.write_text(plain, encoding="utf-8")
    assert "\ncalendar: {weekend" in (root / "inventories/example.yaml").read_text(encoding="utf-8")
    assert "\n[people.huda]\n" in (root / "auditor.toml").read_text(encoding="utf-8")
    loaded = load_workspace(root)
    assert [str(mistake) for mistake in loaded.mistakes] == []
    assert loaded.catalogue is not None
    assert set(loaded.catalogue.settings.people) == {"sara", "huda"}


def test_a_workspace_speaks_the_language_it_was_asked_for_in(stock: Path, tmp_path: Path):
    """Regression: AUDITOR_LANG=en auditor init wrote language = "ar"."""
    init_workspace(tmp_path / "en", stock=stock, language="en")
    assert load_settings(tmp_path / "en").language == "en"
    init_workspace(tmp_path / "ar", stock=stock)
    assert load_settings(tmp_path / "ar").language == "ar"
