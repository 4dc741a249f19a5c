//! What happens while a plan runs, for programs: one JSON document a line, by `schemas/event.json`.

use super::progress::Told;
use engine::build::BuildEvent;
use engine::event::Finish;
use engine::{Event, Progress};
use planner::{Plan, StepId};
use serde_json::{Value, json};

/// Turns what is told into documents.
pub(crate) struct Events {
    /// What every document about a step says of it, by its id.
    steps: Vec<Value>,
}

impl Events {
    /// For the steps of this plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let step = |(id, node): (StepId, &planner::plan::Node)| {
            let mut value = json!({
                "version": 1,
                "stack": plan.stack,
                "id": id,
                "step": node.step.kind(),
                "text": node.step.to_string(),
            });
            if let Some(container) = node.step.container() {
                value["container"] = container.to_string().into();
            }
            value
        };
        Self { steps: plan.nodes.iter().enumerate().map(step).collect() }
    }

    /// The document; `None` for what only matters to a picture.
    pub(crate) fn document(&self, told: &Told) -> Option<Value> {
        match told {
            Told::Remark(text) => Some(remark(text)),
            Told::Event(Event::Started(id)) => self.about(*id, "started", json!({})),
            Told::Event(Event::Progress(id, progress)) => self.about(*id, "progress", gets_on(progress)?),
            Told::Event(Event::Finished(id, finish, took)) => {
                self.about(*id, "finished", json!({"outcome": word(*finish), "seconds": took.as_secs_f64()}))
            }
        }
    }

    fn about(&self, id: StepId, event: &str, more: Value) -> Option<Value> {
        let mut value = self.steps.get(id)?.clone();
        value["event"] = event.into();
        for (key, more) in more.as_object()? {
            value[key] = more.clone();
        }
        Some(value)
    }
}

/// Something about all of it.
pub(crate) fn remark(text: &str) -> Value {
    json!({"version": 1, "event": "remark", "text": text})
}

/// How a step gets on: words, bytes, or a line of a build.
fn gets_on(progress: &Progress) -> Option<Value> {
    match progress {
        Progress::Note(note) | Progress::Trouble(note) => Some(json!({"note": note})),
        Progress::Transfer { done, total } => Some(json!({"bytes": done, "of_bytes": total})),
        Progress::Build(BuildEvent::Output(_, line)) => Some(json!({"output": line})),
        Progress::Build(_) => None,
    }
}

fn word(finish: Finish) -> &'static str {
    match finish {
        Finish::Done => "done",
        Finish::Failed => "failed",
        Finish::Skipped => "skipped",
        Finish::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::schema::misfits;
    use planner::plan::{Cause, Node, Step};
    use std::time::Duration;

    fn schema() -> Value {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/event.json");
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    #[test]
    fn every_document_fits_the_schema() {
        let step = Step::RemoveNetwork { name: "shop_default".into() };
        let node = Node { step, cause: Cause::Asked, needs: Vec::new(), after: Vec::new() };
        let plan = Plan { stack: "shop".into(), nodes: vec![node], ..Plan::default() };
        let events = Events::new(&plan);
        let build = BuildEvent::Output(engine::build::StepId(0), "a line".into());
        for (told, key, expected) in [
            (Told::Event(Event::Started(0)), "text", json!("remove network shop_default")),
            (Told::Event(Event::Progress(0, Progress::Note("waiting".into()))), "note", json!("waiting")),
            (Told::Event(Event::Progress(0, Progress::Transfer { done: 1, total: 2 })), "of_bytes", json!(2)),
            (Told::Event(Event::Progress(0, Progress::Build(build))), "output", json!("a line")),
            (
                Told::Event(Event::Finished(0, Finish::Done, Duration::from_millis(1500))),
                "seconds",
                json!(1.5),
            ),
            (Told::Event(Event::Finished(0, Finish::Skipped, Duration::ZERO)), "outcome", json!("skipped")),
            (Told::Remark("finishing"), "event", json!("remark")),
        ] {
            let document = events.document(&told).unwrap();
            assert_eq!(misfits(&document, &schema()), <[&str; 0]>::default(), "{document}");
            assert_eq!(document[key], expected, "{document}");
        }
        let more = json!({"version": 1, "stack": "shop", "event": "ended"});
        assert_eq!(misfits(&more, &schema()), ["/event"]);
    }
}
