"""`python -m pingpool` is the command `pingpool`."""

from pingpool.cli import main

if __name__ == "__main__":
    main()
