//! What can be done with a container: one verb a file.
