//! How the containers of a service give way to newer ones: `deploy.update_config` and
//! `rollback_config`.

use crate::model::{Service, UpdateConfig, UpdateOrder};
use crate::policy::rollout::{MONITOR, OnFailure, Rules};

impl Service {
    /// How its containers give way to newer ones; `None` is all at once, unwatched.
    pub fn update_rules(&self) -> Option<Rules> {
        self.deploy.as_ref()?.update_config.as_ref().map(UpdateConfig::rules)
    }

    /// How they give way to the older ones again: without a word about it, as to newer ones.
    pub fn rollback_rules(&self) -> Option<Rules> {
        let deploy = self.deploy.as_ref()?;
        let rules = deploy.rollback_config.as_ref().or(deploy.update_config.as_ref())?.rules();
        // There is nothing further to go back to.
        let pauses = rules.on_failure == OnFailure::Rollback;
        Some(if pauses { Rules { on_failure: OnFailure::Pause, ..rules } } else { rules })
    }
}

impl UpdateConfig {
    fn rules(&self) -> Rules {
        Rules {
            start_first: self.order == Some(UpdateOrder::StartFirst),
            parallelism: self.parallelism.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX)),
            delay: self.delay.duration(),
            monitor: Some(self.monitor.duration()).filter(|time| !time.is_zero()).unwrap_or(MONITOR),
            on_failure: match self.failure_action.as_str() {
                "continue" => OnFailure::Continue,
                "rollback" => OnFailure::Rollback,
                _ => OnFailure::Pause,
            },
            // A part of all, at most all; what is no number is nothing.
            tolerated: (self.max_failure_ratio.clamp(0.0, 1.0) * 1e6).round() as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Deploy;
    use std::time::Duration;

    fn service(update: Option<UpdateConfig>, rollback: Option<UpdateConfig>) -> Service {
        let deploy = Deploy { update_config: update, rollback_config: rollback, ..Default::default() };
        Service { deploy: Some(Box::new(deploy)), ..Default::default() }
    }

    #[test]
    fn what_is_not_said_is_as_in_a_cluster() {
        assert_eq!(Service::default().update_rules(), None);
        let rules = service(Some(UpdateConfig::default()), None).update_rules();
        assert_eq!(rules, Some(Rules::default()));
        assert_eq!(rules.map(|rules| (rules.parallelism, rules.monitor.as_secs())), Some((1, 5)));
    }

    #[test]
    fn one_goes_back_as_one_went_unless_said_otherwise() {
        let update = UpdateConfig {
            parallelism: Some(0),
            order: Some(UpdateOrder::StartFirst),
            failure_action: "rollback".into(),
            max_failure_ratio: 0.3,
            ..Default::default()
        };
        let rules = Rules {
            start_first: true,
            parallelism: 0,
            on_failure: OnFailure::Rollback,
            tolerated: 300_000,
            ..Rules::default()
        };
        let both = service(Some(update.clone()), None);
        assert_eq!(both.update_rules(), Some(rules));
        assert_eq!(both.rollback_rules(), Some(Rules { on_failure: OnFailure::Pause, ..rules }));
        let back = UpdateConfig { failure_action: "continue".into(), ..Default::default() };
        let both = service(Some(update), Some(back));
        let rules = Rules { on_failure: OnFailure::Continue, ..Rules::default() };
        assert_eq!(both.rollback_rules(), Some(rules));
        assert_eq!(rules.monitor, Duration::from_secs(5));
    }

    #[test]
    fn a_ratio_that_is_none_tolerates_nothing_and_more_than_all_is_all() {
        let tolerated = |max_failure_ratio| {
            let update = UpdateConfig { max_failure_ratio, ..Default::default() };
            service(Some(update), None).update_rules().map(|rules| rules.tolerated)
        };
        assert_eq!(
            (tolerated(f32::NAN), tolerated(-1.0), tolerated(9.0)),
            (Some(0), Some(0), Some(1_000_000))
        );
    }
}
