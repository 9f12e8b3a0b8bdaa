"""YAML and TOML to the model; every mistake named with file, line and column."""

from auditor.loading.document import Document
from auditor.loading.files import shown_path
from auditor.loading.mistake import Mistake, in_order
from auditor.loading.schema import KINDS, load_schema
from auditor.loading.secrets import looks_secret
from auditor.loading.settings import SETTINGS_FILE, account_of, find_root, load_settings
from auditor.loading.stock import stock_root
from auditor.loading.workspace import LoadResult, check_mistakes, inventory_mistakes, load_workspace
from auditor.loading.yaml_reader import read_yaml

__all__ = [
    "KINDS",
    "SETTINGS_FILE",
    "Document",
    "LoadResult",
    "Mistake",
    "account_of",
    "check_mistakes",
    "find_root",
    "in_order",
    "inventory_mistakes",
    "load_schema",
    "load_settings",
    "load_workspace",
    "looks_secret",
    "read_yaml",
    "shown_path",
    "stock_root",
]
