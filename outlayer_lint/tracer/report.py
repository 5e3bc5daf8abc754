"""What a trace found, as text, JSON (version 1) and SARIF."""

from __future__ import annotations
