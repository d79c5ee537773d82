// SPDX-License-Identifier: GPL-2.0
/* The debugfs files that are more than one number: the guest, the cursor, the logs. */
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "vgpu.h"

/* The next word of *text, or an empty one. */
char *vgpu_word(char **text)
{
	char *word;

	do {
		word = strsep(text, " \t\n");
	} while (word && !*word);
	return word ?: "";
}

/* Signed or not, in C's notation; a fourcc as its four letters. */
int vgpu_parse_value(const char *text, bool fourcc, u64 *value)
{
	s64 negative;

	if (fourcc && strlen(text) == 4 && isalpha(text[0])) {
		*value = VGPU_FOURCC(text[0], text[1], text[2], text[3]);
		return 0;
	}
	if (*text != '-')
		return kstrtou64(text, 0, value);
	if (kstrtos64(text, 0, &negative))
		return -EINVAL;
	*value = negative;
	return 0;
}

static const char *const vgpu_draw_words[] = {
	[VGPU_DRAW_NEVER] = "predrawn",
	[VGPU_DRAW_LEFT] = "redrawn",
	[VGPU_DRAW_AHEAD] = "ahead",
};

static int vgpu_parse_draw(const char *text, u32 *draw)
{
	int i = match_string(vgpu_draw_words, ARRAY_SIZE(vgpu_draw_words), text);

	if (i < 0)
		return -EINVAL;
	*draw = i;
	return 0;
}

static int vgpu_parse_guest(char *text, struct vgpu_guest_config *config)
{
	const struct {
		const char *name;
		u32 *value;
	} numbers[] = {
		{ "width", &config->width }, { "height", &config->height },
		{ "stride", &config->stride }, { "offset", &config->offset },
		{ "buffers", &config->buffers }, { "rate", &config->rate },
		{ "frames", &config->frames }, { "cursor", &config->cursor },
		{ "cursor_size", &config->cursor_size },
	};
	char *word, *name;
	u64 value;
	int i;

	for (word = vgpu_word(&text); *word; word = vgpu_word(&text)) {
		name = strsep(&word, "=");
		if (!word)
			return -EINVAL;
		if (!strcmp(name, "draw")) {
			if (vgpu_parse_draw(word, &config->draw))
				return -EINVAL;
			continue;
		}
		if (vgpu_parse_value(word, !strcmp(name, "format"), &value) || value > U32_MAX)
			return -EINVAL;
		if (!strcmp(name, "format")) {
			config->format = value;
			continue;
		}
		for (i = 0; i < ARRAY_SIZE(numbers); i++) {
			if (!strcmp(name, numbers[i].name))
				break;
		}
		if (i == ARRAY_SIZE(numbers))
			return -EINVAL;
		*numbers[i].value = value;
	}
	return config->cursor > 1 ? -EINVAL : 0;
}

static int guest_store(struct vgpu *vgpu, char *text)
{
	struct vgpu_guest_config config = {
		.width = 320, .height = 240, .buffers = 3, .rate = 60000,
		.format = VGPU_XR24, .cursor_size = 64,
	};
	const char *command = vgpu_word(&text);

	if (!strcmp(command, "start"))
		return vgpu_parse_guest(text, &config) ?: vgpu_guest_start(vgpu, &config);
	if (*vgpu_word(&text))
		return -EINVAL;
	if (!strcmp(command, "flip"))
		return vgpu_guest_flip(vgpu);
	if (!strcmp(command, "stop"))
		vgpu_guest_stop(vgpu);
	else if (!strcmp(command, "off"))
		vgpu_guest_off(vgpu);
	else
		return -EINVAL;
	return 0;
}

static int guest_show(struct seq_file *file, struct vgpu *vgpu)
{
	struct vgpu_guest *guest = &vgpu->guest;
	struct vgpu_guest_config config;
	u32 flips, number, buffer;
	u64 missed, overruns;
	const char *state;

	spin_lock_irq(&vgpu->scan_lock);
	config = guest->config;
	state = guest->running ? "running" : guest->loaded ? "stopped" : "off";
	flips = guest->flips;
	number = guest->number;
	buffer = guest->buffer;
	missed = guest->missed;
	overruns = guest->overruns;
	spin_unlock_irq(&vgpu->scan_lock);
	seq_printf(file, "state %s\nflips %u\nnumber %u\nbuffer %u\nmissed %llu\noverruns %llu\n",
		   state, flips, number, buffer, missed, overruns);
	seq_printf(file, "width %u\nheight %u\nstride %u\nformat %.4s\noffset %u\nbuffers %u\n",
		   config.width, config.height, config.stride, (const char *)&config.format,
		   config.offset, config.buffers);
	seq_printf(file, "rate %u\nframes %u\ndraw %s\ncursor %u\ncursor_size %u\n", config.rate,
		   config.frames, vgpu_draw_words[config.draw], config.cursor,
		   config.cursor_size);
	return 0;
}

/* One entry at a time, so that reading never holds a flip up. */
static int flips_show(struct seq_file *file, struct vgpu *vgpu)
{
	struct vgpu_guest *guest = &vgpu->guest;
	struct vgpu_flip flip;
	u64 i = 0;

	for (;; i++) {
		spin_lock_irq(&vgpu->scan_lock);
		if (guest->logged > VGPU_LOG_LENGTH)
			i = max(i, guest->logged - VGPU_LOG_LENGTH);
		if (i >= guest->logged) {
			spin_unlock_irq(&vgpu->scan_lock);
			return 0;
		}
		flip = guest->log[i % VGPU_LOG_LENGTH];
		spin_unlock_irq(&vgpu->scan_lock);
		seq_printf(file, "%u %u %u %d %d %llu\n", flip.number, flip.buffer, flip.id,
			   flip.x, flip.y, flip.ns);
		/* Nor does it keep the processor from those who measure. */
		cond_resched();
	}
}

static int edid_log_show(struct seq_file *file, struct vgpu *vgpu)
{
	struct vgpu_edid *edid = &vgpu->edid;
	u64 i = 0;

	mutex_lock(&vgpu->lock);
	if (edid->logged > VGPU_EDID_LOG_LENGTH)
		i = edid->logged - VGPU_EDID_LOG_LENGTH;
	for (; i < edid->logged; i++) {
		const struct vgpu_edid_event *event = &edid->log[i % VGPU_EDID_LOG_LENGTH];

		seq_printf(file, "%llu %s %u %u\n", event->ns, event->what, event->a, event->b);
	}
	mutex_unlock(&vgpu->lock);
	return 0;
}

/* Raw bytes, as a monitor would give them; empty while the link is down. */
static int edid_show(struct seq_file *file, struct vgpu *vgpu)
{
	mutex_lock(&vgpu->lock);
	seq_write(file, vgpu->edid.seen, vgpu->edid.seen_size);
	mutex_unlock(&vgpu->lock);
	return 0;
}

static int objects_show(struct seq_file *file, struct vgpu *vgpu)
{
	struct vgpu_object *object;

	mutex_lock(&vgpu->lock);
	list_for_each_entry(object, &vgpu->objects, node)
		seq_printf(file, "%u %s%s dmabufs=%u start=%llu %ux%u stride=%u format=%.4s\n",
			   object->id, object->retired ? "retired" : "found",
			   object->held ? " held" : "", object->dmabufs, object->fb.start,
			   object->fb.width, object->fb.height, object->fb.stride,
			   (const char *)&object->fb.format);
	mutex_unlock(&vgpu->lock);
	return 0;
}

static int surprise_remove_store(struct vgpu *vgpu, char *text)
{
	if (strcmp(text, "1"))
		return -EINVAL;
	vgpu_surprise_remove(vgpu);
	return 0;
}

static int surprise_remove_show(struct seq_file *file, struct vgpu *vgpu)
{
	seq_printf(file, "%d\n", vgpu_gone(vgpu));
	return 0;
}

/* "x y w h hot_x hot_y visible"; the image is drawn at the end of VRAM. */
static int cursor_store(struct vgpu *vgpu, char *text)
{
	s32 x, y, hot_x, hot_y;
	u32 width, height, visible, start, *cursor = vgpu->cursor;
	char rest;

	if (sscanf(text, "%d %d %u %u %d %d %u %c", &x, &y, &width, &height, &hot_x, &hot_y,
		   &visible, &rest) != 7 || visible > 1 || !width || !height || width > 1024 ||
	    height > 1024)
		return -EINVAL;
	start = ALIGN_DOWN(vgpu->vram_size - 4 * width * height, PAGE_SIZE);
	vgpu_draw_cursor(vgpu, start, width, height);
	spin_lock_irq(&vgpu->scan_lock);
	cursor[CURSOR_ENABLE] = visible;
	cursor[CURSOR_ADDRESS] = start;
	cursor[CURSOR_WIDTH] = width;
	cursor[CURSOR_HEIGHT] = height;
	cursor[CURSOR_STRIDE] = 0;
	cursor[CURSOR_X] = x;
	cursor[CURSOR_Y] = y;
	cursor[CURSOR_HOT_X] = hot_x;
	cursor[CURSOR_HOT_Y] = hot_y;
	spin_unlock_irq(&vgpu->scan_lock);
	return 0;
}

static int cursor_show(struct seq_file *file, struct vgpu *vgpu)
{
	u32 cursor[CURSOR_COUNT];

	spin_lock_irq(&vgpu->scan_lock);
	memcpy(cursor, vgpu->cursor, sizeof(cursor));
	spin_unlock_irq(&vgpu->scan_lock);
	seq_printf(file, "%d %d %u %u %d %d %u\n", (s32)cursor[CURSOR_X], (s32)cursor[CURSOR_Y],
		   cursor[CURSOR_WIDTH], cursor[CURSOR_HEIGHT], (s32)cursor[CURSOR_HOT_X],
		   (s32)cursor[CURSOR_HOT_Y], cursor[CURSOR_ENABLE]);
	return 0;
}

#define COMMAND(command) { #command, 0644, .show = command##_show, .store = command##_store }
#define REPORT(report) { #report, 0444, .show = report##_show }

const struct vgpu_file_desc vgpu_command_files[] = {
	COMMAND(fail_query), COMMAND(fail_get), COMMAND(fail_close), COMMAND(fail_attach),
	COMMAND(fail_map), COMMAND(override), COMMAND(guest), COMMAND(cursor),
	COMMAND(surprise_remove), REPORT(flips), REPORT(edid_log), REPORT(edid), REPORT(objects),
};
const size_t vgpu_command_files_count = ARRAY_SIZE(vgpu_command_files);
