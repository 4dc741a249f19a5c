//! Every check, and what it is silent about.
