"""A consumer of the event log: counts how contacts ended, each of them exactly once. Python alone, no packages.

    export DISPATCHER_TOKEN=…        # a supervisor's
    python3 count_contacts.py http://127.0.0.1:8000 counts.db
    sqlite3 counts.db 'SELECT * FROM ended'

What it makes of an entry and the entry's cursor are stored in one transaction. However it ends, it goes on behind the
last entry that it counted: nothing is lost, nothing counts twice. A program that cannot store both together (it sends
mails, say) gets each entry at least once, and must know one that it has seen by its cursor.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

SILENCE_S = 30
"""The node says something every 10 s."""
PAUSE_S = 1


def open_counts(path: str) -> sqlite3.Connection:
    """Open the database; the first time, counting begins with the oldest entry that is kept."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("CREATE TABLE IF NOT EXISTS ended (reason TEXT PRIMARY KEY, contacts INTEGER NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT NOT NULL)")
    db.execute("INSERT OR IGNORE INTO position VALUES (1, '0')")
    return db


def messages(url: str, token: str, cursor: str) -> Iterator[tuple[str, str, str]]:
    """Yield (id, event, data) of what comes after `cursor`, until the connection ends."""
    headers = {"Authorization": f"Bearer {token}", "Last-Event-ID": cursor}
    request = urllib.request.Request(f"{url}/v1/events?types=contact.ended", headers=headers)
    with urllib.request.urlopen(request, timeout=SILENCE_S) as response:
        fields: dict[str, str] = {}
        for line in response:
            name, _, value = line.decode().rstrip("\n").partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
            elif line == b"\n":
                yield fields.get("id", ""), fields.get("event", "message"), fields.get("data", "")
                fields = {}


def count(db: sqlite3.Connection, cursor: str, data: str) -> None:
    """Count what one entry says, and remember that it is counted: both, or neither."""
    db.execute("BEGIN IMMEDIATE")
    for event in json.loads(data)["events"] if data else ():
        reason = event["data"]["reason"]
        db.execute(
            "INSERT INTO ended VALUES (?, 1) ON CONFLICT (reason) DO UPDATE SET contacts = contacts + 1", (reason,)
        )
    db.execute("UPDATE position SET cursor = ?", (cursor,))
    db.execute("COMMIT")


def main(url: str, path: str) -> None:
    """Count until somebody ends the program."""
    db = open_counts(path)
    while True:
        (cursor,) = db.execute("SELECT cursor FROM position").fetchone()
        try:
            for id, event, data in messages(url, os.environ["DISPATCHER_TOKEN"], cursor):
                if event == "reset":
                    print(f"entries after {cursor} are gone: the counts lack them", file=sys.stderr)
                elif id:
                    # A comment has an id and no data: nothing to count, but a newer place to begin at.
                    count(db, id, data)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise
        except (OSError, HTTPException) as error:
            print(f"cut off: {error}", file=sys.stderr)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
