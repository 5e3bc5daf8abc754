"""`python -m outlayer_lint`."""

from outlayer_lint.cli import run

if __name__ == "__main__":
    run()
