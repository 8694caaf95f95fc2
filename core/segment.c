/* SPDX-License-Identifier: MIT
 *
 * segment.c - segment files: made complete or not at all, attached once per process, given memory
 * in steps. Owns the registry of what this process has attached and the SIGBUS handler. Lock
 * order: registry < object's threads < segment's lock; nobody takes the registry inside the others.
 */
#include "object.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BUCKETS = 4096, MAPPINGS = 65536 };
#define AMPLE (16u << 20) /* a store with that much room is not full, whatever others do just now */

/* What the SIGBUS handler may look at: no lock, no heap. */
struct mapping {
	_Atomic uintptr_t base;
	_Atomic size_t size;
	struct ipcfs_object *_Atomic object;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ipcfs_object *registry[BUCKETS];
static struct mapping *mappings; /* MAPPINGS of them; memory is used as they fill */
static _Atomic unsigned mappings_used;
static struct sigaction previous_sigbus;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- SIGBUS: the file was cut short under us, or the store is full -------------- */

/* From the page of the fault on. What lies behind it cannot be had any more either; and a process may have so many
 * mappings only, so there must not be one for each page that is touched. But the control block is left: if it is still
 * there, the lock is in it. */
static bool cover_from(const struct ipcfs_object *o, uintptr_t fault, uintptr_t end)
{
	uintptr_t page = fault & ~(uintptr_t)(SEG_PAGE - 1);
	uintptr_t control = (uintptr_t)o->control & ~(uintptr_t)(SEG_PAGE - 1);

	if (page < control)
		end = control;
	return sys_map_anonymous((void *)page, end - page) == 0 ||
	       sys_map_anonymous((void *)page, SEG_PAGE) == 0;
}

static bool cover(uintptr_t fault)
{
	unsigned used = LOAD(mappings_used);

	for (unsigned i = 0; i < used; i++) {
		uintptr_t base = LOAD(mappings[i].base);
		size_t size = LOAD(mappings[i].size);
		struct ipcfs_object *o = LOAD(mappings[i].object);

		if (!o || fault < base || fault - base >= size)
			continue;
		STORE(o->damaged, true);
		return cover_from(o, fault, base + size);
	}
	return false;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	if (mappings && info->si_code > 0 && cover((uintptr_t)info->si_addr)) {
		errno = saved;
		return;
	}
	if (previous_sigbus.sa_flags & SA_SIGINFO) {
		previous_sigbus.sa_sigaction(sig, info, context);
	} else if (previous_sigbus.sa_handler != SIG_DFL && previous_sigbus.sa_handler != SIG_IGN) {
		previous_sigbus.sa_handler(sig);
	} else {
		sigaction(SIGBUS, &previous_sigbus, NULL); /* the fault comes again, and ends us */
		if (info->si_code <= 0)
			raise(SIGBUS);
	}
	errno = saved;
}

static void before_fork(void)
{
	pthread_mutex_lock(&registry_lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&registry_lock);
}

static void start(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus,
				   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART};
	void *table = mmap(NULL, MAPPINGS * sizeof(struct mapping), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (table != MAP_FAILED)
		mappings = table;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &previous_sigbus);
	pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- registry (under its lock) ---------------------------------------------------- */

static struct ipcfs_object **bucket(dev_t dev, uint64_t id)
{
	return &registry[(id * 0x9e3779b97f4a7c15ull ^ dev) >> 7 & (BUCKETS - 1)];
}

static struct ipcfs_object *find(struct ipcfs_store *store, const struct stat *st)
{
	struct ipcfs_object *o = *bucket(st->st_dev, st->st_ino);

	while (o && (o->id != st->st_ino || o->dev != st->st_dev || o->store != store))
		o = o->next;
	return o;
}

static int enter(struct ipcfs_object *o)
{
	struct ipcfs_object **head = bucket(o->dev, o->id);
	unsigned slot = 0;

	while (slot < MAPPINGS && LOAD(mappings[slot].object))
		slot++;
	if (slot == MAPPINGS)
		return -ENOMEM;
	o->slot = slot;
	STORE(mappings[slot].base, (uintptr_t)o->base);
	STORE(mappings[slot].size, o->size);
	STORE(mappings[slot].object, o);
	if (slot >= mappings_used)
		STORE(mappings_used, slot + 1);
	o->next = *head;
	*head = o;
	return 0;
}

static void leave(struct ipcfs_object *o)
{
	struct ipcfs_object **at = bucket(o->dev, o->id);

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	STORE(mappings[o->slot].object, NULL);
}

void seg_reset_locks(struct ipcfs_store *store)
{
	pthread_mutex_lock(&registry_lock);
	for (int i = 0; i < BUCKETS; i++)
		for (struct ipcfs_object *o = registry[i]; o; o = o->next)
			if (o->store == store) {
				STORE(o->thread, 0);
				o->noted = 0; /* nor is what he holds */
			}
	pthread_mutex_unlock(&registry_lock);
}

/* ---- attach -------------------------------------------------------------------------- */

static uint64_t control_offset(enum ipcfs_kind kind, uint64_t size)
{
	return (ipcfs_kinds[kind]->npy ? size : SEG_PAGE) - SEG_CONTROL;
}

/* A queue's label may name another queue. */
static int note_dead(struct ipcfs_object *o, const char label[SEG_PAGE])
{
	char name[IPCFS_NAME_MAX + 1];

	if (o->kind != IPCFS_QUEUE || !label_dead(label, name))
		return 0;
	if (store_check_name(name, strlen(name)) < 0 || strchr(name, '/'))
		return -EUCLEAN;
	o->dead = strdup(name);
	return o->dead ? 0 : -ENOMEM;
}

/* Reads label and control block of the file and notes its shape in *o, if they fit together. */
static int verify(int fd, const struct stat *st, struct ipcfs_object *o)
{
	struct seg_control control;
	char found[SEG_PAGE], expected[SEG_PAGE];
	uint64_t size = (uint64_t)st->st_size, at = control_offset(o->kind, size);
	ssize_t n;
	int rc;

	if (!S_ISREG(st->st_mode) || size < SEG_PAGE || size % SEG_PAGE)
		return -EUCLEAN;
	n = sys_pread(fd, &control, sizeof(control), at);
	if (n != (ssize_t)sizeof(control))
		return n < 0 ? (int)n : -EUCLEAN;
	if (control.magic != SEG_MAGIC || control.version != SEG_VERSION ||
	    control.kind != o->kind || control.size != size ||
	    atomic_load(&control.state) & SEG_DAMAGED)
		return -EUCLEAN;
	memcpy(o->shape, control.shape, sizeof(o->shape));
	rc = o->ops->shape || !o->shape[0] ? o->ops->layout(o) : -EUCLEAN;
	if (rc < 0 || o->size != size)
		return -EUCLEAN;
	n = sys_pread(fd, found, sizeof(found), 0);
	if (n != (ssize_t)sizeof(found))
		return n < 0 ? (int)n : -EUCLEAN;
	rc = note_dead(o, found);
	if (rc < 0)
		return rc;
	memset(expected, 0, sizeof(expected));
	label_write(o->kind, o->shape, o->dead, expected);
	if (memcmp(found, expected, SEG_PAGE - SEG_CONTROL) != 0)
		return -EUCLEAN;
	return 0;
}

static int map(int fd, struct ipcfs_object *o)
{
	void *base;
	int rc = sys_map(fd, o->size, &base);

	if (rc < 0)
		return rc;
	o->base = base;
	o->control = (void *)(o->base + control_offset(o->kind, o->size));
	return 0;
}

static int attach_new(int fd, const struct stat *st, struct ipcfs_object *o)
{
	int rc = verify(fd, st, o);

	if (rc == 0)
		rc = map(fd, o);
	if (rc < 0)
		return rc;
	o->id = st->st_ino;
	o->dev = st->st_dev;
	o->owner = st->st_uid;
	o->group = st->st_gid;
	o->references = 1;
	rc = enter(o);
	if (rc < 0)
		sys_unmap(o->base, o->size);
	return rc;
}

static void release(struct ipcfs_object *o)
{
	free(o->dead);
	free(o->folder);
	free(o);
}

int seg_note_folder(struct ipcfs_object *o, const char *path)
{
	int rc = 0;

	pthread_mutex_lock(&registry_lock);
	if (!o->folder) {
		o->folder = strndup(path, (size_t)(strrchr(path, '/') - path));
		rc = o->folder ? 0 : -ENOMEM;
	}
	pthread_mutex_unlock(&registry_lock);
	return rc;
}

int seg_attach(struct ipcfs_store *store, int fd, enum ipcfs_kind kind, struct ipcfs_object **out)
{
	struct ipcfs_object *o;
	struct stat st;
	int rc;

	pthread_once(&once, start);
	if (!mappings)
		return -ENOMEM;
	rc = sys_fstat(fd, &st);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&registry_lock);
	o = find(store, &st);
	if (o) {
		rc = o->kind == kind ? 0 : -EUCLEAN;
		if (rc == 0)
			o->references++;
	} else {
		o = calloc(1, sizeof(*o));
		if (o) {
			o->ops = ipcfs_kinds[kind];
			o->kind = kind;
			o->store = store;
			rc = attach_new(fd, &st, o);
		} else {
			rc = -ENOMEM;
		}
		if (rc < 0 && o)
			release(o);
	}
	pthread_mutex_unlock(&registry_lock);
	*out = rc < 0 ? NULL : o;
	return rc;
}

void seg_detach(struct ipcfs_object *o)
{
	bool last;

	pthread_mutex_lock(&registry_lock);
	last = --o->references == 0;
	if (last)
		leave(o);
	pthread_mutex_unlock(&registry_lock);
	if (!last)
		return;
	if (o->noted && LOAD(o->store->self->number)) {
		struct ipcfs_op leave = {.verb = IPCFS_V_LEAVE};

		obj_run(o, &leave,
			IPCFS_FOREVER); /* what this process still has of it: waits for the lock alone */
	}
	member_unnote(o);
	sys_unmap(o->base, o->size);
	release(o);
}

/* ---- create -------------------------------------------------------------------------- */

static int fill(int fd, enum ipcfs_kind kind, const uint64_t shape[5], const char *dead,
		mode_t mode)
{
	struct ipcfs_object plan = {.ops = ipcfs_kinds[kind], .kind = kind};
	struct seg_control control = {.magic = SEG_MAGIC, .version = SEG_VERSION, .kind = kind};
	char label[SEG_PAGE] = {0};
	ssize_t n;
	int rc;

	memcpy(plan.shape, shape, sizeof(plan.shape));
	rc = plan.ops->layout(&plan);
	if (rc < 0)
		return rc;
	control.size = plan.size;
	memcpy(control.shape, shape, sizeof(control.shape));
	if (plan.ops->initial)
		atomic_init(&control.word, plan.ops->initial(shape));
	if (plan.ops->folder)
		atomic_init(&control.word, mode & 0777);
	label_write(kind, shape, dead, label);
	rc = sys_truncate(fd, plan.size);
	if (rc < 0)
		return rc == -EFBIG ? -ENOSPC : rc;
	/* Elements may be mapped by anybody, who should not meet a full store there. */
	if (plan.ops->npy)
		rc = sys_allocate(fd, 0, SEG_PAGE + plan.cells.bytes);
	if (rc == 0 && plan.heap_bytes)
		rc = sys_allocate(fd, SEG_PAGE, SEG_PAGE);
	if (rc == 0 && plan.ops->claims_ready) {
		rc = sys_allocate(fd, plan.claims, SEG_PAGE);
		atomic_init(&control.claims_reserved, SEG_PAGE);
	}
	if (rc < 0)
		return rc;
	n = sys_pwrite_all(fd, label, sizeof(label), 0);
	if (n >= 0)
		n = sys_pwrite_all(fd, &control, sizeof(control), control_offset(kind, plan.size));
	return n < 0 ? (int)n : 0;
}

int seg_create(struct ipcfs_store *store, int dirfd, const char *path, enum ipcfs_kind kind,
	       const uint64_t shape[5], const char *dead, const struct ipcfs_maker *maker)
{
	char folder[STORE_PATH_SIZE];
	mode_t mode = maker->mode;
	int fd, rc;

	(void)store;
	if (ipcfs_kinds[kind]->folder)
		mode = store_file_mode(mode & 0777) | (mode & S_ISVTX);
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	fd = sys_open_beneath(dirfd, folder, O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		return fd;
	rc = fill(fd, kind, shape, dead, maker->mode);
	if (rc == 0)
		rc = sys_owner(fd, maker->uid, maker->gid, mode);
	if (rc == 0)
		rc = sys_link_fd(fd, dirfd, path);
	if (rc < 0) {
		sys_close(fd);
		return rc;
	}
	return fd;
}

/* ---- memory -------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t n)
{
	return (n + SEG_PAGE - 1) & ~(uint64_t)(SEG_PAGE - 1);
}

/* fresh: nothing was ever there, so what it gets before there is no more goes back to those who can use it. */
static int populate(struct ipcfs_object *o, size_t area, uint64_t from, uint64_t to, bool fresh)
{
	int rc;

	if (o->store->reserve_hook) {
		rc = o->store->reserve_hook(o->store->reserve_arg, o, to - from);
		if (rc < 0)
			return rc;
	}
	rc = sys_advise(o->base + area + from, to - from, MADV_POPULATE_WRITE);
	if (rc < 0 && fresh)
		sys_advise(o->base + area + from, to - from, MADV_REMOVE);
	if (rc != -EFAULT)
		return rc;
	/* No memory behind the file: the store is full, or the file was cut short. */
	return sys_free_bytes(o->store->dir) < (to - from) + AMPLE ? -ENOSPC : -EUCLEAN;
}

int seg_reserve(struct ipcfs_object *o, size_t area, uint64_t area_bytes, _Atomic uint64_t *high,
		uint64_t need)
{
	uint64_t have = LOAD(*high), limit = page_up(area_bytes), step;
	bool sane = have % SEG_PAGE == 0 && have <= limit;
	int rc;

	if (__builtin_expect(need <= have, 1))
		return 0;
	if (!sane)
		have = 0; /* populating again does no harm */
	need = page_up(need);
	/* Doubling, by at most a megabyte: few calls, little waste. */
	step = have < (1u << 20) ? have : 1u << 20;
	step = have + step > need ? have + step : need;
	if (step > limit)
		step = limit;
	rc = populate(o, area, have, step, sane);
	if (rc < 0 && step > need) {
		step = need;
		rc = populate(o, area, have, step, sane);
	}
	if (rc == 0)
		STORE(*high, step);
	return rc;
}

void seg_damage(struct ipcfs_object *o)
{
	atomic_fetch_or(&o->control->state, SEG_DAMAGED);
}

/* No lock is held, so nobody takes over from a remover who is killed before all are told: the note in his
 * page makes the sweep of the dead tell a server, and who sleeps looks again within a second. */
void seg_remove(struct ipcfs_object *o)
{
	bool member = member_self(o->store) > 0;

	if (member)
		STORE(*member_work(o->store), o->id);
	atomic_fetch_or(&o->control->state, SEG_REMOVED);
	for (int class = 0; class < IPCFS_C_COUNT; class ++) {
		atomic_fetch_add(&o->control->seq[class], 1);
		sys_futex_wake(&o->control->seq[class], INT_MAX);
	}
	if (!member)
		return;
	if (!o->store->server)
		member_ring(o->store, o->id);
	STORE(*member_work(o->store), 0);
}

void seg_condemn(int fd, enum ipcfs_kind kind)
{
	struct seg_control control;
	uint32_t state;
	struct stat st;
	uint64_t at;

	if (sys_fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < SEG_PAGE)
		return;
	at = control_offset(kind, (uint64_t)st.st_size);
	if (sys_pread(fd, &control, sizeof(control), at) != (ssize_t)sizeof(control) ||
	    control.magic != SEG_MAGIC)
		return;
	state = atomic_load(&control.state) | SEG_REMOVED;
	sys_pwrite_all(fd, &state, sizeof(state), at + offsetof(struct seg_control, state));
}
