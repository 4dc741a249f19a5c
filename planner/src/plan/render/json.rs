//! A plan for programs.
//!
//! ```json
//! {
//!   "version": 1,
//!   "stack": "shop",
//!   "summary": "1 to replace, 3 unchanged",
//!   "changes": [{
//!     "kind": "container", "name": "shop-web-1", "action": "replace", "interruption": "restart",
//!     "cause": {"kind": "changed", "text": "environment.MODE changed"},
//!     "fields": [{"field": "environment.MODE", "from": "dev", "to": "prod"}],
//!     "opens": ["0.0.0.0:8080/tcp"], "loses_data": false
//!   }],
//!   "steps": [{
//!     "id": 0, "step": "create_container", "text": "create container shop-web-1.2",
//!     "container": "shop.web.1.2",
//!     "cause": {"kind": "changed", "text": "environment.MODE changed"}, "needs": [], "after": []
//!   }],
//!   "kept": [{"resource": "network shop_default", "reason": "unchanged"}],
//!   "notes": [],
//!   "rollouts": [{
//!     "service": "web", "slots": ["web/1"], "order": "start-first", "parallelism": 1, "delay": 0.0,
//!     "monitor": 5.0, "failure_action": "rollback", "may_fail": 0
//!   }]
//! }
//! ```
//!
//! `action` is one of `create replace update restart start stop kill pause unpause remove await`, `interruption`
//! one of `none restart ends`; `generation` is added where a name alone is ambiguous. `from` and
//! `to` are null when not set; values that must not be shown read `(hidden)`. Keys are only added
//! while `version` stays.

use super::{ResourceChange, changes, rollout, summary};
use crate::diff::FieldChange;
use crate::plan::{Cause, Node, Plan, StepId};
use serde_json::{Value, json};

/// The plan for programs; its shape is told in the head of this module's file.
pub fn json(plan: &Plan) -> Value {
    let changes = changes(plan);
    json!({
        "version": 1,
        "stack": plan.stack,
        "summary": summary(&changes, &plan.kept),
        "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "steps": plan.nodes.iter().enumerate().map(step).collect::<Vec<_>>(),
        "kept": plan.kept,
        "notes": plan.notes,
        "rollouts": plan.rollouts.iter().map(rollout::json).collect::<Vec<_>>(),
    })
}

fn change(change: &ResourceChange) -> Value {
    let mut value = json!({
        "kind": change.kind,
        "name": change.resource,
        "action": change.action,
        "cause": cause(&change.cause),
        "fields": change.fields.iter().map(field).collect::<Vec<_>>(),
        "interruption": change.interruption,
        "opens": change.opens,
        "loses_data": change.loses_data,
    });
    if let Some(generation) = change.generation {
        value["generation"] = generation.into();
    }
    value
}

fn field(change: &FieldChange) -> Value {
    let (from, to) = change.shown();
    json!({ "field": change.field, "from": from, "to": to })
}

fn cause(cause: &Cause) -> Value {
    json!({ "kind": cause.kind(), "text": cause.to_string() })
}

/// The specs are left out: they hold secrets.
fn step((id, node): (StepId, &Node)) -> Value {
    let mut value = json!({
        "id": id,
        "step": node.step.kind(),
        "text": node.step.to_string(),
        "cause": cause(&node.cause),
        "needs": node.needs,
        "after": node.after,
    });
    if let Some(container) = node.step.container() {
        value["container"] = container.to_string().into();
    }
    value
}
