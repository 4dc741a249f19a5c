//! Netlink messages as bytes, and requests answered by acknowledgements (netlink(7)).

use crate::error::{Context, Error, Kind, Result};
use crate::sys;
use nix::sys::socket::sockopt::{RcvBufForce, SndBufForce};
use nix::sys::socket::{MsgFlags, SockProtocol, recv, send, setsockopt};
use std::cell::Cell;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// Bytes of the header of a message.
const HEADER: usize = 16;
/// Largest answer read at once; the kernel splits dumps into at most 32 KiB.
const BUFFER: usize = 64 << 10;
/// Largest batch that the default send buffer surely takes.
const SMALL_BATCH: usize = 64 << 10;
/// Marks an attribute that holds attributes.
const NESTED: u16 = 0x8000;
/// The two upper bits of an attribute type are flags.
const TYPE_MASK: u16 = 0x3fff;

/// One request, built attribute by attribute, and what it is for, as a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    bytes: Vec<u8>,
    doing: String,
}

impl Message {
    /// A message of this type with these `NLM_F_…` flags; `NLM_F_REQUEST` goes without saying.
    pub(crate) fn new(kind: u16, flags: i32, doing: impl Into<String>) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&((libc::NLM_F_REQUEST | flags) as u16).to_ne_bytes());
        Self { bytes, doing: doing.into() }
    }

    /// Adds the fixed part that comes after the header.
    pub(crate) fn raw(mut self, fixed: &[u8]) -> Self {
        self.bytes.extend_from_slice(fixed);
        self.pad();
        self
    }

    /// Adds an attribute.
    pub(crate) fn attr(mut self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.pad();
        self
    }

    /// Adds a number in the byte order of the machine.
    pub(crate) fn u32(self, kind: u16, value: u32) -> Self {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// Adds a number in network byte order.
    pub(crate) fn be32(self, kind: u16, value: u32) -> Self {
        self.attr(kind, &value.to_be_bytes())
    }

    /// Adds a text, ended by NUL.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attr(kind, &bytes)
    }

    /// Adds an attribute that holds what `fill` adds.
    pub(crate) fn nest(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        let mut filled = fill(self);
        let length = (filled.bytes.len() - start) as u16;
        filled.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(&self, sequence: u32, into: &mut Vec<u8>) {
        let start = into.len();
        into.extend_from_slice(&self.bytes);
        into[start..start + 4].copy_from_slice(&(self.bytes.len() as u32).to_ne_bytes());
        into[start + 8..start + 12].copy_from_slice(&sequence.to_ne_bytes());
    }
}

/// One answer: its type and what comes after the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// Type of the message.
    pub(crate) kind: u16,
    sequence: u32,
    body: Vec<u8>,
}

impl Reply {
    /// The fixed part, `size` bytes; shorter when the answer is.
    pub(crate) fn fixed(&self, size: usize) -> &[u8] {
        &self.body[..size.min(self.body.len())]
    }

    /// Whether these bytes are somewhere in it.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        self.body.windows(bytes.len()).any(|part| part == bytes)
    }

    /// The attributes after a fixed part of `size` bytes.
    pub(crate) fn attrs(&self, size: usize) -> Attrs<'_> {
        Attrs(self.body.get(size.next_multiple_of(4)..).unwrap_or_default())
    }
}

/// A run of attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attrs<'a>(pub(crate) &'a [u8]);

impl<'a> Attrs<'a> {
    /// The value of the first attribute of this type.
    pub(crate) fn get(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// The attributes inside the first attribute of this type; none when it is missing.
    pub(crate) fn inside(self, kind: u16) -> Attrs<'a> {
        Attrs(self.get(kind).unwrap_or_default())
    }

    /// A number in the byte order of the machine.
    pub(crate) fn u32(self, kind: u16) -> Option<u32> {
        Some(u32::from_ne_bytes(self.get(kind)?.try_into().ok()?))
    }

    /// Four bytes, such as an IPv4 address.
    pub(crate) fn four(self, kind: u16) -> Option<[u8; 4]> {
        self.get(kind)?.try_into().ok()
    }
}

impl<'a> Iterator for Attrs<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(two(self.0, 0)?);
        let kind = two(self.0, 2)? & TYPE_MASK;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Splits what one read returned into messages; stops at the first that makes no sense.
fn split(mut bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while let Some(length) = four(bytes, 0).map(|length| length as usize) {
        let (Some(kind), Some(sequence), Some(body)) =
            (two(bytes, 4), four(bytes, 8), bytes.get(HEADER..length))
        else {
            break;
        };
        replies.push(Reply { kind, sequence, body: body.to_vec() });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    replies
}

/// What an error message says: `None` is an acknowledgement.
fn verdict(reply: &Reply) -> Option<(io::Error, Option<String>)> {
    let code = four(&reply.body, 0).unwrap_or_default() as i32;
    if code == 0 {
        return None;
    }
    // The code, the header of the request, then attributes; the first type is a text.
    let text = reply
        .attrs(4 + HEADER)
        .get(1)
        .map(|text| String::from_utf8_lossy(text).trim_end_matches('\0').to_owned());
    Some((io::Error::from_raw_os_error(-code), text))
}

/// A netlink socket, used by one request at a time.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// Links, addresses and routes of the calling thread's network namespace.
    pub(crate) fn route() -> Result<Self> {
        Self::open(SockProtocol::NetlinkRoute, "open a netlink socket for links and routes")
    }

    /// Sockets of the calling thread's network namespace.
    pub(crate) fn diagnosis() -> Result<Self> {
        Self::open(SockProtocol::NetlinkSockDiag, "open a netlink socket for socket tables")
    }

    fn open(protocol: SockProtocol, doing: &str) -> Result<Self> {
        let fd = sys::netlink::open(protocol).doing(|| doing.to_owned())?;
        Ok(Self { fd, sequence: 0 })
    }

    /// Sends all messages at once and waits until each is done. The error is that of the first
    /// message that failed; rtnetlink has nevertheless tried those after it.
    pub(crate) fn request(&mut self, batch: &[Message]) -> Result<()> {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        for message in batch {
            self.sequence = self.sequence.wrapping_add(1);
            let mut message = message.clone();
            message.bytes[6] |= libc::NLM_F_ACK as u8;
            message.finish(self.sequence, &mut bytes);
        }
        self.send(&bytes).doing(|| batch.first().map(|one| one.doing.clone()).unwrap_or_default())?;
        let (mut answered, mut failure) = (0, None);
        while answered < batch.len() {
            for reply in self.receive(MsgFlags::empty()).doing(|| "read netlink answers".to_owned())? {
                let index = reply.sequence.wrapping_sub(first) as usize;
                if i32::from(reply.kind) != libc::NLMSG_ERROR || index >= batch.len() {
                    continue;
                }
                answered += 1;
                if failure.is_none() {
                    failure = verdict(&reply).map(|verdict| refusal(&batch[index], verdict));
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Sends an nfnetlink batch: it is done as a whole or not at all. `batch` has neither begin
    /// nor end; only its last message is acknowledged, so that the answer stays small.
    pub(crate) fn transact(&mut self, begin: &Message, batch: &[Message], end: &Message) -> Result<()> {
        let Some(last) = batch.len().checked_sub(1) else { return Ok(()) };
        let first = self.sequence.wrapping_add(2);
        let mut bytes = Vec::new();
        for (index, message) in std::iter::once(begin).chain(batch).chain(std::iter::once(end)).enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let start = bytes.len();
            message.finish(self.sequence, &mut bytes);
            if index == last + 1 {
                bytes[start + 6] |= libc::NLM_F_ACK as u8;
            }
        }
        self.send(&bytes).doing(|| batch[last].doing.clone())?;
        // Errors come in the order of the messages, before the acknowledgement of the last.
        let replies = self.receive(MsgFlags::empty()).doing(|| "read nf_tables answers".to_owned())?;
        let failure = replies.iter().find_map(|reply| {
            let verdict = verdict(reply)?;
            let index = reply.sequence.wrapping_sub(first) as usize;
            Some(refusal(batch.get(index).unwrap_or(&batch[last]), verdict))
        });
        // Whatever else was said belongs to this batch: the next request must not read it.
        while self.receive(MsgFlags::MSG_DONTWAIT).is_ok() {}
        failure.map_or(Ok(()), Err)
    }

    /// Asks for one thing; `None` when it does not exist.
    pub(crate) fn get(&mut self, message: &Message) -> Result<Option<Reply>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        message.finish(self.sequence, &mut bytes);
        self.send(&bytes).doing(|| message.doing.clone())?;
        loop {
            let replies = self.receive(MsgFlags::empty()).doing(|| message.doing.clone())?;
            let Some(reply) = replies.into_iter().find(|reply| reply.sequence == self.sequence) else {
                continue;
            };
            if i32::from(reply.kind) != libc::NLMSG_ERROR {
                return Ok(Some(reply));
            }
            return match verdict(&reply) {
                Some((error, _)) if is_absent(&error) => Ok(None),
                Some(verdict) => Err(refusal(message, verdict)),
                None => Ok(None),
            };
        }
    }

    /// Asks for a list.
    pub(crate) fn dump(&mut self, message: &Message) -> Result<Vec<Reply>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut request = message.clone();
        request.bytes[7] |= (libc::NLM_F_DUMP >> 8) as u8;
        let mut bytes = Vec::new();
        request.finish(self.sequence, &mut bytes);
        self.send(&bytes).doing(|| message.doing.clone())?;
        let mut list = Vec::new();
        loop {
            for reply in self.receive(MsgFlags::empty()).doing(|| message.doing.clone())? {
                if reply.sequence != self.sequence {
                    continue;
                }
                match i32::from(reply.kind) {
                    libc::NLMSG_DONE => return Ok(list),
                    libc::NLMSG_ERROR => {
                        return verdict(&reply).map_or(Ok(list), |verdict| Err(refusal(message, verdict)));
                    }
                    _ => list.push(reply),
                }
            }
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > SMALL_BATCH {
            // The kernel takes a batch only as a whole; twice its size covers the overhead.
            setsockopt(&self.fd, SndBufForce, &(bytes.len() * 2))?;
            setsockopt(&self.fd, RcvBufForce, &(bytes.len() * 2))?;
        }
        loop {
            match send(self.fd.as_raw_fd(), bytes, MsgFlags::empty()) {
                Err(nix::Error::EINTR) => {}
                result => return result.map(drop).map_err(io::Error::from),
            }
        }
    }

    fn receive(&self, flags: MsgFlags) -> io::Result<Vec<Reply>> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match recv(self.fd.as_raw_fd(), &mut buffer, flags) {
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(length) => return Ok(split(&buffer[..length])),
            }
        }
    }
}

thread_local! {
    /// The socket of [`with_netfilter`], and the network namespace that it is in.
    static NETFILTER: Cell<Option<(u64, Socket)>> = const { Cell::new(None) };
}

/// Lends the thread's socket for firewall rules and tracked connections of its network
/// namespace. It stays open because closing any such socket waits until the kernel has freed
/// what transactions have deleted: 10 ms and more, under the lock of all transactions.
pub(crate) fn with_netfilter<T>(work: impl FnOnce(&mut Socket) -> Result<T>) -> Result<T> {
    let doing = || "open a netlink socket for nf_tables".to_owned();
    let namespace = fs::metadata("/proc/thread-self/ns/net").doing(doing)?.ino();
    let known = NETFILTER.take().filter(|(of, _)| *of == namespace);
    let mut socket = match known {
        Some((_, socket)) => socket,
        None => Socket::open(SockProtocol::NetlinkNetFilter, &doing())?,
    };
    let result = work(&mut socket);
    // After a failure answers may be left in it that nobody should read as theirs.
    if result.is_ok() {
        NETFILTER.set(Some((namespace, socket)));
    }
    result
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

fn refusal(message: &Message, (error, text): (io::Error, Option<String>)) -> Error {
    let kind = match error.raw_os_error() {
        Some(libc::EEXIST) => Kind::Conflict,
        Some(libc::ENOENT | libc::ENODEV) => Kind::NotFound,
        Some(libc::EPERM | libc::EACCES) => Kind::Denied,
        Some(libc::EOPNOTSUPP) => Kind::Unsupported,
        _ => Kind::System,
    };
    let evidence = text.into_iter().map(|text| format!("the kernel says: {text}")).collect();
    Error::new(kind, message.doing.clone()).because(error).evidence(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_read_back_as_they_were_written() {
        let message = Message::new(16, 0, "test")
            .raw(&[1, 2, 3])
            .text(3, "eth0")
            .nest(18, |nest| nest.text(1, "veth").u32(2, 7))
            .be32(9, 1);
        let mut bytes = Vec::new();
        message.finish(5, &mut bytes);
        let replies = split(&bytes);
        let attrs = replies[0].attrs(3);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].fixed(3), [1, 2, 3]);
        assert_eq!(attrs.get(3), Some(&b"eth0\0"[..]));
        assert_eq!(attrs.inside(18).u32(2), Some(7));
        assert_eq!(attrs.four(9), Some([0, 0, 0, 1]));
        assert_eq!(attrs.get(4), None);
    }

    #[test]
    fn a_refusal_names_what_was_tried_and_what_the_kernel_said() {
        let mut body = (-libc::EEXIST).to_ne_bytes().to_vec();
        body.extend_from_slice(&[0; HEADER]);
        body.extend_from_slice(&[9, 0, 1, 0, b'b', b'u', b's', b'y', 0]);
        let reply = Reply { kind: libc::NLMSG_ERROR as u16, sequence: 1, body };
        let error = refusal(&Message::new(16, 0, "create bridge sp1a2b3c4d"), verdict(&reply).unwrap());
        assert_eq!(error.kind, Kind::Conflict);
        assert_eq!(error.to_string(), "create bridge sp1a2b3c4d");
        assert!(error.source.as_ref().unwrap().to_string().starts_with("File exists"));
        assert_eq!(error.evidence, ["the kernel says: busy"]);
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic_or_loop(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for reply in split(&bytes) {
                let _ = verdict(&reply);
                prop_assert!(reply.attrs(4).count() <= bytes.len());
            }
        }
    }
}
