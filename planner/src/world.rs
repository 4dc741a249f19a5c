//! What each step does to Live: the one model, shared by the fake engine and the properties.
