// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI function an unmodified bochs-drm drives: config space, and BAR2 with
 * the EDID block, the dispi registers and, beyond bochs, those of a cursor.
 */
#include <linux/pci_ids.h>

#include "compat.h"
#include "vgpu.h"

#define DISPI_ID5 0xb0c5
#define DISPI_ENABLED 0x01

void vgpu_config_init(struct vgpu *vgpu)
{
	u8 *config = vgpu->config;

	put_unaligned_le16(0x1234, config + PCI_VENDOR_ID);
	put_unaligned_le16(0x1111, config + PCI_DEVICE_ID);
	put_unaligned_le16(PCI_SUBVENDOR_ID_REDHAT_QUMRANET, config + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(PCI_SUBDEVICE_ID_QEMU, config + PCI_SUBSYSTEM_ID);
	put_unaligned_le16(PCI_COMMAND_MEMORY, config + PCI_COMMAND);
	put_unaligned_le16(PCI_CLASS_DISPLAY_OTHER, config + PCI_CLASS_DEVICE);
	/* Revision 1: bochs-drm looks for QEMU's own registers at 0x600 from 2 on. */
	config[PCI_REVISION_ID] = 1;
	put_unaligned_le32(PCI_BASE_ADDRESS_MEM_PREFETCH, config + PCI_BASE_ADDRESS_0);
}

void vgpu_config_read(struct vgpu *vgpu, u32 offset, void *data, u32 count)
{
	memcpy(data, vgpu->config + offset, count);
}

/* A BAR keeps the address bits above its size, so that all ones read back as the size. */
static void vgpu_bar_write(struct vgpu *vgpu, u32 bar, u64 size, u32 value)
{
	u32 flags = vgpu->config[bar] & ~(u32)PCI_BASE_ADDRESS_MEM_MASK;

	put_unaligned_le32((value & ~(u32)(size - 1)) | flags, vgpu->config + bar);
}

void vgpu_config_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count)
{
	switch (offset) {
	case PCI_BASE_ADDRESS_0:
		if (count == 4)
			vgpu_bar_write(vgpu, offset, vgpu->vram_size, get_unaligned_le32(data));
		break;
	case PCI_BASE_ADDRESS_2:
		if (count == 4)
			vgpu_bar_write(vgpu, offset, VGPU_MMIO_SIZE, get_unaligned_le32(data));
		break;
	case PCI_COMMAND:
		vgpu->config[offset] = *(u8 *)data &
				       (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		break;
	case PCI_INTERRUPT_LINE:
		vgpu->config[offset] = *(u8 *)data;
		break;
	default:
		/* Read-only, as on real hardware without complaint. */
		break;
	}
}

void vgpu_reset(struct vgpu *vgpu)
{
	unsigned long flags;

	spin_lock_irqsave(&vgpu->scan_lock, flags);
	memset(vgpu->dispi, 0, sizeof(vgpu->dispi));
	memset(vgpu->cursor, 0, sizeof(vgpu->cursor));
	vgpu->dispi[DISPI_ID] = DISPI_ID5;
	vgpu->dispi[DISPI_MEMORY_64K] = vgpu->vram_size >> 16;
	vgpu->cursor[CURSOR_HOT_X] = VGPU_UNKNOWN_HOTSPOT;
	vgpu->cursor[CURSOR_HOT_Y] = VGPU_UNKNOWN_HOTSPOT;
	spin_unlock_irqrestore(&vgpu->scan_lock, flags);
}

void vgpu_mmio_read(struct vgpu *vgpu, u32 offset, void *data, u32 count)
{
	u32 index;

	memset(data, 0, count);
	if (offset < VGPU_EDID_MAX) {
		if (offset + count <= vgpu->edid.seen_size)
			memcpy(data, vgpu->edid.seen + offset, count);
		return;
	}
	spin_lock_irq(&vgpu->scan_lock);
	if (offset >= VGPU_MMIO_CURSOR) {
		index = (offset - VGPU_MMIO_CURSOR) / 4;
		if (count == 4 && index < CURSOR_COUNT)
			put_unaligned_le32(vgpu->cursor[index], data);
	} else if (offset >= VGPU_MMIO_DISPI) {
		index = (offset - VGPU_MMIO_DISPI) / 2;
		if (count == 2 && index < DISPI_COUNT)
			put_unaligned_le16(vgpu->dispi[index], data);
	}
	spin_unlock_irq(&vgpu->scan_lock);
}

void vgpu_mmio_write(struct vgpu *vgpu, u32 offset, const void *data, u32 count)
{
	u32 index;

	spin_lock_irq(&vgpu->scan_lock);
	if (offset >= VGPU_MMIO_CURSOR) {
		index = (offset - VGPU_MMIO_CURSOR) / 4;
		if (count == 4 && index < CURSOR_COUNT)
			vgpu->cursor[index] = get_unaligned_le32(data);
	} else if (offset >= VGPU_MMIO_DISPI) {
		index = (offset - VGPU_MMIO_DISPI) / 2;
		if (count == 2 && index < DISPI_COUNT && index != DISPI_ID &&
		    index != DISPI_MEMORY_64K)
			vgpu->dispi[index] = get_unaligned_le16(data);
	}
	/* 0x400: VGA registers, which bochs-drm writes to blank the screen; nothing to do. */
	spin_unlock_irq(&vgpu->scan_lock);
}
