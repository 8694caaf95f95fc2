#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_node.sh - runs test_node.js, what node does with the files.
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v node >/dev/null; then
	skip node 'there is no node'
	finish
fi
if ! timeout -k 1 240 node "$HERE/test_node.js" "$M" </dev/null; then
	bad=$((bad + 1))
fi
finish
