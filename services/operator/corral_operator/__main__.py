"""Runs the operator: `python -m corral_operator`."""

if __name__ == "__main__":
    import sys

    from corral.process.startup import prepare

    prepare("corral-operator")
    from corral_operator.main import main

    sys.exit(main())
