//! Several files, variables and options.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        fuzz::Project::read(text).check();
    }
});
