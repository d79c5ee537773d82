// SPDX-License-Identifier: GPL-2.0
/* A device's memory, its life and its faults. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "vgpu.h"

static void vgpu_free_vram(struct vgpu *vgpu)
{
	unsigned long i;

	vunmap(vgpu->vram);
	for (i = 0; i < vgpu->nr_pages; i++)
		__free_page(vgpu->pages[i]);
	kvfree(vgpu->pages);
}

static int vgpu_alloc_vram(struct vgpu *vgpu, u64 size)
{
	unsigned long count = size >> PAGE_SHIFT;

	vgpu->pages = kvcalloc(count, sizeof(*vgpu->pages), GFP_KERNEL);
	if (!vgpu->pages)
		return -ENOMEM;
	/* Charged to whoever creates the mdev. */
	for (; vgpu->nr_pages < count; vgpu->nr_pages++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);

		if (!page)
			goto fail;
		vgpu->pages[vgpu->nr_pages] = page;
	}
	vgpu->vram = vmap(vgpu->pages, count, VM_MAP, PAGE_KERNEL);
	if (!vgpu->vram)
		goto fail;
	vgpu->vram_size = size;
	return 0;
fail:
	vgpu_free_vram(vgpu);
	return -ENOMEM;
}

struct vgpu *vgpu_create(struct device *dev, u64 vram_size)
{
	struct vgpu *vgpu = kvzalloc(sizeof(*vgpu), GFP_KERNEL);
	int ret;

	if (!vgpu)
		return ERR_PTR(-ENOMEM);
	kref_init(&vgpu->ref);
	vgpu->dev = dev;
	vgpu->knobs = vgpu_defaults;
	mutex_init(&vgpu->lock);
	mutex_init(&vgpu->maps_lock);
	spin_lock_init(&vgpu->scan_lock);
	spin_lock_init(&vgpu->fault_lock);
	INIT_LIST_HEAD(&vgpu->objects);
	INIT_LIST_HEAD(&vgpu->bufs);
	idr_init_base(&vgpu->ids, 1);
	init_waitqueue_head(&vgpu->gone_wait);

	ret = vgpu_alloc_vram(vgpu, vram_size);
	if (ret)
		goto free;
	ret = vgpu_guest_init(vgpu);
	if (ret)
		goto free_vram;
	vgpu_count(vgpu, COUNT_VRAM_BYTES, vgpu->vram_size);
	vgpu_config_init(vgpu);
	vgpu_edid_init(vgpu);
	vgpu_reset(vgpu);
	return vgpu;

free_vram:
	vgpu_free_vram(vgpu);
free:
	kvfree(vgpu);
	return ERR_PTR(ret);
}

static void vgpu_release(struct kref *ref)
{
	struct vgpu *vgpu = container_of(ref, struct vgpu, ref);

	vgpu_count(vgpu, COUNT_VRAM_BYTES, -(s64)vgpu->vram_size);
	vgpu_guest_free(vgpu);
	idr_destroy(&vgpu->ids);
	vgpu_free_vram(vgpu);
	kvfree(vgpu);
}

void vgpu_put(struct vgpu *vgpu)
{
	kref_put(&vgpu->ref, vgpu_release);
}

/*
 * From now on every call on the device fails with ENODEV, a QUERY asleep in its
 * delay too, and touching a mapped dma-buf is SIGBUS. Imports keep their pages.
 */
void vgpu_surprise_remove(struct vgpu *vgpu)
{
	WRITE_ONCE(vgpu->gone, true);
	wake_up_all(&vgpu->gone_wait);
	vgpu_guest_off(vgpu);
	vgpu_dmabufs_zap(vgpu);
}
