/* SPDX-License-Identifier: MIT
 *
 * object.c - opening, creating, removing and looking at objects of any kind: the shared-memory engine.
 */
#include "claim.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Who opens a name whose removal was begun by somebody who died finishes it, and looks again. */
enum { OPEN_TRIES = 1000 };

static void properties_of(const struct ipcfs_object *o, struct ipcfs_properties *p)
{
	if (o->ops->properties_of)
		o->ops->properties_of(o->shape, p);
	else
		p->given = 0;
	if (o->dead) {
		p->given |= IPCFS_P_DEAD;
		snprintf(p->dead, sizeof(p->dead), "%s", o->dead);
	}
}

static bool same(const struct ipcfs_object *o, const struct ipcfs_properties *p)
{
	struct ipcfs_properties is = {0};

	properties_of(o, &is);
	if (p->given & IPCFS_P_LEN && !(is.given & IPCFS_P_LEN))
		return false;
	return (!(p->given & IPCFS_P_MAXSIZE) || p->maxsize == is.maxsize) &&
	       (!(p->given & IPCFS_P_CAPACITY) || p->capacity == is.capacity) &&
	       (!(p->given & IPCFS_P_VALUE) || p->value == is.value) &&
	       (!(p->given & IPCFS_P_MAX) || p->max == is.max) &&
	       (!(p->given & IPCFS_P_SET) || p->set == is.set) &&
	       (!(p->given & IPCFS_P_TYPE) || p->type == is.type) &&
	       (!(p->given & IPCFS_P_LEN) || p->len == is.len) &&
	       (!(p->given & IPCFS_P_ATTEMPTS) || p->attempts == is.attempts) &&
	       (!(p->given & IPCFS_P_DEAD) || !strcmp(p->dead, is.dead)) &&
	       (!(p->given & IPCFS_P_PARTIES) || p->parties == is.parties);
}

struct request {
	struct ipcfs_store *store;
	enum ipcfs_kind kind;
	int flags;
	const struct ipcfs_maker *maker;
	const struct ipcfs_properties *p;
};

/* -ESTALE: look again. */
static int open_found(const struct request *r, int dirfd, const char *path, int fd, bool made,
		      struct ipcfs_object **out)
{
	struct ipcfs_object *o;
	int rc = seg_attach(r->store, fd, r->kind, &o);

	if (rc < 0)
		return rc;
	if (LOAD(o->control->state) & SEG_REMOVED) {
		rc = store_unlink_exact(dirfd, path, fd, r->store->server);
		if (rc < 0 && !(r->flags & IPCFS_CREATE))
			rc = -ENOENT; /* not ours to finish, but gone all the same */
		else
			rc = rc < 0 ? rc : -ESTALE;
	} else if (!made && r->flags & IPCFS_CREATE && r->flags & IPCFS_EXCL) {
		rc = -EEXIST;
	} else if (r->p && !same(o, r->p)) {
		rc = -EEXIST;
	} else if (o->dead) {
		rc = seg_note_folder(o, path);
	}
	if (rc < 0)
		seg_detach(o);
	else
		*out = o;
	return rc;
}

static int create(const struct request *r, int dirfd, const char *path)
{
	static const struct ipcfs_properties none;
	const struct ipcfs_properties *p = r->p ? r->p : &none;
	const char *dead = p->given & IPCFS_P_DEAD ? p->dead : NULL;
	uint64_t shape[5] = {0};
	int rc = ipcfs_kinds[r->kind]->shape ? ipcfs_kinds[r->kind]->shape(p, shape) : 0;

	/* A queue whose dead letters come back to itself has none. */
	if (rc == 0 && dead && !strcmp(dead, strrchr(path, '/') + 1))
		rc = -EINVAL;
	return rc < 0 ? rc : seg_create(r->store, dirfd, path, r->kind, shape, dead, r->maker);
}

/* What is there is damaged, or nothing of ours: a FIFO or a socket that the kernel serves. */
static int no_segment(const struct request *r, int dirfd, const char *path)
{
	mode_t special = ipcfs_kinds[r->kind]->special;
	struct stat st;

	if (!special || sys_stat_at(dirfd, path, &st) < 0 || (st.st_mode & S_IFMT) != special)
		return -EUCLEAN;
	return r->flags & IPCFS_CREATE && r->flags & IPCFS_EXCL ? -EEXIST : -EOPNOTSUPP;
}

static int open_path(const struct request *r, int dirfd, const char *path,
		     struct ipcfs_object **out)
{
	int rc = -EBUSY;

	for (int i = 0; i < OPEN_TRIES; i++) {
		bool made = false;
		int fd = sys_open_beneath(dirfd, path, O_RDWR | O_NOFOLLOW, 0);

		if (fd == -ENOENT && r->flags & IPCFS_CREATE) {
			fd = create(r, dirfd, path);
			made = true;
			if (fd == -EEXIST)
				continue;
		}
		if (fd == -ELOOP || fd == -ENXIO)
			return no_segment(r, dirfd, path);
		if (fd < 0)
			return fd;
		rc = open_found(r, dirfd, path, fd, made, out);
		sys_close(fd);
		if (rc == -EUCLEAN)
			return no_segment(r, dirfd, path);
		if (rc != -ESTALE)
			return rc;
		rc = -EBUSY;
	}
	return rc;
}

/* A name in the queue's own folder. */
static int check_dead(const char dead[IPCFS_NAME_MAX + 1])
{
	size_t len = strnlen(dead, IPCFS_NAME_MAX + 1);

	if (len > IPCFS_NAME_MAX)
		return -ENAMETOOLONG;
	return memchr(dead, '/', len) ? -EINVAL : store_check_name(dead, len);
}

static int shm_open_object(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name,
			   int flags, const struct ipcfs_maker *maker,
			   const struct ipcfs_properties *p, struct ipcfs_object **object)
{
	struct request r = {store, kind, flags, maker, p};
	char path[STORE_PATH_SIZE];
	int dirfd, rc = store_path(kind, name, path);

	if (rc < 0)
		return rc;
	if (p && p->given & ~ipcfs_kinds[kind]->properties)
		return -EINVAL;
	if (p && p->given & IPCFS_P_DEAD)
		rc = check_dead(p->dead);
	if (rc < 0)
		return rc;
	dirfd = store_enter(store);
	if (dirfd < 0)
		return dirfd;
	rc = open_path(&r, dirfd, path, object);
	store_leave(store, dirfd);
	return rc;
}

/* May we remove the name? Asked before anybody is told that it is gone. */
static int may_remove(int dirfd, const char *path, const struct stat *st)
{
	char folder[STORE_PATH_SIZE];
	struct stat in;
	int rc;

	if (geteuid() == 0)
		return 0;
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	rc = sys_stat_at(dirfd, folder, &in);
	if (rc == 0)
		rc = sys_may_write(dirfd, folder);
	if (rc == 0 && in.st_mode & S_ISVTX && in.st_uid != geteuid() && st->st_uid != geteuid())
		rc = -EPERM;
	return rc;
}

static int shm_remove(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name)
{
	char path[STORE_PATH_SIZE];
	struct ipcfs_object *o;
	struct stat st;
	int dirfd, fd, rc = store_path(kind, name, path);

	if (rc < 0)
		return rc;
	dirfd = store_enter(store);
	if (dirfd < 0)
		return dirfd;
	fd = sys_open_beneath(dirfd, path, O_RDWR | O_NOFOLLOW, 0);
	if (fd < 0) { /* not ours to open, or no segment at all: the name may go all the same */
		bool other = fd == -EACCES || fd == -EPERM || fd == -ELOOP || fd == -ENXIO ||
			     fd == -EAGAIN;

		rc = other ? sys_unlink_at(dirfd, path, 0) : fd;
		store_leave(store, dirfd);
		return rc;
	}
	rc = sys_fstat(fd, &st);
	if (rc == 0)
		rc = may_remove(dirfd, path, &st);
	if (rc == 0 && seg_attach(store, fd, kind, &o) == 0) {
		seg_remove(o);
		seg_detach(o);
	} else if (rc == 0) {
		seg_condemn(fd, kind);
	}
	if (rc == 0)
		rc = store_unlink_exact(dirfd, path, fd, store->server);
	sys_close(fd);
	store_leave(store, dirfd);
	return rc;
}

static int shm_stat(struct ipcfs_object *o, struct ipcfs_stat *st)
{
	uint32_t state = LOAD(o->control->state);

	memset(st, 0, sizeof(*st));
	st->kind = o->kind;
	st->id = o->id;
	properties_of(o, &st->properties);
	st->changes = LOAD(o->control->changes);
	o->ops->stat(o, st);
	if (LOAD(o->damaged) || state & SEG_DAMAGED)
		return -EUCLEAN;
	return state & SEG_REMOVED ? -EIDRM : 0;
}

/* Without the lock: an entry that became another's while it was read is left out. */
static int shm_holders(struct ipcfs_object *o,
		       int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg)
{
	int rc = 0;

	for (unsigned i = 0, n = o->claims ? claim_count(o) : 0; i < n && rc == 0; i++) {
		struct claim *c = claim_at(o, i);
		uint64_t state = LOAD(c->state), order = LOAD(c->order), who = LOAD(c->who);
		struct ipcfs_holding h = {.member = LOAD(c->member),
					  .handle = LOAD(c->handle),
					  .pid = (pid_t)(who >> 32),
					  .uid = (uid_t)who,
					  .since_ns = (int64_t)LOAD(c->since),
					  .order = order};

		if (!state || !o->ops->holding || !o->ops->holding(o, c, state, &h))
			continue;
		if (LOAD(c->state) == state && LOAD(c->order) == order && claim_alive(o, c))
			rc = each(arg, &h);
	}
	return rc;
}

static int shm_watch(struct ipcfs_store *store, void (*changed)(void *arg, uint64_t id), void *arg)
{
	int fd;

	store->server = true;
	fd = member_watch(store, changed, arg);
	if (fd >= 0)
		member_sweep(store);
	return fd;
}

const struct ipcfs_engine ipcfs_engine_shm = {
	.name = "shm",
	.open = shm_open_object,
	.close = seg_detach,
	.remove = shm_remove,
	.list = ipcfs_list,
	.stat = shm_stat,
	.holders = shm_holders,
	.processes = member_processes,
	.try = obj_try,
	.watch = shm_watch,
	.dispatch = member_dispatch,
};

/* ---- the library's calls ------------------------------------------------------------- */

/* Of what this process makes under that name. */
static gid_t group_of(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name)
{
	char path[STORE_PATH_SIZE];
	gid_t gid = getegid();
	mode_t bit;
	int dirfd;

	if (!name || !strchr(name, '/') || store_path(kind, name, path) < 0)
		return gid;
	*strrchr(path, '/') = '\0';
	dirfd = store_enter(store);
	if (dirfd < 0)
		return gid;
	gid = store_group(dirfd, path, gid, &bit);
	store_leave(store, dirfd);
	return gid;
}

int ipcfs_open(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name, int flags,
	       mode_t mode, const struct ipcfs_properties *p, struct ipcfs_object **object)
{
	struct ipcfs_maker maker = {.uid = geteuid()};

	if ((unsigned)kind >= IPCFS_SEGMENT_COUNT || flags & ~(IPCFS_CREATE | IPCFS_EXCL))
		return -EINVAL;
	if (flags & IPCFS_CREATE) {
		maker.gid = group_of(store, kind, name);
		maker.mode = store_object_mode(kind, mode & ~sys_umask());
	}
	if (ipcfs_kinds[kind]->folder) /* who may read it may look names up in it */
		maker.mode |= (maker.mode & 0444) >> 2;
	return shm_open_object(store, kind, name, flags, &maker, p, object);
}

void ipcfs_close(struct ipcfs_object *object)
{
	if (object)
		seg_detach(object);
}

int ipcfs_unlink(struct ipcfs_store *store, enum ipcfs_kind kind, const char *name)
{
	return shm_remove(store, kind, name);
}

int ipcfs_stat(struct ipcfs_object *object, struct ipcfs_stat *st)
{
	return shm_stat(object, st);
}

int ipcfs_holders(struct ipcfs_object *object,
		  int (*each)(void *arg, const struct ipcfs_holding *holding), void *arg)
{
	return shm_holders(object, each, arg);
}

int ipcfs_wait_change(struct ipcfs_object *object, uint64_t *changes, int64_t deadline_ns)
{
	struct ipcfs_op op = {.verb = IPCFS_V_CHANGED, .changes = *changes};
	int rc = obj_run(object, &op, deadline_ns);

	if (rc == 0)
		*changes = op.changes;
	return rc;
}

int64_t ipcfs_after(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns <= 0)
		return timeout_ns < 0 ? IPCFS_FOREVER : 0;
	now = sys_now_ns();
	return timeout_ns > INT64_MAX - now ? IPCFS_FOREVER : now + timeout_ns;
}
