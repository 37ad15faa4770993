"""`python -m completer`: the same as `completer`."""

from completer.cli.app import main

if __name__ == "__main__":
    main()
