/** What an image file may ask for at most. */

/** Same as the largest disk that can be created. */
export const LARGEST_IMAGE_BYTES = 64 * 2 ** 30;
/** Bytes of a descriptor text. */
export const LONGEST_DESCRIPTOR = 64 << 10;
/** Images in a chain, extents in a descriptor. */
export const LONGEST_IMAGE_CHAIN = 32;
export const MOST_EXTENTS = 64;
