"""`python -m dispatcher` is `dispatcher`."""

from dispatcher.cli import main

main()
