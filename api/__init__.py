"""The doors: HTTP and WebSocket. Every one of them leads to the commands of `dispatcher.engine`."""
