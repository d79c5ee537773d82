// SPDX-License-Identifier: GPL-2.0
/*
 * The synthetic guest: numbered pictures in VRAM, flipped from a timer.
 *
 * The timer's interrupt only changes what is scanned out. Pictures are drawn by
 * a worker. A buffer whose picture is not finished is never flipped to: the
 * flip is missed and counted, and so the log always tells what was shown.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "vgpu.h"

/* Nanoseconds in 1000 seconds: a rate is in mHz. */
#define NS_PER_MHZ 1000000000000ull

static void vgpu_draw_picture(struct vgpu *vgpu, const struct vgpu_guest_config *config,
			      u32 buffer, u32 number)
{
	u8 *line = vgpu->vram + config->offset + (size_t)buffer * config->pitch;
	u32 width = config->width, height = config->height, format = config->format;
	u32 x, y;

	for (y = 0; y < height; y++, line += config->stride) {
		if (format == VGPU_XR24) {
			for (x = 0; x < width; x++)
				((u32 *)line)[x] = vgpu_picture(x, y, number, width, height);
		} else if (vgpu_format_bytes(format) == 4) {
			for (x = 0; x < width; x++)
				((u32 *)line)[x] = vgpu_encode(format, vgpu_picture(x, y, number,
										    width, height));
		} else {
			for (x = 0; x < width; x++)
				((u16 *)line)[x] = vgpu_encode(format, vgpu_picture(x, y, number,
										    width, height));
		}
		cond_resched();
	}
}

/* The documented image, as if of a square as large as the longer side. */
void vgpu_draw_cursor(struct vgpu *vgpu, u32 start, u32 width, u32 height)
{
	u32 *pixel = (u32 *)(vgpu->vram + start);
	u32 x, y;

	for (y = 0; y < height; y++) {
		for (x = 0; x < width; x++)
			*pixel++ = vgpu_cursor_pixel(x, y, max(width, height));
	}
}

/* Books a flip to picture @number in @buffer. scan_lock held. */
static void vgpu_flip(struct vgpu *vgpu, u32 buffer, u32 number)
{
	struct vgpu_guest *guest = &vgpu->guest;
	const struct vgpu_guest_config *config = &guest->config;
	struct vgpu_flip *entry = &guest->log[guest->logged++ % VGPU_LOG_LENGTH];

	guest->buffer = buffer;
	guest->number = number;
	if (config->cursor) {
		vgpu->cursor[CURSOR_X] = vgpu_cursor_x(guest->flips, config->width,
						       config->cursor_size);
		vgpu->cursor[CURSOR_Y] = vgpu_cursor_y(guest->flips, config->height,
						       config->cursor_size);
	}
	*entry = (struct vgpu_flip){
		.ns = ktime_get_ns(),
		.number = number,
		.buffer = buffer,
		.id = guest->slot[buffer].id,
		.x = vgpu->cursor[CURSOR_X],
		.y = vgpu->cursor[CURSOR_Y],
	};
}

static bool vgpu_done(const struct vgpu_guest *guest)
{
	return guest->config.frames && guest->flips >= guest->config.frames;
}

/* One buffer, drawn while it is shown: the flip is the end of the drawing. */
static void vgpu_step_in_place(struct vgpu_guest *guest)
{
	struct vgpu_slot *slot = &guest->slot[0];

	if (!slot->drawn) {
		guest->missed++;
		return;
	}
	slot->drawn = false;
	slot->wanted = slot->number + 1;
	queue_work(system_unbound_wq, &guest->draw);
}

/* Has the worker draw a picture into a buffer that does not hold it. scan_lock held. */
static void vgpu_want(struct vgpu_guest *guest, struct vgpu_slot *slot, u32 number)
{
	if (slot->number == number)
		return;
	slot->drawn = false;
	slot->wanted = number;
	queue_work(system_unbound_wq, &guest->draw);
}

/* The guest's next flip, if its picture is ready. scan_lock held. */
static void vgpu_step(struct vgpu *vgpu)
{
	struct vgpu_guest *guest = &vgpu->guest;
	struct vgpu_slot *left = &guest->slot[guest->buffer], *next;
	u32 buffers = guest->config.buffers;
	u32 buffer = (guest->buffer + 1) % buffers;

	if (buffers == 1 && guest->config.draw != VGPU_DRAW_NEVER) {
		vgpu_step_in_place(guest);
		return;
	}
	next = &guest->slot[buffer];
	if (!next->drawn) {
		guest->missed++;
		return;
	}
	guest->flips++;
	vgpu_flip(vgpu, buffer, next->number);
	if (guest->config.draw == VGPU_DRAW_LEFT)
		vgpu_want(guest, left, left->number + buffers);
	else if (guest->config.draw == VGPU_DRAW_AHEAD)
		vgpu_want(guest, &guest->slot[(buffer + 1) % buffers], next->number + 1);
}

static enum hrtimer_restart vgpu_tick(struct hrtimer *timer)
{
	struct vgpu_guest *guest = container_of(timer, struct vgpu_guest, timer);
	struct vgpu *vgpu = container_of(guest, struct vgpu, guest);
	enum hrtimer_restart again = HRTIMER_NORESTART;
	u64 rate = guest->config.rate, due, now;
	unsigned long flags;

	spin_lock_irqsave(&vgpu->scan_lock, flags);
	if (guest->running && !vgpu_done(guest))
		vgpu_step(vgpu);
	if (guest->running && !vgpu_done(guest)) {
		/* From the start, not from the last tick: no error adds up. */
		due = mul_u64_u64_div_u64(++guest->tick, NS_PER_MHZ, rate);
		now = ktime_to_ns(ktime_sub(ktime_get(), guest->epoch));
		if (due <= now) {
			u64 tick = mul_u64_u64_div_u64(now, rate, NS_PER_MHZ) + 1;

			guest->overruns += tick - guest->tick;
			guest->tick = tick;
			due = mul_u64_u64_div_u64(tick, NS_PER_MHZ, rate);
		}
		hrtimer_set_expires(timer, ktime_add_ns(guest->epoch, due));
		again = HRTIMER_RESTART;
	} else {
		guest->running = false;
	}
	spin_unlock_irqrestore(&vgpu->scan_lock, flags);
	return again;
}

/* The buffer whose picture is due first, or -1. scan_lock held. */
static int vgpu_next_to_draw(const struct vgpu_guest *guest)
{
	int slot, best = -1;

	for (slot = 0; slot < guest->config.buffers; slot++) {
		if (!guest->slot[slot].drawn &&
		    (best < 0 || guest->slot[slot].wanted < guest->slot[best].wanted))
			best = slot;
	}
	return best;
}

static void vgpu_draw_work(struct work_struct *work)
{
	struct vgpu_guest *guest = container_of(work, struct vgpu_guest, draw);
	struct vgpu *vgpu = container_of(guest, struct vgpu, guest);
	int slot;

	spin_lock_irq(&vgpu->scan_lock);
	while ((slot = vgpu_next_to_draw(guest)) >= 0) {
		u32 number = guest->slot[slot].wanted;

		spin_unlock_irq(&vgpu->scan_lock);
		vgpu_draw_picture(vgpu, &guest->config, slot, number);
		spin_lock_irq(&vgpu->scan_lock);
		guest->slot[slot].number = number;
		guest->slot[slot].drawn = true;
		if (guest->config.buffers == 1) {
			guest->flips++;
			vgpu_flip(vgpu, slot, number);
		}
	}
	spin_unlock_irq(&vgpu->scan_lock);
}

/* Lays the buffers and the cursor out in VRAM and fills what was left to default. */
static int vgpu_guest_place(struct vgpu *vgpu, struct vgpu_guest_config *config)
{
	u32 bytes = vgpu_format_bytes(config->format);
	u64 size, cursor, end;

	if (!bytes || !config->width || !config->height || config->width > 16384 ||
	    config->height > 16384 || !config->buffers || config->buffers > VGPU_MAX_BUFFERS ||
	    config->rate > 10000000 || config->offset % bytes ||
	    (config->cursor && (!config->cursor_size || config->cursor_size > 1024)))
		return -EINVAL;
	/* A region shows VRAM from its start: there is nothing to flip to. */
	if (vgpu->knobs.output == OUTPUT_REGION)
		config->buffers = 1;
	if (!config->stride)
		config->stride = config->width * bytes;
	if (config->stride < config->width * bytes || config->stride % bytes ||
	    config->stride > 1 << 20)
		return -EINVAL;
	size = (u64)config->stride * config->height;
	if (size > U32_MAX / 2)
		return -ENOSPC;
	config->pitch = PAGE_ALIGN(size);
	cursor = PAGE_ALIGN(config->offset + (u64)config->pitch * config->buffers);
	end = cursor + (config->cursor ? 4 * config->cursor_size * config->cursor_size : 0);
	if (end > vgpu->vram_size)
		return -ENOSPC;
	config->cursor_start = cursor;
	return 0;
}

static void vgpu_guest_show_cursor(struct vgpu *vgpu)
{
	const struct vgpu_guest_config *config = &vgpu->guest.config;
	u32 *cursor = vgpu->cursor;

	cursor[CURSOR_ENABLE] = config->cursor;
	if (!config->cursor)
		return;
	cursor[CURSOR_ADDRESS] = config->cursor_start;
	cursor[CURSOR_WIDTH] = config->cursor_size;
	cursor[CURSOR_HEIGHT] = config->cursor_size;
	cursor[CURSOR_STRIDE] = 0;
	cursor[CURSOR_HOT_X] = VGPU_CURSOR_HOT_X(config->cursor_size);
	cursor[CURSOR_HOT_Y] = VGPU_CURSOR_HOT_Y(config->cursor_size);
}

/* Nothing of the guest runs when this returns; what it shows stays. guest.lock held. */
static void vgpu_guest_halt(struct vgpu *vgpu)
{
	spin_lock_irq(&vgpu->scan_lock);
	vgpu->guest.running = false;
	spin_unlock_irq(&vgpu->scan_lock);
	hrtimer_cancel(&vgpu->guest.timer);
	flush_work(&vgpu->guest.draw);
}

int vgpu_guest_start(struct vgpu *vgpu, const struct vgpu_guest_config *wanted)
{
	struct vgpu_guest *guest = &vgpu->guest;
	struct vgpu_guest_config config = *wanted;
	u32 buffer;
	int ret;

	ret = vgpu_guest_place(vgpu, &config);
	if (ret)
		return ret;
	mutex_lock(&guest->lock);
	vgpu_guest_halt(vgpu);
	for (buffer = 0; buffer < config.buffers; buffer++)
		vgpu_draw_picture(vgpu, &config, buffer, buffer);
	if (config.cursor)
		vgpu_draw_cursor(vgpu, config.cursor_start, config.cursor_size,
				 config.cursor_size);

	spin_lock_irq(&vgpu->scan_lock);
	guest->config = config;
	memset(guest->slot, 0, sizeof(guest->slot));
	for (buffer = 0; buffer < config.buffers; buffer++) {
		guest->slot[buffer].number = buffer;
		guest->slot[buffer].drawn = true;
	}
	guest->loaded = true;
	guest->running = config.rate;
	guest->flips = 0;
	guest->missed = 0;
	guest->overruns = 0;
	guest->logged = 0;
	vgpu_guest_show_cursor(vgpu);
	vgpu_flip(vgpu, 0, 0);
	guest->tick = 1;
	guest->epoch = ktime_get();
	spin_unlock_irq(&vgpu->scan_lock);
	if (config.rate)
		hrtimer_start(&guest->timer,
			      ktime_add_ns(guest->epoch, div_u64(NS_PER_MHZ, config.rate)),
			      HRTIMER_MODE_ABS);
	mutex_unlock(&guest->lock);
	return 0;
}

/* One flip by hand; when it returns, the buffer left has its next picture. */
int vgpu_guest_flip(struct vgpu *vgpu)
{
	struct vgpu_guest *guest = &vgpu->guest;
	int ret = 0;

	mutex_lock(&guest->lock);
	flush_work(&guest->draw);
	spin_lock_irq(&vgpu->scan_lock);
	if (!guest->loaded)
		ret = -EINVAL;
	else if (guest->running)
		ret = -EBUSY;
	else
		vgpu_step(vgpu);
	spin_unlock_irq(&vgpu->scan_lock);
	flush_work(&guest->draw);
	mutex_unlock(&guest->lock);
	return ret;
}

void vgpu_guest_stop(struct vgpu *vgpu)
{
	mutex_lock(&vgpu->guest.lock);
	vgpu_guest_halt(vgpu);
	mutex_unlock(&vgpu->guest.lock);
}

/* Stops, and leaves the screen to the dispi registers and the cursor off. */
void vgpu_guest_off(struct vgpu *vgpu)
{
	mutex_lock(&vgpu->guest.lock);
	vgpu_guest_halt(vgpu);
	spin_lock_irq(&vgpu->scan_lock);
	if (vgpu->guest.loaded)
		vgpu->cursor[CURSOR_ENABLE] = 0;
	vgpu->guest.loaded = false;
	spin_unlock_irq(&vgpu->scan_lock);
	mutex_unlock(&vgpu->guest.lock);
}

int vgpu_guest_init(struct vgpu *vgpu)
{
	struct vgpu_guest *guest = &vgpu->guest;

	guest->log = kvcalloc(VGPU_LOG_LENGTH, sizeof(*guest->log), GFP_KERNEL);
	if (!guest->log)
		return -ENOMEM;
	mutex_init(&guest->lock);
	INIT_WORK(&guest->draw, vgpu_draw_work);
	vgpu_compat_timer_setup(&guest->timer, vgpu_tick);
	return 0;
}

void vgpu_guest_free(struct vgpu *vgpu)
{
	vgpu_guest_off(vgpu);
	kvfree(vgpu->guest.log);
}
