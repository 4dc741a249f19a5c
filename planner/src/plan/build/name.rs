//! Names that were chosen: each belongs to one container, so who takes one waits for who gives it up.

use super::draft::Draft;
use super::slot::SlotPlan;
use super::{Problem, ProblemKind};
use crate::desired::{ContainerId, Desired};
use crate::live::Live;
use crate::plan::StepId;
use std::collections::BTreeMap;

/// What becomes of a name that somebody else has.
enum Given {
    /// Nobody else has it.
    Free,
    /// Its holder goes, or is made anew under another one.
    Goes(ContainerId),
    /// Its holder gets another one.
    Renamed(ContainerId),
    /// Its holder stays as it is, or waits itself for a name.
    Kept(ContainerId),
}

/// The container of another place that has the name of this one now.
fn holder<'a>(live: &'a Live, slot: &SlotPlan) -> Option<&'a ContainerId> {
    let name = slot.spec.called(&slot.id);
    let is_it = |other: &&ContainerId| {
        let there = &live.containers[*other].spec;
        let chosen = slot.spec.name.is_some() || there.name.is_some();
        other.slot != slot.id.slot && chosen && there.called(other) == name
    };
    live.containers.keys().find(is_it)
}

fn given(draft: &Draft, slot: &SlotPlan) -> Given {
    let Some(holder) = holder(draft.live, slot) else { return Given::Free };
    let goes = draft.removals.iter().any(|removal| removal.id == *holder)
        || draft.slots.iter().any(|other| other.create.is_some() && other.old.contains(holder));
    let renamed = |other: &SlotPlan| {
        let changed = other.spec.called(holder) != slot.spec.called(&slot.id);
        other.id == *holder && other.update.is_some() && changed && self::holder(draft.live, other).is_none()
    };
    match () {
        () if goes => Given::Goes(holder.clone()),
        () if draft.slots.iter().any(renamed) => Given::Renamed(holder.clone()),
        () => Given::Kept(holder.clone()),
    }
}

/// Who takes the name of what goes is made when that is gone.
pub(super) fn settle(draft: &mut Draft) {
    let changes = |slot: &&SlotPlan| slot.create.is_some() || slot.update.is_some();
    let late: Vec<(ContainerId, ContainerId)> = draft
        .slots
        .iter()
        .filter(changes)
        .filter_map(|slot| match given(draft, slot) {
            Given::Goes(holder) => Some((slot.id.clone(), holder)),
            _ => None,
        })
        .collect();
    for slot in draft.slots.iter_mut() {
        slot.stop_first |= late.iter().any(|(taker, holder)| slot.id == *taker || slot.old.contains(holder));
    }
}

/// Names that cannot be had.
pub(super) fn problems(desired: &Desired, draft: &Draft) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    for spec in desired.containers.values() {
        *known.entry(spec.name.as_deref().unwrap_or_default()).or_default() += 1;
    }
    for (name, count) in known.into_iter().filter(|(name, count)| !name.is_empty() && *count > 1) {
        let message = format!("{count} containers cannot have one name: `{name}`");
        problems.push(problem(message, "take `container_name` out to have several of a service"));
    }
    for slot in draft.slots.iter().filter(|slot| slot.create.is_some() || slot.update.is_some()) {
        if let Given::Kept(holder) = given(draft, slot) {
            let name = slot.spec.called(&slot.id);
            let message =
                format!("container {holder} has the name `{name}`, which {} is to have", slot.id.slot);
            let hint = "choose another `container_name`, or rename that one: `sampan rename`; \
                --remove-orphans removes what is not in the file";
            problems.push(problem(message, hint));
        }
    }
    problems
}

fn problem(message: String, hint: &str) -> Problem {
    Problem { kind: ProblemKind::Impossible, message, hint: Some(hint.to_owned()) }
}

impl Draft<'_> {
    /// Whether somebody else has its name until then.
    pub(super) fn takes_name(&self, slot: &SlotPlan) -> bool {
        holder(self.live, slot).is_some()
    }

    /// The steps by which its name becomes free.
    pub(super) fn name_given(&self, slot: &SlotPlan) -> impl Iterator<Item = StepId> + use<> {
        let step = match given(self, slot) {
            Given::Free | Given::Kept(_) => None,
            Given::Goes(holder) => self.steps.removes.get(&holder).copied(),
            Given::Renamed(holder) => self.steps.updates.get(&holder).copied(),
        };
        step.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::ContainerSpec;
    use crate::goal::{Goal, UpOptions, Verb};
    use crate::live::{Container, Health, Image, Live, State};
    use crate::model::{Service, Stack};
    use crate::plan::{Plan, Refusal, Step, plan};
    use crate::world;

    fn stack(services: &[(&str, &str)]) -> Stack {
        let service = |(key, name): &(&str, &str)| {
            let service =
                Service { image: "web:1".into(), container_name: (*name).into(), ..Default::default() };
            ((*key).to_owned(), service)
        };
        Stack { name: "shop".into(), services: services.iter().map(service).collect(), ..Default::default() }
    }

    fn live(containers: &[(&str, &str)]) -> Live {
        let image = Image { id: "sha256:1".into(), ..Image::default() };
        let mut live = Live { stack: "shop".into(), ..Live::default() };
        live.images.insert("web:1".into(), image);
        let stack = stack(containers);
        let desired = crate::desired::lower(&stack, &Goal::all(Verb::Up(UpOptions::default())), &live);
        for (slot, spec) in desired.containers {
            let id = crate::desired::ContainerId { stack: "shop".into(), slot, generation: 1 };
            let state = State::Running { health: Health::None };
            let container =
                Container { spec, image_id: "sha256:1".into(), checks_health: false, state, aside: false };
            live.containers.insert(id, container);
        }
        live
    }

    fn up(stack: &Stack, live: &Live, options: UpOptions) -> Result<Plan, Refusal> {
        plan(Some(stack), &Goal::all(Verb::Up(options)), live)
    }

    /// What the containers are called when all is done, which every step allows.
    fn names(plan: &Plan, mut live: Live) -> Vec<String> {
        plan.nodes.iter().for_each(|node| world::enact(&mut live, &node.step).unwrap());
        live.containers.iter().map(|(id, there)| format!("{} {}", id.slot, there.spec.called(id))).collect()
    }

    #[test]
    fn another_name_is_given_in_place() {
        let (stack, live) = (stack(&[("web", "site")]), live(&[("web", "")]));
        let plan = up(&stack, &live, UpOptions::default()).unwrap();
        assert!(matches!(&plan.nodes[..], [node] if matches!(node.step, Step::UpdateContainer { .. })));
        assert_eq!(plan.called(plan.nodes[0].step.container().unwrap()), "site");
        assert_eq!(names(&plan, live), ["web/1 site"]);
    }

    #[test]
    fn a_name_goes_from_who_is_renamed_to_who_gets_it() {
        let before = live(&[("a", "one"), ("b", "two")]);
        let plan = up(&stack(&[("a", "two"), ("b", "three")]), &before, UpOptions::default()).unwrap();
        assert_eq!(names(&plan, before), ["a/1 two", "b/1 three"]);
        let before = live(&[("a", "one")]);
        let plan = up(&stack(&[("a", "two"), ("b", "one")]), &before, UpOptions::default()).unwrap();
        assert_eq!(names(&plan, before), ["a/1 two", "b/1 one"]);
    }

    #[test]
    fn a_name_goes_from_what_is_removed_or_made_anew() {
        let before = live(&[("old", "site"), ("web", "")]);
        let options = UpOptions { remove_orphans: true, ..UpOptions::default() };
        let plan = up(&stack(&[("web", "site")]), &before, options).unwrap();
        assert_eq!(names(&plan, before), ["web/1 site"]);
        let before = live(&[("a", "one")]);
        let mut stack = stack(&[("a", "two"), ("b", "one")]);
        stack.services.get_mut("a").unwrap().working_dir = "/tmp".into();
        let plan = up(&stack, &before, UpOptions::default()).unwrap();
        assert_eq!(names(&plan, before), ["a/1 two", "b/1 one"]);
    }

    #[test]
    fn a_name_that_another_container_keeps_is_refused() {
        let message = |stack: &Stack, live: &Live, options| up(stack, live, options).unwrap_err().to_string();
        assert_eq!(
            message(&stack(&[("web", "site")]), &live(&[("old", "site")]), UpOptions::default()),
            "container shop.old.1.1 has the name `site`, which web/1 is to have"
        );
        let swapped = stack(&[("a", "two"), ("b", "one")]);
        assert!(up(&swapped, &live(&[("a", "one"), ("b", "two")]), UpOptions::default()).is_err());
        let scale = [("web".to_owned(), 2)].into();
        let options = UpOptions { scale, ..UpOptions::default() };
        assert_eq!(
            message(&stack(&[("web", "site")]), &live(&[]), options),
            "2 containers cannot have one name: `site`"
        );
    }

    #[test]
    fn what_is_called_by_its_place_is_in_nobodys_way() {
        let spec = ContainerSpec::default();
        assert_eq!(spec.called(&"shop.web.1.1".parse().unwrap()), "shop-web-1");
        let before = live(&[("a", "")]);
        let plan = up(&stack(&[("a", ""), ("b", "")]), &before, UpOptions::default()).unwrap();
        assert!(plan.names.is_empty());
    }
}
