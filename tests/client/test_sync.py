"""The waiting face is whole, and is only a face: the other tests of this folder run on both."""

from __future__ import annotations

import inspect
import threading

import pytest

from dispatcher.client import Client, DispatcherError, Http, SyncClient, SyncHttp


@pytest.mark.parametrize(("face", "of"), [(SyncClient, Client), (SyncHttp, Http)])
def test_it_has_every_method(face: type, of: type) -> None:
    public = {name for name, _ in inspect.getmembers(of) if not name.startswith("_")}
    assert public <= set(dir(face))


def test_a_failed_connection_leaves_no_thread() -> None:
    before = threading.active_count()
    with pytest.raises(DispatcherError, match="UNAVAILABLE"):
        SyncClient.connect("http://127.0.0.1:1", "a token", timeout_s=0.1, backoff_s=0.01)
    assert threading.active_count() == before


def test_closing_again_does_nothing_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with SyncHttp("http://127.0.0.1:1") as door:
        with pytest.raises(DispatcherError, match="UNAVAILABLE"):
            door.me()
        door.close()
    assert threading.active_count() == before
