"""`python -m facula` is the `facula` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
