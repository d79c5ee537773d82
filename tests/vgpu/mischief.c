// SPDX-License-Identifier: GPL-2.0
/* Misbehaviour on demand: calls that fail, answers that are not true. */
#include <linux/seq_file.h>
#include <linux/string.h>

#include "vgpu.h"

/* 0, or the negative errno this call is to fail with. */
int vgpu_take_fault(struct vgpu *vgpu, enum vgpu_fault_kind kind)
{
	struct vgpu_fault *fault = &vgpu->fault[kind];
	int error = 0;

	spin_lock(&vgpu->fault_lock);
	if (fault->left) {
		error = -fault->error;
		if (fault->left > 0)
			fault->left--;
	}
	spin_unlock(&vgpu->fault_lock);
	return error;
}

static const struct {
	const char *name;
	int error;
} errno_names[] = {
	{ "EPERM", EPERM }, { "ENOENT", ENOENT }, { "EINTR", EINTR }, { "EIO", EIO },
	{ "EAGAIN", EAGAIN }, { "ENOMEM", ENOMEM }, { "EACCES", EACCES }, { "EFAULT", EFAULT },
	{ "EBUSY", EBUSY }, { "ENODEV", ENODEV }, { "EINVAL", EINVAL }, { "EMFILE", EMFILE },
	{ "ENFILE", ENFILE }, { "ENOTTY", ENOTTY }, { "ENOSPC", ENOSPC }, { "ENOSYS", ENOSYS },
	{ "EOPNOTSUPP", EOPNOTSUPP },
};

static int vgpu_parse_errno(const char *text)
{
	int error, i;

	for (i = 0; i < ARRAY_SIZE(errno_names); i++) {
		if (!strcmp(text, errno_names[i].name))
			return errno_names[i].error;
	}
	/* Up to EHWPOISON; what lies beyond is the kernel's own. */
	if (kstrtoint(text, 0, &error) || error < 1 || error > 133)
		return -EINVAL;
	return error;
}

/* "N ERRNO", N = -1 for ever; "0" or "0 ERRNO" ends it. What follows stays in *text. */
static int vgpu_parse_fault(char **text, struct vgpu_fault *fault)
{
	char *word;

	if (kstrtoint(vgpu_word(text), 0, &fault->left) || fault->left < -1)
		return -EINVAL;
	fault->error = 0;
	word = vgpu_word(text);
	if (!*word)
		return fault->left ? -EINVAL : 0;
	fault->error = vgpu_parse_errno(word);
	return fault->error < 0 ? -EINVAL : 0;
}

static int vgpu_store_fault(struct vgpu *vgpu, enum vgpu_fault_kind kind, char *text, bool planes)
{
	struct vgpu_fault fault;
	char *plane;

	if (vgpu_parse_fault(&text, &fault))
		return -EINVAL;
	plane = vgpu_word(&text);
	if (*plane && !planes)
		return -EINVAL;
	if (!strcmp(plane, "primary"))
		kind = FAULT_QUERY_PRIMARY;
	else if (!strcmp(plane, "cursor"))
		kind = FAULT_QUERY_CURSOR;
	else if (*plane)
		return -EINVAL;
	if (*vgpu_word(&text))
		return -EINVAL;
	spin_lock(&vgpu->fault_lock);
	vgpu->fault[kind] = fault;
	spin_unlock(&vgpu->fault_lock);
	return 0;
}

static void vgpu_show_fault(struct seq_file *file, struct vgpu *vgpu, enum vgpu_fault_kind kind,
			    const char *plane)
{
	struct vgpu_fault fault;

	spin_lock(&vgpu->fault_lock);
	fault = vgpu->fault[kind];
	spin_unlock(&vgpu->fault_lock);
	seq_printf(file, "%d %d%s\n", fault.left, fault.error, plane);
}

int fail_query_store(struct vgpu *vgpu, char *text)
{
	return vgpu_store_fault(vgpu, FAULT_QUERY_ANY, text, true);
}

int fail_query_show(struct seq_file *file, struct vgpu *vgpu)
{
	vgpu_show_fault(file, vgpu, FAULT_QUERY_ANY, "");
	vgpu_show_fault(file, vgpu, FAULT_QUERY_PRIMARY, " primary");
	vgpu_show_fault(file, vgpu, FAULT_QUERY_CURSOR, " cursor");
	return 0;
}

#define FAULT_FILE(file_name, kind)							\
int file_name##_store(struct vgpu *vgpu, char *text)				\
{											\
	return vgpu_store_fault(vgpu, kind, text, false);				\
}											\
int file_name##_show(struct seq_file *file, struct vgpu *vgpu)			\
{											\
	vgpu_show_fault(file, vgpu, kind, "");						\
	return 0;									\
}

FAULT_FILE(fail_get, FAULT_GET)
FAULT_FILE(fail_close, FAULT_CLOSE)
FAULT_FILE(fail_attach, FAULT_ATTACH)
FAULT_FILE(fail_map, FAULT_MAP)

static const struct {
	const char *name;
	u32 offset, size;
} override_fields[VGPU_OVERRIDE_FIELDS] = {
#define FIELD(field) { #field, offsetof(struct vfio_device_gfx_plane_info, field), \
		       sizeof_field(struct vfio_device_gfx_plane_info, field) }
	FIELD(argsz), FIELD(flags), FIELD(drm_plane_type), FIELD(drm_format),
	FIELD(drm_format_mod), FIELD(width), FIELD(height), FIELD(stride), FIELD(size),
	FIELD(x_pos), FIELD(y_pos), FIELD(x_hot), FIELD(y_hot), FIELD(dmabuf_id),
#undef FIELD
};

static int vgpu_override_find(const char *name)
{
	int field;

	for (field = 0; field < VGPU_OVERRIDE_FIELDS; field++) {
		if (!strcmp(override_fields[field].name, name))
			return field;
	}
	return -EINVAL;
}

void vgpu_apply_overrides(struct vgpu_override *override,
				 struct vfio_device_gfx_plane_info *info)
{
	int field;

	for (field = 0; field < VGPU_OVERRIDE_FIELDS; field++) {
		if (override->set[field])
			memcpy((u8 *)info + override_fields[field].offset,
			       &override->value[field], override_fields[field].size);
	}
}

int override_store(struct vgpu *vgpu, char *text)
{
	struct vgpu_override *override;
	const char *word = vgpu_word(&text);
	int field = 0;
	u64 value = 0;

	if (!strcmp(word, "clear") && !*vgpu_word(&text)) {
		mutex_lock(&vgpu->lock);
		memset(vgpu->override, 0, sizeof(vgpu->override));
		mutex_unlock(&vgpu->lock);
		return 0;
	}
	if (!strcmp(word, "primary"))
		override = &vgpu->override[0];
	else if (!strcmp(word, "cursor"))
		override = &vgpu->override[1];
	else
		return -EINVAL;
	word = vgpu_word(&text);
	field = vgpu_override_find(word);
	if (field < 0 ||
	    vgpu_parse_value(vgpu_word(&text), !strcmp(word, "drm_format"), &value) ||
	    *vgpu_word(&text))
		return -EINVAL;
	mutex_lock(&vgpu->lock);
	override->set[field] = true;
	override->value[field] = value;
	mutex_unlock(&vgpu->lock);
	return 0;
}

int override_show(struct seq_file *file, struct vgpu *vgpu)
{
	int plane, field;

	mutex_lock(&vgpu->lock);
	for (plane = 0; plane < 2; plane++) {
		for (field = 0; field < VGPU_OVERRIDE_FIELDS; field++) {
			if (vgpu->override[plane].set[field])
				seq_printf(file, "%s %s %llu\n", plane ? "cursor" : "primary",
					   override_fields[field].name,
					   vgpu->override[plane].value[field]);
		}
	}
	mutex_unlock(&vgpu->lock);
	return 0;
}
