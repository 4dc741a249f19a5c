//! Rules that types cannot say.
