"""Runs maintenance in a process of its own: `python -m corral.maintenance`."""

if __name__ == "__main__":
    from corral.process.startup import prepare

    prepare()
    from corral.maintenance.main import main

    main()
