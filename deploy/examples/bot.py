"""A bot that is an agent: it greets whom it is given, answers what it knows, and hands on who asks for a person.

    export DISPATCHER_TENANT=demo DISPATCHER_SECRET=…     # what `dispatcher tenant create` showed
    python3 bot.py http://127.0.0.1:8000 support sales    # serves the first queue, hands on to the second

Killed and started again it finds who it serves, and goes on.
"""

from __future__ import annotations

import asyncio
import os
import sys

from dispatcher.client import Client, Code, DispatcherError, Http
from dispatcher.model import Assignment, AssignmentState, Event, Role

ANSWERS = {"hours": "We are here from 9 to 5.", "price": "It costs 7 a month."}
OVER = {Code.ASSIGNMENT_GONE, Code.QUE_USER_CANCELLED, Code.CONTACT_NOT_FOUND, Code.WRONG_STATE, Code.OFFLINE}
"""Answers that mean: the customer is gone, or somebody else's by now."""


async def token(url: str) -> str:
    """Log the bot in, as a backend does for its users."""
    async with Http(url) as http:
        tenant, secret = os.environ["DISPATCHER_TENANT"], os.environ["DISPATCHER_SECRET"]
        return (await http.login(tenant, secret, "bot", name="Bot", roles=[Role.AGENT])).token


async def take(bot: Client, given: Assignment) -> None:
    """Serve who was given, without a call; one who is served already has been greeted."""
    if given.state is not AssignmentState.SERVING:
        await bot.start(given.contact.contact_id)
        await bot.send_cmd(given.contact.customer_id, f"Hello {given.contact.name}! hours, price, or a person?")


async def reply(bot: Client, message: Event, further: str) -> None:
    """Answer a message of somebody who is served; hand him on when he asks for a person."""
    for given in bot.state.assignments:
        if given.contact.customer_id == message.data["from"] and given.state is AssignmentState.SERVING:
            asked = message.data["data"]
            if "person" in asked:
                await bot.transfer(given.contact.contact_id, queue_id=further)
            elif "bye" in asked:
                await bot.complete(given.contact.contact_id)
            else:
                known = [answer for word, answer in ANSWERS.items() if word in asked]
                await bot.send_cmd(given.contact.customer_id, *known[:1] or ["hours, price, or a person?"])


async def main(url: str, queue_id: str, further: str) -> None:
    """Serve a queue until somebody ends the program."""
    async with await Client.connect(url, await token(url)) as bot:
        await bot.start_service(queue_id)
        async for event in bot.events():
            try:
                if event.event in {"snapshot", "assignment.offered"}:
                    for given in bot.state.assignments:
                        await take(bot, given)
                elif event.event == "message":
                    await reply(bot, event, further)
                elif event.event == "token.expiring":
                    await bot.renew(await token(url))
            except DispatcherError as error:
                if error.code not in OVER:
                    raise


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
