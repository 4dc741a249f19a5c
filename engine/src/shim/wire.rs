//! What is said on the control socket: one JSON value a line, in both directions.
//!
//! A request gets any number of [`Reply::Note`] and then one other reply; [`Request::Watch`] and
//! [`Request::Follow`] get a [`Reply::Changed`] at once, because something may have changed before
//! the request was read, and at each change until the supervisor ends.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Asked of a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Are you there?
    Ping,
    /// Stop the container for good.
    Stop {
        /// Time between the stop signal and `KILL`.
        grace: Duration,
    },
    /// Send this signal to the first process.
    Signal {
        /// Signal name without `SIG`, or a number.
        name: String,
    },
    /// Let every process stand still, or go on. Answered before they do.
    Pause {
        /// Which of both: `false` lets them go on.
        paused: bool,
    },
    /// Networks, names or addresses of the container are others now, or what it wants to be told, as
    /// its record says; or something leads to it now, or nothing does any more.
    Moved,
    /// Tell each change of the state record.
    Watch,
    /// Tell each change of the state record and of the log.
    Follow,
    /// From here on this connection speaks in [frames](super::frame): what the process writes, what
    /// is typed for it. Ends after [`Shown::Ended`](super::frame::Shown::Ended).
    Attach {
        /// Every byte counts: rather than that one is passed over, the process waits.
        whole: bool,
    },
}

/// Answered by a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// How it gets on.
    Note(String),
    /// Done.
    Done,
    /// The state record was written anew, or the log has grown.
    Changed,
    /// It cannot be done.
    Failed(String),
}

/// One line of JSON.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    // These types hold nothing that serde_json refuses; an empty line is answered as an error.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Takes the first whole line off the front of what was received. A line that is no message is
/// an error with the text of the parser.
pub fn decode<T: for<'a> Deserialize<'a>>(received: &mut Vec<u8>) -> Option<Result<T, String>> {
    let end = received.iter().position(|byte| *byte == b'\n')?;
    let line: Vec<u8> = received.drain(..=end).collect();
    Some(serde_json::from_slice(&line).map_err(|error| error.to_string()))
}

/// A request longer than this is not ours.
pub const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cross_in_any_pieces() {
        let requests = [Request::Stop { grace: Duration::from_millis(1500) }, Request::Ping, Request::Watch];
        let bytes: Vec<u8> = requests.iter().flat_map(encode).collect();
        let mut received = Vec::new();
        let mut decoded = Vec::new();
        for byte in bytes {
            received.push(byte);
            while let Some(request) = decode::<Request>(&mut received) {
                decoded.push(request.unwrap());
            }
        }
        assert_eq!(decoded, requests);
    }

    #[test]
    fn nonsense_is_an_error_and_the_next_line_still_counts() {
        let mut received = b"rm -rf\n\"Ping\"\n".to_vec();
        assert!(decode::<Request>(&mut received).unwrap().is_err());
        assert_eq!(decode(&mut received), Some(Ok(Request::Ping)));
        assert_eq!(decode::<Request>(&mut received), None);
    }
}
