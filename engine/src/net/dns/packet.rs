//! DNS messages as far as a forwarding responder needs them (RFC 1035, section 4).
//!
//! The question is copied into the answer as it stands, so that types and letter case that we
//! do not know come back unchanged.

use std::net::IpAddr;

/// Bytes of the header.
const HEADER: usize = 12;
/// Largest answer over UDP without negotiation (RFC 1035, section 2.3.4).
pub(super) const SMALL: usize = 512;
/// Largest answer over UDP that surely needs no fragments.
const UNBROKEN: usize = 1232;
/// Largest message.
pub(super) const LARGEST: usize = u16::MAX as usize;
/// Seconds for which an answer may be kept: containers come and go.
const TTL: u32 = 1;
/// Upper byte of the flags: it is an answer; recursion is wanted; the opcode.
const ANSWER: u8 = 0x80;
const WANTED: u8 = 0x01;
const OPCODE: u8 = 0x78;
/// Upper byte of the flags: there is more than fits.
const TRUNCATED: u8 = 0x02;
/// Lower byte of the flags: recursion is available.
const AVAILABLE: u8 = 0x80;
/// The class of the internet.
const INTERNET: u16 = 1;
/// A pointer to the name of the question.
const SAME_NAME: [u8; 2] = [0xc0, HEADER as u8];

/// Record types that are answered.
pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;
pub(super) const PTR: u16 = 12;
/// Not a record: what the asker can do (RFC 6891).
const OPT: u16 = 41;
pub(super) const ANY: u16 = 255;

/// Response codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Here is what is known, if anything.
    Good = 0,
    /// The question makes no sense.
    Malformed = 1,
    /// Ask again later.
    Failure = 2,
    /// There is no such name.
    NoName = 3,
    /// That is not done here.
    NotDone = 4,
}

/// What somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question<'a> {
    packet: &'a [u8],
    /// End of the question section.
    end: usize,
    /// Record type.
    pub(super) kind: u16,
    /// Class.
    class: u16,
}

/// Why a packet is no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Nothing that could be answered.
    Noise,
    /// To be answered with this code.
    Refused(Code),
}

impl<'a> Question<'a> {
    /// Reads a question.
    pub(super) fn read(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let header = packet.get(..HEADER).ok_or(Unreadable::Noise)?;
        if header[2] & ANSWER != 0 {
            return Err(Unreadable::Noise);
        }
        if header[2] & OPCODE != 0 {
            return Err(Unreadable::Refused(Code::NotDone));
        }
        let malformed = Unreadable::Refused(Code::Malformed);
        if header[4..6] != [0, 1] {
            return Err(malformed);
        }
        let mut at = HEADER;
        loop {
            let length = usize::from(*packet.get(at).ok_or(malformed)?);
            at += 1 + length;
            if length == 0 {
                break;
            }
            // Longer ones are pointers, which have nothing to point to yet.
            if length > 63 || at - HEADER > 254 {
                return Err(malformed);
            }
        }
        let fixed = packet.get(at..at + 4).ok_or(malformed)?;
        let kind = u16::from_be_bytes([fixed[0], fixed[1]]);
        let class = u16::from_be_bytes([fixed[2], fixed[3]]);
        Ok(Self { packet, end: at + 4, kind, class })
    }

    /// The name in lower case without the last dot; `None` for names that no container can have.
    pub(super) fn name(&self) -> Option<String> {
        let mut rest = &self.packet[HEADER..self.end - 5];
        let mut labels = Vec::new();
        while let [length, after @ ..] = rest {
            let (label, after) = after.split_at_checked(usize::from(*length))?;
            let label = std::str::from_utf8(label).ok().filter(|label| !label.contains('.'))?;
            labels.push(label.to_ascii_lowercase());
            rest = after;
        }
        (self.class == INTERNET || self.class == ANY).then(|| labels.join("."))
    }

    /// An answer without records.
    pub(super) fn reply(&self, code: Code) -> Vec<u8> {
        let mut reply = self.packet[..self.end].to_vec();
        reply[2] = ANSWER | self.packet[2] & WANTED;
        reply[3] = AVAILABLE | code as u8;
        reply[6..HEADER].fill(0);
        reply
    }

    /// The largest answer over UDP that the asker takes: it says so in the record after the question
    /// (RFC 6891, section 6.2.3).
    pub(super) fn room(&self) -> usize {
        let after = &self.packet[self.end..];
        // An empty name, then the type, then the size in place of a class.
        let is_option = after.first() == Some(&0) && after.get(1..3) == Some(&OPT.to_be_bytes());
        let size = after.get(3..5).filter(|_| is_option && self.packet[6..10] == [0; 4]);
        let size = size.map_or(SMALL, |size| usize::from(u16::from_be_bytes([size[0], size[1]])));
        size.clamp(SMALL, UNBROKEN)
    }

    /// An answer with as many of these addresses as fit into `limit` bytes. When that is not all of
    /// them it says so: who needs them all asks over TCP.
    pub(super) fn addresses(&self, addresses: &[IpAddr], limit: usize) -> Vec<u8> {
        let mut reply = self.reply(Code::Good);
        for address in addresses {
            let before = reply.len();
            match address {
                IpAddr::V4(address) => add(&mut reply, A, &address.octets()),
                IpAddr::V6(address) => add(&mut reply, AAAA, &address.octets()),
            }
            if reply.len() > limit {
                reply.truncate(before);
                let count = u16::from_be_bytes([reply[6], reply[7]]) - 1;
                reply[6..8].copy_from_slice(&count.to_be_bytes());
                reply[2] |= TRUNCATED;
                break;
            }
        }
        reply
    }

    /// An answer with a name.
    pub(super) fn pointer(&self, name: &str) -> Vec<u8> {
        let mut reply = self.reply(Code::Good);
        let mut data = Vec::new();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            let label = &label.as_bytes()[..label.len().min(63)];
            data.push(label.len() as u8);
            data.extend_from_slice(label);
        }
        data.push(0);
        add(&mut reply, PTR, &data);
        reply
    }
}

/// Adds an answer record on the name of the question.
fn add(reply: &mut Vec<u8>, kind: u16, data: &[u8]) {
    reply.extend_from_slice(&SAME_NAME);
    reply.extend_from_slice(&kind.to_be_bytes());
    reply.extend_from_slice(&INTERNET.to_be_bytes());
    reply.extend_from_slice(&TTL.to_be_bytes());
    reply.extend_from_slice(&(data.len() as u16).to_be_bytes());
    reply.extend_from_slice(data);
    let count = u16::from_be_bytes([reply[6], reply[7]]) + 1;
    reply[6..8].copy_from_slice(&count.to_be_bytes());
}

/// The answer to something whose question cannot be read: the header alone.
pub(super) fn bare(packet: &[u8], code: Code) -> Option<Vec<u8>> {
    let mut reply = packet.get(..HEADER)?.to_vec();
    reply[2] = ANSWER | packet[2] & (OPCODE | WANTED);
    reply[3] = AVAILABLE | code as u8;
    reply[4..HEADER].fill(0);
    Some(reply)
}

/// The number that pairs a question with its answer.
pub(super) fn id(packet: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*packet.first()?, *packet.get(1)?]))
}

/// Puts another number in.
pub(super) fn set_id(packet: &mut [u8], id: u16) {
    if let Some(place) = packet.get_mut(..2) {
        place.copy_from_slice(&id.to_be_bytes());
    }
}

/// Whether it is an answer with the same question as `query`.
pub(super) fn is_answer_to(packet: &[u8], query: &[u8]) -> bool {
    let Ok(question) = Question::read(query) else { return false };
    let same = packet
        .get(HEADER..question.end)
        .is_some_and(|asked| asked.eq_ignore_ascii_case(&query[HEADER..question.end]));
    // Some servers leave the question out of an answer that only refuses.
    let bare = packet.len() >= HEADER && packet[4..6] == [0, 0];
    packet.get(2).is_some_and(|flags| flags & ANSWER != 0) && (same || bare)
}

/// Whether the server could not or would not answer, so that another may be asked.
pub(super) fn is_refusal(packet: &[u8]) -> bool {
    const REFUSED: u8 = 5;
    packet.get(3).is_some_and(|flags| {
        let code = flags & 0x0f;
        code == Code::Failure as u8 || code == REFUSED
    })
}
