/* SPDX-License-Identifier: MIT
 *
 * sys_call.h - what each function of sys.c and sys_mq.c begins and ends with.
 */
#ifndef IPCFS_SYS_CALL_H
#define IPCFS_SYS_CALL_H

#include "sys.h"

#include <errno.h>
#include <pthread.h>

/* Lets a test's hook fail the call. */
#define FAULT(name)                                                                                \
	do {                                                                                       \
		int fault = ipcfs_sys_fault ? ipcfs_sys_fault(name) : 0;                           \
		if (fault)                                                                         \
			return fault;                                                              \
	} while (0)

/* A thread that is cancelled inside of a call would leave its lock to nobody: so none of the library's is a point where
 * it can be. */
#define UNCANCELLED(call)                                                                          \
	({                                                                                         \
		int state_;                                                                        \
		long r_;                                                                           \
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state_);                           \
		r_ = (long)(call);                                                                 \
		pthread_setcancelstate(state_, NULL);                                              \
		r_;                                                                                \
	})

static inline int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

#endif
