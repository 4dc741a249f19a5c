//! How a container's process is born: spec to ops in the parent, one match per op in the child.
