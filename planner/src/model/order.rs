//! The order of names in canonical YAML: numbers in them count by their value.

use std::cmp::Ordering;

/// `web2` comes before `web10`. Where two names part, other characters come before numbers and
/// these before letters; but within a number letters come first and what makes it longer last.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let equal = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let same = a.floor_char_boundary(equal);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // The number in which they part begins before that.
    let begun = a[..same].bytes().rev().take_while(u8::is_ascii_digit).count();
    let start = same - begun;
    let numbers = (&a[start..same + digits(&a[same..])], &b[start..same + digits(&b[same..])]);
    let place = |text: &str| match text[same..].chars().next() {
        None => 0,
        Some(c) if c.is_alphabetic() => {
            if begun > 0 {
                1
            } else {
                4
            }
        }
        Some(c) if c.is_ascii_digit() => 3,
        Some(_) => 2,
    };
    place(a).cmp(&place(b)).then_with(|| match place(a) {
        3 => by_value(numbers.0, numbers.1),
        _ => a[same..].cmp(&b[same..]),
    })
}

/// Two numbers, as digits, by value; of the same value the shorter one is first.
fn by_value(a: &str, b: &str) -> Ordering {
    let (short_a, short_b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    short_a.len().cmp(&short_b.len()).then_with(|| short_a.cmp(short_b)).then_with(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::natural;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    #[test]
    fn names_are_sorted_as_people_count() {
        let sorted = [
            "", "-", "_x", "0", "1", "1a", "1-", "01", "2", "10", "A", "a", "a-b", "a1", "a1b", "a1.b", "a2",
            "a10", "ab", "é",
        ];
        let mut names: Vec<&str> = sorted.iter().rev().copied().collect();
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, sorted);
    }

    proptest! {
        #[test]
        fn any_three_names_have_one_order(names in prop::array::uniform3("[aA019_.é-]{0,5}")) {
            let [a, b, c] = &names;
            prop_assert_eq!(natural(a, b), natural(b, a).reverse());
            prop_assert_eq!(natural(a, b) == Ordering::Equal, a == b);
            if natural(a, b).is_lt() && natural(b, c).is_lt() {
                prop_assert!(natural(a, c).is_lt());
            }
        }
    }
}
