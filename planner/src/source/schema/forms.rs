//! Short forms: who makes them long, and what they look like.

use super::{Also, Form, Made, ShortForm, like};
use crate::source::canonical as short;

const fn form(rewrite: ShortForm, also: Also) -> Form {
    Form { rewrite, also, made: Made::First }
}

/// A short form that `config --no-interpolate` prints as it is written.
const fn late(rewrite: ShortForm, also: Also) -> Form {
    Form { rewrite, also, made: Made::Last }
}

pub(super) const BUILD: Form = form(short::build, Also::Text);
pub(super) const COMMAND: Form = late(short::command, Also::Text);
pub(super) const COMPLETE_PAIRS: Form = form(short::complete_pairs, Also::Pairs);
pub(super) const DEPENDS_ON: Form = form(short::depends_on, Also::Names);
pub(super) const DEVICE: Form = form(short::device, Also::Like(like::DEVICE));
pub(super) const EMPTY_FOR_NULL: Form = late(short::empty_for_null, Also::Empty);
pub(super) const ENV_FILES: Form = form(short::env_files, Also::TextOrTexts);
pub(super) const ENVIRONMENT: Form = late(short::environment, Also::Texts);
pub(super) const EXTENDS: Form = form(short::extends, Also::Text);
pub(super) const EXTERNAL: Form = form(short::external, Also::Nothing);
pub(super) const EXTRA_HOSTS: Form = late(short::extra_hosts, Also::Hosts);
pub(super) const FILE_REFERENCE: Form = form(short::file_reference, Also::Text);
pub(super) const GPUS: Form = form(short::gpus, Also::Word("all"));
pub(super) const HEALTH_TEST: Form = late(short::health_test, Also::Text);
pub(super) const INCLUDE: Form = form(short::include, Also::Text);
pub(super) const LABELS: Form = late(short::labels, Also::Pairs);
pub(super) const LIST_OVER_LIST: Form = late(short::list_over_list, Also::TextOver);
pub(super) const LIST_OF_ONE: Form = form(short::list_of_one, Also::Text);
pub(super) const LIST_OF_ONE_AT_LAST: Form = late(short::list_of_one, Also::Text);
pub(super) const MAP_OF_NAMES: Form = form(short::map_of_names, Also::Names);
pub(super) const NAME_SERVERS: Form = form(short::name_servers, Also::Text);
pub(super) const PORTS: Form = Form { rewrite: short::ports, also: Also::Ports, made: Made::Joined };
pub(super) const REPEATABLE: Form = late(short::repeatable, Also::Single);
pub(super) const SSH: Form = form(short::ssh, Also::Texts);
pub(super) const TRUTH_AS_TEXT: Form = form(short::truth_as_text, Also::Truth);
pub(super) const VOLUME: Form = form(short::volume, Also::Like(like::VOLUME));
