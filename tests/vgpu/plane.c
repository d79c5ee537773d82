// SPDX-License-Identifier: GPL-2.0
/* What the guest shows, from the registers or from the synthetic guest. */
#include <drm/drm_fourcc.h>

#include "vgpu.h"

#define DISPI_ENABLED 0x01

static bool vgpu_fits(struct vgpu *vgpu, const struct vgpu_framebuffer *fb)
{
	u64 size = (u64)fb->stride * fb->height;

	return fb->width && fb->height && size <= U32_MAX && fb->start <= vgpu->vram_size &&
	       size <= vgpu->vram_size - fb->start;
}

static void vgpu_scan_dispi(struct vgpu *vgpu, struct vgpu_plane *plane)
{
	const u16 *dispi = vgpu->dispi;
	struct vgpu_framebuffer *fb = &plane->fb;
	u32 bytes = dispi[DISPI_BPP] / 8;

	plane->on = dispi[DISPI_ENABLE] & DISPI_ENABLED;
	if (dispi[DISPI_BPP] == 32)
		fb->format = DRM_FORMAT_XRGB8888;
	else if (dispi[DISPI_BPP] == 16)
		fb->format = DRM_FORMAT_RGB565;
	else
		plane->on = false;
	fb->width = dispi[DISPI_XRES];
	fb->height = dispi[DISPI_YRES];
	fb->stride = max(dispi[DISPI_VIRT_WIDTH], dispi[DISPI_XRES]) * bytes;
	fb->start = (u64)dispi[DISPI_Y_OFFSET] * fb->stride + dispi[DISPI_X_OFFSET] * bytes;
}

static void vgpu_scan_guest(struct vgpu *vgpu, struct vgpu_plane *plane)
{
	const struct vgpu_guest_config *config = &vgpu->guest.config;
	struct vgpu_framebuffer *fb = &plane->fb;

	plane->on = true;
	plane->slot = vgpu->guest.buffer;
	fb->format = config->format;
	fb->width = config->width;
	fb->height = config->height;
	fb->stride = config->stride;
	fb->start = config->offset + (u64)plane->slot * config->pitch;
}

/* A plane that cannot be shown, say beyond the end of VRAM, counts as off. */
void vgpu_scan_primary(struct vgpu *vgpu, struct vgpu_plane *plane)
{
	memset(plane, 0, sizeof(*plane));
	plane->slot = -1;
	plane->hot_x = VGPU_UNKNOWN_HOTSPOT;
	plane->hot_y = VGPU_UNKNOWN_HOTSPOT;
	spin_lock_irq(&vgpu->scan_lock);
	if (vgpu->guest.loaded)
		vgpu_scan_guest(vgpu, plane);
	else
		vgpu_scan_dispi(vgpu, plane);
	spin_unlock_irq(&vgpu->scan_lock);
	plane->fb.modifier = DRM_FORMAT_MOD_LINEAR;
	plane->fb.size = plane->fb.stride * plane->fb.height;
	plane->on = plane->on && vgpu_fits(vgpu, &plane->fb);
}

void vgpu_scan_cursor(struct vgpu *vgpu, struct vgpu_plane *plane)
{
	struct vgpu_framebuffer *fb = &plane->fb;
	u32 cursor[CURSOR_COUNT];

	memset(plane, 0, sizeof(*plane));
	plane->slot = -1;
	spin_lock_irq(&vgpu->scan_lock);
	memcpy(cursor, vgpu->cursor, sizeof(cursor));
	spin_unlock_irq(&vgpu->scan_lock);

	fb->format = DRM_FORMAT_ARGB8888;
	fb->modifier = DRM_FORMAT_MOD_LINEAR;
	fb->start = cursor[CURSOR_ADDRESS];
	fb->width = cursor[CURSOR_WIDTH];
	fb->height = cursor[CURSOR_HEIGHT];
	fb->stride = cursor[CURSOR_STRIDE] ?: fb->width * 4;
	fb->size = fb->stride * fb->height;
	plane->x = cursor[CURSOR_X];
	plane->y = cursor[CURSOR_Y];
	plane->hot_x = cursor[CURSOR_HOT_X];
	plane->hot_y = cursor[CURSOR_HOT_Y];
	plane->on = (cursor[CURSOR_ENABLE] & 1) && fb->stride / 4 >= fb->width &&
		    vgpu_fits(vgpu, fb);
}
