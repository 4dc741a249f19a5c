//! Records and kernel truth to Live.
