"""``python -m streams``: the command line."""

from streams.commands import main

main()
