#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_root.sh - the files at the root: README, status, errors, shm; that they stay as they are; statfs; folders.
# shellcheck disable=SC2016 # commands are expanded by the bash that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"

expect root_lists_the_files_and_the_kinds $'README\narrays\nbarriers\nconditions\ndeadlocks\ndicts\nerrors\nevents\nlists\nlocks\nmq\npipes\nqueues\nsemaphores\nshm\nsignals\nsockets\nstatus\ntopics\nvalues\n' ls "$M"
expect an_empty_kind_lists_nothing '' ls -A "$M/queues"

# README
check README_fits_one_screen bash -c '[ "$(wc -l <"$M/README")" -le 40 ] && [ "$(wc -L <"$M/README")" -le 100 ]'
check README_names_kinds_and_views bash -c '
	for word in queues mq semaphores locks events conditions barriers values arrays lists dicts pipes topics signals sockets \
		maxsize= capacity= attempts= dead= maxmsg= msgsize= value= max= set parties= type= len= temp timeout= peek watch stat ctl notify= stream \
		ack join lines block hold tokens n= prio= shared raw at= insert= pop cas num after= tcp: listen: mkdir mkfifo \
		flock unlock arm reset abort shm errors deadlocks status "man 7 ipcfs"; do
		grep -q -- "$word" "$M/README" || { echo "no $word"; exit 1; }
	done'
check README_reads_the_same_in_pieces bash -c 'cmp "$M/README" <(dd if="$M/README" bs=7 status=none)'
check README_tail bash -c '[ "$(tail -n 1 "$M/README")" = "$(sed -n "\$p" "$M/README")" ]'

# status
check status_is_lines_of_key_and_value bash -c '! grep -vE "^[a-z_]+ .+$" "$M/status"'
check status_has_what_the_contract_names bash -c '
	for key in version store objects parked requests requests_per_second; do
		grep -q "^$key " "$M/status" || { echo "no $key"; exit 1; }
	done'
expect status_store "store $S"$'\n' grep '^store ' "$M/status"
expect status_objects_at_first $'objects 0\n' grep '^objects ' "$M/status"
echo 1 >"$M/values/one"
touch "$M/queues/two"
expect status_objects $'objects 2\n' grep '^objects ' "$M/status"
rm "$M/values/one"
expect status_objects_after_rm $'objects 1\n' grep '^objects ' "$M/status"
start cat "$M/queues/two"
check status_parked_reader until_stat queues/two,stat 'waiters 1'
expect status_parked $'parked 1\n' grep '^parked ' "$M/status"
echo x >"$M/queues/two"
check status_reader_ends ended "$started"
expect status_parked_no_more $'parked 0\n' grep '^parked ' "$M/status"
check status_requests_grow bash -c '
	a=$(sed -n "s/^requests //p" "$M/status"); b=$(sed -n "s/^requests //p" "$M/status"); [ "$b" -gt "$a" ]'
expect status_version "$("$IPCFS" --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)"$'\n' sed -n 's/^version //p' "$M/status"
check status_pid_lives bash -c 'kill -0 "$(sed -n "s/^pid //p" "$M/status")"'

# errors
expect errors_empty_at_first '' cat "$M/errors"
echo x | tee "$M/values/n,type=i" >/dev/null 2>&1
check errors_one_line bash -c '[ "$(wc -l <"$M/errors")" = 1 ]'
check errors_form bash -c '
	grep -qxE "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{4} [0-9]+ EINVAL values/n: \"x\" is not an int32" "$M/errors"'
rm -f "$M/values/n"

# The root's files are read-only and stay.
for f in README status errors deadlocks; do
	expect "mode_$f" $'444\n' stat -c %a "$M/$f"
	expect "size_$f" $'0\n' stat -c %s "$M/$f"
	check "${f}_reads" cat "$M/$f"
	# root may open anything: what is refused is the writing
	fails "no_write_$f" 'ermission denied' bash -c 'echo x >"$M/'"$f"'"'
	fails "no_append_$f" 'ermission denied' bash -c 'echo x >>"$M/'"$f"'"'
	fails "no_write_for_others_$f" 'ermission denied' setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'echo x >"$M/'"$f"'"'
	check "read_by_others_$f" setpriv --reuid=65534 --regid=65534 --clear-groups cat "$M/$f"
	fails "no_rm_$f" 'not permitted' rm -f "$M/$f"
	fails "no_mv_$f" 'not permitted' mv "$M/$f" "$M/other"
	fails "no_chmod_$f" 'not permitted' chmod 666 "$M/$f"
	fails "no_touch_$f" 'cannot touch' touch -d @0 "$M/$f"
	fails "no_truncate_$f" '' truncate -s 0 "$M/$f"
done
fails no_new_file_at_root 'not permitted' touch "$M/new"
fails no_new_folder_at_root 'not permitted' mkdir "$M/new"
fails no_rm_shm 'not permitted' rm "$M/shm"
for kind in queues semaphores events values arrays; do
	fails "no_rmdir_$kind" 'not permitted' rmdir "$M/$kind"
	fails "no_mv_$kind" 'not permitted' mv "$M/$kind" "$M/other"
	fails "no_chmod_$kind" 'not permitted' chmod 700 "$M/$kind"
	expect "anyone_may_create_in_$kind" $'777\n' stat -c %a "$M/$kind"
done

# shm leads to the store itself.
expect shm_is_the_store "$S"$'\n' readlink "$M/shm"
expect shm_is_a_tmpfs $'tmpfs\n' stat -f -c %T "$M/shm/"
echo 1 2 3 >"$M/arrays/a,type=i,len=3"
check shm_shows_arrays test -f "$M/shm/arrays/a"
expect shm_array_is_a_npy $'\x93NUMPY' head -c 6 "$M/shm/arrays/a"
expect shm_data_is_at_4096 $'010000000200000003000000\n' xxd -p -s 4096 -l 12 "$M/shm/arrays/a"
echo 7 >"$M/values/v"
expect shm_value_at_4096 $'0700000000000000\n' xxd -p -s 4096 -l 8 "$M/shm/values/v"
touch "$M/values/pending"
check shm_shows_no_pending_name bash -c '[ ! -e "$M/shm/values/pending" ] && [ -e "$M/values/pending" ]'
echo 2.5 >"$M/values/pending"
check shm_shows_it_with_a_type test -f "$M/shm/values/pending"
rm "$M/arrays/a"
check shm_is_rid_of_what_is_removed test ! -e "$M/shm/arrays/a"

# statfs
expect statfs_namelen $'200\n' stat -f -c %l "$M"
check statfs_is_the_stores_tmpfs bash -c '
	[ "$(stat -f -c %b:%S "$M")" = "$(stat -f -c %b:%S /dev/shm)" ]'
check statfs_free bash -c 'read -r f b < <(stat -f -c "%f %b" "$M") && [ "$f" -gt 0 ] && [ "$f" -le "$b" ]'
expect df_names_it $'ipcfs\n' bash -c 'df --output=source "$M" | tail -n 1'
check df_of_an_object df "$M/values/v"
check findmnt_type bash -c 'awk -v m="$M" "\$5 == m && / - fuse[a-z]*.ipcfs / { n++ } END { exit n != 1 }" /proc/self/mountinfo'

# folders
check mkdir mkdir "$M/queues/team"
echo job >"$M/queues/team/jobs"
expect ls_folder $'jobs\n' ls "$M/queues/team"
expect find_all "queues/team/jobs"$'\n' bash -c 'cd "$M" && find queues -type f -name jobs'
expect folder_mode $'755\n' stat -c %a "$M/queues/team"
check chmod_folder chmod 700 "$M/queues/team"
fails folder_modes_hold 'ermission denied' setpriv --reuid=65534 --regid=65534 --clear-groups ls "$M/queues/team"
fails rmdir_full 'not empty' rmdir "$M/queues/team"
expect folder_get $'job\n' cat "$M/queues/team/jobs"
check rm_in_folder rm "$M/queues/team/jobs"
check rmdir rmdir "$M/queues/team"
fails folder_options 'nvalid argument' mkdir "$M/queues/team,maxsize=3"
finish
