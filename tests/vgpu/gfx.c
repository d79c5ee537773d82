// SPDX-License-Identifier: GPL-2.0
/* The three display calls, in both dialects. */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/uaccess.h>

#include "vgpu.h"

/* Draft v14: as mainline up to y_pos, then no hotspot. */
#define DRAFT_COMMON offsetof(struct vfio_device_gfx_plane_info, x_hot)
#define DRAFT_MINSZ (DRAFT_COMMON + sizeof(u32))
#define MAINLINE_MINSZ offsetofend(struct vfio_device_gfx_plane_info, region_index)

struct vgpu_draft_get {
	u32 argsz, flags;
	u32 dmabuf_id;		/* in */
	s32 dmabuf_fd;		/* out */
};

struct vgpu_draft_close {
	u32 argsz, flags, id;
};

/* Sleeps for query_delay_ms; the device's end wakes it. */
static int vgpu_query_delay(struct vgpu *vgpu)
{
	u32 delay = READ_ONCE(vgpu->knobs.query_delay_ms);
	long left;

	if (!delay)
		return 0;
	left = wait_event_interruptible_timeout(vgpu->gone_wait, vgpu_gone(vgpu),
						msecs_to_jiffies(delay) + 1);
	if (left < 0)
		return -EINTR;
	return left ? -ENODEV : 0;
}

static int vgpu_query_fault(struct vgpu *vgpu, u32 type)
{
	int ret = vgpu_take_fault(vgpu, FAULT_QUERY_ANY);

	if (!ret && type == DRM_PLANE_TYPE_PRIMARY)
		ret = vgpu_take_fault(vgpu, FAULT_QUERY_PRIMARY);
	if (!ret && type == DRM_PLANE_TYPE_CURSOR)
		ret = vgpu_take_fault(vgpu, FAULT_QUERY_CURSOR);
	return ret;
}

static bool vgpu_take_untouched(struct vgpu *vgpu)
{
	bool untouched;

	spin_lock(&vgpu->fault_lock);
	untouched = vgpu->knobs.untouched;
	if (untouched)
		vgpu->knobs.untouched--;
	spin_unlock(&vgpu->fault_lock);
	return untouched;
}

static void vgpu_answer(struct vgpu *vgpu, const struct vgpu_plane *plane,
			struct vfio_device_gfx_plane_info *info)
{
	bool lose_sign = vgpu->knobs.lose_sign;

	info->drm_format_mod = plane->fb.modifier;
	info->x_pos = lose_sign ? abs(plane->x) : plane->x;
	info->y_pos = lose_sign ? abs(plane->y) : plane->y;
	info->x_hot = plane->hot_x;
	info->y_hot = plane->hot_y;
	info->drm_format = plane->on ? plane->fb.format : 0;
	info->width = plane->on ? plane->fb.width : 0;
	info->height = plane->on ? plane->fb.height : 0;
	info->stride = plane->on ? plane->fb.stride : 0;
	info->size = plane->on ? plane->fb.size : 0;
	info->dmabuf_id = 0;
}

static int vgpu_query_dmabuf(struct vgpu *vgpu, struct vfio_device_gfx_plane_info *info)
{
	bool cursor = info->drm_plane_type == DRM_PLANE_TYPE_CURSOR, made;
	struct vgpu_object *object;
	struct vgpu_plane plane;
	int ret = 0;

	if (cursor)
		vgpu_scan_cursor(vgpu, &plane);
	else if (info->drm_plane_type == DRM_PLANE_TYPE_PRIMARY)
		vgpu_scan_primary(vgpu, &plane);
	else
		return -EINVAL;

	mutex_lock(&vgpu->lock);
	vgpu_answer(vgpu, &plane, info);
	if (plane.on) {
		object = vgpu_object_query(vgpu, &plane, &made);
		if (!object || (made && vgpu->knobs.first_query_enomem))
			ret = -ENOMEM;
		else
			info->dmabuf_id = object->id;
	}
	vgpu_apply_overrides(&vgpu->override[cursor], info);
	mutex_unlock(&vgpu->lock);
	return ret;
}

/*
 * As mdpy: one region that shows VRAM from its start, a size that is the
 * region's, and the primary plane whatever plane was asked for.
 */
static int vgpu_query_region(struct vgpu *vgpu, struct vfio_device_gfx_plane_info *info)
{
	bool cursor = info->drm_plane_type == DRM_PLANE_TYPE_CURSOR;
	struct vgpu_plane plane;

	vgpu_scan_primary(vgpu, &plane);
	if (plane.fb.start)
		plane.on = false;
	mutex_lock(&vgpu->lock);
	vgpu_answer(vgpu, &plane, info);
	if (plane.on) {
		info->size = vgpu->vram_size;
		info->region_index = VGPU_DISPLAY_REGION;
	}
	vgpu_apply_overrides(&vgpu->override[cursor], info);
	mutex_unlock(&vgpu->lock);
	return 0;
}

/* VFIO_GFX_PLANE_TYPE_*: what this device gives. */
static u32 vgpu_output_type(struct vgpu *vgpu)
{
	return READ_ONCE(vgpu->knobs.output) == OUTPUT_REGION ? VFIO_GFX_PLANE_TYPE_REGION :
								VFIO_GFX_PLANE_TYPE_DMABUF;
}

static int vgpu_probe_output(struct vgpu *vgpu, u32 flags)
{
	return flags == (VFIO_GFX_PLANE_TYPE_PROBE | vgpu_output_type(vgpu)) ? 0 : -EINVAL;
}

static int vgpu_query(struct vgpu *vgpu, struct vfio_device_gfx_plane_info *info, bool *untouched)
{
	u32 type = vgpu_output_type(vgpu);
	int ret;

	if (info->flags != type)
		return -EINVAL;
	ret = vgpu_query_delay(vgpu);
	if (!ret)
		ret = vgpu_query_fault(vgpu, info->drm_plane_type);
	if (ret)
		return ret;
	*untouched = vgpu_take_untouched(vgpu);
	if (*untouched)
		return 0;
	return type == VFIO_GFX_PLANE_TYPE_REGION ? vgpu_query_region(vgpu, info) :
						    vgpu_query_dmabuf(vgpu, info);
}

static void vgpu_count_query(struct vgpu *vgpu, const struct vfio_device_gfx_plane_info *info)
{
	enum vgpu_counter counter = COUNT_QUERY_OTHER;

	if (info->flags & VFIO_GFX_PLANE_TYPE_PROBE)
		counter = COUNT_PROBE;
	else if (info->drm_plane_type == DRM_PLANE_TYPE_PRIMARY)
		counter = COUNT_QUERY_PRIMARY;
	else if (info->drm_plane_type == DRM_PLANE_TYPE_CURSOR)
		counter = COUNT_QUERY_CURSOR;
	vgpu_count(vgpu, counter, 1);
}

int vgpu_ioctl_query(struct vgpu *vgpu, void __user *arg)
{
	bool draft = READ_ONCE(vgpu->knobs.dialect) == DIALECT_DRAFT, untouched = false;
	const size_t minsz = draft ? DRAFT_MINSZ : MAINLINE_MINSZ;
	struct vfio_device_gfx_plane_info info = {};
	int ret;

	if (copy_from_user(&info, arg, draft ? DRAFT_COMMON : MAINLINE_MINSZ))
		return -EFAULT;
	vgpu_count_query(vgpu, &info);
	if (info.argsz < minsz)
		return -EINVAL;
	if (info.flags & VFIO_GFX_PLANE_TYPE_PROBE)
		return vgpu_probe_output(vgpu, info.flags);
	ret = vgpu_query(vgpu, &info, &untouched);
	if (ret || untouched)
		return ret;
	/* In the draft the union follows y_pos: it takes the place of x_hot. */
	if (draft)
		memcpy((u8 *)&info + DRAFT_COMMON, &info.dmabuf_id, sizeof(u32));
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* The object's new dma-buf, counted as one of it. */
static struct dma_buf *vgpu_get(struct vgpu *vgpu, u32 id, struct vgpu_object **object)
{
	struct dma_buf *dmabuf;
	int ret = vgpu_take_fault(vgpu, FAULT_GET);

	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&vgpu->lock);
	*object = vgpu_object_find(vgpu, id);
	if (!*object)
		dmabuf = ERR_PTR(vgpu_object_dead(vgpu));
	else
		dmabuf = vgpu_dmabuf_export(vgpu, *object);
	mutex_unlock(&vgpu->lock);
	return dmabuf;
}

int vgpu_ioctl_get(struct vgpu *vgpu, void __user *arg)
{
	bool draft = READ_ONCE(vgpu->knobs.dialect) == DIALECT_DRAFT;
	struct vgpu_draft_get get = {};
	struct vgpu_object *object;
	struct dma_buf *dmabuf;
	int fd;

	if (copy_from_user(draft ? (void *)&get : &get.dmabuf_id, arg,
			   draft ? sizeof(get) : sizeof(u32)))
		return -EFAULT;
	vgpu_count(vgpu, COUNT_GET, 1);
	if (draft && (get.argsz < sizeof(get) || get.flags))
		return -EINVAL;
	fd = get_unused_fd_flags(vgpu->knobs.cloexec ? O_CLOEXEC : 0);
	if (fd < 0)
		return fd;
	dmabuf = vgpu_get(vgpu, get.dmabuf_id, &object);
	if (IS_ERR(dmabuf)) {
		put_unused_fd(fd);
		return PTR_ERR(dmabuf);
	}
	get.dmabuf_fd = fd;
	if (draft && copy_to_user(arg, &get, sizeof(get))) {
		put_unused_fd(fd);
		dma_buf_put(dmabuf);
		return -EFAULT;
	}
	/* Only now: a GET that failed must not have cost QUERY's reference. */
	mutex_lock(&vgpu->lock);
	vgpu_object_fetched(vgpu, object);
	mutex_unlock(&vgpu->lock);
	fd_install(fd, dmabuf->file);
	return draft ? 0 : fd;
}

int vgpu_ioctl_close_buf(struct vgpu *vgpu, void __user *arg)
{
	struct vgpu_draft_close close;
	struct vgpu_object *object;
	int ret;

	if (copy_from_user(&close, arg, sizeof(close)))
		return -EFAULT;
	vgpu_count(vgpu, COUNT_CLOSE_BUF, 1);
	if (close.argsz < sizeof(close) || close.flags)
		return -EINVAL;
	ret = vgpu_take_fault(vgpu, FAULT_CLOSE);
	if (ret)
		return ret;
	mutex_lock(&vgpu->lock);
	object = vgpu_object_find(vgpu, close.id);
	if (object)
		vgpu_object_close(vgpu, object);
	else
		ret = vgpu_object_dead(vgpu);
	mutex_unlock(&vgpu->lock);
	return ret;
}
