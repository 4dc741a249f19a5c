//! The dependency graph of services: order, reverse order, cycles as readable paths.
