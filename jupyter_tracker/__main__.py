"""`python -m jupyter_tracker` is `jupyter tracker`."""

from .cli import main

main()
