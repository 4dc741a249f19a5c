//! An engine in memory that obeys planner::world, with failures and delays to order.
