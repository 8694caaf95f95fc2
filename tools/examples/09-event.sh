#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# 09-event.sh - a seller and a customer take turns. One event for both directions would lose a wake-up: who sets it and
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
cd "${IPCFS_MOUNT:-/ipc}" || exit 1
name=example-$$
asked=events/$name-asked given=events/$name-given
lock=locks/$name changed=conditions/$name turn=values/$name
trap 'rm -f "$asked" "$given" "$lock" "$changed" "$turn"' EXIT
touch "$asked" "$given" "$lock" "$changed"
echo customer > "$turn"

for thing in bread milk; do
	read -r _ < "$asked" # wait
	echo 0 > "$asked"    # clear
	echo "events: the seller gives $thing"
	echo 1 > "$given" # set
done &
for thing in bread milk; do
	echo "events: the customer asks for $thing"
	echo 1 > "$asked"
	read -r _ < "$given"
	echo 0 > "$given"
done &
wait

# take_turns MINE THEIRS WORDS
take_turns()
{
	exec 3<> "$lock" 4<> "$changed"
	for thing in bread milk; do
		read -ru3 _ # lock
		while [ "$(cat "$turn")" != "$1" ]; do
			echo arm >&4 # a waiter from now on, so nothing is lost between unlock and read
			echo unlock >&3
			read -ru4 _ # wait
			read -ru3 _ # lock again
		done
		echo "condition: $3 $thing"
		echo "$2" > "$turn"
		echo 1 > "$changed" # notify one
		echo unlock >&3
	done
}
take_turns seller customer 'the seller gives' &
take_turns customer seller 'the customer asks for' &
wait
