//! The command is killed while images come.

use super::Random;
use super::running::Running;
use e2e::{Guard, Host, Project, Registry};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::Duration;

/// Kills in the middle of the work, or as many as `SAMPAN_TEST_KILLS` says.
const KILLS: u32 = 15;
/// Kills after which what was not yet on the disk is lost.
const POWER_CUTS: u32 = 8;

/// Six layers, the last of which says what is in the others.
const DOCKERFILE: &str = "
FROM busybox
RUN mkdir -p /d/1 && for i in $(seq 40); do head -c 20000 /dev/urandom > /d/1/$i; done
RUN mkdir -p /d/2 && for i in $(seq 300); do echo $i > /d/2/$i; ln /d/2/$i /d/2/also-$i; done
RUN mkdir -p /d/3 && head -c 500000 /dev/urandom > /d/3/one
RUN mkdir -p /d/4 && seq 200000 > /d/4/numbers && rm -r /d/2 && mkdir /d/2 && touch /d/2/instead
RUN cat /d/*/* | sha256sum > /sum
";

/// An image, how it comes, and a stack that shows that it is whole.
struct Coming<'a> {
    host: &'a Host,
    project: Project<'a>,
    image: String,
    verb: [&'a str; 4],
}

/// Builds the image.
fn build<'a>(host: &'a Host, image: &str) -> Project<'a> {
    let look = "cat /d/*/* | sha256sum | cmp - /sum && echo it is whole";
    let yaml = format!("name: crash\nservices: {{a: {{image: '{image}', command: [sh, -c, '{look}']}}}}\n");
    let project = host.project("crash", &yaml);
    project.write("context/Dockerfile", DOCKERFILE);
    project.sampan(["image", "build", "-q", "-t", image, "context"]).succeeds();
    project
}

impl Coming<'_> {
    /// Takes it away, with all that is left of it.
    fn forget(&self) {
        self.project.sampan(["image", "rm", &self.image]);
        self.project.sampan(["image", "prune", "-f"]).succeeds();
    }

    /// Begins to make it come.
    fn begin(&self) -> Running {
        let mut command = self.host.sampan_command(self.project.folder());
        command.args(self.verb);
        Running::start(command)
    }

    /// It comes, all is sound, and it runs.
    #[track_caller]
    fn comes(&self) {
        self.project.sampan(self.verb).succeeds();
        self.host.sampan(["system", "check"]).succeeds();
        self.runs();
    }

    #[track_caller]
    fn runs(&self) {
        let up = ["up", "--pull", "never", "--no-log-prefix"];
        self.project.sampan(up).succeeds().says("it is whole");
        self.project.down();
    }

    /// Only a whole image is there to be used.
    #[track_caller]
    fn is_absent_or_runs(&self) {
        if self.project.sampan(["image", "inspect", &self.image]).code == 0 {
            self.runs();
        }
    }

    /// What the store has.
    fn files(&self) -> String {
        let list = "find images -mindepth 1 -not -type d -not -name index.json; ls images/tmp";
        let root = self.host.root().display().to_string();
        self.host.shell(&format!("cd {root} && {{ {list}; }} | sort")).succeeds().stdout
    }

    /// Kills it again and again, and calls `then` with how many kills there were.
    fn kill(&self, kills: u32, mut then: impl FnMut(u32, &mut Random)) {
        self.forget();
        let mut time = self.begin().end(None).1;
        let mut random = Random(4);
        let (mut landed, mut rounds) = (0, 0);
        while landed < kills {
            rounds += 1;
            assert!(rounds < 4 * kills, "only {landed} of {rounds} kills hit");
            // One in two begins anew, the others where the last one was killed.
            let anew = random.below(2) == 0;
            if anew {
                self.forget();
            }
            let running = self.begin();
            std::thread::sleep(Duration::from_nanos(random.below(time.as_nanos() as u64)));
            running.signal(Signal::SIGKILL);
            let (status, took) = running.end(Some(Signal::SIGKILL));
            if status.signal() == Some(Signal::SIGKILL as i32) {
                landed += 1;
                then(landed, &mut random);
            } else if anew {
                // The first one was slow, perhaps because the machine was busy.
                time = time.min(took);
            }
        }
    }

    /// However often and whenever it is killed, what it left is gone on with or taken away.
    fn survives_kills(&self) {
        self.forget();
        let before = self.files();
        let asked = std::env::var("SAMPAN_TEST_KILLS").ok();
        let kills = asked.map_or(KILLS, |number| number.parse().expect("a number"));
        self.kill(kills, |landed, _| {
            self.is_absent_or_runs();
            if landed % 5 == 0 || landed == kills {
                self.comes();
                self.forget();
            }
        });
        assert_eq!(self.files(), before, "what is left of it");
    }

    /// Whatever of what was not yet on the disk is lost, it is not used.
    fn survives_power_cuts(&self) {
        self.kill(POWER_CUTS, |cut, random| {
            let boot = self.project.folder().join("boot");
            fs::write(&boot, format!("boot {cut}\n")).expect("write it");
            if cut == 1 {
                let bind = format!("mount --bind {} /proc/sys/kernel/random/boot_id", boot.display());
                self.host.shell(&bind).succeeds();
            }
            for file in self.unsynced() {
                let length = fs::metadata(&file).expect("it is there").len();
                let left = File::options().write(true).open(&file);
                left.and_then(|left| left.set_len(random.below(length + 1))).expect("cut it");
            }
            self.is_absent_or_runs();
            self.comes();
        });
    }

    /// The files of which nobody made sure that they are on the disk: those of layers that are
    /// marked so, and what is being written.
    fn unsynced(&self) -> Vec<PathBuf> {
        let list = "find tmp fresh -type f; find . -name '*.tmp' -type f
            for layer in $(ls fresh); do find layers/$layer frames/$layer -type f; done";
        let images = self.host.root().join("images");
        let found = self.host.shell(&format!("cd {} && {{ {list}; }} 2>/dev/null", images.display())).stdout;
        found.lines().map(|path| images.join(path)).collect()
    }
}

#[test]
fn a_pull_may_be_killed_at_any_moment() {
    let Some(host) = Host::with_busybox() else { return };
    let Some(registry) = Registry::start(&host, Guard::Open) else { return };
    let image = registry.name("web:1");
    let project = build(&host, &image);
    project.sampan(["image", "push", "-q", &image]).succeeds();
    host.sampan(["system", "prune", "-af"]).succeeds();
    let verb = ["image", "pull", "-q", &image];
    Coming { host: &host, project, image: image.clone(), verb }.survives_kills();
    host.is_clean();
}

/// A host with an archive of the image, and nothing else.
fn archive(host: &Host) -> Coming<'_> {
    let image = "web:1".to_owned();
    let project = build(host, &image);
    project.sampan(["image", "save", "-o", "web.tar", &image]).succeeds();
    host.sampan(["system", "prune", "-af"]).succeeds();
    Coming { host, project, image, verb: ["image", "load", "-i", "web.tar"] }
}

#[test]
fn a_load_may_be_killed_at_any_moment() {
    let Some(host) = Host::with_busybox() else { return };
    archive(&host).survives_kills();
    host.is_clean();
}

#[test]
fn after_a_power_cut_only_whole_images_are_used() {
    let Some(host) = Host::with_busybox() else { return };
    archive(&host).survives_power_cuts();
    host.is_clean();
}
