//! Root file systems: image layers below, the container's own layer on top.
