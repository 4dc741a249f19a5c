//! How texts look, as regular expressions for the JSON schema. What has a variable in it is never
//! held against them: nobody knows what it becomes.
//!
//! Loading does not read them: it tells more, and of some words it says nothing because the engine
//! has the last one. So each is no stricter than whoever reads the text in the end.

use super::Shape;
use crate::source::cast::Kind;

/// Keys of services, networks and the like.
pub(super) const NAME: &str = "^[a-zA-Z0-9._-]+$";
/// What says true or false; `yes` and its kin with a warning.
pub(super) const BOOL: &str =
    "^(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|[yY](?:[eE][sS])?|[nN][oO]?|[oO](?:[nN]|[fF][fF]))$";
/// A whole number.
pub(super) const INT: &str = "^[-+]?[0-9]+$";
/// Any number.
pub(super) const NUMBER: &str = r"^[-+]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$";
/// A number of devices.
pub(super) const COUNT: &str = "^(?:[aA][lL][lL]|[-+]?[0-9]+)$";
/// Octal digits.
pub(super) const MODE: &str = "^[0-7]+$";
/// Bytes: `64m`, `1.5 GiB`.
pub(super) const SIZE: &str =
    r"^\+?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? ?(?:[bB]|[kKmMgGtTpP](?:[iI]?[bB])?)?$";
/// Bytes, or no limit.
pub(super) const SIZE_OR_UNLIMITED: &str = r"^(?:-1|\+?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? ?(?:[bB]|[kKmMgGtTpP](?:[iI]?[bB])?)?)$";
/// Time: `1m30s`.
pub(super) const DURATION: &str =
    r"^[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h|d|w))+)$";
/// A published port: `[host_ip:][published:]target[/protocol]`, with ranges.
pub(super) const PUBLISHED: &str = r"^(?:(?:(?:[0-9.]*|\[[0-9a-fA-F:.]*\]):)?(?:[0-9]+(?:-[0-9]+)*)?:)?[0-9]+(?:-[0-9]+)*(?:/(?:[tT][cC][pP]|[uU][dD][pP]|[sS][cC][tT][pP])?(?:/.*)?)?$";
/// An entry of `volumes`: `[source:]target[:options]`. One letter and a colon begin a path of
/// Windows, and one or two characters are a target whatever they are.
pub(super) const VOLUME: &str = "^(?:.{1,2}|(?:[a-zA-Z]:[^:]*|[^:]+)(?::(?:[a-zA-Z]:[^:]*|[^:]+)){0,2})$";
/// A device: `source[:target[:permissions]]`.
pub(super) const DEVICE: &str = "^[^:]*(?::[^:]*){0,2}$";
/// When an image is pulled: one of these words is somewhere in it.
pub(super) const PULL_POLICY: &str =
    "always|never|build|if_not_present|missing|refresh|daily|weekly|every_[0-9]+[wdhms]";
/// The name of a container: two characters of one are somewhere in it.
pub(super) const CONTAINER_NAME: &str = "[a-zA-Z0-9][a-zA-Z0-9_.-]";
/// The format of a file of variables.
pub(super) const ENV_FORMAT: &str = "^(?:raw)?$";

/// Text that looks like this.
const fn like(pattern: &'static str) -> Shape {
    Shape::One(Kind::Like(pattern))
}

pub(super) const RESTART: Shape = like("^(?:no|always|unless-stopped|on-failure(?::[0-9]+)?|)$");
pub(super) const IMAGE: Shape = like(r"^\s*[^\s]*\s*$");
pub(super) const HOST_NAME: Shape = like(r"^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$");
pub(super) const SIGNAL: Shape = like(r"^[a-zA-Z0-9]+(?:[-+][0-9]+)?$");
pub(super) const CAPABILITY: Shape = like("^[a-zA-Z_]+$");
/// Also of Windows, as nobody objects before it is mounted.
pub(super) const ABSOLUTE_PATH: Shape = like(r"^(?:/|[a-zA-Z]:[\\/])");
pub(super) const PORT_MODE: Shape = like("^(?:ingress|host|)$");
pub(super) const ADDRESS: Shape = like(r"^[0-9a-fA-F:.\[\]]*$");
pub(super) const SUBNET: Shape = like("^[0-9a-fA-F:.]+/[0-9]+$");
pub(super) const MAC_ADDRESS: Shape = like("^[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}$");
pub(super) const PLATFORM: Shape = like("^[a-zA-Z0-9_.-]+(?:/[a-zA-Z0-9_.-]+){0,2}$");
pub(super) const CPUS: Shape = like("^[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*$");
pub(super) const LINK: Shape = like("^[^:]+(?::[^:]+)?$");
pub(super) const HOST: Shape = like("^[^:=]+[:=]");
pub(super) const IPC: Shape = like("^(?:shareable|private|host|none|service:.+|container:.+|)$");
pub(super) const PID: Shape = like("^(?:private|host|service:.+|container:.+|)$");
pub(super) const OF_HOST: Shape = like("^(?:host|private|)$");
pub(super) const DEPLOY_MODE: Shape = like("^(?:replicated|global|replicated-job|global-job)$");
pub(super) const ENDPOINT_MODE: Shape = like("^(?:vip|dnsrr)$");
pub(super) const FAILURE_ACTION: Shape = like("^(?:pause|continue|rollback)$");
pub(super) const RESTART_CONDITION: Shape = like("^(?:none|on-failure|any)$");
pub(super) const PROPAGATION: Shape = like("^(?:r?private|r?shared|r?slave|)$");
