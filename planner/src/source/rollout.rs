//! What the values of `update_config` and `rollback_config` may be.

use super::cast::Refused;
use super::suggest::did_you_mean;
use super::words::refused;

/// What follows when new containers fail.
pub(crate) fn update_action(text: &str) -> Result<String, Refused> {
    one_of(text, &["pause", "continue", "rollback"])
}

/// What follows when older containers fail, too: there is nothing left to go back to.
pub(crate) fn rollback_action(text: &str) -> Result<String, Refused> {
    one_of(text, &["pause", "continue"])
}

fn one_of(text: &str, words: &[&str]) -> Result<String, Refused> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let hint = did_you_mean(text, words.iter().copied());
    let hint = hint.unwrap_or_else(|| format!("possible are {}", words.join(", ")));
    Err(refused(format!("`{}` cannot follow a failure", text.escape_debug()), hint))
}

/// A part of all containers.
pub(crate) fn ratio(text: &str) -> Result<String, Refused> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(text.to_owned()),
        _ => {
            let message = format!("`{}` is not a part of all containers", text.escape_debug());
            Err(refused(message, "from 0 (none) to 1 (all), for example 0.25"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_followed_by_what_can_be_done() {
        assert_eq!(update_action("rollback").as_deref(), Ok("rollback"));
        assert_eq!(rollback_action("continue").as_deref(), Ok("continue"));
        let wrong = rollback_action("rollback").unwrap_err();
        assert_eq!(wrong.message, "`rollback` cannot follow a failure");
        assert_eq!(wrong.hint, "possible are pause, continue");
        assert_eq!(update_action("rolback").unwrap_err().hint, "did you mean `rollback`?");
    }

    #[test]
    fn a_ratio_is_between_none_and_all() {
        assert!(["0", "0.25", "1"].iter().all(|text| ratio(text).is_ok()));
        assert!(["-0.1", "1.5", "NaN", ""].iter().all(|text| ratio(text).is_err()));
    }
}
