//! Walks a plan: parallel, bounded, cancellable, reporting; a failure poisons only descendants.
