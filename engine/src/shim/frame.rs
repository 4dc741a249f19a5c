//! What is said on a control socket to and by somebody who is attached: frames, a byte that says
//! what it is, four bytes of length, the text.

use crate::sys::pty::Size;

/// A frame longer than this is none of ours.
const LONGEST: usize = 1 << 20;

const HEAD: usize = 5;

/// Said by a supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// What the process wrote, by stream: 0 is output, 1 is error.
    Text(usize, Vec<u8>),
    /// So many bytes were passed over because they were not read in time.
    Skipped(u64),
    /// The container ended for good with this exit code.
    Ended(i32),
}

/// Said by who is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// For the process's standard input.
    Text(Vec<u8>),
    /// There is no more of it.
    End,
    /// The size of the terminal has changed.
    Size(Size),
}

/// A frame from its kind and text.
pub fn frame(kind: u8, text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&[kind][..], &length.to_le_bytes(), text].concat()
}

impl Shown {
    /// As it crosses the socket.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(stream, text) => frame(*stream as u8, text),
            Self::Skipped(bytes) => frame(2, &bytes.to_le_bytes()),
            Self::Ended(code) => frame(3, &code.to_le_bytes()),
        }
    }

    /// Takes the first whole frame off the front; `Err` when it is none of ours.
    pub fn decode(received: &mut Vec<u8>) -> Option<Result<Self, ()>> {
        let (kind, text) = match split(received)? {
            Ok(frame) => frame,
            Err(()) => return Some(Err(())),
        };
        Some(match kind {
            0 | 1 => Ok(Self::Text(kind.into(), text)),
            2 => text.try_into().map(|bytes| Self::Skipped(u64::from_le_bytes(bytes))).map_err(drop),
            3 => text.try_into().map(|bytes| Self::Ended(i32::from_le_bytes(bytes))).map_err(drop),
            _ => Err(()),
        })
    }
}

impl Typed {
    /// As it crosses the socket.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => frame(0, text),
            Self::End => frame(1, &[]),
            Self::Size(size) => {
                let [rows, columns] = [size.rows, size.columns].map(u16::to_le_bytes);
                frame(2, &[rows, columns].concat())
            }
        }
    }

    /// Takes the first whole frame off the front; `Err` when it is none of ours.
    pub fn decode(received: &mut Vec<u8>) -> Option<Result<Self, ()>> {
        let (kind, text) = match split(received)? {
            Ok(frame) => frame,
            Err(()) => return Some(Err(())),
        };
        Some(match (kind, text.as_slice()) {
            (0, _) => Ok(Self::Text(text)),
            (1, []) => Ok(Self::End),
            (2, &[a, b, c, d]) => {
                let size = Size { rows: u16::from_le_bytes([a, b]), columns: u16::from_le_bytes([c, d]) };
                Ok(Self::Size(size))
            }
            _ => Err(()),
        })
    }
}

fn split(received: &mut Vec<u8>) -> Option<Result<(u8, Vec<u8>), ()>> {
    let head: [u8; HEAD] = received.get(..HEAD)?.try_into().ok()?;
    let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if length > LONGEST {
        return Some(Err(()));
    }
    let text = received.get(HEAD..HEAD + length)?.to_vec();
    received.drain(..HEAD + length);
    Some(Ok((head[0], text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_cross_in_any_pieces() {
        let shown = [Shown::Text(1, b"oops".to_vec()), Shown::Skipped(1 << 40), Shown::Ended(-1)];
        let mut received = Vec::new();
        let mut decoded = Vec::new();
        for byte in shown.iter().flat_map(Shown::encode) {
            received.push(byte);
            decoded.extend(Shown::decode(&mut received).map(Result::unwrap));
        }
        assert_eq!(decoded, shown);
        let typed = [Typed::Text(Vec::new()), Typed::End, Typed::Size(Size { rows: 300, columns: 2 })];
        received = typed.iter().flat_map(Typed::encode).collect();
        let decoded: Vec<Typed> =
            std::iter::from_fn(|| Typed::decode(&mut received).map(Result::unwrap)).collect();
        assert_eq!(decoded, typed);
    }

    #[test]
    fn nonsense_is_refused_before_it_is_waited_for() {
        assert_eq!(Typed::decode(&mut vec![0, 255, 255, 255, 255]), Some(Err(())));
        assert_eq!(Typed::decode(&mut frame(2, &[1])), Some(Err(())));
        assert_eq!(Shown::decode(&mut frame(9, &[])), Some(Err(())));
        assert_eq!(Typed::decode(&mut vec![0, 1]), None);
    }
}
