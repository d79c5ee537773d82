// SPDX-License-Identifier: GPL-2.0
/*
 * scanthru_vgpu: a mediated vGPU for tests. It plays every device the display
 * ABI of VFIO is spoken by, and misbehaves on demand. See README.md.
 */
#include <linux/device.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "vgpu.h"

struct vgpu_type {
	struct mdev_type type;
	u32 mbytes;
	u32 max_xres;
	u32 max_yres;
};

/* max_xres and max_yres: the largest usual mode whose picture fits. */
static struct vgpu_type vgpu_types[] = {
	{ { .sysfs_name = "16m", .pretty_name = VGPU_NAME "-16m" }, 16, 2560, 1600 },
	{ { .sysfs_name = "64m", .pretty_name = VGPU_NAME "-64m" }, 64, 5120, 2880 },
	{ { .sysfs_name = "128m", .pretty_name = VGPU_NAME "-128m" }, 128, 5120, 2880 },
};

static struct mdev_type *vgpu_mdev_types[] = {
	&vgpu_types[0].type, &vgpu_types[1].type, &vgpu_types[2].type,
};

struct vgpu_knobs vgpu_defaults = {
	.vmap = 1, .mmap = 1, .cloexec = 1, .edid_max_size = VGPU_EDID_MAX,
};
struct vgpu_counters vgpu_totals;

static int vgpu_word_set(const char *text, const struct kernel_param *param)
{
	const char *const *words;
	u32 *value = param->arg;
	int index;

	if (value == &vgpu_defaults.dialect)
		words = vgpu_dialect_words;
	else if (value == &vgpu_defaults.id_policy)
		words = vgpu_id_policy_words;
	else
		words = vgpu_output_words;
	index = __sysfs_match_string(words, 2, text);
	if (index < 0)
		return index;
	*value = index;
	return 0;
}

static const struct kernel_param_ops vgpu_word_ops = { .set = vgpu_word_set };

module_param_cb(dialect, &vgpu_word_ops, &vgpu_defaults.dialect, 0);
MODULE_PARM_DESC(dialect, "mainline (default) or draft-v14");
module_param_cb(id_policy, &vgpu_word_ops, &vgpu_defaults.id_policy, 0);
MODULE_PARM_DESC(id_policy, "lowest (default) or growing");
module_param_cb(output, &vgpu_word_ops, &vgpu_defaults.output, 0);
MODULE_PARM_DESC(output, "dmabuf (default) or region");

static int vgpu_bool_set(const char *text, const struct kernel_param *param)
{
	bool value;
	int ret = kstrtobool(text, &value);

	if (!ret)
		*(u32 *)param->arg = value;
	return ret;
}

static const struct kernel_param_ops vgpu_bool_ops = { .set = vgpu_bool_set };

module_param_cb(vmap, &vgpu_bool_ops, &vgpu_defaults.vmap, 0);
MODULE_PARM_DESC(vmap, "1 (default): the kernel may map dma-bufs");
module_param_cb(mmap, &vgpu_bool_ops, &vgpu_defaults.mmap, 0);
MODULE_PARM_DESC(mmap, "1 (default): a process may map dma-bufs");

static unsigned int max_mbytes = 256;
module_param(max_mbytes, uint, 0444);
MODULE_PARM_DESC(max_mbytes, "VRAM of all devices together, in MiB");
static atomic_t vgpu_mbytes_used;

static struct vgpu_type *to_vgpu_type(struct mdev_type *type)
{
	return container_of(type, struct vgpu_type, type);
}

int vgpu_init_device(struct vfio_device *vdev)
{
	struct vgpu_device *device = container_of(vdev, struct vgpu_device, vdev);
	struct vgpu_type *type = to_vgpu_type(to_mdev_device(vdev->dev)->type);
	struct vgpu *vgpu;

	if (atomic_add_return(type->mbytes, &vgpu_mbytes_used) > max_mbytes) {
		atomic_sub(type->mbytes, &vgpu_mbytes_used);
		return -ENOSPC;
	}
	vgpu = vgpu_create(vdev->dev, (u64)type->mbytes << 20);
	if (IS_ERR(vgpu)) {
		atomic_sub(type->mbytes, &vgpu_mbytes_used);
		return PTR_ERR(vgpu);
	}
	vgpu->knobs.max_xres = type->max_xres;
	vgpu->knobs.max_yres = type->max_yres;
	vgpu_count(vgpu, COUNT_DEVICES_LIVE, 1);
	device->vgpu = vgpu;
	return 0;
}

void vgpu_release_device(struct vfio_device *vdev)
{
	struct vgpu_device *device = container_of(vdev, struct vgpu_device, vdev);

	atomic_sub(device->vgpu->vram_size >> 20, &vgpu_mbytes_used);
	vgpu_count(device->vgpu, COUNT_DEVICES_LIVE, -1);
	vgpu_put(device->vgpu);
	vgpu_compat_free_device(vdev);
}

static int vgpu_probe(struct mdev_device *mdev)
{
	struct vgpu_device *device;
	int ret;

	device = vfio_alloc_device(vgpu_device, vdev, &mdev->dev, &vgpu_device_ops);
	if (IS_ERR(device))
		return PTR_ERR(device);
	ret = vgpu_debugfs_add(device->vgpu);
	if (ret)
		goto put;
	ret = vfio_register_emulated_iommu_dev(&device->vdev);
	if (ret)
		goto remove;
	dev_set_drvdata(&mdev->dev, device);
	return 0;

remove:
	vgpu_debugfs_remove(device->vgpu);
put:
	vfio_put_device(&device->vdev);
	return ret;
}

static void vgpu_remove(struct mdev_device *mdev)
{
	struct vgpu_device *device = dev_get_drvdata(&mdev->dev);

	/* Blocks until the last descriptor is closed; the knobs work meanwhile. */
	vfio_unregister_group_dev(&device->vdev);
	vgpu_debugfs_remove(device->vgpu);
	vgpu_guest_off(device->vgpu);
	vfio_put_device(&device->vdev);
}

static unsigned int vgpu_get_available(struct mdev_type *type)
{
	return (max_mbytes - atomic_read(&vgpu_mbytes_used)) / to_vgpu_type(type)->mbytes;
}

static ssize_t vgpu_show_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "test display, %u MiB video memory\n", to_vgpu_type(type)->mbytes);
}

static struct mdev_driver vgpu_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		.name = VGPU_NAME,
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
	.probe = vgpu_probe,
	.remove = vgpu_remove,
	.get_available = vgpu_get_available,
	.show_description = vgpu_show_description,
};

/* The class gives the types their names: CLASS-TYPE. */
static struct class vgpu_class = { .name = VGPU_NAME };
static struct device *vgpu_parent_device;
static struct mdev_parent vgpu_parent;

static int __init vgpu_module_init(void)
{
	int ret;

	ret = mdev_register_driver(&vgpu_driver);
	if (ret)
		return ret;
	ret = class_register(&vgpu_class);
	if (ret)
		goto unregister_driver;
	vgpu_parent_device = device_create(&vgpu_class, NULL, 0, NULL, VGPU_NAME);
	if (IS_ERR(vgpu_parent_device)) {
		ret = PTR_ERR(vgpu_parent_device);
		goto unregister_class;
	}
	vgpu_debugfs_init();
	ret = mdev_register_parent(&vgpu_parent, vgpu_parent_device, &vgpu_driver,
				   vgpu_mdev_types, ARRAY_SIZE(vgpu_mdev_types));
	if (ret)
		goto unregister_device;
	return 0;

unregister_device:
	vgpu_debugfs_exit();
	device_unregister(vgpu_parent_device);
unregister_class:
	class_unregister(&vgpu_class);
unregister_driver:
	mdev_unregister_driver(&vgpu_driver);
	return ret;
}

static void __exit vgpu_module_exit(void)
{
	mdev_unregister_parent(&vgpu_parent);
	vgpu_debugfs_exit();
	device_unregister(vgpu_parent_device);
	class_unregister(&vgpu_class);
	mdev_unregister_driver(&vgpu_driver);
}

module_init(vgpu_module_init);
module_exit(vgpu_module_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mediated vGPU for tests of the VFIO display interface");
VGPU_COMPAT_IMPORT_DMA_BUF();
