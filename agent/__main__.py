"""`python -m agent` is `headway`."""

from agent.cli.main import main

main()
