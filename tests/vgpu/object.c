// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: one per framebuffer that QUERY has told of. Everything here runs
 * under vgpu->lock.
 *
 * An object lives while QUERY's reference or a dma-buf of it lives. In mainline
 * QUERY's reference goes at the GET that follows (as in GVT-g), in the draft at
 * CLOSE. Both dialects drop it when the device is closed for the last time.
 */
#include <linux/slab.h>

#include "vgpu.h"

static bool vgpu_same_framebuffer(const struct vgpu_framebuffer *a,
				  const struct vgpu_framebuffer *b)
{
	return a->start == b->start && a->size == b->size && a->modifier == b->modifier &&
	       a->format == b->format && a->width == b->width && a->height == b->height &&
	       a->stride == b->stride;
}

/* What the flip log calls the id of a buffer: the newest object of it, as long as it is found. */
static void vgpu_object_name_slot(struct vgpu *vgpu, int slot, u32 id)
{
	if (slot < 0)
		return;
	spin_lock_irq(&vgpu->scan_lock);
	vgpu->guest.slot[slot].id = id;
	spin_unlock_irq(&vgpu->scan_lock);
}

static void vgpu_object_forget_id(struct vgpu *vgpu, u32 id)
{
	int slot;

	spin_lock_irq(&vgpu->scan_lock);
	for (slot = 0; slot < VGPU_MAX_BUFFERS; slot++) {
		if (vgpu->guest.slot[slot].id == id)
			vgpu->guest.slot[slot].id = 0;
	}
	spin_unlock_irq(&vgpu->scan_lock);
}

static struct vgpu_object *vgpu_object_make(struct vgpu *vgpu, const struct vgpu_framebuffer *fb)
{
	struct vgpu_object *object = kzalloc(sizeof(*object), GFP_KERNEL);
	int id;

	if (!object)
		return NULL;
	if (vgpu->knobs.id_policy == ID_GROWING)
		id = idr_alloc_cyclic(&vgpu->ids, object, 1, 0, GFP_KERNEL);
	else
		id = idr_alloc(&vgpu->ids, object, 1, 0, GFP_KERNEL);
	if (id < 0) {
		kfree(object);
		return NULL;
	}
	object->id = id;
	object->fb = *fb;
	object->held = true;
	list_add_tail(&object->node, &vgpu->objects);
	vgpu_count(vgpu, COUNT_OBJECTS_LIVE, 1);
	vgpu_count(vgpu, COUNT_OBJECTS_TOTAL, 1);
	return object;
}

static void vgpu_object_free_if_unused(struct vgpu *vgpu, struct vgpu_object *object)
{
	if (object->held || object->dmabufs)
		return;
	if (object->id) {
		vgpu_object_forget_id(vgpu, object->id);
		idr_remove(&vgpu->ids, object->id);
	}
	list_del(&object->node);
	vgpu_count(vgpu, COUNT_OBJECTS_LIVE, -1);
	kfree(object);
}

/* The object for what @plane shows, made if there is none. NULL: no memory. */
struct vgpu_object *vgpu_object_query(struct vgpu *vgpu, const struct vgpu_plane *plane, bool *made)
{
	struct vgpu_object *object;

	*made = false;
	list_for_each_entry(object, &vgpu->objects, node) {
		if (object->retired || !vgpu_same_framebuffer(&object->fb, &plane->fb))
			continue;
		/* GVT-g's code, beyond the agreed rule: every QUERY renews the reference. */
		if (vgpu->knobs.hold == HOLD_EACH)
			object->held = true;
		vgpu_object_name_slot(vgpu, plane->slot, object->id);
		return object;
	}
	object = vgpu_object_make(vgpu, &plane->fb);
	if (object) {
		*made = true;
		vgpu_object_name_slot(vgpu, plane->slot, object->id);
	}
	return object;
}

/* The living object of that id that has not been closed, or NULL. */
struct vgpu_object *vgpu_object_find(struct vgpu *vgpu, u32 id)
{
	struct vgpu_object *object;

	list_for_each_entry(object, &vgpu->objects, node) {
		if (!object->retired && object->id == id)
			return object;
	}
	return NULL;
}

/* What GET and CLOSE answer to an unknown id: EINVAL as GVT-g, ENOENT as mbochs. */
int vgpu_object_dead(struct vgpu *vgpu)
{
	return vgpu->knobs.id_policy == ID_GROWING ? -ENOENT : -EINVAL;
}

/* A GET of @object has succeeded; its dma-buf keeps the object alive. */
void vgpu_object_fetched(struct vgpu *vgpu, struct vgpu_object *object)
{
	if (vgpu->knobs.dialect == DIALECT_MAINLINE)
		object->held = false;
}

void vgpu_object_close(struct vgpu *vgpu, struct vgpu_object *object)
{
	/* The number stays taken until the last dma-buf is gone. */
	object->retired = true;
	object->held = false;
	vgpu_object_forget_id(vgpu, object->id);
	vgpu_object_free_if_unused(vgpu, object);
}

void vgpu_object_dmabuf_gone(struct vgpu *vgpu, struct vgpu_object *object)
{
	object->dmabufs--;
	vgpu_object_free_if_unused(vgpu, object);
}

/* The last close: as in GVT-g all numbers are free again, even those of dma-bufs that live on. */
void vgpu_objects_forget(struct vgpu *vgpu)
{
	struct vgpu_object *object, *next;

	list_for_each_entry_safe(object, next, &vgpu->objects, node) {
		if (object->id) {
			vgpu_object_forget_id(vgpu, object->id);
			idr_remove(&vgpu->ids, object->id);
			object->id = 0;
		}
		object->retired = true;
		object->held = false;
		vgpu_object_free_if_unused(vgpu, object);
	}
}
