//! The keys that detach from a container and leave it running: pure.

/// What detaches when nothing else is said.
pub const DEFAULT: &str = "ctrl-p,ctrl-q";

/// A sequence of keys, and how much of it was just typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

impl DetachKeys {
    /// Reads keys as docker takes them: letters, or `ctrl-` and one of `a-z@[\]^_`, with commas between.
    /// An empty text is no keys at all.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self { keys: Vec::new(), typed: 0 });
        }
        let keys = text.split(',').map(|key| {
            parse_key(key).ok_or_else(|| {
                format!("`{key}` is no key: write a letter or ctrl- with a letter or one of @[\\]^_")
            })
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, typed: 0 })
    }

    /// Takes what was typed. Gives what is for the program, and whether the keys were among it: what
    /// was typed behind them is dropped.
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        if self.keys.is_empty() {
            return (typed.to_vec(), false);
        }
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            if *byte != self.keys[self.typed] {
                // It was not meant, after all; this byte may begin it anew.
                passed.extend_from_slice(&self.keys[..self.typed]);
                self.typed = 0;
            }
            if *byte != self.keys[self.typed] {
                passed.push(*byte);
                continue;
            }
            self.typed += 1;
            if self.typed == self.keys.len() {
                return (passed, true);
            }
        }
        (passed, false)
    }
}

fn parse_key(key: &str) -> Option<u8> {
    if let [letter] = key.as_bytes() {
        return letter.is_ascii_graphic().then_some(*letter);
    }
    let [letter] = key.strip_prefix("ctrl-")?.as_bytes() else { return None };
    let letter = letter.to_ascii_uppercase();
    // Control characters are the letters without their upper bits.
    (b'@'..=b'_').contains(&letter).then_some(letter & 0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_letters_and_control_characters() {
        let keys = |text| DetachKeys::parse(text).map(|keys| keys.keys);
        assert_eq!(keys(DEFAULT), Ok(vec![16, 17]));
        assert_eq!(keys("a,ctrl-@,ctrl-[,ctrl-_,Z"), Ok(vec![b'a', 0, 27, 31, b'Z']));
        assert_eq!(keys(""), Ok(vec![]));
        for bad in ["ctrl-", "ctrl-pp", "ctrl-1", "ab", "a,,b", "strg-a", "é"] {
            assert!(keys(bad).unwrap_err().contains("is no key"), "{bad}");
        }
    }

    #[test]
    fn only_the_whole_sequence_detaches_and_what_looked_like_it_is_passed_on() {
        let mut keys = DetachKeys::parse("ctrl-p,ctrl-q").unwrap();
        assert_eq!(keys.filter(b"ls\n"), (b"ls\n".to_vec(), false));
        assert_eq!(keys.filter(&[16]), (vec![], false));
        assert_eq!(keys.filter(b"x"), (vec![16, b'x'], false));
        assert_eq!(keys.filter(&[16, 16, 17, b'y']), (vec![16], true));
        let mut none = DetachKeys::parse("").unwrap();
        assert_eq!(none.filter(&[16, 17]), (vec![16, 17], false));
    }
}
