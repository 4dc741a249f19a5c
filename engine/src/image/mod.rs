//! Images: content-addressed blobs, layers unpacked once, tags.
