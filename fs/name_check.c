/* SPDX-License-Identifier: MIT
 *
 * name_check.c - which options of a name go together, and with what they can be: a function for each kind that has more
 * to say than all have.
 */
#include "fs.h"

#include <errno.h>

static int check_any(const struct fs_leaf *leaf)
{
	if ((leaf->view == FS_STAT || leaf->view == FS_CTL) && leaf->options & ~FS_O_TIMEOUT)
		return fs_fail(-EINVAL, "\"stat\" and \"ctl\" go with no other view");
	if (fs_leaf_is_view(leaf) && leaf->p.given & IPCFS_P_TEMP)
		return fs_fail(-EINVAL, "\"temp\" is for creation, a view does not create");
	return 0;
}

static int check_cells(enum ipcfs_kind kind, const struct fs_leaf *leaf)
{
	if (leaf->view == FS_RAW && leaf->options & (FS_O_AT | FS_O_CAS))
		return fs_fail(-EINVAL, "\"raw\" goes with neither \"at\" nor \"cas\"");
	if (kind != IPCFS_VALUE || !(leaf->p.given & IPCFS_P_LEN))
		return 0;
	if (leaf->p.given & IPCFS_P_TYPE && leaf->p.type != 's')
		return fs_fail(-EINVAL, "len= is for values of type s");
	if (leaf->p.len > IPCFS_STRING_MAX)
		return fs_fail(-EINVAL, "len=%llu is out of range: 1 to %u",
			       (unsigned long long)leaf->p.len, (unsigned)IPCFS_STRING_MAX);
	return 0;
}

static int check_semaphore(const struct fs_leaf *leaf)
{
	if (leaf->options & FS_O_TOKENS && leaf->options & (FS_O_HOLD | FS_O_N | FS_O_STREAM))
		return fs_fail(-EINVAL,
			       "\"tokens\" goes with neither \"hold\" nor \"n\" nor \"stream\"");
	if (leaf->p.given & IPCFS_P_VALUE && leaf->p.given & IPCFS_P_MAX &&
	    leaf->p.value > leaf->p.max)
		return fs_fail(-EINVAL, "value= is above max=");
	return 0;
}

static int check_queue(const struct fs_leaf *leaf)
{
	uint32_t beside_join = FS_O_JOIN | FS_O_TIMEOUT | FS_O_NOTIFY;

	if (leaf->options & FS_O_LINES && leaf->options & FS_O_BLOCK)
		return fs_fail(-EINVAL, "\"lines\" and \"block\": one of them");
	if (leaf->options & FS_O_BLOCK && leaf->view != FS_PLAIN)
		return fs_fail(-EINVAL,
			       "\"block\" is for putting, it goes with no other such view");
	if (leaf->options & FS_O_JOIN && (leaf->view != FS_PLAIN || leaf->options & ~beside_join))
		return fs_fail(-EINVAL, "\"join\" goes with \"timeout\" and \"notify\" alone");
	if (leaf->options & FS_O_ACK && (leaf->view != FS_PLAIN || leaf->options & FS_O_BLOCK))
		return fs_fail(-EINVAL, "\"ack\" is for getting, it goes with no other such view");
	return 0;
}

static int check_signal(const struct fs_leaf *leaf)
{
	if (leaf->options & FS_O_MEMBER && leaf->view != FS_PLAIN)
		return fs_fail(-EINVAL, "\"join\" goes with no other such view");
	if (leaf->options & FS_O_AFTER && (leaf->view != FS_PLAIN || leaf->options & FS_O_MEMBER))
		return fs_fail(-EINVAL, "\"after\" is for signals that are written, it goes with "
					"no other such view");
	return 0;
}

static int check_list(const struct fs_leaf *leaf)
{
	uint32_t one = leaf->options & (FS_O_AT | FS_O_INSERT | FS_O_POP);

	if (one & (one - 1))
		return fs_fail(-EINVAL, "\"at\", \"insert\" and \"pop\": one of them");
	if (one == FS_O_INSERT && leaf->view != FS_PLAIN)
		return fs_fail(-EINVAL,
			       "\"insert\" is for writing, it goes with no other such view");
	if (leaf->options & FS_O_STREAM && one != FS_O_POP)
		return fs_fail(-EINVAL, "\"stream\" is for reading by \"pop\"");
	if (leaf->options & FS_O_CAS && one == FS_O_POP)
		return fs_fail(-EINVAL, "\"cas\" is for writing, \"pop\" for reading");
	return 0;
}

static int check_key(const struct fs_leaf *leaf)
{
	if (leaf->options & FS_O_POP &&
	    (leaf->view != FS_PLAIN || leaf->options & (FS_O_CAS | FS_O_NUM)))
		return fs_fail(-EINVAL, "\"pop\" takes, it goes with no other such view");
	return 0;
}

static int check_pipe(const struct fs_leaf *leaf)
{
	uint32_t ends = leaf->options & (FS_O_A | FS_O_B);

	if (ends == (FS_O_A | FS_O_B))
		return fs_fail(-EINVAL, "\"a\" and \"b\": one of them");
	if (!ends && leaf->options && leaf->view == FS_PLAIN)
		return fs_fail(-EINVAL, "the bare name is no end: use NAME,a or NAME,b");
	return 0;
}

int fs_name_check(enum ipcfs_kind kind, const struct fs_leaf *leaf)
{
	int rc = check_any(leaf);

	if (rc < 0)
		return rc;
	switch ((int)kind) {
	case IPCFS_VALUE:
	case IPCFS_ARRAY:
		return check_cells(kind, leaf);
	case IPCFS_SEMAPHORE:
		return check_semaphore(leaf);
	case IPCFS_QUEUE:
		return check_queue(leaf);
	case IPCFS_SIGNAL:
		return check_signal(leaf);
	case IPCFS_LIST:
		return check_list(leaf);
	case FS_KEY:
		return check_key(leaf);
	case IPCFS_PIPE:
		return check_pipe(leaf);
	default:
		return 0;
	}
}
