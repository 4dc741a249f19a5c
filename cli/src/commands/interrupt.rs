//! Ctrl-C and SIGTERM, as something to wait for.

use super::converge::block_on;
use crate::error::{Exit, Failure};
use engine::image::registry::Stop;
use std::thread;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens to the signals that ask a program to end.
pub(crate) struct Interrupts(Option<Signals>);

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Listens from now on; the signals no longer end the process by themselves.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = || {
            let interrupt = signal(SignalKind::interrupt())?;
            let terminate = signal(SignalKind::terminate())?;
            Ok::<_, std::io::Error>(Self(Some(Signals { interrupt, terminate })))
        };
        listen().map_err(|error| Failure::io("listen to signals", &error))
    }

    /// Hears nothing, for work during which somebody else listens.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// Ends when the next one arrives.
    pub(crate) async fn next(&mut self) {
        self.next_signal().await;
    }

    /// The same; says which it is.
    pub(crate) async fn next_signal(&mut self) -> nix::sys::signal::Signal {
        let Some(signals) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = signals.interrupt.recv() => nix::sys::signal::Signal::SIGINT,
            _ = signals.terminate.recv() => nix::sys::signal::Signal::SIGTERM,
        }
    }
}

/// Does work on this machine that must come to an end in order, however early: Ctrl-C asks for it.
pub(crate) fn interruptible<T: Send>(
    work: impl FnOnce(&Stop) -> engine::error::Result<T> + Send,
) -> Result<T, Failure> {
    let stop = Stop::default();
    let (done, mut is_done) = tokio::sync::oneshot::channel();
    thread::scope(|scope| {
        block_on(async {
            let mut interrupts = Interrupts::listen()?;
            scope.spawn(|| drop(done.send(work(&stop))));
            loop {
                tokio::select! {
                    biased;
                    done = &mut is_done => {
                        let done = done.map_err(|_| Failure::Said(Exit::NotReached))?;
                        return done.map_err(Failure::from);
                    }
                    () = interrupts.next() => stop.set(),
                }
            }
        })
    })
}
