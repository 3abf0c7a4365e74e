"""Measure g3proxyd and its peers side by side: `python bench/run.py --help`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The repository instead of this folder, so that the package is found under its own name.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.cli import main

    sys.exit(main())
