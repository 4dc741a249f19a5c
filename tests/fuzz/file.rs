//! Any bytes as one stack file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Files that are not UTF-8 do not come as far as loading.
    if let Ok(text) = str::from_utf8(data) {
        fuzz::Project::file(text).check();
    }
});
