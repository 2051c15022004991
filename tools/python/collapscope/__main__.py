"""`python -m collapscope plot …` and `python -m collapscope convert …`."""
import sys

from .text import did_you_mean

_USAGE = """Usage: python -m collapscope plot FIGURE RESULTS... -o FILE   figures of results (plot --help)
       python -m collapscope convert ...                   dumps from other files (convert --help)"""


def main(argv=None):
    """Runs one command; returns its exit status: 0 done, 1 some of it failed, 2 nothing done."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "plot":
        try:
            from .plot.command import main as run
        except ImportError as error:  # the message says what to install
            print(f"collapscope plot: {error}", file=sys.stderr)
            return 2
    elif command == "convert":
        from .convert import main as run
    else:
        if command and not command.startswith("-"):
            print(f"collapscope: no command is called {command!r}{did_you_mean(command, ('plot', 'convert'))}", file=sys.stderr)
        helped = command in ("-h", "--help")
        print(_USAGE, file=sys.stdout if helped else sys.stderr)
        return 0 if helped else 2
    return run(rest)


if __name__ == "__main__":
    sys.exit(main())
