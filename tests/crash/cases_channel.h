/* SPDX-License-Identifier: MIT
 *
 * cases_channel.h - what the cases of channels are made of: see cases.h.
 */
#ifndef CASES_CHANNEL_H
#define CASES_CHANNEL_H

#include "ipcfs.h"

/* It has been fired once; so often that the next firing overwrites one; the newest one's firer died as it had
 * committed it. */
void channel_once(struct ipcfs_object *o);
void channel_round(struct ipcfs_object *o);
void channel_half(struct ipcfs_object *o);
void channel_fire(struct ipcfs_object *o);
int channel_fired(struct ipcfs_object *o);
int channel_fired_first(struct ipcfs_object *o);
int channel_fired_round(struct ipcfs_object *o);

#endif
