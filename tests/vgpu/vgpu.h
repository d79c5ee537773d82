/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SCANTHRU_VGPU_H
#define SCANTHRU_VGPU_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/hrtimer.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <drm/drm_mode.h>
#include <drm/drm_plane.h>

#include "picture.h"

#define VGPU_NAME "scanthru_vgpu"

/* File offsets of the regions, as vfio-pci lays them out. */
#define VGPU_REGION_SHIFT 40
#define VGPU_REGION_MASK (BIT_ULL(VGPU_REGION_SHIFT) - 1)
#define VGPU_EDID_REGION VFIO_PCI_NUM_REGIONS
#define VGPU_NUM_REGIONS (VGPU_EDID_REGION + 1)
/* As with mdpy the index lies beyond num_regions: one has to ask, not to range-check. */
#define VGPU_DISPLAY_REGION 16

#define VGPU_CONFIG_SIZE 256
#define VGPU_MMIO_SIZE 4096
#define VGPU_MMIO_DISPI 0x500
#define VGPU_MMIO_CURSOR 0x700
#define VGPU_EDID_MAX 1024
#define VGPU_UNKNOWN_HOTSPOT 0xffffffffu

#define VGPU_MAX_BUFFERS 16
#define VGPU_LOG_LENGTH 4096
#define VGPU_EDID_LOG_LENGTH 256

enum vgpu_dispi {
	DISPI_ID, DISPI_XRES, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK,
	DISPI_VIRT_WIDTH, DISPI_VIRT_HEIGHT, DISPI_X_OFFSET, DISPI_Y_OFFSET,
	DISPI_MEMORY_64K, DISPI_COUNT
};

/* The cursor's registers, u32 each, from VGPU_MMIO_CURSOR on. */
enum vgpu_cursor_reg {
	CURSOR_ENABLE, CURSOR_ADDRESS, CURSOR_WIDTH, CURSOR_HEIGHT, CURSOR_STRIDE,
	CURSOR_X, CURSOR_Y, CURSOR_HOT_X, CURSOR_HOT_Y, CURSOR_COUNT
};

enum vgpu_counter {
	COUNT_PROBE, COUNT_QUERY_PRIMARY, COUNT_QUERY_CURSOR, COUNT_QUERY_OTHER,
	COUNT_GET, COUNT_CLOSE_BUF, COUNT_OBJECTS_LIVE, COUNT_OBJECTS_TOTAL,
	COUNT_DMABUFS_LIVE, COUNT_DMABUFS_TOTAL, COUNT_ATTACHMENTS_LIVE,
	COUNT_ATTACHMENTS_TOTAL, COUNT_MAPS_LIVE, COUNT_MAPS_TOTAL,
	COUNT_MMAPS_LIVE, COUNT_MMAPS_TOTAL, COUNT_VMAPS_LIVE, COUNT_VMAPS_TOTAL,
	COUNT_CPU_ACCESSES, COUNT_OPENS_LIVE, COUNT_OPENS_TOTAL, COUNT_VRAM_BYTES,
	COUNT_DEVICES_LIVE, COUNT_COUNT
};

struct vgpu_counters {
	atomic64_t value[COUNT_COUNT];
};

enum vgpu_dialect { DIALECT_MAINLINE, DIALECT_DRAFT };
enum vgpu_id_policy { ID_LOWEST, ID_GROWING };
enum vgpu_output { OUTPUT_DMABUF, OUTPUT_REGION };
enum vgpu_hold { HOLD_FIRST, HOLD_EACH };

/* Knobs that are one number. Read at any time without a lock. */
struct vgpu_knobs {
	u32 dialect;
	u32 id_policy;
	u32 output;
	u32 hold;
	u32 vmap;
	u32 mmap;
	u32 cloexec;
	u32 readonly;
	u32 short_dmabuf;
	u32 query_delay_ms;
	u32 untouched;
	u32 first_query_enomem;
	u32 lose_sign;
	u32 max_xres;
	u32 max_yres;
	u32 edid_max_size;
};

/* The next @left calls fail with @error; -1: all of them. */
struct vgpu_fault {
	int left;
	int error;
};

enum vgpu_fault_kind {
	FAULT_QUERY_ANY, FAULT_QUERY_PRIMARY, FAULT_QUERY_CURSOR, FAULT_GET,
	FAULT_CLOSE, FAULT_ATTACH, FAULT_MAP, FAULT_COUNT
};

#define VGPU_OVERRIDE_FIELDS 14

struct vgpu_override {
	bool set[VGPU_OVERRIDE_FIELDS];
	u64 value[VGPU_OVERRIDE_FIELDS];
};

/* What a plane shows. An object is found again by it; the position is no part of that. */
struct vgpu_framebuffer {
	u64 start;
	u64 modifier;
	u32 size;
	u32 format;
	u32 width;
	u32 height;
	u32 stride;
};

struct vgpu_plane {
	struct vgpu_framebuffer fb;
	bool on;
	int slot;		/* of the synthetic guest, or -1 */
	s32 x, y;
	u32 hot_x, hot_y;
};

/* One framebuffer seen by QUERY. Guarded by vgpu.lock. */
struct vgpu_object {
	struct list_head node;
	struct vgpu_framebuffer fb;
	u32 id;			/* 0 once the number is given back */
	bool held;		/* the reference QUERY took */
	bool retired;		/* by CLOSE or the last close: found no more */
	unsigned int dmabufs;
};

struct vgpu_flip {
	u64 ns;
	u32 number;
	u32 buffer;
	u32 id;
	s32 x, y;
};

/* A buffer of the synthetic guest: the picture it holds and the one it is to hold. */
struct vgpu_slot {
	u32 number;
	u32 wanted;
	bool drawn;
	u32 id;			/* dma-buf id last answered for it, 0 if none lives */
};

/* When the synthetic guest draws into a buffer again. */
enum vgpu_draw {
	VGPU_DRAW_NEVER,	/* predrawn: at the start only */
	VGPU_DRAW_LEFT,		/* redrawn: the moment it is left, while the host may still show it */
	VGPU_DRAW_AHEAD,	/* ahead: after the flip before the one that shows it */
};

struct vgpu_guest_config {
	u32 width, height, stride, format;
	u32 buffers, rate, frames, offset;
	u32 draw, cursor, cursor_size;	/* draw: enum vgpu_draw */
	u32 pitch;		/* bytes from buffer to buffer */
	u32 cursor_start;
};

struct vgpu_guest {
	struct mutex lock;	/* one command at a time; outside scan_lock */
	struct hrtimer timer;
	struct work_struct draw;
	/* All below: vgpu.scan_lock. The config changes only while nothing runs. */
	struct vgpu_guest_config config;
	bool loaded;
	bool running;
	u32 flips, number, buffer;
	u64 missed, overruns;
	u64 tick;
	ktime_t epoch;
	struct vgpu_slot slot[VGPU_MAX_BUFFERS];
	u64 logged;
	struct vgpu_flip *log;
};

struct vgpu_edid_event {
	u64 ns;
	const char *what;
	u32 a, b;
};

/* Guarded by vgpu.lock, except what the guest sees, which mmio reads under it too. */
struct vgpu_edid {
	u32 size;
	u32 link;
	u8 blob[VGPU_EDID_MAX];
	u32 seen_size;		/* 0: no monitor */
	u8 seen[VGPU_EDID_MAX];
	u64 logged;
	struct vgpu_edid_event log[VGPU_EDID_LOG_LENGTH];
};

struct vgpu;

struct vgpu_file {
	struct vgpu *vgpu;
	const struct vgpu_file_desc *desc;
};

/*
 * A device's memory and everything seen of it. It outlives the mdev for as
 * long as a dma-buf lives.
 *
 * Locks, outermost first: guest.lock, lock, then scan_lock or fault_lock.
 * maps_lock is taken under mmap_lock; nothing but scan_lock is taken under it.
 * No user memory is touched under any of them.
 */
struct vgpu {
	struct kref ref;
	struct device *dev;	/* the mdev; valid until it is removed */

	u64 vram_size;
	unsigned long nr_pages;
	struct page **pages;
	u8 *vram;

	struct mutex lock;	/* objects, config space, EDID, overrides */
	struct list_head objects;
	struct idr ids;
	u8 config[VGPU_CONFIG_SIZE];
	struct vgpu_edid edid;
	struct vgpu_override override[2];	/* primary, cursor */

	spinlock_t scan_lock;	/* what is shown; taken in hard interrupts */
	u16 dispi[DISPI_COUNT];
	u32 cursor[CURSOR_COUNT];
	struct vgpu_guest guest;

	spinlock_t fault_lock;
	struct vgpu_fault fault[FAULT_COUNT];
	struct vgpu_knobs knobs;

	struct mutex maps_lock;	/* the list of dma-bufs and their mappings */
	struct list_head bufs;

	bool gone;		/* surprise removal */
	wait_queue_head_t gone_wait;

	struct vgpu_counters counters;
	struct dentry *debugfs;
	struct vgpu_file *files;
};

struct vgpu_device {
	struct vfio_device vdev;
	struct vgpu *vgpu;
};

extern struct vgpu_knobs vgpu_defaults;
extern struct vgpu_counters vgpu_totals;
extern const struct vfio_device_ops vgpu_device_ops;

static inline struct vgpu *to_vgpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct vgpu_device, vdev)->vgpu;
}

static inline bool vgpu_gone(struct vgpu *vgpu)
{
	return READ_ONCE(vgpu->gone);
}

static inline void vgpu_count(struct vgpu *vgpu, enum vgpu_counter counter, s64 by)
{
	atomic64_add(by, &vgpu->counters.value[counter]);
	atomic64_add(by, &vgpu_totals.value[counter]);
}

/* main.c */
int vgpu_init_device(struct vfio_device *vdev);
void vgpu_release_device(struct vfio_device *vdev);

/* core.c: life of a device's memory */
struct vgpu *vgpu_create(struct device *dev, u64 vram_size);
void vgpu_put(struct vgpu *vgpu);
void vgpu_surprise_remove(struct vgpu *vgpu);

/* registers.c: config space and BAR2 */
void vgpu_config_init(struct vgpu *vgpu);
void vgpu_reset(struct vgpu *vgpu);
void vgpu_config_read(struct vgpu *vgpu, u32 offset, void *data, u32 count);
void vgpu_config_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count);
void vgpu_mmio_read(struct vgpu *vgpu, u32 offset, void *data, u32 count);
void vgpu_mmio_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count);

/* edid.c */
void vgpu_edid_init(struct vgpu *vgpu);
u64 vgpu_edid_region_size(void);
int vgpu_edid_read(struct vgpu *vgpu, u32 offset, void *data, u32 count);
int vgpu_edid_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count);

/* plane.c: what is shown */
void vgpu_scan_primary(struct vgpu *vgpu, struct vgpu_plane *plane);
void vgpu_scan_cursor(struct vgpu *vgpu, struct vgpu_plane *plane);

/* gfx.c: the display calls */
int vgpu_ioctl_query(struct vgpu *vgpu, void __user *arg);
int vgpu_ioctl_get(struct vgpu *vgpu, void __user *arg);
int vgpu_ioctl_close_buf(struct vgpu *vgpu, void __user *arg);

/* mischief.c */
int vgpu_take_fault(struct vgpu *vgpu, enum vgpu_fault_kind kind);
void vgpu_apply_overrides(struct vgpu_override *override, struct vfio_device_gfx_plane_info *info);

/* object.c: call with vgpu->lock held */
struct vgpu_object *vgpu_object_query(struct vgpu *vgpu, const struct vgpu_plane *plane, bool *made);
struct vgpu_object *vgpu_object_find(struct vgpu *vgpu, u32 id);
int vgpu_object_dead(struct vgpu *vgpu);
void vgpu_object_fetched(struct vgpu *vgpu, struct vgpu_object *object);
void vgpu_object_close(struct vgpu *vgpu, struct vgpu_object *object);
void vgpu_object_dmabuf_gone(struct vgpu *vgpu, struct vgpu_object *object);
void vgpu_objects_forget(struct vgpu *vgpu);

/* dmabuf.c */
struct dma_buf *vgpu_dmabuf_export(struct vgpu *vgpu, struct vgpu_object *object);
void vgpu_dmabufs_zap(struct vgpu *vgpu);

/* guest.c: the synthetic guest */
int vgpu_guest_init(struct vgpu *vgpu);
void vgpu_guest_free(struct vgpu *vgpu);
int vgpu_guest_start(struct vgpu *vgpu, const struct vgpu_guest_config *config);
int vgpu_guest_flip(struct vgpu *vgpu);
void vgpu_guest_stop(struct vgpu *vgpu);
void vgpu_guest_off(struct vgpu *vgpu);
void vgpu_draw_cursor(struct vgpu *vgpu, u32 start, u32 width, u32 height);

/* debugfs.c, commands.c */
void vgpu_debugfs_init(void);
void vgpu_debugfs_exit(void);
int vgpu_debugfs_add(struct vgpu *vgpu);
void vgpu_debugfs_remove(struct vgpu *vgpu);

struct seq_file;

struct vgpu_file_desc {
	const char *name;
	umode_t mode;
	/* A number: its place in vgpu_knobs, the greatest value, or the words for 0, 1, … */
	size_t knob;
	u32 max;
	const char *const *words;
	/* Anything else. */
	int (*show)(struct seq_file *file, struct vgpu *vgpu);
	int (*store)(struct vgpu *vgpu, char *text);
};

/* mischief.c: the files of the faults and overrides */
#define VGPU_FILE(file)							\
	int file##_store(struct vgpu *vgpu, char *text);		\
	int file##_show(struct seq_file *seq, struct vgpu *vgpu)
VGPU_FILE(fail_query);
VGPU_FILE(fail_get);
VGPU_FILE(fail_close);
VGPU_FILE(fail_attach);
VGPU_FILE(fail_map);
VGPU_FILE(override);
#undef VGPU_FILE

/* commands.c: words of what was written to a file */
char *vgpu_word(char **text);
int vgpu_parse_value(const char *text, bool fourcc, u64 *value);

extern const struct vgpu_file_desc vgpu_command_files[];
extern const size_t vgpu_command_files_count;
extern const char *const vgpu_dialect_words[];
extern const char *const vgpu_id_policy_words[];
extern const char *const vgpu_output_words[];
extern const char *const vgpu_hold_words[];

#endif
