"""What the package ships: a real trace, and the policy that decides over it.

`machine-under-load.jsonl` was written by `service-monitoring record` on 2026-11-23, on a machine with two
processors and 24 GB of memory, while `capstone/traces/load.py` saturated it and let go.
"""

from __future__ import annotations

from pathlib import Path

_DATA = Path(__file__).resolve().parents[1] / "data"

MACHINE_UNDER_LOAD = _DATA / "machine-under-load.jsonl"
"""The recorded trace."""

MACHINE_POLICY = _DATA / "machine.toml"
"""The policy for a machine's own metrics."""
