//! Giving memory back: malloc_trim(3).

/// Gives the pages that the allocator does not use back to the kernel.
pub fn trim() {
    // SAFETY: the call takes a number and touches free memory of the allocator only.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
