"""`python -m redflow.cli`: the same as the command `redflow`."""

from redflow.cli.main import main

if __name__ == "__main__":
    main()
