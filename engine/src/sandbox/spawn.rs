//! The parent's side: clone, then hear whether the child got as far as its program.

use super::op::{Executable, Op, Program};
use super::run::{self, Failure, Inherited, REPORT_BYTES};
use super::{Birth, Child, Entry, compile, compile_exec};
use crate::error::{Context, Error, Kind, Result};
use crate::sys::clone;
use crate::sys::fd::high_copy;
use crate::sys::reaper::Arguments;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions};
use rustix::thread::ThreadNameSpaceType;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

const FOREIGN_GROUPS: &str = "the control groups mounted here lie outside of sampan's own namespace of \
    them: umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup";

/// Brings a container's first process to life. It returns when the program was executed, or with
/// the act that failed: `mount /proc: Operation not permitted (step 7 of 41)`. The child is the
/// caller's own: it must be waited for. A program that is not there is [`Kind::NotFound`] (exit
/// code 127 by custom), one that cannot be executed [`Kind::Denied`] or [`Kind::Unsupported`] (126).
///
/// `record` writes down that the process exists. Before it has, the process does not become the
/// program; when it fails, or this process dies before, it never does.
pub fn spawn(birth: &Birth<'_>, record: impl FnOnce(&Child) -> Result<()>) -> Result<Child> {
    let program = compile(birth)?;
    let mut namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC;
    if birth.netns.is_none() {
        namespaces |= libc::CLONE_NEWNET;
    }
    let group = open_group(birth.cgroup.into.as_deref())?;
    // Without them an init keeps the supervisor's arguments: no reason not to start.
    let arguments = if birth.init { Arguments::find().ok() } else { None };
    let inherited = Inherited { target: birth.rootfs, stdio: birth.stdio, leave: None, arguments };
    launch(&program, group.as_ref(), namespaces, inherited, record)
}

/// Starts one more process in a container that lives; otherwise like [`spawn`].
///
/// For a moment the calling thread's children are born into the container's pid namespace: no
/// other child may be started by the same thread meanwhile, which a `&mut self`-less caller on
/// one thread cannot do anyway.
pub fn spawn_exec(entry: &Entry<'_>) -> Result<Child> {
    let program = compile_exec(entry)?;
    let group = open_group(entry.cgroup.into.as_deref())?;
    let path = c"/proc/thread-self/ns/pid";
    let home = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let home = home.doing(|| "open our own pid namespace".into())?;
    rustix::thread::move_into_thread_name_spaces(entry.pidfd, ThreadNameSpaceType::PROCESS_ID)
        .doing(|| "enter the container's pid namespace".into())?;
    let inherited = Inherited { target: entry.pidfd, stdio: entry.stdio, leave: None, arguments: None };
    let child = launch(&program, group.as_ref(), 0, inherited, |_| Ok(()));
    rustix::thread::move_into_link_name_space(home.as_fd(), None)
        .doing(|| "return to our own pid namespace".into())?;
    child
}

fn open_group(path: Option<&Path>) -> Result<Option<OwnedFd>> {
    let open = |path: &Path| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, path, flags, Mode::empty()).doing(|| format!("open {}", path.display()))
    };
    path.map(open).transpose()
}

/// Clones a child that runs the program, has it recorded, and waits until it has become it.
fn launch(
    program: &Program,
    group: Option<&OwnedFd>,
    namespaces: i32,
    inherited: Inherited<'_>,
    record: impl FnOnce(&Child) -> Result<()>,
) -> Result<Child> {
    let pipes = || Ok::<_, Errno>((pipe()?, pipe()?));
    let ((ours, theirs), (leave, give)) = pipes().doing(|| "make a pipe".into())?;
    let give = Cell::new(Some(give));
    let child = clone::clone(namespaces, group.map(AsFd::as_fd), || {
        // With a copy of its own it would wait for ever for a parent that has died.
        drop(give.take());
        run::run(program, &Inherited { leave: Some(leave.as_fd()), ..inherited }, theirs.as_fd());
    })
    .doing(|| "clone a process into new namespaces".into())
    .map_err(|error| match error.kind {
        // Nothing else here is looked up; so says a kernel that guards namespaces (`nsdelegate`).
        Kind::NotFound if group.is_some() => error.hint(FOREIGN_GROUPS),
        _ => error,
    })?;
    drop((theirs, leave));
    let recorded = record(&child);
    if let (Ok(()), Some(give)) = (&recorded, give.take()) {
        // One that failed before it came to wait for it has sent a report.
        let _ = rustix::io::write(give, b"!");
    }
    let mut report = Vec::with_capacity(REPORT_BYTES);
    File::from(ours).read_to_end(&mut report).doing(|| "hear from the new process".into())?;
    let report = match (recorded, <[u8; REPORT_BYTES]>::try_from(report)) {
        (Ok(()), Err(_)) => return Ok(child),
        (recorded, report) => recorded.map(|()| report),
    };
    // It ends by itself now; what it ended with is known already.
    let _ = rustix::process::waitpid(Pid::from_raw(child.pid), WaitOptions::empty());
    Err(report.map_or_else(|error| error, |report| explain(program, report.unwrap_or_default())))
}

/// A pipe whose ends cannot be taken for standard input, output or error.
fn pipe() -> std::result::Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    if read.as_raw_fd() > 2 && write.as_raw_fd() > 2 {
        return Ok((read, write));
    }
    Ok((high_copy(read.as_fd())?, high_copy(write.as_fd())?))
}

/// The error that a report tells of.
fn explain(program: &Program, report: [u8; REPORT_BYTES]) -> Error {
    let number = |at: usize| {
        let bytes = [report[at], report[at + 1], report[at + 2], report[at + 3]];
        u32::from_ne_bytes(bytes)
    };
    let failure =
        Failure { errno: Errno::from_raw_os_error(number(4).cast_signed()), interpreter: number(8) != 0 };
    let index = number(0) as usize;
    match program.ops.get(index) {
        Some(Op::Execute(executable)) => not_executed(executable, failure),
        Some(op) => {
            let step = format!("(step {} of {})", index + 1, program.ops.len());
            let kind = if failure.errno == Errno::PERM { Kind::Denied } else { Kind::System };
            Error::new(kind, format!("{op}: {} {step}", reason(failure.errno)))
                .remedy(io::Error::from(failure.errno).kind())
        }
        None => Error::new(Kind::System, "the new process sent a report that makes no sense"),
    }
}

fn not_executed(executable: &Executable, failure: Failure) -> Error {
    let name = executable.arguments.strings().first().map(|name| name.to_string_lossy()).unwrap_or_default();
    let by_path = name.contains('/');
    match failure.errno {
        Errno::NOENT if failure.interpreter => {
            Error::new(Kind::NotFound, format!("`{name}`: its interpreter or loader is not in the image"))
                .hint("the first line of a script, or the loader of a program for another C library")
        }
        Errno::NOENT if by_path => Error::new(Kind::NotFound, format!("`{name}`: not found in the image")),
        Errno::NOENT => Error::new(Kind::NotFound, format!("`{name}`: not found in PATH of the image")),
        Errno::ACCESS => Error::new(Kind::Denied, format!("`{name}`: permission denied"))
            .hint("it must be an executable file that the user may reach"),
        Errno::NOEXEC => Error::new(Kind::Unsupported, format!("`{name}`: exec format error"))
            .hint("it is for another kind of machine, or a script without `#!` in its first line"),
        errno => Error::new(Kind::Container, format!("`{name}`: {}", reason(errno))),
    }
}

/// What an error number means, without the number.
fn reason(errno: Errno) -> &'static str {
    nix::errno::Errno::from_raw(errno.raw_os_error()).desc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::StringList;
    use std::ffi::CString;

    fn report(index: u32, errno: i32, interpreter: u32) -> [u8; REPORT_BYTES] {
        let numbers = [index.to_ne_bytes(), errno.to_ne_bytes(), interpreter.to_ne_bytes()];
        numbers.concat().try_into().unwrap()
    }

    fn program(argv0: &str) -> Program {
        let strings =
            |list: &[&str]| StringList::new(list.iter().map(|s| CString::new(*s).unwrap()).collect());
        let (arguments, environment) = (strings(&[argv0]), strings(&[]));
        let executable = Executable { candidates: Vec::new(), arguments, environment };
        Program { ops: vec![Op::Hostname(c"web".into()), Op::Execute(executable)] }
    }

    #[test]
    fn a_failed_act_is_named_with_its_reason_and_step() {
        let error = explain(&program("sh"), report(0, libc::EPERM, 0));
        assert_eq!(error.to_string(), "set host name web: Operation not permitted (step 1 of 2)");
        assert_eq!(error.kind, Kind::Denied);
    }

    #[test]
    fn a_program_that_cannot_run_says_why() {
        let cases = [
            ("foo", libc::ENOENT, 0, Kind::NotFound, "`foo`: not found in PATH of the image"),
            ("/foo", libc::ENOENT, 0, Kind::NotFound, "`/foo`: not found in the image"),
            (
                "/foo",
                libc::ENOENT,
                1,
                Kind::NotFound,
                "`/foo`: its interpreter or loader is not in the image",
            ),
            ("/etc", libc::EACCES, 0, Kind::Denied, "`/etc`: permission denied"),
            ("foo", libc::ENOEXEC, 0, Kind::Unsupported, "`foo`: exec format error"),
            ("foo", libc::E2BIG, 0, Kind::Container, "`foo`: Argument list too long"),
        ];
        for (argv0, errno, interpreter, kind, text) in cases {
            let error = explain(&program(argv0), report(1, errno, interpreter));
            assert_eq!((error.kind, error.to_string()), (kind, text.to_owned()));
        }
    }
}
