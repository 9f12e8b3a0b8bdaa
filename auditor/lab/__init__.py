"""The demonstration fleet: real SSH servers in namespaces of this machine, each built to show something.

``up`` starts it, ``down`` leaves nothing behind, ``write_workspace`` makes a workspace in which ``auditor audit`` audits it.
"""

from auditor.lab.defects import DEFECTS, Defect, Finds
from auditor.lab.expected import DEPARTMENT, EXPECTED, HOSTILE_HOST, NEEDS_SUDO, REACH, Expected
from auditor.lab.fleet import LOGIN_RECORDS, FileState, Fleet, HostStatus, attach, down, status, up
from auditor.lab.machine import capabilities
from auditor.lab.spec import DEPARTMENTS, HARDENED, HOSTS, RELEASE_HOSTS, HostSpec, Login, Trust, host_spec
from auditor.lab.workspace import write_workspace

__all__ = [
    "DEFECTS",
    "DEPARTMENT",
    "DEPARTMENTS",
    "EXPECTED",
    "HARDENED",
    "HOSTILE_HOST",
    "HOSTS",
    "LOGIN_RECORDS",
    "NEEDS_SUDO",
    "REACH",
    "RELEASE_HOSTS",
    "Defect",
    "Expected",
    "FileState",
    "Finds",
    "Fleet",
    "HostSpec",
    "HostStatus",
    "Login",
    "Trust",
    "attach",
    "capabilities",
    "down",
    "host_spec",
    "status",
    "up",
    "write_workspace",
]
