//! The allocator: malloc_trim(3), mallopt(3).

/// Makes all threads use one heap. To begin with: a further one costs more than what the few
/// threads of a command lose by waiting for each other.
pub fn share() {
    // SAFETY: the call takes two numbers; no other thread allocates yet.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives the pages that the allocator does not use back to the kernel.
pub fn trim() {
    // SAFETY: the call takes a number and touches free memory of the allocator only.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}
