// SPDX-License-Identifier: GPL-2.0
/* The VFIO device: information, regions, access, mapping of VRAM. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "vgpu.h"

/* Of the 27 Sep 2017 proposal. In mainline the number became VFIO_DEVICE_IOEVENTFD. */
#define VFIO_DEVICE_CLOSE_BUF _IO(VFIO_TYPE, VFIO_BASE + 16)

struct vgpu_region_info {
	struct vfio_region_info base;
	struct vfio_region_info_cap_type type;
};

static long vgpu_get_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VGPU_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long vgpu_get_irq_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* The region's size, 0 for one that is not there; negative for an index that cannot be. */
static s64 vgpu_region_size(struct vgpu *vgpu, u32 index)
{
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return VGPU_CONFIG_SIZE;
	case VFIO_PCI_BAR0_REGION_INDEX:
		return vgpu->vram_size;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return VGPU_MMIO_SIZE;
	case VGPU_EDID_REGION:
		return vgpu_edid_region_size();
	case VGPU_DISPLAY_REGION:
		return vgpu->knobs.output == OUTPUT_REGION ? vgpu->vram_size : -EINVAL;
	default:
		return index < VGPU_NUM_REGIONS ? 0 : -EINVAL;
	}
}

static bool vgpu_region_is_memory(u32 index)
{
	return index == VFIO_PCI_BAR0_REGION_INDEX || index == VGPU_DISPLAY_REGION;
}

static long vgpu_get_region_info(struct vgpu *vgpu, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vgpu_region_info info = {};
	size_t size = minsz;
	u32 argsz;
	s64 region;

	if (copy_from_user(&info.base, arg, minsz))
		return -EFAULT;
	argsz = info.base.argsz;
	if (argsz < minsz)
		return -EINVAL;
	region = vgpu_region_size(vgpu, info.base.index);
	if (region < 0)
		return region;

	info.base.argsz = minsz;
	info.base.flags = 0;
	info.base.cap_offset = 0;
	info.base.size = region;
	info.base.offset = (u64)info.base.index << VGPU_REGION_SHIFT;
	if (region)
		info.base.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (vgpu_region_is_memory(info.base.index))
		info.base.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (info.base.index == VGPU_EDID_REGION) {
		info.base.argsz = sizeof(info);
		info.base.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		info.type.header.id = VFIO_REGION_INFO_CAP_TYPE;
		info.type.header.version = 1;
		info.type.type = VFIO_REGION_TYPE_GFX;
		info.type.subtype = VFIO_REGION_SUBTYPE_GFX_EDID;
		/* Who leaves no room for it is told how much it takes, and asks again. */
		if (argsz >= sizeof(info)) {
			info.base.cap_offset = offsetof(typeof(info), type);
			size = sizeof(info);
		}
	}
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long vgpu_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	void __user *user = (void __user *)arg;

	if (vgpu_gone(vgpu))
		return -ENODEV;
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return vgpu_get_info(user);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vgpu_get_region_info(vgpu, user);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vgpu_get_irq_info(user);
	case VFIO_DEVICE_SET_IRQS:
		return -EINVAL;
	case VFIO_DEVICE_RESET:
		vgpu_guest_off(vgpu);
		vgpu_reset(vgpu);
		return 0;
	case VFIO_DEVICE_QUERY_GFX_PLANE:
		return vgpu_ioctl_query(vgpu, user);
	case VFIO_DEVICE_GET_GFX_DMABUF:
		return vgpu_ioctl_get(vgpu, user);
	case VFIO_DEVICE_CLOSE_BUF:
		if (READ_ONCE(vgpu->knobs.dialect) != DIALECT_DRAFT)
			return -ENOTTY;
		return vgpu_ioctl_close_buf(vgpu, user);
	default:
		return -ENOTTY;
	}
}

/* Registers are read and written in naturally aligned pieces of at most four bytes. */
static int vgpu_access(struct vgpu *vgpu, u32 index, u32 offset, void *data, u32 count, bool write)
{
	int ret = 0;

	mutex_lock(&vgpu->lock);
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		if (write)
			vgpu_config_write(vgpu, offset, data, count);
		else
			vgpu_config_read(vgpu, offset, data, count);
		break;
	case VFIO_PCI_BAR2_REGION_INDEX:
		if (write)
			vgpu_mmio_write(vgpu, offset, data, count);
		else
			vgpu_mmio_read(vgpu, offset, data, count);
		break;
	case VGPU_EDID_REGION:
		if (write)
			ret = vgpu_edid_write(vgpu, offset, data, count);
		else
			ret = vgpu_edid_read(vgpu, offset, data, count);
		break;
	default:
		ret = -EINVAL;
	}
	mutex_unlock(&vgpu->lock);
	return ret;
}

static ssize_t vgpu_rw_registers(struct vgpu *vgpu, u32 index, char __user *buf, size_t count,
				 u64 offset, bool write)
{
	size_t done = 0;

	while (done < count) {
		u32 piece = min_t(size_t, count - done, 4), value = 0;
		int ret;

		while (!is_power_of_2(piece) || offset % piece)
			piece--;
		if (write && copy_from_user(&value, buf + done, piece))
			return -EFAULT;
		ret = vgpu_access(vgpu, index, offset, &value, piece, write);
		if (ret)
			return ret;
		if (!write && copy_to_user(buf + done, &value, piece))
			return -EFAULT;
		offset += piece;
		done += piece;
	}
	return done;
}

static ssize_t vgpu_rw(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos,
		       bool write)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	u32 index = (u64)*ppos >> VGPU_REGION_SHIFT;
	u64 offset = *ppos & VGPU_REGION_MASK;
	s64 size = vgpu_region_size(vgpu, index);
	ssize_t done;

	if (vgpu_gone(vgpu))
		return -ENODEV;
	if (size <= 0 || offset >= size)
		return -EINVAL;
	count = min_t(u64, count, size - offset);
	if (!vgpu_region_is_memory(index))
		done = vgpu_rw_registers(vgpu, index, buf, count, offset, write);
	else if (write)
		done = copy_from_user(vgpu->vram + offset, buf, count) ? -EFAULT : count;
	else
		done = copy_to_user(buf, vgpu->vram + offset, count) ? -EFAULT : count;
	if (done > 0)
		*ppos += done;
	return done;
}

static ssize_t vgpu_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	return vgpu_rw(vdev, buf, count, ppos, false);
}

static ssize_t vgpu_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			  loff_t *ppos)
{
	return vgpu_rw(vdev, (char __user *)buf, count, ppos, true);
}

static vm_fault_t vgpu_vram_fault(struct vm_fault *vmf)
{
	struct vgpu *vgpu = vmf->vma->vm_private_data;
	pgoff_t page = vmf->pgoff & (VGPU_REGION_MASK >> PAGE_SHIFT);

	if (vgpu_gone(vgpu) || page >= vgpu->nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = vgpu->pages[page];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vgpu_vram_vm_ops = {
	.fault = vgpu_vram_fault,
};

/* The mapping holds the device's file, and that the device: vgpu stays valid for the fault. */
static int vgpu_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	u32 index = vma->vm_pgoff >> (VGPU_REGION_SHIFT - PAGE_SHIFT);
	u64 page = vma->vm_pgoff & (VGPU_REGION_MASK >> PAGE_SHIFT);

	if (vgpu_gone(vgpu))
		return -ENODEV;
	if (!vgpu_region_is_memory(index) || vgpu_region_size(vgpu, index) < 0)
		return -EINVAL;
	if (page + vma_pages(vma) > vgpu->nr_pages || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &vgpu_vram_vm_ops;
	vma->vm_private_data = vgpu;
	return 0;
}

static int vgpu_open_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	if (vgpu_gone(vgpu))
		return -ENODEV;
	vgpu_count(vgpu, COUNT_OPENS_LIVE, 1);
	vgpu_count(vgpu, COUNT_OPENS_TOTAL, 1);
	return 0;
}

static void vgpu_close_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	mutex_lock(&vgpu->lock);
	vgpu_objects_forget(vgpu);
	mutex_unlock(&vgpu->lock);
	vgpu_count(vgpu, COUNT_OPENS_LIVE, -1);
}

/* No .request: like GVT-g and mbochs the device asks nobody to let go, removal blocks. */
const struct vfio_device_ops vgpu_device_ops = {
	.name		= VGPU_NAME,
	.init		= vgpu_init_device,
	.release	= vgpu_release_device,
	.open_device	= vgpu_open_device,
	.close_device	= vgpu_close_device,
	.read		= vgpu_read,
	.write		= vgpu_write,
	.ioctl		= vgpu_ioctl,
	.mmap		= vgpu_mmap,
	VGPU_COMPAT_IOMMUFD_OPS
};
