//! One act of the child each, with all that it needs already made.

/// One act.
#[derive(Debug)]
pub enum Op {}

/// What the child does from its first instruction to the program's.
#[derive(Debug)]
pub struct Program {
    /// In this order.
    pub ops: Vec<Op>,
}
