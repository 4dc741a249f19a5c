//! Shapes that many keys share.

use super::{Shape, forms, like};
use crate::source::cast::Kind;

pub(super) const TEXT: Shape = Shape::One(Kind::Text);
/// Text, also written as a number or truth value.
pub(super) const LOOSE: Shape = Shape::One(Kind::Loose);
pub(super) const BOOL: Shape = Shape::One(Kind::Bool);
/// `true` or `false`, not as text.
pub(super) const TRUTH: Shape = Shape::One(Kind::Truth);
pub(super) const BYTES: Shape = Shape::One(Kind::Bytes);
/// Bytes, a bare number of which must be whole.
pub(super) const WHOLE_BYTES: Shape = Shape::One(Kind::WholeBytes(i64::MIN));
/// Bytes, always as text.
pub(super) const TEXT_BYTES: Shape = Shape::One(Kind::TextBytes);
pub(super) const DURATION: Shape = Shape::One(Kind::Duration);
/// A whole number of any size.
pub(super) const INT: Shape = Shape::One(Kind::Int(i64::MIN, i64::MAX));
/// A whole number of any size; a fraction is cut off.
pub(super) const CUT: Shape = Shape::One(Kind::Cut(i64::MIN, i64::MAX));
/// A count that begins at 0.
pub(super) const COUNT: Shape = Shape::One(Kind::Int(0, i64::MAX));
pub(super) const CORES: Shape = Shape::One(Kind::Cores);
/// File permissions.
pub(super) const MODE: Shape = Shape::One(Kind::Mode);

/// A list of texts that may repeat.
pub(super) const TEXTS: Shape = Shape::List(&TEXT);
/// A list of texts that may not repeat.
pub(super) const NAMES: Shape = Shape::Set(&TEXT);
/// A text, or a list of texts that may not repeat.
pub(super) const ONE_OR_NAMES: Shape = Shape::Short(forms::LIST_OF_ONE, &NAMES);
/// As [`ONE_OR_NAMES`], printed as it is written while variables are.
pub(super) const ONE_OR_NAMES_AT_LAST: Shape = Shape::Short(forms::LIST_OF_ONE_AT_LAST, &NAMES);
/// A command line as words; null takes that of the image.
pub(super) const COMMAND: Shape = Shape::Nullable(&Shape::Short(forms::COMMAND, &TEXTS));
/// `KEY: value` with nothing for an empty value.
pub(super) const LABELS: Shape = Shape::Short(forms::LABELS, &Shape::Map(&LOOSE));
/// `KEY: value` where null means the value that the variable has elsewhere.
pub(super) const VARIABLES: Shape = Shape::Short(forms::ENVIRONMENT, &Shape::Map(&Shape::Nullable(&LOOSE)));
/// Options of a driver.
pub(super) const OPTIONS: Shape = Shape::Map(&Shape::One(Kind::TextOrNumber));
/// Name servers: one or several.
pub(super) const SERVERS: Shape = Shape::Short(forms::NAME_SERVERS, &NAMES);
/// Host names and their addresses.
pub(super) const HOSTS: Shape = Shape::Short(forms::EXTRA_HOSTS, &Shape::Set(&like::HOST));
