//! Resource limits in the kernel: version 1, version 2 and both at once.
