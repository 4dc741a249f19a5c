//! A service's `build`.

use super::files::BUILD_SECRETS;
use super::shapes::{BOOL, HOSTS, LABELS, TEXT, TEXTS, VARIABLES, WHOLE_BYTES};
use super::{Merge, Shape, forms, key, like};
use crate::source::cast::Kind;
use crate::source::merge::identity;
use crate::source::words;

/// A truth value, or options as text.
const FLAGS: Shape = Shape::Short(forms::TRUTH_AS_TEXT, &TEXT);

const NO_ATTESTATIONS: &str = "images have no attestations; leave it out or say false";

pub(super) const BUILD: Shape = Shape::Short(
    forms::BUILD,
    &Shape::Object(&[
        key("context", &TEXT).about("Folder or URL with the files that the build may use."),
        key("dockerfile", &TEXT).about("The Dockerfile, seen from the context; by default `Dockerfile`."),
        key("dockerfile_inline", &TEXT).about("Text of the Dockerfile in place of a file."),
        key("entitlements", &TEXTS)
            .about("What else the build may do: `network.host`, `security.insecure`.")
            .checked(words::entitlement),
        key("args", &VARIABLES)
            .about("Values of `ARG` instructions; without a value, that of the variable of this name.")
            .merge(Merge::Pairs),
        key("ssh", &Shape::Short(forms::SSH, &Shape::Map(&Shape::Nullable(&TEXT))))
            .about("SSH agents and keys for `RUN --mount=type=ssh`, by id."),
        key("labels", &LABELS).about("Labels of the image.").merge(Merge::Pairs),
        key("cache_from", &TEXTS)
            .about("Places from which earlier results may be taken: `type=registry,ref=NAME`, `type=local,src=FOLDER`, or the name of an image."),
        key("cache_to", &TEXTS)
            .about("Places where results are kept for other builds: `type=registry,ref=NAME`, `type=local,dest=FOLDER`, with `mode=max` those of all stages, or `type=inline`."),
        key("no_cache", &BOOL).about("Takes nothing from the cache; by default false."),
        key("no_cache_filter", &Shape::Short(forms::LIST_OF_ONE, &TEXTS))
            .about("Stages for which nothing is taken from the cache."),
        key("additional_contexts", &Shape::Short(forms::COMPLETE_PAIRS, &Shape::Map(&TEXT)))
            .about("More contexts by name: folders, URLs, images, `service:NAME`, or `target:STAGE`.")
            .merge(Merge::Pairs),
        key("network", &TEXT)
            .about("Network of `RUN` instructions: `host`, `none`, a network of the stack, or one of this machine by its name.")
            .checked(words::build_network),
        key("provenance", &FLAGS)
            .about("Provenance attestation: true, false or its options.")
            .passed_on(NO_ATTESTATIONS),
        key("sbom", &FLAGS)
            .about("Bill of materials: true, false or its options.")
            .passed_on(NO_ATTESTATIONS),
        key("pull", &BOOL).about("Pulls images of `FROM` even when they are there; by default false."),
        key("target", &TEXT).about("The stage to build; by default the last one."),
        key("shm_size", &WHOLE_BYTES).about("Size of /dev/shm while building, in bytes or with a unit."),
        key("extra_hosts", &HOSTS)
            .about("Names for the hosts file while building.")
            .merge(Merge::Unique(identity::text)),
        key("isolation", &TEXT)
            .about("Isolation technology (Windows).")
            .passed_on("only Windows has several kinds of isolation"),
        key("privileged", &BOOL).about("Gives `RUN` instructions all privileges; by default false."),
        key("secrets", &BUILD_SECRETS).about("Secrets for `RUN --mount=type=secret`."),
        key("tags", &TEXTS).about("More names of the image.").merge(Merge::Unique(identity::name)),
        key("ulimits", &ULIMITS).about("Limits of processes while building, by name."),
        key("platforms", &Shape::List(&like::PLATFORM)).about("Platforms to build for: `os/arch[/variant]`; a build refuses others than this machine's."),
    ]),
);

/// As for a service, but never as text.
const ULIMITS: Shape = Shape::Map(&Shape::OneOr(
    Kind::PlainInt(i64::MIN, i64::MAX),
    &Shape::Object(&[
        key("hard", &PLAIN_INT)
            .about("Limit up to which a process may raise its own; -1 is unlimited.")
            .required(),
        key("soft", &PLAIN_INT).about("Limit that holds at first; -1 is unlimited.").required(),
    ]),
));

const PLAIN_INT: Shape = Shape::One(Kind::PlainInt(i64::MIN, i64::MAX));
