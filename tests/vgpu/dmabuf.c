// SPDX-License-Identifier: GPL-2.0
/* The exporter: dma-bufs over pieces of VRAM. */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "vgpu.h"

struct vgpu_buf {
	struct vgpu *vgpu;
	struct vgpu_object *object;
	struct dma_buf *dmabuf;
	struct page **pages;
	u8 *vaddr;
	unsigned long nr_pages;
	struct list_head node;		/* in vgpu->bufs; it and mmaps: maps_lock */
	unsigned int mmaps;
	struct mutex lock;		/* attachments */
	struct list_head attachments;
};

struct vgpu_attachment {
	struct list_head node;
	struct device *dev;
	struct sg_table table;
	bool mapped;
};

static int vgpu_buf_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct vgpu_buf *buf = dmabuf->priv;
	struct vgpu_attachment *attachment;
	int ret = vgpu_take_fault(buf->vgpu, FAULT_ATTACH);

	if (ret)
		return ret;
	attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	if (!attachment)
		return -ENOMEM;
	ret = sg_alloc_table_from_pages(&attachment->table, buf->pages, buf->nr_pages, 0,
					dmabuf->size, GFP_KERNEL);
	if (ret) {
		kfree(attachment);
		return ret;
	}
	attachment->dev = at->dev;
	at->priv = attachment;
	mutex_lock(&buf->lock);
	list_add(&attachment->node, &buf->attachments);
	mutex_unlock(&buf->lock);
	vgpu_count(buf->vgpu, COUNT_ATTACHMENTS_LIVE, 1);
	vgpu_count(buf->vgpu, COUNT_ATTACHMENTS_TOTAL, 1);
	return 0;
}

static void vgpu_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *at)
{
	struct vgpu_buf *buf = dmabuf->priv;
	struct vgpu_attachment *attachment = at->priv;

	mutex_lock(&buf->lock);
	list_del(&attachment->node);
	mutex_unlock(&buf->lock);
	sg_free_table(&attachment->table);
	kfree(attachment);
	vgpu_count(buf->vgpu, COUNT_ATTACHMENTS_LIVE, -1);
}

static struct sg_table *vgpu_buf_map(struct dma_buf_attachment *at, enum dma_data_direction direction)
{
	struct vgpu_buf *buf = at->dmabuf->priv;
	struct vgpu_attachment *attachment = at->priv;
	int ret = vgpu_take_fault(buf->vgpu, FAULT_MAP);

	if (!ret)
		ret = dma_map_sgtable(at->dev, &attachment->table, direction, 0);
	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&buf->lock);
	attachment->mapped = true;
	mutex_unlock(&buf->lock);
	vgpu_count(buf->vgpu, COUNT_MAPS_LIVE, 1);
	vgpu_count(buf->vgpu, COUNT_MAPS_TOTAL, 1);
	return &attachment->table;
}

static void vgpu_buf_unmap(struct dma_buf_attachment *at, struct sg_table *table,
			   enum dma_data_direction direction)
{
	struct vgpu_buf *buf = at->dmabuf->priv;
	struct vgpu_attachment *attachment = at->priv;

	mutex_lock(&buf->lock);
	attachment->mapped = false;
	mutex_unlock(&buf->lock);
	dma_unmap_sgtable(at->dev, table, direction, 0);
	vgpu_count(buf->vgpu, COUNT_MAPS_LIVE, -1);
}

/* The pages stay the CPU's at all times; what an importer's device has cached is another matter. */
static int vgpu_buf_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction, bool begin)
{
	struct vgpu_buf *buf = dmabuf->priv;
	struct vgpu_attachment *attachment;

	mutex_lock(&buf->lock);
	list_for_each_entry(attachment, &buf->attachments, node) {
		if (!attachment->mapped)
			continue;
		if (begin)
			dma_sync_sgtable_for_cpu(attachment->dev, &attachment->table, direction);
		else
			dma_sync_sgtable_for_device(attachment->dev, &attachment->table, direction);
	}
	mutex_unlock(&buf->lock);
	return 0;
}

static int vgpu_buf_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct vgpu_buf *buf = dmabuf->priv;

	vgpu_count(buf->vgpu, COUNT_CPU_ACCESSES, 1);
	return vgpu_buf_cpu_access(dmabuf, direction, true);
}

static int vgpu_buf_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	return vgpu_buf_cpu_access(dmabuf, direction, false);
}

static int vgpu_buf_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct vgpu_buf *buf = dmabuf->priv;

	iosys_map_set_vaddr(map, buf->vaddr);
	vgpu_count(buf->vgpu, COUNT_VMAPS_LIVE, 1);
	vgpu_count(buf->vgpu, COUNT_VMAPS_TOTAL, 1);
	return 0;
}

static void vgpu_buf_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct vgpu_buf *buf = dmabuf->priv;

	vgpu_count(buf->vgpu, COUNT_VMAPS_LIVE, -1);
}

static vm_fault_t vgpu_buf_fault(struct vm_fault *vmf)
{
	struct vgpu_buf *buf = vmf->vma->vm_private_data;

	if (vgpu_gone(buf->vgpu) || vmf->pgoff >= buf->nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = buf->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static void vgpu_buf_vm_open(struct vm_area_struct *vma)
{
	struct vgpu_buf *buf = vma->vm_private_data;

	mutex_lock(&buf->vgpu->maps_lock);
	buf->mmaps++;
	mutex_unlock(&buf->vgpu->maps_lock);
	vgpu_count(buf->vgpu, COUNT_MMAPS_LIVE, 1);
}

static void vgpu_buf_vm_close(struct vm_area_struct *vma)
{
	struct vgpu_buf *buf = vma->vm_private_data;

	vgpu_count(buf->vgpu, COUNT_MMAPS_LIVE, -1);
	mutex_lock(&buf->vgpu->maps_lock);
	buf->mmaps--;
	mutex_unlock(&buf->vgpu->maps_lock);
}

static const struct vm_operations_struct vgpu_buf_vm_ops = {
	.open = vgpu_buf_vm_open,
	.close = vgpu_buf_vm_close,
	.fault = vgpu_buf_fault,
};

static int vgpu_buf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct vgpu_buf *buf = dmabuf->priv;

	/* As GVT-g, whose GEM objects have no file behind them. */
	if (!READ_ONCE(buf->vgpu->knobs.mmap) || vgpu_gone(buf->vgpu))
		return -ENODEV;
	/* The kernel clears it for a read-only descriptor: with that knob no CPU can read, as mbochs. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_ops = &vgpu_buf_vm_ops;
	vma->vm_private_data = buf;
	vgpu_count(buf->vgpu, COUNT_MMAPS_TOTAL, 1);
	vgpu_buf_vm_open(vma);
	return 0;
}

static void vgpu_buf_release(struct dma_buf *dmabuf)
{
	struct vgpu_buf *buf = dmabuf->priv;
	struct vgpu *vgpu = buf->vgpu;

	mutex_lock(&vgpu->maps_lock);
	list_del(&buf->node);
	mutex_unlock(&vgpu->maps_lock);
	mutex_lock(&vgpu->lock);
	vgpu_object_dmabuf_gone(vgpu, buf->object);
	mutex_unlock(&vgpu->lock);
	vgpu_count(vgpu, COUNT_DMABUFS_LIVE, -1);
	mutex_destroy(&buf->lock);
	kfree(buf);
	vgpu_put(vgpu);
}

#define VGPU_BUF_OPS						\
	.attach = vgpu_buf_attach,				\
	.detach = vgpu_buf_detach,				\
	.map_dma_buf = vgpu_buf_map,				\
	.unmap_dma_buf = vgpu_buf_unmap,			\
	.begin_cpu_access = vgpu_buf_begin_cpu_access,		\
	.end_cpu_access = vgpu_buf_end_cpu_access,		\
	.mmap = vgpu_buf_mmap,					\
	.release = vgpu_buf_release

static const struct dma_buf_ops vgpu_buf_ops = {
	VGPU_BUF_OPS,
	.vmap = vgpu_buf_vmap,
	.vunmap = vgpu_buf_vunmap,
};

/* As mbochs. An operation that refuses would not do: the core takes that for a bug and warns. */
static const struct dma_buf_ops vgpu_buf_ops_without_vmap = {
	VGPU_BUF_OPS,
};

/*
 * A new dma-buf of @object, whole pages long, or as many bytes short of what
 * QUERY claimed as the knob says. It holds the object, the device's memory and
 * this module. Call with vgpu->lock held; put it without.
 */
struct dma_buf *vgpu_dmabuf_export(struct vgpu *vgpu, struct vgpu_object *object)
{
	u32 lacking = READ_ONCE(vgpu->knobs.short_dmabuf);
	unsigned long first = object->fb.start >> PAGE_SHIFT;
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vgpu_buf *buf;

	/* A dma-buf begins at a page. */
	if (!PAGE_ALIGNED(object->fb.start))
		return ERR_PTR(-EINVAL);
	info.size = PAGE_ALIGN(object->fb.size);
	if (lacking)
		info.size = object->fb.size > lacking ? object->fb.size - lacking : 1;

	buf = kzalloc(sizeof(*buf), GFP_KERNEL);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->vgpu = vgpu;
	buf->object = object;
	buf->pages = vgpu->pages + first;
	buf->vaddr = vgpu->vram + object->fb.start;
	buf->nr_pages = DIV_ROUND_UP(info.size, PAGE_SIZE);
	mutex_init(&buf->lock);
	INIT_LIST_HEAD(&buf->attachments);

	info.ops = vgpu->knobs.vmap ? &vgpu_buf_ops : &vgpu_buf_ops_without_vmap;
	info.flags = vgpu->knobs.readonly ? O_RDONLY : O_RDWR;
	info.priv = buf;
	buf->dmabuf = dma_buf_export(&info);
	if (IS_ERR(buf->dmabuf)) {
		struct dma_buf *error = buf->dmabuf;

		kfree(buf);
		return error;
	}
	object->dmabufs++;
	kref_get(&vgpu->ref);
	vgpu_count(vgpu, COUNT_DMABUFS_LIVE, 1);
	vgpu_count(vgpu, COUNT_DMABUFS_TOTAL, 1);
	mutex_lock(&vgpu->maps_lock);
	list_add(&buf->node, &vgpu->bufs);
	mutex_unlock(&vgpu->maps_lock);
	return buf->dmabuf;
}

/* Takes the pages out of every mapping. While there is one, it holds the file. */
void vgpu_dmabufs_zap(struct vgpu *vgpu)
{
	struct vgpu_buf *buf;

	mutex_lock(&vgpu->maps_lock);
	list_for_each_entry(buf, &vgpu->bufs, node) {
		if (buf->mmaps)
			unmap_mapping_range(buf->dmabuf->file->f_mapping, 0, 0, 1);
	}
	mutex_unlock(&vgpu->maps_lock);
}
