/* SPDX-License-Identifier: GPL-2.0 */
/* Everything that differs between the kernels this module is built for (6.1 to 6.12). */
#ifndef SCANTHRU_VGPU_COMPAT_H
#define SCANTHRU_VGPU_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/vfio.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Since 6.2 the core frees the device after .release. */
static inline void vgpu_compat_free_device(struct vfio_device *vdev)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	vfio_free_device(vdev);
#endif
}

/* Devices without an IOMMU must say so to iommufd; it may be configured out, then these are NULL. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define VGPU_COMPAT_IOMMUFD_OPS				\
	.bind_iommufd	= vfio_iommufd_emulated_bind,	\
	.unbind_iommufd	= vfio_iommufd_emulated_unbind,	\
	.attach_ioas	= vfio_iommufd_emulated_attach_ioas,	\
	.detach_ioas	= vfio_iommufd_emulated_detach_ioas,
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define VGPU_COMPAT_IOMMUFD_OPS				\
	.bind_iommufd	= vfio_iommufd_emulated_bind,	\
	.unbind_iommufd	= vfio_iommufd_emulated_unbind,	\
	.attach_ioas	= vfio_iommufd_emulated_attach_ioas,
#else
#define VGPU_COMPAT_IOMMUFD_OPS
#endif

static inline void vgpu_compat_timer_setup(struct hrtimer *timer,
					   enum hrtimer_restart (*tick)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	timer->function = tick;
#endif
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define VGPU_COMPAT_IMPORT_DMA_BUF() MODULE_IMPORT_NS("DMA_BUF")
#else
#define VGPU_COMPAT_IMPORT_DMA_BUF() MODULE_IMPORT_NS(DMA_BUF)
#endif

#endif
