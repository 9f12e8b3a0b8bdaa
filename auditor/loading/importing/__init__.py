"""Inventories that departments already have, brought into the auditor's own format.

Each reader gives the hosts it could read whole, and a mistake with its place for each that it could not; nothing in a file
makes it raise anything but ``UsageError``, and that only when the file itself cannot be opened.
"""

from auditor.loading.importing.ansible import read_ansible
from auditor.loading.importing.host import Imported, ImportedHost
from auditor.loading.importing.nmap_xml import read_nmap_xml
from auditor.loading.importing.sheets import read_csv, read_xlsx
from auditor.loading.importing.template import write_template
from auditor.loading.importing.writing import not_imported, write_inventory

__all__ = [
    "Imported",
    "ImportedHost",
    "not_imported",
    "read_ansible",
    "read_csv",
    "read_nmap_xml",
    "read_xlsx",
    "write_inventory",
    "write_template",
]
