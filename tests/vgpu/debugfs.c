// SPDX-License-Identifier: GPL-2.0
/* The files under /sys/kernel/debug/scanthru_vgpu: the machinery, the numbers, the counters. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "vgpu.h"

const char *const vgpu_dialect_words[] = { "mainline", "draft-v14", NULL };
const char *const vgpu_id_policy_words[] = { "lowest", "growing", NULL };
const char *const vgpu_output_words[] = { "dmabuf", "region", NULL };
const char *const vgpu_hold_words[] = { "first", "each", NULL };

static const char *const counter_names[COUNT_COUNT] = {
	[COUNT_PROBE] = "probe",
	[COUNT_QUERY_PRIMARY] = "query_primary",
	[COUNT_QUERY_CURSOR] = "query_cursor",
	[COUNT_QUERY_OTHER] = "query_other",
	[COUNT_GET] = "get",
	[COUNT_CLOSE_BUF] = "close_buf",
	[COUNT_OBJECTS_LIVE] = "objects_live",
	[COUNT_OBJECTS_TOTAL] = "objects_total",
	[COUNT_DMABUFS_LIVE] = "dmabufs_live",
	[COUNT_DMABUFS_TOTAL] = "dmabufs_total",
	[COUNT_ATTACHMENTS_LIVE] = "attachments_live",
	[COUNT_ATTACHMENTS_TOTAL] = "attachments_total",
	[COUNT_MAPS_LIVE] = "maps_live",
	[COUNT_MAPS_TOTAL] = "maps_total",
	[COUNT_MMAPS_LIVE] = "mmaps_live",
	[COUNT_MMAPS_TOTAL] = "mmaps_total",
	[COUNT_VMAPS_LIVE] = "vmaps_live",
	[COUNT_VMAPS_TOTAL] = "vmaps_total",
	[COUNT_CPU_ACCESSES] = "cpu_accesses",
	[COUNT_OPENS_LIVE] = "opens_live",
	[COUNT_OPENS_TOTAL] = "opens_total",
	[COUNT_VRAM_BYTES] = "vram_bytes",
	[COUNT_DEVICES_LIVE] = "devices_live",
};

static void vgpu_counters_print(struct seq_file *file, struct vgpu_counters *counters)
{
	int i;

	for (i = 0; i < COUNT_COUNT; i++)
		seq_printf(file, "%s %lld\n", counter_names[i],
			   atomic64_read(&counters->value[i]));
}

static int vgpu_counters_show(struct seq_file *file, struct vgpu *vgpu)
{
	vgpu_counters_print(file, &vgpu->counters);
	return 0;
}

#define KNOB(field, greatest) \
	{ .name = #field, .mode = 0644, .knob = offsetof(struct vgpu_knobs, field), .max = greatest }
#define WORDS(field) \
	{ .name = #field, .mode = 0644, .knob = offsetof(struct vgpu_knobs, field), \
	  .words = vgpu_##field##_words }

static const struct vgpu_file_desc knob_files[] = {
	WORDS(dialect), WORDS(id_policy), WORDS(output), WORDS(hold),
	KNOB(vmap, 1), KNOB(mmap, 1), KNOB(cloexec, 1), KNOB(readonly, 1),
	KNOB(short_dmabuf, U32_MAX), KNOB(query_delay_ms, 600000), KNOB(untouched, U32_MAX),
	KNOB(first_query_enomem, 1), KNOB(lose_sign, 1),
	KNOB(max_xres, U32_MAX), KNOB(max_yres, U32_MAX), KNOB(edid_max_size, VGPU_EDID_MAX),
	{ .name = "counters", .mode = 0444, .show = vgpu_counters_show },
};

static u32 *vgpu_knob(const struct vgpu_file *file)
{
	return (u32 *)((u8 *)&file->vgpu->knobs + file->desc->knob);
}

static int vgpu_file_show(struct seq_file *seq, void *unused)
{
	const struct vgpu_file *file = seq->private;
	u32 value;

	if (file->desc->show)
		return file->desc->show(seq, file->vgpu);
	value = READ_ONCE(*vgpu_knob(file));
	if (file->desc->words)
		seq_printf(seq, "%s\n", file->desc->words[value]);
	else
		seq_printf(seq, "%u\n", value);
	return 0;
}

static int vgpu_knob_store(const struct vgpu_file *file, const char *text)
{
	u32 value;
	int ret;

	if (file->desc->words) {
		ret = match_string(file->desc->words, -1, text);
		if (ret < 0)
			return -EINVAL;
		value = ret;
	} else {
		ret = kstrtou32(text, 0, &value);
		if (ret)
			return ret;
		if (value > file->desc->max)
			return -EINVAL;
	}
	/* The lock is for untouched, which QUERY counts down. */
	spin_lock(&file->vgpu->fault_lock);
	WRITE_ONCE(*vgpu_knob(file), value);
	spin_unlock(&file->vgpu->fault_lock);
	return 0;
}

static int vgpu_file_open(struct inode *inode, struct file *file)
{
	return single_open(file, vgpu_file_show, inode->i_private);
}

static ssize_t vgpu_file_write(struct file *opened, const char __user *buf, size_t count, loff_t *ppos)
{
	const struct vgpu_file *file = ((struct seq_file *)opened->private_data)->private;
	char *text;
	int ret;

	if (count > 4096)
		return -EINVAL;
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (!(file->desc->mode & 0200))
		ret = -EACCES;
	else if (file->desc->store)
		ret = file->desc->store(file->vgpu, strim(text));
	else
		ret = vgpu_knob_store(file, strim(text));
	kfree(text);
	return ret ? ret : count;
}

static const struct file_operations vgpu_file_ops = {
	.owner = THIS_MODULE,
	.open = vgpu_file_open,
	.read = seq_read,
	.write = vgpu_file_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static struct dentry *vgpu_debugfs_root;

static int vgpu_totals_show(struct seq_file *file, void *unused)
{
	vgpu_counters_print(file, &vgpu_totals);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vgpu_totals);

void vgpu_debugfs_init(void)
{
	vgpu_debugfs_root = debugfs_create_dir(VGPU_NAME, NULL);
	debugfs_create_file("totals", 0444, vgpu_debugfs_root, NULL, &vgpu_totals_fops);
}

void vgpu_debugfs_exit(void)
{
	debugfs_remove_recursive(vgpu_debugfs_root);
}

static void vgpu_debugfs_add_files(struct vgpu *vgpu, struct vgpu_file *files,
				   const struct vgpu_file_desc *descs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		files[i].vgpu = vgpu;
		files[i].desc = &descs[i];
		debugfs_create_file(descs[i].name, descs[i].mode, vgpu->debugfs, &files[i],
				    &vgpu_file_ops);
	}
}

int vgpu_debugfs_add(struct vgpu *vgpu)
{
	size_t knobs = ARRAY_SIZE(knob_files), commands = vgpu_command_files_count;

	vgpu->files = kcalloc(knobs + commands, sizeof(*vgpu->files), GFP_KERNEL);
	if (!vgpu->files)
		return -ENOMEM;
	vgpu->debugfs = debugfs_create_dir(dev_name(vgpu->dev), vgpu_debugfs_root);
	vgpu_debugfs_add_files(vgpu, vgpu->files, knob_files, knobs);
	vgpu_debugfs_add_files(vgpu, vgpu->files + knobs, vgpu_command_files, commands);
	return 0;
}

/* Waits for whoever is inside one of the files; who has one open gets EIO from now on. */
void vgpu_debugfs_remove(struct vgpu *vgpu)
{
	debugfs_remove_recursive(vgpu->debugfs);
	kfree(vgpu->files);
	vgpu->files = NULL;
}
