"""`python -m reelbrush`, and the command `reelbrush`: the command line."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line. Ctrl-C before it has been imported, which may take seconds from a slow disk, ends it as it
    ends any program: nothing has begun that would have to be told of."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # one that is ignored stays so
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli import main as run

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
