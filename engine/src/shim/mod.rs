//! The supervisor of one container: this same program, executed again for each container.
//!
//! It parents the container's first process and keeps everything that must live as long as the
//! container and no longer: its output and log, its host ports, its names, its health probes, its
//! restart policy. It is the only writer of the container's state record. One thread, one loop,
//! no async runtime: it shares its code pages with all others and has little of its own.
//!
//! - [`order`] and [`ready`] are how it is started, [`wire`] and [`control`] how it is asked.
//! - [`machine`] is the pure core that decides, [`supervisor`] does it, [`requests`], [`health`] and
//!   [`memory`] are parts of that, [`poll`] waits for it.
//! - [`birth`], [`mounts`], [`first`], [`pump`], [`input`], [`log`], [`monitor`], [`oom`], [`pressure`] are
//!   what it looks after; [`beside`] is a program that it runs for them, [`frame`] is how it speaks
//!   with those who are attached.
//!
//! When it is killed the container goes on, and another one adopts it.

pub mod attached;
pub mod beside;
pub mod birth;
pub mod control;
pub mod first;
pub mod frame;
pub mod health;
pub mod input;
pub mod log;
pub mod machine;
pub mod memory;
pub mod monitor;
pub(crate) mod mounts;
pub mod oom;
pub mod order;
pub mod poll;
pub mod prepare;
pub mod pressure;
pub mod pump;
pub mod ready;
pub mod requests;
pub mod supervisor;
pub mod wire;

use self::order::Order;
use self::ready::{Failure, Ready};
use self::supervisor::Supervisor;
use crate::container::volatile;
use crate::error::{Context, Error, Result};
use crate::store::Store;
use crate::sys::heap;
use nix::sys::signalfd::SignalFd;
use nix::sys::stat::{Mode, umask};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

/// Runs a supervisor to its end; gives the exit code. `args` are what stands behind `shim` on the
/// command line. Standard output is a socket: see [`ready`].
pub fn main(args: impl Iterator<Item = OsString>) -> i32 {
    let Some(order) = Order::parse(args) else { return 2 };
    let stays = |error: Error| format!("it ends with this session: {}", error.chain());
    let remark = stand_apart(&order.store).err().map(stays);
    match begin(order) {
        Ok((supervisor, signals)) => {
            say(&Ready::Started { remark });
            heap::trim();
            i32::from(poll::run(supervisor, &signals).is_err())
        }
        Err(error) => {
            say(&Ready::Failed(Failure::from(&error)));
            1
        }
    }
}

fn begin(order: Order) -> Result<(Supervisor, SignalFd)> {
    detach().doing(|| "detach the supervisor".to_owned())?;
    let signals = poll::signals()?;
    Ok((Supervisor::begin(order, std::io::stdout().as_fd())?, signals))
}

/// Out of the session, folder and umask of the command that started us, and the last to be
/// killed when the host runs out of memory, where we are allowed to ask for that.
fn detach() -> std::io::Result<()> {
    // It fails when we lead a process group already; then we are alone in it.
    let _ = nix::unistd::setsid();
    std::env::set_current_dir("/")?;
    umask(Mode::from_bits_truncate(0o022));
    let _ = std::fs::write("/proc/self/oom_score_adj", "-999");
    Ok(())
}

/// Out of the control groups of the command that started us: they may be ended as a whole.
fn stand_apart(store: &Store) -> Result<()> {
    volatile::supervisors(store)?.enter()
}

/// Says how the start went, then lets go of the socket. Who started us may be gone.
fn say(ready: &Ready) {
    let mut line = serde_json::to_vec(ready).unwrap_or_default();
    line.push(b'\n');
    let _ = std::io::stdout().write_all(&line).and_then(|()| std::io::stdout().flush());
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = nix::unistd::dup2_stdout(&null);
    }
}
