"""The corral command, also as `python -m corral.cli`."""

from typing import NoReturn

from corral.process.startup import prepare, take_over_output


def run() -> NoReturn:
    """Prepare the process, and only then import what the command needs."""
    prepare()
    take_over_output()
    from corral.cli.main import main  # noqa: PLC0415  the reason stands above

    main()


if __name__ == "__main__":
    run()
