/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the synthetic guest draws, as plain functions, so that a test in user
 * space can compute every picture, the cursor's image and its path by itself.
 *
 * Kernel C and user space C or C++; nothing but arithmetic on 32-bit integers.
 */
#ifndef SCANTHRU_VGPU_PICTURE_H
#define SCANTHRU_VGPU_PICTURE_H

#include <linux/types.h>

#define VGPU_FOURCC(a, b, c, d) \
	((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)
#define VGPU_XR24 VGPU_FOURCC('X', 'R', '2', '4')
#define VGPU_AR24 VGPU_FOURCC('A', 'R', '2', '4')
#define VGPU_XB24 VGPU_FOURCC('X', 'B', '2', '4')
#define VGPU_AB24 VGPU_FOURCC('A', 'B', '2', '4')
#define VGPU_XR30 VGPU_FOURCC('X', 'R', '3', '0')
#define VGPU_XB30 VGPU_FOURCC('X', 'B', '3', '0')
#define VGPU_RG16 VGPU_FOURCC('R', 'G', '1', '6')

/*
 * Pixel (x, y) of picture number k, as 0x00RRGGBB.
 *
 * Red grows along x and green along y, both run with k, so every shift, wrong
 * stride and stale buffer changes the pixel's value. Blue holds the high bits
 * of x and y, and in its top bit one bit of k: bit (x + y) % 32. Hence any two
 * numbers give different pictures from 17x16 pixels on, and two neighbouring
 * numbers differ in every pixel. The outermost pixels are inverted, so that a
 * picture cropped or extended by one shows.
 */
static inline __u32 vgpu_picture(__u32 x, __u32 y, __u32 k, __u32 width, __u32 height)
{
	__u32 red = (x + 8 * k) & 0xff;
	__u32 green = (y + 3 * k) & 0xff;
	__u32 blue = ((k >> ((x + y) & 31)) & 1) << 7 | ((x >> 8) & 15) << 3 | ((y >> 8) & 7);
	__u32 rgb = red << 16 | green << 8 | blue;

	if (x == 0 || y == 0 || x == width - 1 || y == height - 1)
		rgb ^= 0xffffff;
	return rgb;
}

/* Bytes of a pixel in a format, 0 for a format the synthetic guest does not know. */
static inline __u32 vgpu_format_bytes(__u32 format)
{
	switch (format) {
	case VGPU_XR24:
	case VGPU_AR24:
	case VGPU_XB24:
	case VGPU_AB24:
	case VGPU_XR30:
	case VGPU_XB30:
		return 4;
	case VGPU_RG16:
		return 2;
	default:
		return 0;
	}
}

/*
 * 0x00RRGGBB as it lies in memory (little endian) in a format. Unused bits are
 * 0, as most guests leave them: who takes X for alpha sees black. Alpha is 255.
 * Ten-bit channels are the eight bits with their two highest repeated below.
 */
static inline __u32 vgpu_encode(__u32 format, __u32 rgb)
{
	__u32 red = rgb >> 16 & 0xff, green = rgb >> 8 & 0xff, blue = rgb & 0xff;
	__u32 red10 = red << 2 | red >> 6, green10 = green << 2 | green >> 6;
	__u32 blue10 = blue << 2 | blue >> 6;

	switch (format) {
	case VGPU_AR24:
		return 0xff000000 | rgb;
	case VGPU_XB24:
		return blue << 16 | green << 8 | red;
	case VGPU_AB24:
		return 0xff000000 | blue << 16 | green << 8 | red;
	case VGPU_XR30:
		return red10 << 20 | green10 << 10 | blue10;
	case VGPU_XB30:
		return blue10 << 20 | green10 << 10 | red10;
	case VGPU_RG16:
		return red >> 3 << 11 | green >> 2 << 5 | blue >> 3;
	default:
		return rgb;
	}
}

/*
 * Pixel of the cursor's image, premultiplied ARGB8888: the upper left triangle
 * of a square, with an opaque rim, half transparent inside; the rest of the
 * square is transparent.
 */
static inline __u32 vgpu_cursor_pixel(__u32 x, __u32 y, __u32 size)
{
	if (x + y >= size)
		return 0;
	if (x == 0 || y == 0 || x + y == size - 1)
		return 0xff0000ff | (4 * x & 0xff) << 16 | (4 * y & 0xff) << 8;
	return 0x80000040 | (x & 0x7f) << 16 | (y & 0x7f) << 8;
}

/* The cursor's hotspot, different in x and y so that a swap shows. */
#define VGPU_CURSOR_HOT_X(size) ((size) / 4)
#define VGPU_CURSOR_HOT_Y(size) ((size) / 8)

/* One axis of the cursor's path: off screen, at the edge and across it, at both ends. */
static inline __s32 vgpu_cursor_station(__u32 station, __u32 extent, __u32 size)
{
	__s32 end = (__s32)extent, cursor = (__s32)size;

	switch (station) {
	case 0:
		return end / 3;
	case 1:
		return 0;
	case 2:
		return -1;
	case 3:
		return -(cursor / 2);
	case 4:
		return -cursor;
	case 5:
		return end / 2;
	case 6:
		return end - cursor;
	case 7:
		return end - cursor / 2;
	case 8:
		return end - 1;
	default:
		return end;
	}
}

/*
 * Where the upper left corner of the cursor's image is after flip number n
 * (0: when the guest started). x goes through ten stations and y through nine,
 * so that within 90 flips every pair of them is visited: all edges, all
 * corners, and off the screen on every side.
 */
static inline __s32 vgpu_cursor_x(__u32 flip, __u32 width, __u32 size)
{
	return vgpu_cursor_station(flip % 10, width, size);
}

static inline __s32 vgpu_cursor_y(__u32 flip, __u32 height, __u32 size)
{
	return vgpu_cursor_station(flip % 9, height, size);
}

#endif
