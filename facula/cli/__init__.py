"""The `facula` command. A subcommand is imported when asked for: scripts start fast."""

from .main import main as main
