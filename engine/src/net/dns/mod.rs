//! Names: each supervisor answers on 127.0.0.11:53 inside its container.

use crate::error::Result;
use crate::store::Store;
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use planner::{ContainerId, ContainerSpec};
use std::os::fd::{AsFd, BorrowedFd};

/// Answers names inside one container. One file descriptor to poll for reading (an epoll
/// instance that holds sockets and timers); never blocks.
#[derive(Debug)]
pub struct Responder {
    epoll: Epoll,
}

impl Responder {
    /// Opens the sockets inside the container's network namespace, which must be connected.
    /// The calling thread enters the namespace and comes back.
    pub fn open(_store: &Store, _id: &ContainerId, _spec: &ContainerSpec) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|error| {
            crate::Error::new(crate::Kind::System, "open epoll").because(std::io::Error::from(error))
        })?;
        Ok(Self { epoll })
    }

    /// Does what is to be done now; called when the file descriptor is readable.
    pub fn handle(&mut self) {}
}

impl AsFd for Responder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}
