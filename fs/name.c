/* SPDX-License-Identifier: MIT
 *
 * name.c - the grammar of names: NAME[,OPTION[=VALUE]]... One table says what each option is
 * called, which kinds have it and how its value is read; a new option is one line.
 */
#include "fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../core/text.h"

enum { /* kinds as bits */
       K_QUEUE = 1 << IPCFS_QUEUE,
       K_SEMAPHORE = 1 << IPCFS_SEMAPHORE,
       K_EVENT = 1 << IPCFS_EVENT,
       K_VALUE = 1 << IPCFS_VALUE,
       K_ARRAY = 1 << IPCFS_ARRAY,
       K_LOCK = 1 << IPCFS_LOCK,
       K_CONDITION = 1 << IPCFS_CONDITION,
       K_BARRIER = 1 << IPCFS_BARRIER,
       K_LIST = 1 << IPCFS_LIST,
       K_PIPE = 1 << IPCFS_PIPE,
       K_TOPIC = 1 << IPCFS_TOPIC,
       K_MQ = 1 << IPCFS_MQ,
       K_SIGNAL = 1 << IPCFS_SIGNAL,
       K_SOCKET = 1 << IPCFS_SOCKET,
       K_DICT = 1 << IPCFS_DICT,
       K_KEY = 1 << FS_KEY,
       K_CELLS = K_VALUE | K_ARRAY,
       K_ALL = (1 << IPCFS_KIND_COUNT) - 1,
};

struct option {
	const char *name;
	unsigned kinds;
	enum { NO_VALUE, VALUE, MAY_VALUE } wants_value; /* false, true, or either */
	enum fs_view view;				 /* a main view, or FS_PLAIN */
	uint32_t option;				 /* FS_O_*, or 0 */
	uint32_t property;				 /* IPCFS_P_*, or 0 */
	int (*parse)(const char *s, size_t len, struct fs_leaf *leaf);
	const char *right; /* which values are right, for words; NULL: there are none, or all are */
};

static int parse_maxsize(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.maxsize);

	return rc == 0 && leaf->p.maxsize > IPCFS_MAXSIZE_MAX ? -ERANGE : rc;
}

static int parse_capacity(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_bytes(s, len, &leaf->p.capacity);

	return rc == 0 && (leaf->p.capacity == 0 || leaf->p.capacity > IPCFS_CAPACITY_MAX) ?
		       -ERANGE :
		       rc;
}

static int parse_value(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.value);

	return rc == 0 && leaf->p.value > IPCFS_SEMAPHORE_MAX ? -ERANGE : rc;
}

static int parse_max(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.max);

	return rc == 0 && (leaf->p.max == 0 || leaf->p.max > IPCFS_SEMAPHORE_MAX) ? -ERANGE : rc;
}

static int parse_set(const char *s, size_t len, struct fs_leaf *leaf)
{
	(void)s;
	(void)len;
	leaf->p.set = true;
	return 0;
}

static int parse_type(const char *s, size_t len, struct fs_leaf *leaf)
{
	if (len != 1 || !(*s == 's' || ipcfs_type_size(*s)))
		return -EINVAL;
	leaf->p.type = *s;
	return 0;
}

static int parse_len(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_bytes(s, len, &leaf->p.len);

	return rc == 0 && (leaf->p.len == 0 || leaf->p.len > IPCFS_ARRAY_BYTES_MAX) ? -ERANGE : rc;
}

static int parse_timeout(const char *s, size_t len, struct fs_leaf *leaf)
{
	return ipcfs_parse_duration(s, len, &leaf->timeout_ns);
}

static int parse_n(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->n);

	return rc == 0 && (leaf->n == 0 || leaf->n > IPCFS_SEMAPHORE_MAX) ? -ERANGE : rc;
}

static int parse_parties(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.parties);

	return rc == 0 && (leaf->p.parties == 0 || leaf->p.parties > IPCFS_PARTIES_MAX) ? -ERANGE :
											  rc;
}

static int parse_at(const char *s, size_t len, struct fs_leaf *leaf)
{
	return fs_parse_range(s, len, &leaf->at_first, &leaf->at_last, NULL);
}

static int parse_index(const char *s, size_t len, struct fs_leaf *leaf)
{
	return fs_parse_index(s, len, &leaf->index);
}

/* Without a value: behind the last. */
static int parse_insert(const char *s, size_t len, struct fs_leaf *leaf)
{
	leaf->index = FS_INDEX_END;
	return s ? fs_parse_index(s, len, &leaf->index) : 0;
}

/* Without a value: the last. */
static int parse_pop(const char *s, size_t len, struct fs_leaf *leaf)
{
	leaf->index = -1;
	return s ? fs_parse_index(s, len, &leaf->index) : 0;
}

static int parse_notify(const char *s, size_t len, struct fs_leaf *leaf)
{
	return fs_signal_parse(s, len, &leaf->notify);
}

/* Without a value: what is fired. */
static int parse_member(const char *s, size_t len, struct fs_leaf *leaf)
{
	return s ? fs_signal_parse(s, len, &leaf->member) : 0;
}

static int parse_after(const char *s, size_t len, struct fs_leaf *leaf)
{
	return ipcfs_parse_duration(s, len, &leaf->after_ns);
}

/* Without a value: all until fsync or close. */
static int parse_block(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = s ? ipcfs_parse_bytes(s, len, &leaf->block) : 0;

	return rc == 0 && s && (leaf->block == 0 || leaf->block > IPCFS_CAPACITY_MAX) ? -ERANGE :
											rc;
}

static int parse_attempts(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.attempts);

	return rc == 0 && (leaf->p.attempts == 0 || leaf->p.attempts > IPCFS_ATTEMPTS_MAX) ?
		       -ERANGE :
		       rc;
}

/* Another name of the same folder. */
static int parse_dead(const char *s, size_t len, struct fs_leaf *leaf)
{
	if (len > IPCFS_NAME_MAX)
		return -ERANGE;
	if (len == 0 || s[0] == '.')
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return -EINVAL;
	memcpy(leaf->p.dead, s, len);
	return 0;
}

static int parse_maxmsg(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_u64(s, len, &leaf->p.maxmsg);

	return rc == 0 && (leaf->p.maxmsg == 0 || leaf->p.maxmsg > INT_MAX) ? -ERANGE : rc;
}

static int parse_msgsize(const char *s, size_t len, struct fs_leaf *leaf)
{
	int rc = ipcfs_parse_bytes(s, len, &leaf->p.msgsize);

	return rc == 0 && (leaf->p.msgsize == 0 || leaf->p.msgsize > INT_MAX) ? -ERANGE : rc;
}

static int parse_prio(const char *s, size_t len, struct fs_leaf *leaf)
{
	uint64_t prio = 0;
	int rc = ipcfs_parse_u64(s, len, &prio);

	leaf->prio = (unsigned)prio;
	return rc == 0 && prio >= (uint64_t)sysconf(_SC_MQ_PRIO_MAX) ? -ERANGE : rc;
}

static int parse_a(const char *s, size_t len, struct fs_leaf *leaf)
{
	(void)s;
	(void)len;
	leaf->n = IPCFS_END_A;
	return 0;
}

static int parse_b(const char *s, size_t len, struct fs_leaf *leaf)
{
	(void)s;
	(void)len;
	leaf->n = IPCFS_END_B;
	return 0;
}

/* Which values are right. */
#define TIME "a time is 2, 0.5, 200ms, 1m"
#define INDEX "an index is wanted, -1 for the last"
#define COUNT "1 to 2147483647"
#define BYTES "1 to 16G, as 4096, 64k, 10M"
#define SIGNAL "a signal is USR1, SIGUSR1 or 10"

static const struct option options[] = {
	{"timeout", K_ALL | K_KEY, true, FS_PLAIN, FS_O_TIMEOUT, 0, parse_timeout, TIME},
	{"peek", (K_ALL & ~K_PIPE) | K_KEY, false, FS_PEEK, 0, 0, NULL, NULL},
	{"watch", (K_ALL & ~K_PIPE) | K_KEY, false, FS_WATCH, 0, 0, NULL, NULL},
	{"stat", K_ALL | K_KEY, false, FS_STAT, 0, 0, NULL, NULL},
	{"ctl", K_ALL | K_KEY, false, FS_CTL, 0, 0, NULL, NULL},
	{"raw", K_CELLS, false, FS_RAW, 0, 0, NULL, NULL},
	{"stream",
	 K_QUEUE | K_SEMAPHORE | K_LOCK | K_CONDITION | K_BARRIER | K_LIST | K_PIPE | K_TOPIC |
		 K_SIGNAL | K_MQ,
	 false, FS_PLAIN, FS_O_STREAM, 0, NULL, NULL},
	{"a", K_PIPE, false, FS_PLAIN, FS_O_A, 0, parse_a, NULL},
	{"b", K_PIPE, false, FS_PLAIN, FS_O_B, 0, parse_b, NULL},
	{"at", K_ARRAY, true, FS_PLAIN, FS_O_AT, 0, parse_at,
	 "an index is wanted, or two as in 1:4"},
	{"at", K_LIST, true, FS_PLAIN, FS_O_AT, 0, parse_index, INDEX},
	{"insert", K_LIST, MAY_VALUE, FS_PLAIN, FS_O_INSERT, 0, parse_insert, INDEX},
	{"pop", K_LIST, MAY_VALUE, FS_PLAIN, FS_O_POP, 0, parse_pop, INDEX},
	{"cas", K_CELLS | K_LIST | K_KEY, false, FS_PLAIN, FS_O_CAS, 0, NULL, NULL},
	{"shared", K_LOCK, false, FS_PLAIN, FS_O_SHARED, 0, NULL, NULL},
	{"n", K_SEMAPHORE, true, FS_PLAIN, FS_O_N, 0, parse_n, COUNT},
	{"hold", K_SEMAPHORE, false, FS_PLAIN, FS_O_HOLD, 0, NULL, NULL},
	{"tokens", K_SEMAPHORE, false, FS_PLAIN, FS_O_TOKENS, 0, NULL, NULL},
	{"pop", K_KEY, false, FS_PLAIN, FS_O_POP, 0, NULL, NULL},
	{"num", K_KEY, false, FS_PLAIN, FS_O_NUM, 0, NULL, NULL},
	{"prio", K_MQ, true, FS_PLAIN, FS_O_PRIO, 0, parse_prio, "0 to 32767"},
	{"maxmsg", K_MQ, true, FS_PLAIN, 0, IPCFS_P_MAXMSG, parse_maxmsg, COUNT},
	{"msgsize", K_MQ, true, FS_PLAIN, 0, IPCFS_P_MSGSIZE, parse_msgsize,
	 "1 to 2147483647 bytes, as 4096, 64k"},
	{"maxsize", K_QUEUE, true, FS_PLAIN, 0, IPCFS_P_MAXSIZE, parse_maxsize, "0 to 1073741824"},
	{"capacity", K_QUEUE | K_LIST | K_DICT | K_PIPE | K_TOPIC, true, FS_PLAIN, 0,
	 IPCFS_P_CAPACITY, parse_capacity, BYTES},
	{"lines", K_QUEUE, false, FS_PLAIN, FS_O_LINES, 0, NULL, NULL},
	{"block", K_QUEUE, MAY_VALUE, FS_PLAIN, FS_O_BLOCK, 0, parse_block, BYTES},
	{"ack", K_QUEUE, false, FS_PLAIN, FS_O_ACK, 0, NULL, NULL},
	{"join", K_QUEUE, false, FS_PLAIN, FS_O_JOIN, 0, NULL, NULL},
	{"join", K_SIGNAL, MAY_VALUE, FS_PLAIN, FS_O_MEMBER, 0, parse_member, SIGNAL},
	{"after", K_SIGNAL, true, FS_PLAIN, FS_O_AFTER, 0, parse_after, TIME},
	{"attempts", K_QUEUE, true, FS_PLAIN, 0, IPCFS_P_ATTEMPTS, parse_attempts, COUNT},
	{"dead", K_QUEUE, true, FS_PLAIN, 0, IPCFS_P_DEAD, parse_dead,
	 "another queue of this folder is wanted"},
	{"value", K_SEMAPHORE, true, FS_PLAIN, 0, IPCFS_P_VALUE, parse_value, "0 to 2147483647"},
	{"max", K_SEMAPHORE, true, FS_PLAIN, 0, IPCFS_P_MAX, parse_max, COUNT},
	{"set", K_EVENT, false, FS_PLAIN, 0, IPCFS_P_SET, parse_set, NULL},
	{"type", K_CELLS, true, FS_PLAIN, 0, IPCFS_P_TYPE, parse_type,
	 "one of ? b B h H i I l L q Q f d c u s"},
	{"len", K_CELLS, true, FS_PLAIN, 0, IPCFS_P_LEN, parse_len, "1 to 4G"},
	{"parties", K_BARRIER, true, FS_PLAIN, 0, IPCFS_P_PARTIES, parse_parties, "1 to 4096"},
	{"temp", K_ALL, false, FS_PLAIN, 0, IPCFS_P_TEMP, NULL, NULL},
	{"notify", K_ALL | K_KEY, true, FS_PLAIN, FS_O_NOTIFY, 0, parse_notify, SIGNAL},
};

/* "3", "1:4", "1:", ":4", ":" */
int fs_parse_range(const char *s, size_t len, uint64_t *first, uint64_t *last, bool *slice)
{
	const char *colon = memchr(s, ':', len);
	size_t head = colon ? (size_t)(colon - s) : len;
	int rc = 0;

	*first = 0;
	*last = UINT64_MAX;
	if (slice)
		*slice = colon != NULL;
	if (!colon || head)
		rc = ipcfs_parse_u64(s, head, first);
	if (rc == 0 && !colon) {
		if (*first == UINT64_MAX)
			return -ERANGE;
		*last = *first + 1;
	} else if (rc == 0 && len > head + 1) {
		rc = ipcfs_parse_u64(colon + 1, len - head - 1, last);
	}
	return rc == 0 && *last <= *first ? -EINVAL : rc;
}

/* For words. */
static const char *those(enum ipcfs_kind kind)
{
	return kind == FS_KEY ? "keys" : ipcfs_kind_name(kind);
}

int fs_parse_index(const char *s, size_t len, int64_t *index)
{
	bool negative = len && *s == '-';
	uint64_t n = 0;
	int rc = ipcfs_parse_u64(s + negative, len - negative, &n);

	if (rc == 0 && n >= INT64_MAX)
		return -ERANGE;
	*index = negative ? -(int64_t)n : (int64_t)n;
	return rc;
}

/* The kind's own, else another kind's of that name. */
static const struct option *find(enum ipcfs_kind kind, const char *s, size_t len)
{
	const struct option *found = NULL;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, s, len) &&
		    (!found || options[i].kinds & 1u << kind))
			found = &options[i];
	return found;
}

static int apply(const struct option *o, const char *value, size_t len, struct fs_leaf *leaf)
{
	bool repeated = (o->option && leaf->options & o->option) ||
			(o->property && leaf->p.given & o->property);
	int rc = 0;

	if (o->view != FS_PLAIN) {
		if (leaf->view != FS_PLAIN)
			return fs_fail(-EINVAL, "\"%s\": one such view at a time", o->name);
		leaf->view = o->view;
	}
	if (repeated)
		return fs_fail(-EINVAL, "option \"%s\" is repeated", o->name);
	leaf->options |= o->option;
	leaf->p.given |= o->property;
	if (o->parse)
		rc = o->parse(value, len, leaf);
	if (rc < 0)
		return fs_fail(-EINVAL, "%s=%s is %s: %s", o->name, fs_quote(value, len),
			       rc == -ERANGE ? "out of range" : "ill-formed", o->right);
	return 0;
}

static int parse_option(enum ipcfs_kind kind, const char *s, size_t len, struct fs_leaf *leaf)
{
	const char *equals = memchr(s, '=', len);
	size_t name_len = equals ? (size_t)(equals - s) : len;
	const struct option *o = find(kind, s, name_len);

	if (!o)
		return fs_fail(-EINVAL, "there is no option %s", fs_quote(s, name_len));
	if (!(o->kinds & 1u << kind))
		return fs_fail(-EINVAL, "%s have no option \"%s\"", those(kind), o->name);
	if (o->wants_value != MAY_VALUE && o->wants_value != (equals ? VALUE : NO_VALUE))
		return fs_fail(-EINVAL,
			       o->wants_value ? "option \"%s\" wants a value" :
						"option \"%s\" takes no value",
			       o->name);
	return apply(o, equals ? equals + 1 : NULL, equals ? len - name_len - 1 : 0, leaf);
}

bool fs_leaf_is_view(const struct fs_leaf *leaf)
{
	return leaf->view != FS_PLAIN || leaf->options;
}

int fs_name_parse(enum ipcfs_kind kind, const char *text, struct fs_leaf *leaf)
{
	size_t len = strcspn(text, ","), most = kind == IPCFS_MQ ? FS_NAME_MAX : IPCFS_NAME_MAX;
	int rc;

	memset(leaf, 0, sizeof(*leaf));
	if (len > most)
		return fs_fail(-ENAMETOOLONG, "a name has at most %zu bytes", most);
	if (len == 0)
		return fs_fail(-EINVAL, "there is no name before the comma");
	if (text[0] == '.' && kind != FS_KEY)
		return fs_fail(-EINVAL, "a name does not begin with a dot");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return fs_fail(-EINVAL, "a name has no control characters");
	memcpy(leaf->name, text, len);
	text += len;
	while (*text == ',') {
		len = strcspn(++text, ",");
		rc = parse_option(kind, text, len, leaf);
		if (rc < 0)
			return rc;
		text += len;
	}
	return fs_name_check(kind, leaf);
}

/* ---- properties of pending names ------------------------------------------------------ */

int fs_properties_format(const struct ipcfs_properties *p, char *buf, size_t size)
{
	char type[12] = "", len[32] = "";

	if (p->given & IPCFS_P_TYPE)
		snprintf(type, sizeof(type), ",type=%c", p->type);
	if (p->given & IPCFS_P_LEN)
		snprintf(len, sizeof(len), ",len=%llu", (unsigned long long)p->len);
	return snprintf(buf, size, "pending%s%s\n", type, len);
}

int fs_properties_parse(enum ipcfs_kind kind, const char *text, struct ipcfs_properties *p)
{
	struct fs_leaf leaf;
	char line[128];
	int rc;

	snprintf(line, sizeof(line), "%s", text);
	line[strcspn(line, "\n")] = '\0';
	rc = fs_name_parse(kind, line, &leaf);
	if (rc == 0)
		*p = leaf.p;
	return rc;
}
