"""`python -m g3proxyd` is the command `g3proxyd`."""

from .cli import main

if __name__ == "__main__":
    main()
