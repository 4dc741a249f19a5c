//! The parent's side: clone, then hear whether the child got as far as its program.

use super::gate::{Gate, Keeper};
use super::op::{Executable, Op, Program};
use super::run::{self, Failure, Inherited, REPORT_BYTES};
use super::{Birth, Child, Entry, Namespaces, Netns, Whose, compile, compile_exec};
use crate::error::{Context, Error, Kind, Result};
use crate::sys::clone;
use crate::sys::fd::high_copy;
use crate::sys::reaper::Arguments;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::ThreadNameSpaceType;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const FOREIGN_GROUPS: &str = "the control groups mounted here lie outside of sampan's own namespace of \
    them: umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup";

/// Brings a container's first process to life, at once: see [`Unborn::bear`].
pub fn spawn(birth: &Birth<'_>, record: impl FnOnce(&Child) -> Result<()>) -> Result<Child> {
    conceive(birth)?.enter_network()?.bear(record)
}

/// A container's first process on its way to its program. When it is given up it ends by itself.
#[derive(Debug)]
pub struct Unborn {
    program: Program,
    process: Cloned,
    gate: Option<Keeper>,
    netns: Netns,
}

/// A new process, and where it reports what goes wrong.
#[derive(Debug)]
struct Cloned {
    child: Child,
    report: OwnedFd,
}

/// Clones a container's first process. It does what it can without its network, then waits.
pub fn conceive(birth: &Birth<'_>) -> Result<Unborn> {
    let program = compile(birth)?;
    let namespaces = new_namespaces(birth);
    let group = open_group(birth.cgroup.into.as_deref())?;
    // Without them an init keeps the supervisor's arguments: no reason not to start.
    let arguments = if birth.init { Arguments::find().ok() } else { None };
    let gate = Gate::new().doing(|| "make a pair of sockets".into())?;
    let memory = birth.namespaces.ipc.process();
    let inherited =
        Inherited { target: birth.rootfs, stdio: birth.stdio, memory, arguments, gate: Some(&gate) };
    let launch = || launch(&program, group.as_ref(), namespaces, &inherited);
    let process = match birth.namespaces.pid.process() {
        Some(other) => born_beside(other, launch)?,
        None => launch()?,
    };
    Ok(Unborn { program, process, gate: gate.keep(), netns: birth.netns.clone() })
}

/// The namespaces that are made with it.
fn new_namespaces(birth: &Birth<'_>) -> i32 {
    let Namespaces { pid, ipc, uts_of_host, .. } = &birth.namespaces;
    let new = [
        (libc::CLONE_NEWNS, true),
        (libc::CLONE_NEWPID, matches!(pid, Whose::Own)),
        (libc::CLONE_NEWIPC, matches!(ipc, Whose::Own)),
        (libc::CLONE_NEWUTS, !uts_of_host),
        (libc::CLONE_NEWNET, birth.netns == Netns::New),
    ];
    new.into_iter().filter(|(_, is_new)| *is_new).fold(0, |all, (flag, _)| all | flag)
}

impl Unborn {
    /// The network namespace is there: lets the process enter it.
    pub fn enter_network(self) -> Result<Self> {
        let Netns::Bound(path) = &self.netns else { return Ok(self) };
        match File::open(path).doing(|| format!("open network namespace {}", path.display())) {
            Ok(namespace) => {
                self.gate.iter().for_each(|gate| gate.hand_over(namespace.as_fd()));
                Ok(self)
            }
            Err(error) => {
                self.give_up();
                Err(error)
            }
        }
    }

    /// The other end of its terminal, when it makes one; once. `None` also when it has failed before:
    /// then [`Unborn::bear`] says why.
    pub fn take_terminal(&self) -> Option<OwnedFd> {
        let makes_one = self.program.ops.iter().any(|op| matches!(op, Op::MakeTerminal { .. }));
        self.gate.as_ref().filter(|_| makes_one).and_then(Keeper::take_terminal)
    }

    fn give_up(self) {
        drop(self.gate);
        self.process.child.reap();
    }

    /// Lets the process become its program. It returns when the program was executed, or with the
    /// act that failed: `mount /proc: Operation not permitted (step 7 of 41)`. The child is the
    /// caller's own: it must be waited for. A program that is not there is [`Kind::NotFound`] (exit
    /// code 127 by custom), one that cannot be executed [`Kind::Denied`] or [`Kind::Unsupported`]
    /// (126).
    ///
    /// `record` writes down that the process exists. Before it has, the process does not become the
    /// program; when it fails, or this process dies before, it never does.
    pub fn bear(self, record: impl FnOnce(&Child) -> Result<()>) -> Result<Child> {
        if let Err(error) = record(&self.process.child) {
            self.give_up();
            return Err(error);
        }
        self.gate.iter().for_each(Keeper::open);
        hear(&self.program, self.process)
    }
}

/// Starts one more process in a container that lives; otherwise like [`spawn`].
///
/// For a moment the calling thread's children are born into the container's pid namespace: no
/// other child may be started by the same thread meanwhile, which a `&mut self`-less caller on
/// one thread cannot do anyway.
pub fn spawn_exec(entry: &Entry<'_>) -> Result<Child> {
    let program = compile_exec(entry)?;
    let group = open_group(entry.cgroup.into.as_deref())?;
    let inherited =
        Inherited { target: entry.pidfd, stdio: entry.stdio, memory: None, arguments: None, gate: None };
    born_beside(entry.pidfd, || {
        let process = launch(&program, group.as_ref(), 0, &inherited)?;
        hear(&program, process)
    })
}

/// Bears a process into the pid namespace of another one.
fn born_beside<T>(other: BorrowedFd<'_>, bear: impl FnOnce() -> Result<T>) -> Result<T> {
    let path = c"/proc/thread-self/ns/pid";
    let home = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let home = home.doing(|| "open our own pid namespace".into())?;
    rustix::thread::move_into_thread_name_spaces(other, ThreadNameSpaceType::PROCESS_ID)
        .doing(|| "enter the container's pid namespace".into())?;
    let born = bear();
    rustix::thread::move_into_link_name_space(home.as_fd(), None)
        .doing(|| "return to our own pid namespace".into())?;
    born
}

fn open_group(path: Option<&Path>) -> Result<Option<OwnedFd>> {
    let open = |path: &Path| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, path, flags, Mode::empty()).doing(|| format!("open {}", path.display()))
    };
    path.map(open).transpose()
}

/// Clones a child that runs the program.
fn launch(
    program: &Program,
    group: Option<&OwnedFd>,
    namespaces: i32,
    inherited: &Inherited<'_>,
) -> Result<Cloned> {
    let (ours, theirs) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .and_then(|(ours, theirs)| Ok((ours, high_copy(theirs.as_fd())?)))
        .doing(|| "make a pipe".into())?;
    let child = clone::clone(namespaces, group.map(AsFd::as_fd), || {
        inherited.gate.inspect(|gate| gate.leave_to_parent());
        run::run(program, inherited, theirs.as_fd());
    })
    .doing(|| "clone a process into new namespaces".into())
    .map_err(|error| match error.kind {
        // Nothing else here is looked up; so says a kernel that guards namespaces (`nsdelegate`).
        Kind::NotFound if group.is_some() => error.hint(FOREIGN_GROUPS),
        _ => error,
    })?;
    Ok(Cloned { child, report: ours })
}

/// Waits until the process has become its program.
fn hear(program: &Program, process: Cloned) -> Result<Child> {
    let Cloned { child, report: from } = process;
    let mut report = Vec::with_capacity(REPORT_BYTES);
    File::from(from).read_to_end(&mut report).doing(|| "hear from the new process".into())?;
    let Ok(report) = <[u8; REPORT_BYTES]>::try_from(report) else { return Ok(child) };
    // It ends by itself now; what it ended with is known already.
    child.reap();
    Err(explain(program, report))
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
