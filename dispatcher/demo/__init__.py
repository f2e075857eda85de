"""The demo: a service with people in it, so that everything moves. `dispatcher demo` runs it."""

from dispatcher.demo.run import run

__all__ = ["run"]
