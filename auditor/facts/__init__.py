"""Facts: named, typed values read from hosts and networks. One module per fact; ``FACTS`` is the whole family."""

from auditor.facts.interface import Arguments, Fact, HostProbe, NetworkProbe
from auditor.facts.registry import FACTS, by_name, is_volatile

__all__ = ["FACTS", "Arguments", "Fact", "HostProbe", "NetworkProbe", "by_name", "is_volatile"]
