// SPDX-License-Identifier: GPL-2.0
/* The monitor: VFIO's EDID region and what the guest is shown of it. */
#include <linux/ktime.h>
#include <linux/string.h>

#include "vgpu.h"

#define EDID_BLOCK 128
#define EDID_BLOB_OFFSET 1024

u64 vgpu_edid_region_size(void)
{
	return EDID_BLOB_OFFSET + VGPU_EDID_MAX;
}

/* 1024x768 at 60 Hz, digital, name "scanthru"; the checksum is added below. */
static const u8 default_edid[EDID_BLOCK] = {
	0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
	0x4c, 0x2e, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x1b, 0x01, 0x04,
	0x80, 0x1e, 0x17, 0x78, 0x02,
	0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54,
	0x00, 0x08, 0x00,
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
	0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
	/* 65 MHz, 1024+320, 768+38, sync 24/136 3/6 */
	0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30, 0x18, 0x88, 0x36, 0x00,
	0x2c, 0xe1, 0x00, 0x00, 0x00, 0x18,
	0x00, 0x00, 0x00, 0xfc, 0x00, 's', 'c', 'a', 'n', 't', 'h', 'r', 'u',
	'\n', ' ', ' ', ' ', ' ',
	0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00
};

static u8 vgpu_edid_sum(const u8 *block)
{
	u8 sum = 0;
	int i;

	for (i = 0; i < EDID_BLOCK; i++)
		sum += block[i];
	return sum;
}

static bool vgpu_edid_valid(const u8 *blob, u32 size)
{
	u32 block;

	if (!size || size % EDID_BLOCK || size > VGPU_EDID_MAX)
		return false;
	if (memcmp(blob, default_edid, 8) || (blob[126] + 1) * EDID_BLOCK != size)
		return false;
	for (block = 0; block < size; block += EDID_BLOCK) {
		if (vgpu_edid_sum(blob + block))
			return false;
	}
	return true;
}

static const char blob_event[] = "blob";

static void vgpu_edid_log(struct vgpu *vgpu, const char *what, u32 a, u32 b)
{
	struct vgpu_edid *edid = &vgpu->edid;
	struct vgpu_edid_event *last = NULL;

	/* A blob arrives in many small pieces: one line for what adjoins. */
	if (edid->logged)
		last = &edid->log[(edid->logged - 1) % VGPU_EDID_LOG_LENGTH];
	if (last && what == blob_event && last->what == what && last->a + last->b == a) {
		last->b += b;
		return;
	}
	last = &edid->log[edid->logged++ % VGPU_EDID_LOG_LENGTH];
	*last = (struct vgpu_edid_event){ .ns = ktime_get_ns(), .what = what, .a = a, .b = b };
}

static int vgpu_edid_set_link(struct vgpu *vgpu, u32 state)
{
	struct vgpu_edid *edid = &vgpu->edid;

	switch (state) {
	case VFIO_DEVICE_GFX_LINK_STATE_DOWN:
		edid->seen_size = 0;
		break;
	case VFIO_DEVICE_GFX_LINK_STATE_UP:
		if (!vgpu_edid_valid(edid->blob, edid->size)) {
			vgpu_edid_log(vgpu, "refused", edid->size, 0);
			return -EINVAL;
		}
		memcpy(edid->seen, edid->blob, edid->size);
		edid->seen_size = edid->size;
		break;
	default:
		return -EINVAL;
	}
	edid->link = state;
	vgpu_edid_log(vgpu, "link", state, edid->seen_size);
	return 0;
}

void vgpu_edid_init(struct vgpu *vgpu)
{
	struct vgpu_edid *edid = &vgpu->edid;

	memcpy(edid->blob, default_edid, EDID_BLOCK);
	edid->blob[EDID_BLOCK - 1] = -vgpu_edid_sum(edid->blob);
	edid->size = EDID_BLOCK;
	vgpu_edid_set_link(vgpu, VFIO_DEVICE_GFX_LINK_STATE_UP);
	edid->logged = 0;
}

int vgpu_edid_read(struct vgpu *vgpu, u32 offset, void *data, u32 count)
{
	const struct vfio_region_gfx_edid regs = {
		.edid_offset = EDID_BLOB_OFFSET,
		.edid_max_size = vgpu->knobs.edid_max_size,
		.edid_size = vgpu->edid.size,
		.max_xres = vgpu->knobs.max_xres,
		.max_yres = vgpu->knobs.max_yres,
		.link_state = vgpu->edid.link,
	};

	if (offset >= EDID_BLOB_OFFSET) {
		memcpy(data, vgpu->edid.blob + (offset - EDID_BLOB_OFFSET), count);
		return 0;
	}
	if (count != 4 || offset + count > sizeof(regs))
		return -EINVAL;
	memcpy(data, (const u8 *)&regs + offset, count);
	return 0;
}

int vgpu_edid_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count)
{
	u32 max = vgpu->knobs.edid_max_size, value;

	if (offset >= EDID_BLOB_OFFSET) {
		offset -= EDID_BLOB_OFFSET;
		if (offset + count > max)
			return -EINVAL;
		memcpy(vgpu->edid.blob + offset, data, count);
		vgpu_edid_log(vgpu, blob_event, offset, count);
		return 0;
	}
	if (count != 4)
		return -EINVAL;
	memcpy(&value, data, 4);
	switch (offset) {
	case offsetof(struct vfio_region_gfx_edid, edid_size):
		if (value > max)
			return -EINVAL;
		vgpu->edid.size = value;
		vgpu_edid_log(vgpu, "size", value, 0);
		return 0;
	case offsetof(struct vfio_region_gfx_edid, link_state):
		return vgpu_edid_set_link(vgpu, value);
	default:
		return -EINVAL;
	}
}
