//! The allocator: malloc_trim(3), mallopt(3).

/// By how much the heap of a command grows at once: several huge pages, so that the kernel may
/// give it some. What is never touched costs nothing.
#[cfg(target_env = "gnu")]
const STEP: libc::c_int = 16 << 20;

/// Makes all threads use one heap, which grows in large steps. To begin with: a further heap costs
/// more than what the few threads of a command lose by waiting for each other.
pub fn share() {
    // SAFETY: the calls take two numbers each; no other thread allocates yet.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, STEP);
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
