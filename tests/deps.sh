#!/bin/sh
# SPDX-License-Identifier: MIT
# deps.sh GROUP... - installs the Debian packages of the groups that are missing; does nothing, and
# needs neither root nor a network, when none is. 0: all are there, 1: some are not, 2: usage.
set -u

packages()
{
	case $1 in
	build) echo gcc libc6-dev make pkg-config libfuse3-dev fuse3 libev-dev libc-ares-dev ;;
	demo) echo python3 gawk procps util-linux mount ;;
	test) echo libcmocka-dev python3 python3-numpy nodejs perl xxd dash gawk mawk procps psmisc util-linux mount spin debootstrap ;;
	long) echo libpython3.11-testsuite ;;
	model) echo gcc libc6-dev spin ;;
	valgrind) echo valgrind libc6-dbg ;;
	bench) echo g++ libboost-dev python3 python3-numpy ;;
	lint) echo clang clang-format clang-tidy cppcheck shellcheck mandoc git ;;
	*) return 1 ;;
	esac
}

missing=
[ $# -gt 0 ] || set -- build test
for group; do
	list=$(packages "$group") || {
		echo "deps.sh: no such group: $group (build demo test long model valgrind bench lint)" >&2
		exit 2
	}
	if ! command -v dpkg-query >/dev/null; then
		echo "deps: this is not Debian; '$group' needs what Debian calls: $list"
		continue
	fi
	for package in $list; do
		case " $missing " in *" $package "*) continue ;; esac
		case $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) in
		ii*) ;;
		*) missing="$missing $package" ;;
		esac
	done
done
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "deps: missing: $missing" >&2
	echo "deps: only root can install them: apt-get install $missing" >&2
	exit 1
fi

echo "deps: installing $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
get="apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
# A mirror that cannot be reached is told by the install, if its lists are too old to do without.
$get update >"$log" 2>&1 </dev/null
# shellcheck disable=SC2086 # a list of words each
if ! $get install --no-install-recommends $missing >>"$log" 2>&1 </dev/null; then
	tail -n 30 "$log" >&2
	echo "deps: apt-get could not install: $missing" >&2
	exit 1
fi
