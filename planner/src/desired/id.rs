//! Names of places and of their occupants.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A place for one container: `web/2` is the second replica of `web`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Slot {
    /// The service.
    pub service: String,
    /// The replica, from 1.
    pub index: u32,
}

impl Slot {
    /// Numbers from here on are those of one-off containers (`run`), which are no replicas.
    pub const ONE_OFF: u32 = 1 << 31;

    /// Whether this is the place of a one-off container.
    pub fn is_one_off(&self) -> bool {
        self.index >= Self::ONE_OFF
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.index)
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

impl TryFrom<String> for Slot {
    type Error = ParseContainerIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.rsplit_once('/').and_then(|(service, index)| Some((service, index.parse().ok()?)));
        let (service, index) = parts.ok_or_else(|| ParseContainerIdError(text.clone()))?;
        Ok(Self { service: service.to_owned(), index })
    }
}

const ALONE: char = '_';

/// One occupant of a slot. Written `stack.service.index.generation`; stack names
/// hold no dot, so the text is unambiguous and serves as a folder name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContainerId {
    /// The stack.
    pub stack: String,
    /// The place it occupies.
    pub slot: Slot,
    /// Which occupant of the place this is, from 1.
    pub generation: u32,
}

impl ContainerId {
    /// Name of the stack of a container that is in no stack file; none of a file begins so.
    pub fn alone(key: &str) -> String {
        format!("{ALONE}{key}")
    }

    /// Whether a stack of this name is that of one container that is in no stack file.
    pub fn is_alone(stack: &str) -> bool {
        stack.starts_with(ALONE)
    }

    /// The name of its place, which is that of the container unless another one was chosen
    /// ([`ContainerSpec::called`](super::ContainerSpec::called)): `shop-web-1`, `shop-web-run-8e5c12ab`.
    pub fn name(&self) -> String {
        let Slot { service, index } = &self.slot;
        match self.slot.is_one_off() {
            true => format!("{}-{service}-run-{index:08x}", self.stack),
            false => format!("{}-{service}-{index}", self.stack),
        }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", self.stack, self.slot.service, self.slot.index, self.generation)
    }
}

/// The text is not of the form `stack.service.index.generation`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a container id")]
pub struct ParseContainerIdError(String);

impl FromStr for ContainerId {
    type Err = ParseContainerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (stack, rest) = text.split_once('.')?;
            let (rest, generation) = rest.rsplit_once('.')?;
            let (service, index) = rest.rsplit_once('.')?;
            let slot = Slot { service: service.to_owned(), index: index.parse().ok()? };
            Some(Self { stack: stack.to_owned(), slot, generation: generation.parse().ok()? })
        };
        parse().ok_or_else(|| ParseContainerIdError(text.to_owned()))
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for ContainerId {
    type Error = ParseContainerIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_even_when_the_service_has_dots() {
        let id: ContainerId = "shop.api.v2.3.1".parse().unwrap();
        assert_eq!(id.slot, Slot { service: "api.v2".into(), index: 3 });
        assert_eq!(id.generation, 1);
        assert_eq!(id.to_string(), "shop.api.v2.3.1");
        assert_eq!(id.name(), "shop-api.v2-3");
        let id: ContainerId = "shop.api.2147483659.1".parse().unwrap();
        assert!(id.slot.is_one_off());
        assert_eq!(id.name(), "shop-api-run-8000000b");
        assert!("shop.web.1".parse::<ContainerId>().is_err());
    }
}
