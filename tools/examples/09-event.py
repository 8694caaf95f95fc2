#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# 09-event.py - a seller and a customer take turns. One event for both directions would lose a wake-up: who sets it and
# clears it again to wait for the answer may be quicker than the other, who then finds it clear and waits for ever. So
# there is an event for each direction, and only who waits for one clears it; or a condition, and who has the turn is
# written down.
# It prints:
#   events: the customer asks for bread
#   events: the seller gives bread
#   events: the customer asks for milk
#   events: the seller gives milk
#   condition: the customer asks for bread
#   condition: the seller gives bread
#   condition: the customer asks for milk
#   condition: the seller gives milk
from ipcfs import Condition, Event, Process, Value

GOODS = ("bread", "milk")


def sell(asked, given):
    for thing in GOODS:
        asked.wait()
        asked.clear()
        print("events: the seller gives", thing, flush=True)
        given.set()


def buy(asked, given):
    for thing in GOODS:
        print("events: the customer asks for", thing, flush=True)
        asked.set()
        given.wait()
        given.clear()


def take_turns(condition, turn, mine, words):
    for thing in GOODS:
        with condition:
            condition.wait_for(lambda: turn.value == mine)
            print("condition:", words, thing, flush=True)
            turn.value = 1 - mine
            condition.notify()


def run(*processes):
    for p in processes:
        p.start()
    for p in processes:
        p.join()


if __name__ == "__main__":
    asked, given = Event(), Event()
    run(Process(target=sell, args=(asked, given)), Process(target=buy, args=(asked, given)))
    condition, turn = Condition(), Value("i", 0)
    run(
        Process(target=take_turns, args=(condition, turn, 1, "the seller gives")),
        Process(target=take_turns, args=(condition, turn, 0, "the customer asks for")),
    )
