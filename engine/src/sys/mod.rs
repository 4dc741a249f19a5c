//! System calls: the only unsafe code, one family a file, safe interfaces.
