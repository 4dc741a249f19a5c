//! Names: each supervisor answers on 127.0.0.11:53 inside its container.
//!
//! - [`table`]: who has which name, one small file for each endpoint.
//! - [`packet`]: a question read, an answer written.
//! - [`answer`]: what is to be said to a question: pure.
//! - [`upstream`]: the resolvers of the host, asked for every other name.
//! - [`responder`]: the sockets.
//!
//! A container that itself binds port 53 on every address clashes with the responder; such a
//! server has to bind its own address.

mod answer;
mod packet;
mod responder;
mod stream;
pub(crate) mod table;
pub(crate) mod upstream;

pub use responder::Responder;

use std::net::Ipv4Addr;

/// Where the responder of each container listens.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);
