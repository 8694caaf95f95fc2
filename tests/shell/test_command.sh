#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# test_command.sh - the ipcfs command: every word, option, error and exit status, through a real mount of
# its own; the tour and the demo. $IPCFS is the command (build/ipcfs). Lines "ok NAME", "not ok NAME (why)".
# shellcheck disable=SC2016,SC2317 # scripts for other shells, and functions that are called by name
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
tree=$PWD
ipcfs=$(realpath -m -- "${IPCFS:-build/ipcfs}")
export IPCFS=$ipcfs LC_ALL=C.UTF-8
umask 022

if [ ! -c /dev/fuse ]; then
	echo 'skip command there is no /dev/fuse'
	exit 77
fi
if [ ! -x "$ipcfs" ]; then
	echo "not ok command ($ipcfs is not built)"
	exit 1
fi
# Where /dev/fuse is not for users, as udev makes it: one that is, in a mount name space of its own.
if [ "$(id -u)" = 0 ] && [ -z "${OWN_FUSE:-}" ] && [ "$(stat -c %a /dev/fuse)" != 666 ]; then
	unshare -m sh -c 'mount -t tmpfs none /mnt && mknod -m 666 /mnt/fuse c 10 229' 2>/dev/null &&
		OWN_FUSE=1 exec unshare -m bash -c '
			mount -t tmpfs none /mnt && mknod -m 666 /mnt/fuse c 10 229 &&
			mount --bind /mnt/fuse /dev/fuse && umount -l /mnt
			exec bash "$0"' "$tree/tests/shell/test_command.sh"
fi

work=$(mktemp -d) && shm=$(mktemp -d /dev/shm/ipcfs-command.XXXXXX) || exit 1
chmod 755 "$work" "$shm"
mnt=$work/mnt
store=$shm/store
export IPCFS_MOUNT=$mnt IPCFS_STORE=$store
user=$(id -un) group=$(id -gn)
failed=0
children=()

clean_up() {
	local pid m

	for pid in "${children[@]}"; do kill -9 "$pid" 2>/dev/null; done
	wait
	awk -v w="$work/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | while read -r m; do
		timeout 60 "$ipcfs" umount --force "$m" || umount -l "$m"
	done
	rm -rf --one-file-system "$work" "$shm"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# ---- helpers -------------------------------------------------------------------------------------------

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1 ($2)"; failed=1; }

# result NAME COMMAND...: ok if the command (a test) holds.
result() {
	local name=$1

	shift
	if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi
}

# t NAME STATUS STDOUT STDERR COMMAND...: the outputs are patterns of the shell, '' is nothing at all.
t() {
	local name=$1 status=$2 out=$3 err=$4 got

	shift 4
	timeout 60 "$@" >"$work/out" 2>"$work/err" <"${input:-/dev/null}"
	got=$?
	# shellcheck disable=SC2053 # patterns
	if [ $got != "$status" ]; then
		not_ok "$name" "exit status $got, not $status: $(head -c 300 "$work/err")"
	elif [[ "$(tr -d '\0' <"$work/out")" != $out ]]; then
		not_ok "$name" "standard output: $(head -c 300 "$work/out")"
	elif [[ "$(<"$work/err")" != $err ]]; then
		not_ok "$name" "standard error: $(head -c 300 "$work/err")"
	else
		ok "$name"
	fi
}

status_of() { awk -v k="$2" '$1 == k { print $2 }' "$1/status"; }
is_mounted() { awk -v m="$1" '$5 == m { n = 1 } END { exit !n }' /proc/self/mountinfo; }
not() { ! "$@"; }
# A zombie has ended too: not everywhere is there an init that buries it.
ended() { [[ ! -e /proc/$1/stat || "$(cat "/proc/$1/stat" 2>/dev/null)" != *')'\ [RSDTt]\ * ]]; }

# wait_until COMMAND...: tries for 60 s.
wait_until() {
	local end=$((SECONDS + 60))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
	done
}
# OBJECT has N waiters.
has_waiters() { [ "$(awk '$1 == "waiters" { print $2 }' "$mnt/$1,stat" 2>/dev/null)" = "$2" ]; }
no_files_open() { [ "$(status_of "$mnt" handles)" = 1 ]; } # but for `status` itself

# ---- the command itself ----------------------------------------------------------------------------------

version=$(sed -n 's/^#define IPCFS_VERSION "\(.*\)"/\1/p' core/ipcfs.h)
t version 0 "ipcfs $version" '' "$ipcfs" --version
t help 0 'usage: ipcfs COMMAND*put*get*tour*Exit status*' '' "$ipcfs" --help
for c in mount umount ls stat create rm put get with wait tour; do
	t "help_$c" 0 "usage: ipcfs $c *" '' "$ipcfs" "$c" --help
	t "unknown_option_$c" 2 '' "ipcfs: $c: no such option: --bogus"$'\n'"Try 'ipcfs $c --help'." "$ipcfs" "$c" --bogus
	t "unknown_letter_$c" 2 '' "ipcfs: $c: no such option: -Z*" "$ipcfs" "$c" -Z x
done
for c in mount umount stat create rm put get with wait; do
	t "no_operand_$c" 2 '' "ipcfs: $c: which *" "$ipcfs" "$c"
done
t no_command 2 '' "ipcfs: which command?"$'\n'"Try 'ipcfs --help'." "$ipcfs"
t unknown_command 2 '' "ipcfs: no such command: eat*" "$ipcfs" eat
t unknown_first_option 2 '' "ipcfs: no such option: --eat*" "$ipcfs" --eat
t option_without_value 2 '' "ipcfs: get: --timeout needs a value*" "$ipcfs" get --timeout
t letter_without_value 2 '' "ipcfs: get: -n needs a value*" "$ipcfs" get -n
t full_output 1 '' "ipcfs: * No space left on device" bash -c '"$IPCFS" --help >/dev/full'

# ---- mount -------------------------------------------------------------------------------------------------

t mount_no_folder 1 '' "ipcfs: mount: *" "$ipcfs" mount "$mnt"
mkdir "$mnt" "$work/mnt2"
touch "$work/file"
t mount_on_file 1 '' "ipcfs: mount: *" "$ipcfs" mount "$work/file"
t mount_two 2 '' "ipcfs: mount: one mount point, not also *" "$ipcfs" mount "$mnt" "$work/mnt2"
t mount_bad_option 2 '' "ipcfs: mount: *bogus*" "$ipcfs" mount -o bogus "$mnt"
t mount_store_not_tmpfs 1 '' "ipcfs: mount: *tmpfs*" "$ipcfs" mount -o "store=/proc" "$mnt"
t objects_without_mount 1 '' "ipcfs: get: $mnt: ipcfs is not mounted there (ipcfs mount $mnt)" "$ipcfs" get queues/x
# Nothing says where: then what would. (In a mount name space where /ipc is no mount, be it there or not.)
if unshare -m true 2>/dev/null; then
	t no_mount_is_named 1 '' 'ipcfs: get: /ipc: *; another mount is named by IPCFS_MOUNT or --mount' \
		unshare -m sh -c 'umount -l /ipc 2>/dev/null; unset IPCFS_MOUNT; exec "$IPCFS" get queues/x'
fi
t mount 0 '' '' "$ipcfs" mount "$mnt"
result mount_is_there is_mounted "$mnt"
result mount_default_store [ "$(status_of "$mnt" store)" = "$store" ]
input=/proc/$(status_of "$mnt" pid)/cmdline
t mount_keeps_command_line 0 "$ipcfs mount $mnt " '' tr '\0' ' '
input=
t mount_twice 1 '' "ipcfs: mount: $mnt: *" "$ipcfs" mount "$mnt"
t mount_store_served 1 '' "ipcfs: mount: *$store*" "$ipcfs" mount "$work/mnt2"
t mount_other_store 0 '' '' "$ipcfs" mount -o "store=$shm/two" -o noatime "$work/mnt2"
result mount_named_store [ "$(status_of "$work/mnt2" store)" = "$shm/two" ]
# (other programs may have message queues)
t mount_option_beats_variable 0 '*queues/only-here' '' bash -c \
	'"$IPCFS" create --mount "$1" queues/only-here && "$IPCFS" ls --mount "$1"' - "$work/mnt2"
t umount_other 0 '' '' "$ipcfs" umount "$work/mnt2"
# A limit for files that cannot be raised is an error for what is larger, not the server's end.
t mount_with_limited_files 0 '' '' bash -c 'ulimit -f 1000; exec "$IPCFS" mount -o "store=$1" "$2"' - "$shm/two" "$work/mnt2"
mkdir "$work/mnt2/dicts/large" 2>/dev/null
t serves_with_limited_files 0 '*semaphores/small*' '' bash -c \
	'"$IPCFS" create --mount "$1" semaphores/small && "$IPCFS" ls --mount "$1"' - "$work/mnt2"
t umount_limited_files 0 '' '' "$ipcfs" umount "$work/mnt2"
"$ipcfs" mount -f -o "store=$shm/two" "$work/mnt2" &
server=$!
children+=("$server")
wait_until is_mounted "$work/mnt2"
result mount_foreground_serves [ "$(status_of "$work/mnt2" pid)" = $server ]
kill -TERM $server
wait $server
result mount_foreground_ends_by_sigterm [ $? = 0 ]
result mount_foreground_leaves_no_mount not is_mounted "$work/mnt2"

# ---- names -----------------------------------------------------------------------------------------------------

t no_kind 2 '' 'ipcfs: put: "quues/a" does not begin with a kind: queues, semaphores*' "$ipcfs" put quues/a x
t no_name 2 '' 'ipcfs: put: "queues/" names no object*' "$ipcfs" put queues/ x
t kind_alone 2 '' 'ipcfs: get: "queues" names no object*' "$ipcfs" get queues
t absolute_elsewhere 1 '' 'ipcfs: get: /etc/passwd: it lies in no mount of ipcfs' "$ipcfs" get /etc/passwd
t mount_option_elsewhere 1 '' 'ipcfs: get: /proc: ipcfs is not mounted there*' "$ipcfs" get --mount /proc queues/x
t mount_option_nowhere 1 '' 'ipcfs: get: /no/where: No such file or directory' "$ipcfs" get --mount /no/where queues/x
t empty_name 2 '' 'ipcfs: rm: "" does not begin with a kind*' "$ipcfs" rm ''

# ---- create ----------------------------------------------------------------------------------------------------

t create_all_kinds 0 '' '' "$ipcfs" create queues/a,maxsize=3 semaphores/s,value=2,max=5 events/e,set \
	values/v,type=q arrays/h,type=q,len=4
t create_again 0 '' '' "$ipcfs" create queues/a queues/a,maxsize=3
t create_exclusive 1 '' 'ipcfs: create: queues/a: File exists*' "$ipcfs" create -x queues/a
t create_exclusive_new 0 '' '' "$ipcfs" create --exclusive queues/new
t create_other_properties 1 '' 'ipcfs: create: queues/a,maxsize=9: File exists: *other*' "$ipcfs" create queues/a,maxsize=9
t create_unknown_option 1 '' 'ipcfs: create: queues/b,colour=3: Invalid argument: *colour*' "$ipcfs" create queues/b,colour=3
t create_out_of_range 1 '' 'ipcfs: create: semaphores/q,value=9,max=3: Invalid argument: *max*' "$ipcfs" create semaphores/q,value=9,max=3
t create_by_view 1 '' 'ipcfs: create: queues/x,peek: No such file or directory: *view*' "$ipcfs" create queues/x,peek
t create_hidden 1 '' 'ipcfs: create: queues/.x: Invalid argument: *dot*' "$ipcfs" create queues/.x
t create_long_name 1 '' 'ipcfs: create: *: File name too long*' "$ipcfs" create "queues/$(printf 'x%.0s' {1..201})"
t create_temp 2 '' 'ipcfs: create: queues/t,temp: *' "$ipcfs" create queues/t,temp
t create_no_folder 1 '' 'ipcfs: create: queues/no/x: No such file or directory: there is no folder */queues/no' "$ipcfs" create queues/no/x
t create_folder 0 '' '' "$ipcfs" create queues/team/ queues/team/jobs
t create_folder_again 0 '' '' "$ipcfs" create queues/team/
t create_folder_exclusive 1 '' 'ipcfs: create: queues/team/: File exists*' "$ipcfs" create -x queues/team/
t create_mode 0 '' '' "$ipcfs" create -m 0666 queues/all
t create_mode_shown 0 '666' '' stat -c %a "$mnt/queues/all"
t create_bad_mode 2 '' 'ipcfs: create: --mode: "u+x" is no octal mode*' "$ipcfs" create --mode u+x queues/y
t create_goes_on 1 '' 'ipcfs: create: queues/.x: *' "$ipcfs" create queues/.x queues/after
t create_went_on 0 'queues/after' '' "$ipcfs" ls queues/after

# ---- ls, stat ----------------------------------------------------------------------------------------------------

t ls_kind 0 $'queues/a\nqueues/after\nqueues/all\nqueues/new\nqueues/team/' '' "$ipcfs" ls queues
t ls_kind_slash 0 $'queues/a\n*' '' "$ipcfs" ls queues/
t ls_folder 0 'queues/team/jobs' '' "$ipcfs" ls queues/team
t ls_object 0 'values/v' '' "$ipcfs" ls values/v
t ls_two 0 $'events/e\nvalues/v' '' "$ipcfs" ls values events
t ls_all 0 $'arrays/h\nevents/e\n*queues/a\n*\nqueues/team/\nsemaphores/s\nvalues/v' '' "$ipcfs" ls
t ls_long 0 "-rw------- $user *$group *queues/a *maxsize=3*messages=0*bytes=0*" '' "$ipcfs" ls -l queues/a
t ls_long_folder 0 "*drwxr-xr-x $user *queues/team/*" '' "$ipcfs" ls -l queues
t ls_long_all 0 '*arrays/h*type=q*len=4*semaphores/s*max=5*' '' "$ipcfs" ls -l
t ls_absolute 0 "$mnt/queues/a*" '' "$ipcfs" ls "$mnt/queues"
t ls_none 1 '' 'ipcfs: ls: queues/none: No such file or directory' "$ipcfs" ls queues/none
t ls_no_kind 2 '' 'ipcfs: ls: "none" does not begin with a kind*' "$ipcfs" ls none
t ls_goes_on 1 'values/v' 'ipcfs: ls: queues/none: *' "$ipcfs" ls queues/none values
t stat 0 "name queues/a
owner $user
group $group
mode 0600
modified 20*
kind queues
*maxsize 3
*waiters 0
*messages 0
*" '' "$ipcfs" stat queues/a
t stat_two 0 $'name values/v\n*\n\nname events/e\n*' '' "$ipcfs" stat values/v events/e
t stat_none 1 '' 'ipcfs: stat: queues/none: No such file or directory' "$ipcfs" stat queues/none
mkdir "$mnt/dicts/house" && echo red >"$mnt/dicts/house/door"
t stat_dict 0 $'name dicts/house\n*kind dicts\n*keys 1\n*' '' "$ipcfs" stat dicts/house
t stat_dict_as_folder 0 $'name dicts/house/\n*keys 1\n*' '' "$ipcfs" stat dicts/house/
t ls_long_dict 0 "drwxr-xr-x $user *dicts/house/ *capacity=4294967296 keys=1*" '' "$ipcfs" ls -l dicts
rm -r "$mnt/dicts/house"
t stat_folder 1 '' 'ipcfs: stat: queues/team: it is a folder' "$ipcfs" stat queues/team

# ---- put, get ----------------------------------------------------------------------------------------------------------

t put_words 0 '' '' "$ipcfs" put queues/a hello '  world' -n --lines
t get_exact 0 'hello   world -n --lines' '' "$ipcfs" get queues/a
printf 'x\ny\n' >"$work/in"
input=$work/in t put_input 0 '' '' "$ipcfs" put queues/a
t get_input 0 $'x\ny' '' "$ipcfs" get queues/a
printf 'one\n\ntwo\nthree' >"$work/in"
input=$work/in t put_lines 0 '' '' "$ipcfs" put --lines queues/a
t put_full_nonblock 3 '' 'ipcfs: put: queues/a: it would have to wait' "$ipcfs" put --nonblock queues/a x
t put_full_timeout 3 '' 'ipcfs: put: queues/a: timed out' "$ipcfs" put --timeout 50ms queues/a x
input=$work/in t put_lines_full 3 '' 'ipcfs: put: queues/a: it would have to wait' "$ipcfs" put --lines --nonblock queues/a
t get_count_exact 0 'onetwo' '' "$ipcfs" get -n 2 queues/a
"$ipcfs" put queues/a $'four\n'
t get_lines_then_wait 3 $'three\nfour' 'ipcfs: get: queues/a: timed out' "$ipcfs" get -n 3 --lines --timeout 0.05 queues/a
# What is shorter than a line's end is there while the next message is waited for.
"$ipcfs" put queues/a 'a line'
exec 8< <(exec timeout 60 "$ipcfs" get -n 2 --lines queues/a)
line=''
read -r -t 30 -u 8 line || line+=' too late'
"$ipcfs" put queues/a end
exec 8<&-
result get_lines_at_once test "$line" = 'a line'
t get_empty_nonblock 3 '' 'ipcfs: get: queues/a: it would have to wait' "$ipcfs" get --nonblock queues/a
t get_peek_empty 0 '' '' "$ipcfs" get queues/a,peek
t get_view_timeout 3 '' 'ipcfs: get: queues/a,timeout=0.05: timed out' "$ipcfs" get queues/a,timeout=0.05
t get_none 1 '' 'ipcfs: get: queues/none: No such file or directory' "$ipcfs" get queues/none
t get_folder 1 '' 'ipcfs: get: queues/team: Is a directory' "$ipcfs" get queues/team
t get_bad_count 2 '' 'ipcfs: get: -n: "0" is no number*' "$ipcfs" get -n 0 queues/a
t get_bad_timeout 2 '' 'ipcfs: get: --timeout: "soon" is no duration*' "$ipcfs" get --timeout soon queues/a
t get_two 2 '' 'ipcfs: get: one object, not also *' "$ipcfs" get queues/a queues/b
for d in 1. .5 -1 1d 1e3 99999999999h ''; do
	t "bad_duration_'$d'" 2 '' 'ipcfs: put: --timeout: *' "$ipcfs" put --timeout "$d" queues/a x
done
for d in 0 0.5 200ms 1m 1h 5s 10ms; do
	t "duration_$d" 0 '' '' "$ipcfs" put --timeout "$d" values/v 1
done
t put_empty 1 '' 'ipcfs: put: queues/a: an empty message *' "$ipcfs" put queues/a ''
t put_nothing 1 '' 'ipcfs: put: queues/a: an empty message *' "$ipcfs" put queues/a
t put_lines_and_text 2 '' 'ipcfs: put: --lines *' "$ipcfs" put --lines queues/a x
t put_makes 0 '' '' "$ipcfs" put queues/made,maxsize=2 1
t put_made 0 '1' '' "$ipcfs" get queues/made
t put_view_makes_none 1 '' 'ipcfs: put: queues/none,stream: No such file or directory*' "$ipcfs" put queues/none,stream x
head -c 1044480 /dev/urandom >"$work/in"
input=$work/in t put_longest 0 '' '' "$ipcfs" put queues/a
"$ipcfs" get queues/a >"$work/got"
result get_longest cmp -s "$work/in" "$work/got"
printf x >>"$work/in"
input=$work/in t put_too_long 1 '' 'ipcfs: put: queues/a: Message too long: *1044480*' "$ipcfs" put queues/a
t put_line_too_long 1 '' 'ipcfs: put: queues/a: Message too long: *' bash -c \
	'tr "\n" x <"$1" | "$IPCFS" put --lines queues/a' - "$work/in"
"$ipcfs" create queues/small,capacity=10
t put_never_fits 1 '' 'ipcfs: put: queues/small: Message too long*' "$ipcfs" put queues/small 12345678901
t put_value 0 '' '' "$ipcfs" put values/v 5
t put_add 0 '' '' "$ipcfs" put values/v add 3
t get_value 0 '8' '' "$ipcfs" get values/v
t put_not_a_number 1 '' 'ipcfs: put: values/v: Invalid argument: "abc" is not *' "$ipcfs" put values/v abc
t put_overflow 1 '' 'ipcfs: put: values/v: Numerical result out of range: *' "$ipcfs" put values/v 9223372036854775808
t get_value_after_errors 0 '8' '' "$ipcfs" get "$mnt/values/v"
t put_element 0 '' '' "$ipcfs" put arrays/h 3+=17
t get_array 0 $'0\n0\n0\n17' '' "$ipcfs" get arrays/h
t put_past_end 1 '' 'ipcfs: put: arrays/h: Numerical result out of range*' "$ipcfs" put arrays/h 4=1
t get_units 0 2 '' "$ipcfs" get semaphores/s,n=2
t get_units_nonblock 3 '' 'ipcfs: get: semaphores/s: it would have to wait' "$ipcfs" get --nonblock semaphores/s
t put_units_past_max 1 '' 'ipcfs: put: semaphores/s: Value too large*' "$ipcfs" put semaphores/s 6
t put_units 0 '' '' "$ipcfs" put semaphores/s 5
t get_event 0 1 '' "$ipcfs" get events/e
t put_event 0 '' '' "$ipcfs" put events/e 0
t get_event_timeout 3 '' '*timed out' "$ipcfs" get --timeout 20ms events/e
t get_output_full 1 '' 'ipcfs: get: standard output: No space left on device' bash -c '"$IPCFS" get values/v >/dev/full'

# A wait that a signal interrupts (bash's echo would give up) goes on.
"$ipcfs" put --lines queues/made < <(printf '1\n2\n')
"$ipcfs" put queues/made three &
pid=$!
children+=("$pid")
wait_until has_waiters queues/made 1
kill -STOP $pid && kill -CONT $pid
t get_first 0 1 '' "$ipcfs" get queues/made
wait $pid
result put_goes_on_after_stop [ $? = 0 ]
t get_rest 0 $'2\nthree' '' "$ipcfs" get -n 2 --lines queues/made
"$ipcfs" get --timeout 60 queues/made >"$work/got" &
pid=$!
children+=("$pid")
wait_until has_waiters queues/made 1
kill -STOP $pid && kill -CONT $pid
"$ipcfs" put queues/made four
wait $pid
result get_goes_on_after_stop [ $? = 0 ]
result get_got_it [ "$(<"$work/got")" = four ]

# ---- rm ----------------------------------------------------------------------------------------------------------------

"$ipcfs" get queues/made >/dev/null 2>"$work/eidrm" &
pid=$!
children+=("$pid")
wait_until has_waiters queues/made 1
t rm 0 '' '' "$ipcfs" rm queues/made
wait $pid
result rm_wakes_waiter [ $? = 1 ]
result rm_tells_waiter [ "$(<"$work/eidrm")" = 'ipcfs: get: queues/made: Identifier removed' ]
t rm_none 1 '' 'ipcfs: rm: queues/none: No such file or directory' "$ipcfs" rm queues/none
t rm_force 0 '' '' "$ipcfs" rm -f queues/none
t rm_force_no_operand 0 '' '' "$ipcfs" rm --force
t rm_folder_as_object 1 '' 'ipcfs: rm: queues/team: it is a folder: ipcfs rm queues/team/' "$ipcfs" rm queues/team
t rm_full_folder 1 '' 'ipcfs: rm: queues/team/: Directory not empty' "$ipcfs" rm queues/team/
t rm_folder 0 '' '' "$ipcfs" rm queues/team/jobs queues/team/
t rm_view 1 '' 'ipcfs: rm: queues/a,peek: Operation not permitted*' "$ipcfs" rm queues/a,peek
t rm_goes_on 1 '' 'ipcfs: rm: queues/none: *' "$ipcfs" rm queues/none queues/a queues/after queues/all queues/new queues/small
t rm_went_on 0 '' '' "$ipcfs" ls queues

# ---- other users' objects ------------------------------------------------------------------------------------------------

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" = 0 ] && "${nobody[@]}" test -x "$ipcfs" -a -x "$mnt" 2>/dev/null; then
	"$ipcfs" create queues/mine values/shown,type=q
	t other_user_get 1 '' 'ipcfs: get: queues/mine: Permission denied*' "${nobody[@]}" "$ipcfs" get queues/mine
	t other_user_put 1 '' 'ipcfs: put: queues/mine: Permission denied*' "${nobody[@]}" "$ipcfs" put queues/mine x
	t other_user_rm 1 '' 'ipcfs: rm: queues/mine: Operation not permitted*' "${nobody[@]}" "$ipcfs" rm queues/mine
	t other_user_shown 0 0 '' "${nobody[@]}" "$ipcfs" get values/shown
	t other_user_umount 1 '' 'ipcfs: umount: *' "${nobody[@]}" "$ipcfs" umount "$mnt"
	t other_user_umount_force 1 '' 'ipcfs: umount: *' "${nobody[@]}" "$ipcfs" umount --force "$mnt"
	result other_user_umounted_nothing is_mounted "$mnt"
	"$ipcfs" create -m 666 queues/shared
	t other_user_shared 0 '' '' "${nobody[@]}" "$ipcfs" put queues/shared x
	"$ipcfs" rm queues/mine values/shown queues/shared
	mkdir "$work/user" && chown 65534:65534 "$work/user"
	mkdir "$shm/user" && chown 65534:65534 "$shm/user"
	if command -v fusermount3 >/dev/null && "${nobody[@]}" test -w /dev/fuse; then
		t user_mount 0 '' '' "${nobody[@]}" "$ipcfs" mount -o "store=$shm/user/store" "$work/user"
		t user_put_get 0 'from me' '' "${nobody[@]}" bash -c \
			'"$IPCFS" put --mount "$1" queues/q from me && "$IPCFS" get --mount "$1" queues/q' - "$work/user"
		"${nobody[@]}" bash -c 'exec 3<>"$1/queues/q" && kill -STOP $$' - "$work/user" &
		pid=$!
		children+=("$pid")
		wait_until grep -qs '^State:.T' "/proc/$pid/status"
		t user_umount_busy 1 '' "*in use*  $pid bash*--force*" "${nobody[@]}" "$ipcfs" umount "$work/user"
		kill -KILL $pid
		wait $pid 2>/dev/null
		t user_umount 0 '' '' "${nobody[@]}" "$ipcfs" umount "$work/user"
		result user_umounted not is_mounted "$work/user"
		"${nobody[@]}" "$ipcfs" mount -o "store=$shm/user/store" "$work/user"
		t user_umount_force 0 '' '' "${nobody[@]}" "$ipcfs" umount --force "$work/user"
		result user_umounted_force not is_mounted "$work/user"
		"${nobody[@]}" "$ipcfs" mount -o "store=$shm/user/store" "$work/user"
		kill -9 "$("${nobody[@]}" awk '$1 == "pid" { print $2 }' "$work/user/status")"
		wait_until "${nobody[@]}" bash -c '! ls "$1" >/dev/null 2>&1' - "$work/user"
		t user_umount_dead 0 '' '' "${nobody[@]}" "$ipcfs" umount "$work/user"
		result user_umounted_dead not is_mounted "$work/user"
	else
		echo 'skip user_mount no fusermount3, or /dev/fuse is not for users'
	fi
else
	echo 'skip other_user this is not root, or others cannot reach the build'
fi

# ---- umount ------------------------------------------------------------------------------------------------------------------

t umount_two 2 '' 'ipcfs: umount: one mount point*' "$ipcfs" umount "$mnt" "$work/mnt2"
t umount_nowhere 1 '' 'ipcfs: umount: /no/where: No such file or directory' "$ipcfs" umount /no/where
t umount_plain_folder 1 '' "ipcfs: umount: $work/mnt2: it is not a mount point" "$ipcfs" umount "$work/mnt2"
t umount_below 1 '' "ipcfs: umount: $mnt/queues: it is not a mount point" "$ipcfs" umount "$mnt/queues"
t umount_proc 1 '' 'ipcfs: umount: /proc: what is mounted there is proc, not ipcfs' "$ipcfs" umount /proc

"$ipcfs" create queues/left,maxsize=1
echo full >"$mnt/queues/left"
printf left >"$mnt/queues/left,lines"
t umount_left 1 '' "ipcfs: umount: $mnt: 1 message *--force*" "$ipcfs" umount "$mnt"
result umount_left_leaves_it is_mounted "$mnt"
t umount_left_is_there 0 $'full\nleft' '' cat "$mnt/queues/left" "$mnt/queues/left"
"$ipcfs" rm queues/left
"$ipcfs" create queues/held
cat "$mnt/queues/held" 2>/dev/null &
reader=$!
children+=("$reader")
wait_until has_waiters queues/held 1
t umount_busy 1 '' "ipcfs: umount: $mnt: in use*  $reader cat $mnt/queues/held"$'\n'"*--force*" "$ipcfs" umount "$mnt"
result umount_busy_leaves_it is_mounted "$mnt"
t umount_busy_by_folder 1 '' "*in use*  * bash *" bash -c 'cd "$1/queues" && "$IPCFS" umount "$1"; exit $?' - "$mnt"
kill $reader
wait $reader 2>/dev/null
pids=()
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	cat "$mnt/queues/held" 2>/dev/null &
	pids+=($!)
done
children+=("${pids[@]}")
wait_until has_waiters queues/held 12
t umount_busy_many 1 '' '*and 2 more*' "$ipcfs" umount "$mnt"
result umount_busy_many_ten [ "$(grep -c '^  [0-9]* cat ' "$work/err")" = 10 ]
server=$(status_of "$mnt" pid)
t umount_force 0 '' '' "$ipcfs" umount --force "$mnt"
result umount_force_unmounts not is_mounted "$mnt"
result umount_force_ends_server ended "$server"
for pid in "${pids[@]}"; do wait_until ended "$pid" || not_ok umount_force_wakes "waiter $pid waits still"; done
t umount_again 1 '' "ipcfs: umount: $mnt: it is not a mount point" "$ipcfs" umount "$mnt"

"$ipcfs" mount "$mnt"
"$ipcfs" create values/busy,type=q
bash -c 'exec 3<>"$1" && : >"$2" && while echo "add 1" >&3; do :; done' - "$mnt/values/busy" "$work/begun" 2>/dev/null &
writer=$!
children+=("$writer")
wait_until test -e "$work/begun"
t umount_force_under_load 0 '' '' "$ipcfs" umount --force "$mnt"
result umount_force_ends_load wait_until ended "$writer"

t mount_again 0 '' '' "$ipcfs" mount "$mnt"
t store_has_stayed 0 'queues/held' '' "$ipcfs" ls queues
server=$(status_of "$mnt" pid)
t umount_from_inside 1 '' '*in use*' bash -c 'cd "$1" && "$IPCFS" umount .; exit $?' - "$mnt"
(cd "$work" && t umount_relative 0 '' '' "$ipcfs" umount mnt/.)
result umount_unmounts not is_mounted "$mnt"
result umount_waits_for_server ended "$server"
ln -s mnt "$work/link"
"$ipcfs" mount "$mnt"
t umount_by_link 0 '' '' "$ipcfs" umount "$work/link"

"$ipcfs" mount "$mnt"
kill -9 "$(status_of "$mnt" pid)"
wait_until not test -e "$mnt/status"
t dead_server_said 1 '' "ipcfs: get: queues/held: its server has ended (ipcfs umount $mnt)" "$ipcfs" get queues/held
t umount_dead 0 '' '' "$ipcfs" umount "$mnt"
result umount_dead_unmounts not is_mounted "$mnt"
"$ipcfs" mount "$mnt"
server=$(status_of "$mnt" pid)
kill -STOP "$server"
t umount_force_hung 0 '' "ipcfs: umount: $mnt: the server (pid $server) did not answer: killed" "$ipcfs" umount --force "$mnt"
result umount_force_hung_kills wait_until ended "$server"
t mount_after_hung 0 '' '' "$ipcfs" mount "$mnt"
cat "$mnt/queues/held" 2>/dev/null &
reader=$!
children+=("$reader")
wait_until has_waiters queues/held 1
kill -STOP "$(status_of "$mnt" pid)"
t umount_force_hung_busy 0 '' "*killed" "$ipcfs" umount --force "$mnt"
result umount_force_hung_frees_waiter wait_until ended $reader

# ---- as mount(8) calls it ---------------------------------------------------------------------------------------------------------

# The helper that is another installation's stays when one is removed.
mkdir -p "$work/dest/sbin"
ln -s /opt/ipcfs/bin/ipcfs "$work/dest/sbin/mount.fuse.ipcfs"
make -s uninstall "DESTDIR=$work/dest" PREFIX=/usr/local >/dev/null
result uninstall_leaves_anothers_helper test -L "$work/dest/sbin/mount.fuse.ipcfs"
ln -sfn /usr/local/bin/ipcfs "$work/dest/sbin/mount.fuse.ipcfs"
make -s uninstall "DESTDIR=$work/dest" PREFIX=/usr/local >/dev/null
result uninstall_removes_its_helper not test -L "$work/dest/sbin/mount.fuse.ipcfs"

mkdir "$work/sbin"
ln -s "$ipcfs" "$work/sbin/mount.fuse.ipcfs"
helper=$work/sbin/mount.fuse.ipcfs
store_is() { [ "$(status_of "$mnt" store)" = "$1" ] && "$ipcfs" umount "$mnt"; }
t helper_none 0 '' '' "$helper" none "$mnt" -o rw
result helper_none_store store_is "$store"
t helper_source 0 '' '' "$helper" "$shm/three" "$mnt" -sn -v -o defaults,_netdev,noauto,nofail,user,x-systemd.automount,comment=a -t fuse.ipcfs
result helper_source_store store_is "$shm/three"
t helper_store_option 0 '' '' "$helper" "$shm/three" "$mnt" -o "nosuid,store=$shm/four,X-y=1"
result helper_store_option_wins store_is "$shm/four"
t helper_fake 0 '' '' "$helper" none "$mnt" -f -o rw
result helper_fake_mounts_nothing not is_mounted "$mnt"
t helper_remount 32 '' "ipcfs: mount: $mnt: *remount" "$helper" none "$mnt" -o rw,remount
t helper_bad_option 1 '' "*bogus*" "$helper" none "$mnt" -o rw,bogus
t helper_fails 32 '' "ipcfs: mount: *" "$helper" none /no/where -o rw
t helper_usage 1 '' "ipcfs: mount: mount(8) calls this as *" "$helper" none
t helper_comma 32 '' "*comma*" "$helper" /dev/shm/a,b "$mnt"

# The real mount(8) looks in /sbin alone: there, in a mount name space of its own.
cat >"$work/inside" <<'END'
set -e
mount --bind "$1/sbin" /sbin
mount -t fuse.ipcfs -o noatime none "$IPCFS_MOUNT"
"$IPCFS" put queues/x 'by mount(8)' && "$IPCFS" get queues/x
umount "$IPCFS_MOUNT"
echo "$2/five $IPCFS_MOUNT fuse.ipcfs noauto,nofail 0 0" >"$1/fstab"
mount -T "$1/fstab" "$IPCFS_MOUNT"
awk '$1 == "store" { print " " $2 }' "$IPCFS_MOUNT/status"
"$IPCFS" umount "$IPCFS_MOUNT"
END
if [ "$(id -u)" = 0 ] && unshare -m mount --bind "$work/sbin" /sbin 2>/dev/null; then
	t mount_8_and_fstab 0 "by mount(8) $shm/five" '' unshare -m bash "$work/inside" "$work" "$shm"
else
	echo 'skip mount_8_and_fstab no mount name space can be made'
fi

# ---- the tour, the demo --------------------------------------------------------------------------------------------------------------

"$ipcfs" mount "$mnt"
"$ipcfs" ls | xargs "$ipcfs" rm
if command -v python3 >/dev/null && [ -d /usr/share/common-licenses ]; then
	texts=$(cat /usr/share/common-licenses/* | tr -cs A-Za-z '\n' | grep -c .)
	t tour 0 "*Four workers count the $texts words*"$'\n'"  $texts of $texts words*They agree.*removed." '' "$ipcfs" tour
	t tour_again 0 '*They agree.*' '' "$ipcfs" tour
	t tour_kills 0 '*[0-9] abandoned*attempt 2*attempt 1*never more than three at once*' '' "$ipcfs" tour
	t tour_works 0 $'*\none: attempt 1\ntwo: attempt 2\nthree: attempt 1\n*\n5\n*division by 0*\nexit status 1\n*\n\[0, 1, 4, 9, 16\]\n*' '' "$ipcfs" tour
	t tour_circle 0 '* holds locks/tour-left waits locks/tour-right*has both: * abandoned*' '' "$ipcfs" tour
	t tour_shows_each_kind 0 $'*\ngreen blue\n*paint:42\n*an answer to a question\n*the other has ended\n*heard: end\n*\ngone\n*\nhello\n*' '' "$ipcfs" tour
	t tour_leaves_nothing 0 '' '' "$ipcfs" ls
	result tour_closes_all wait_until no_files_open
	t tour_keep 0 '*They agree.*' '' "$ipcfs" tour --keep
	t tour_kept 0 "*arrays/tour-lengths*dicts/tour-stock*locks/tour-site*queues/tour-jobs*values/tour-words*" '' "$ipcfs" ls
	t tour_over_kept 0 '*They agree.*' '' "$ipcfs" tour
	printf 'one two, three\n' >"$work/a text" && printf 'four-five\n' >"$work/other"
	t tour_texts 0 '*the 7 words of 3 texts*They agree.*' '' "$ipcfs" tour "$work/other" "$work/other" "$work/a text"
	t tour_no_text 1 '' 'ipcfs: tour: *none*' "$ipcfs" tour "$work/none"
	t tour_other_mount 1 '' 'ipcfs: tour: */mnt2: ipcfs is not mounted there*' "$ipcfs" tour --mount "$work/mnt2"

	# A worker that fails: python3 is not what it should be.
	mkdir "$work/bin" && printf '#!/bin/sh\ncat events/tour-start; exit 1\n' >"$work/bin/python3" && chmod 755 "$work/bin/python3"
	PATH=$work/bin:$PATH t tour_worker_fails 1 '*' '*a worker failed*' "$ipcfs" tour
	result tour_failed_closes_all wait_until no_files_open

	# One that is killed while its workers wait, and the next.
	printf '#!/bin/sh\nread -r _ <events/tour-never\n' >"$work/bin/python3"
	"$ipcfs" create events/tour-never
	PATH=$work/bin:$PATH "$ipcfs" tour >/dev/null 2>&1 &
	pid=$!
	children+=("$pid")
	wait_until has_waiters events/tour-start 2
	kill -9 $pid
	wait $pid 2>/dev/null
	"$ipcfs" rm events/tour-never
	t tour_after_killed_one 0 '*They agree.*' '' "$ipcfs" tour
	result tour_ends_old_workers wait_until no_files_open

	"$ipcfs" create events/tour-never
	PATH=$work/bin:$PATH "$ipcfs" tour >/dev/null 2>&1 &
	pid=$!
	children+=("$pid")
	wait_until has_waiters events/tour-never 2
	kill -TERM $pid
	wait $pid
	result tour_ends_by_signal [ $? = 143 ]
	"$ipcfs" rm events/tour-never
	result tour_ended_closes_all wait_until no_files_open

	t demo_mounted 0 "ipcfs is mounted on $mnt already; its store is $store.*They agree.*To unmount: $ipcfs umount $mnt" '' "$tree/tools/demo.sh"
	IPCFS_STORE=$shm/other t demo_other_store 1 '' "demo: $mnt is mounted already, with the store $store" "$tree/tools/demo.sh"
	kill -9 "$(status_of "$mnt" pid)"
	t demo_dead 0 "ipcfs is mounted on $mnt.*They agree.*" '' "$tree/tools/demo.sh"
	"$ipcfs" umount "$mnt"
	IPCFS_MOUNT=$work/new/mnt/ t demo_new 0 "ipcfs is mounted on $work/new/mnt.*They agree.*" '' "$tree/tools/demo.sh"
	IPCFS_MOUNT=$work/new/mnt t demo_again 0 "ipcfs is mounted on $work/new/mnt already*They agree.*" '' "$tree/tools/demo.sh"
	t demo_unmount 0 '' '' "$ipcfs" umount "$work/new/mnt"
else
	echo 'skip tour python3 or the licence texts are missing'
	"$ipcfs" umount "$mnt"
fi
result nothing_is_mounted not grep -q " $work/" /proc/self/mountinfo

exit $failed
