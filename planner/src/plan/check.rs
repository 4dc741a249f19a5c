//! Plan lint: the duties of order that leave no trace in state.
