//! This machine, in the words of images: Go's names of systems and processors.

/// What containers here run on.
pub(crate) const OS: &str = "linux";

/// The processor.
pub(crate) const ARCHITECTURE: &str = go_name(std::env::consts::ARCH);

/// Names differ for these only.
const fn go_name(rust: &'static str) -> &'static str {
    match rust.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        b"x86" => "386",
        b"powerpc64" => "ppc64le",
        b"loongarch64" => "loong64",
        _ => rust,
    }
}
