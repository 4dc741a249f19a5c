//! `COPY` and `ADD`: what comes to be in the layer.

mod archives;
mod kept;
mod refused;
mod rig;
mod table;

use crate::Test;

pub(crate) const TESTS: &[Test] = &[
    ("copies_come_out_as_the_table_says", table::table),
    ("what_cannot_be_copied_is_refused_with_the_reason", refused::refusals),
    ("the_paths_of_sources_are_told", refused::selected),
    ("times_holes_hard_links_and_attributes_are_kept", kept::kept),
    ("copies_from_an_image_keep_their_owners_and_see_no_deleted_files", kept::from_image),
    ("what_is_ignored_is_not_there", refused::ignoring),
    ("nothing_is_followed_or_waited_for_in_a_hostile_context", refused::hostile),
    ("archives_are_unpacked_inside_the_target", archives::archives),
    ("hostile_archives_stay_inside", archives::hostile),
    ("a_copy_that_is_cancelled_says_so", refused::cancelled),
];
