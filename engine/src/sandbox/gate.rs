//! Where a child waits for its parent: first for its network namespace, then for leave to go on.
//!
//! A child that is cloned before all is there for it gets on with what it can do meanwhile.

use crate::sys::fd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Both ends, as they are before the child is cloned.
pub(super) struct Gate {
    keeper: Cell<Option<Keeper>>,
    child: OwnedFd,
}

/// The parent's end. When it is closed the child's waiting fails.
#[derive(Debug)]
pub(super) struct Keeper(OwnedFd);

impl Gate {
    pub(super) fn new() -> Result<Self, Errno> {
        let (parent, child) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // Numbers below 3 are given to other files by the child.
        Ok(Self { keeper: Cell::new(Some(Keeper(parent))), child: fd::high_copy(child.as_fd())? })
    }

    /// In the parent, after the child was cloned: once.
    pub(super) fn keep(self) -> Option<Keeper> {
        self.keeper.take()
    }

    /// In the child, first of all: with a copy of the parent's end it would wait for ever for a
    /// parent that has died.
    pub(super) fn leave_to_parent(&self) {
        drop(self.keeper.take());
    }

    /// In the child: waits for the network namespace.
    pub(super) fn receive(&self) -> Result<OwnedFd, Errno> {
        receive(self.child.as_fd())
    }

    /// In the child: hands the other end of its terminal over.
    pub(super) fn give(&self, terminal: BorrowedFd<'_>) -> Result<(), Errno> {
        give(self.child.as_fd(), terminal)
    }

    /// In the child: whether the parent has closed its end.
    pub(super) fn is_deserted(&self) -> bool {
        let mut look = [PollFd::new(&self.child, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let _ = retry(|| poll(&mut look, Some(&now)));
        look[0].revents().contains(PollFlags::HUP)
    }

    /// In the child: waits for leave to go on. A parent that died or could not write its record
    /// closes its end without a word.
    pub(super) fn pass(&self) -> Result<(), Errno> {
        let mut byte = [0];
        match retry(|| rustix::io::read(&self.child, &mut byte))? {
            0 => Err(Errno::CANCELED),
            _ => Ok(()),
        }
    }
}

impl Keeper {
    /// Hands the network namespace over. A child that has failed does not take it; what it
    /// reports says why.
    pub(super) fn hand_over(&self, namespace: BorrowedFd<'_>) {
        let _ = give(self.0.as_fd(), namespace);
    }

    /// Takes the other end of the child's terminal. `None` when the child has failed before.
    pub(super) fn take_terminal(&self) -> Option<OwnedFd> {
        receive(self.0.as_fd()).ok()
    }

    /// Gives leave to go on.
    pub(super) fn open(&self) {
        let _ = rustix::net::send(&self.0, &[0], SendFlags::NOSIGNAL);
    }
}

fn give(socket: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<(), Errno> {
    let files = [file];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(socket, &[IoSlice::new(&[0])], &mut message, SendFlags::NOSIGNAL).map(drop)
}

fn receive(socket: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut received = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    retry(|| {
        let mut bytes = [IoSliceMut::new(&mut byte)];
        recvmsg(socket, &mut bytes, &mut received, RecvFlags::CMSG_CLOEXEC).map(drop)
    })?;
    let mut files = received.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    files.next().and_then(|mut files| files.next()).ok_or(Errno::CANCELED)
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
