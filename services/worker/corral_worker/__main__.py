"""`python -m corral_worker`. Children import this module too: nothing but the guard belongs here."""

if __name__ == "__main__":
    import sys

    from corral.process.startup import prepare

    prepare()
    from corral_worker.main import main

    sys.exit(main())
