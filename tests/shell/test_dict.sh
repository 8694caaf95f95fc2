#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test_dict.sh - what a person types with dicts: coreutils, editors, bash, dash, Python, perl, awk.
# shellcheck disable=SC2016 # commands are expanded by the shell that runs them
set -u
# shellcheck source=tests/shell/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$M" || exit 1

fails bare 'Operation not permitted' touch dicts/d
check mkdir mkdir dicts/d
for shell in bash dash; do
	expect "set_and_get_$shell" $'red\n' "$shell" -c 'echo red >dicts/d/colour; cat dicts/d/colour'
	expect "append_$shell" $'red\nblue\n' "$shell" -c 'echo blue >>dicts/d/colour; cat dicts/d/colour'
	expect "group_$shell" $'a\nb\n' "$shell" -c '{ echo a; (echo b); } >dicts/d/two; cat dicts/d/two'
	expect "empty_$shell" '' "$shell" -c ': >dicts/d/two; cat dicts/d/two'
	expect "add_and_read_$shell" $'6\n' "$shell" -c \
		'echo 5 >dicts/d/n; exec 3<>dicts/d/n,num; echo "add 1" >&3; read n <&3; echo "$n"'
	expect "pop_$shell" $'6\nno more\n' "$shell" -c 'cat dicts/d/n,pop; [ -e dicts/d/n ] || echo no more'
done
fails absent 'No such file' cat dicts/d/none
fails a_view_does_not_create 'No such file' bash -c 'echo 1 >dicts/d/none,num'
fails no_such_option 'Invalid argument' cat dicts/d/colour,at=1
expect noclobber $'no\n' bash -c 'set -C; echo x >dicts/d/colour 2>"$T/err" || echo no'
expect test_s $'full\n' bash -c '[ -s dicts/d/colour ] && ! [ -s dicts/d/two ] && echo full'
expect size $'9\n' stat -c %s dicts/d/colour

# order
check clear bash -c 'echo clear >dicts/d,ctl'
for key in z e b r a .hidden; do echo "$key" >"dicts/d/$key"; done
expect ls_in_order $'z\ne\nb\nr\na\n' ls -U dicts/d
expect ls_sorted $'a\nb\ne\nr\nz\n' ls dicts/d
expect ls_all $'.\n..\nz\ne\nb\nr\na\n.hidden\n' ls -aU dicts/d
expect peek_lists_keys $'z\ne\nb\nr\na\n.hidden\n' cat dicts/d,peek
expect glob 'dicts/d/a dicts/d/b dicts/d/e dicts/d/r dicts/d/z' bash -c 'printf %s "$(echo dicts/d/*)"'
expect find $'6\n' bash -c 'find dicts/d -type f | wc -l'
expect grep_r $'dicts/d/b:b\n' grep -r b dicts/d

# editors, copies
printf 'one\ntwo\n' >dicts/d/text
chmod 640 dicts/d/text
inode=$(stat -c %i dicts/d/text)
expect sed_i $'one\nthree\n' bash -c 'sed -i s/two/three/ dicts/d/text; cat dicts/d/text'
expect it_is_the_same_key "640 $inode" bash -c 'printf %s "$(stat -c "%a %i" dicts/d/text)"'
expect sed_leaves_nothing $'7\n' bash -c 'ls -A dicts/d | wc -l'
expect perl_i $'ONE\nTHREE\n' bash -c 'perl -pi -e "\$_ = uc" dicts/d/text; cat dicts/d/text'
head -c 3000000 /dev/urandom >"$T/big"
check cp cp "$T/big" dicts/d/big
check cmp cmp "$T/big" dicts/d/big
check cp_again cp "$T/big" dicts/d/big
check mv_from_elsewhere bash -c 'cp "$T/big" "$T/copy" && mv "$T/copy" dicts/d/moved && cmp "$T/big" dicts/d/moved'
check dd bash -c 'dd if="$T/big" of=dicts/d/dd bs=10000 conv=fsync status=none && cmp "$T/big" dicts/d/dd'
check tee bash -c 'tee dicts/d/t1 dicts/d/t2 <"$T/big" >/dev/null && cmp dicts/d/t1 dicts/d/t2'
check install install -m 600 "$T/big" dicts/d/installed
check cp_r bash -c 'cp -r dicts/d "$T/out" && diff -r dicts/d "$T/out" && mkdir dicts/e && cp -r "$T/out/." dicts/e && diff -r dicts/e "$T/out"'
check cp_a bash -c 'cp -a dicts/d "$T/all" && [ "$(stat -c "%a %Y" "$T/all/text")" = "$(stat -c "%a %Y" dicts/d/text)" ]'
check tar bash -c 'tar cf "$T/d.tar" -C dicts d && mkdir "$T/tar" && tar xf "$T/d.tar" -C "$T/tar" && diff -r dicts/d "$T/tar/d"'
check tar_x bash -c 'mkdir dicts/f && tar xf "$T/d.tar" --strip-components=1 -C dicts/f && diff -r dicts/d dicts/f'
# A time that is given before the close stays, as it does of any file.
echo old >"$T/old"
touch -d @1000000000 "$T/old"
expect cp_p $'1000000000\n' bash -c 'cp -p "$T/old" dicts/f/text && stat -c %Y dicts/f/text'
expect cp_p_of_a_new_key $'1000000000\n' bash -c 'cp -p "$T/old" dicts/f/new && stat -c %Y dicts/f/new'
expect tar_keeps_times $'1000000000\n' bash -c 'tar cf "$T/old.tar" -C "$T" old && tar xf "$T/old.tar" -C dicts/f && stat -c %Y dicts/f/old'
expect touch_to_the_first_second $'0\n' bash -c 'exec 3>dicts/f/held && cat "$T/old" >&3 && touch -d @0 dicts/f/held && exec 3>&- && stat -c %Y dicts/f/held'
expect touch_before_the_close $'old\n1000000000\n' bash -c 'exec 3>dicts/f/held && cat "$T/old" >&3 && touch -d @1000000000 dicts/f/held && exec 3>&- &&
	cat dicts/f/held && stat -c %Y dicts/f/held'
check touched_now_is_no_such_time bash -c 'exec 3>dicts/f/held && cat "$T/old" >&3 && touch -d @1000000000 dicts/f/held && touch dicts/f/held && exec 3>&- &&
	[ "$(stat -c %Y dicts/f/held)" -gt 1000000000 ]'
check a_later_write_counts bash -c 'exec 3>dicts/f/held && touch -d @1000000000 dicts/f/held && cat "$T/old" >&3 && exec 3>&- &&
	[ "$(stat -c %Y dicts/f/held)" -gt 1000000000 ]'
fails mv_to_another_dict 'Operation not permitted' mv dicts/d/text dicts/e/other
fails mv_a_dict_onto_another '' mv -T dicts/e dicts/f
check mv_a_dict mv dicts/e dicts/g
fails rmdir 'Directory not empty' rmdir dicts/g
check rm_r rm -r dicts/f dicts/g
fails mkdir_within 'Operation not permitted' mkdir dicts/d/sub
expect why_in_words $'1\n' bash -c 'grep -c "EPERM dicts/d/sub: dicts hold no folders" errors'

# whoever is killed leaves the old value
echo old >dicts/d/key
check killed bash -c 'bash -c "exec >dicts/d/key; echo half; kill -9 \$\$" || [ $? = 137 ]'
expect old_value $'old\n' cat dicts/d/key
mkfifo "$T/fifo"
start bash -c 'exec cat "$T/fifo" >dicts/d/key'
exec 4>"$T/fifo"
echo half >&4
kill -TERM "$started"
ended "$started"
check terminated [ $? = 143 ]
exec 4>&-
expect still_old_value $'old\n' cat dicts/d/key

# watch
start head -n 2 dicts/d/key,watch
check watcher_waits until_stat dicts/d/key,stat 'waiters 1'
echo new >dicts/d/key
check watcher_is_told ended "$started"
expect watched $'old\nnew\n' cat "$T/out.$started"

# temp, in a process that is killed
check temp bash -c 'bash -c "exec 3<>dicts/tmp,temp; echo 1 >dicts/tmp/a; cat dicts/tmp/a >\$T/seen; kill -9 \$\$"; [ "$(cat "$T/seen")" = 1 ]'
check temp_is_gone bash -c 'for i in $(seq 100); do [ -e dicts/tmp ] || exit 0; sleep 0.1; done; exit 1'

# other languages
expect python $'v\n[\'x\', \'y\']\nb\'raw\\x00\'\nFileExistsError\n7\n' python3 -c '
import os
os.mkdir("dicts/py")
with open("dicts/py/x", "w") as f:
    f.write("v")
print(open("dicts/py/x").read())
open("dicts/py/y", "wb").write(b"raw\0")
print([e.name for e in os.scandir("dicts/py")])
print(open("dicts/py/y", "rb").read())
try:
    open("dicts/py/x", "x")
except OSError as e:
    print(type(e).__name__)
with open("dicts/py/n", "w+") as f:
    f.write("37"); f.seek(1); print(f.read())'
expect python_replace $'new\n' python3 -c '
import os, tempfile
with tempfile.NamedTemporaryFile("w", dir="dicts/py", delete=False) as f:
    f.write("new")
os.replace(f.name, "dicts/py/x")
print(open("dicts/py/x").read())
assert sorted(os.listdir("dicts/py")) == ["n", "x", "y"]'
expect perl $'p\n' perl -e 'open F, ">", "dicts/py/p" or die; print F "p\n"; close F or die; open F, "dicts/py/p"; print <F>'
expect awk $'a 1\nb 2\n' bash -c 'printf "a 1\nb 2\n" | awk "{ f = \"dicts/py/\" \$1; print \$2 > f; close(f) }"; for k in a b; do echo "$k $(cat dicts/py/$k)"; done'
finish
